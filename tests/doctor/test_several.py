"""Models of several inputs and outputs probed: unpad's, Keras's, torch's, by name, dicts."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from unpad import Input, Model, Ragged, layers
from unpad.doctor import examine, probe

N = 8
LENGTHS = [17, 15, 12, 9, 6, 8, 11, 4]
RNG = np.random.default_rng(0)


def ids(lengths=LENGTHS, high=30):
    return [torch.tensor(RNG.integers(1, high, n)) for n in lengths]


def features(lengths=LENGTHS, width=4):
    return [torch.tensor(RNG.normal(size=(n, width)), dtype=torch.float32) for n in lengths]


def grid(parts):
    return nn.utils.rnn.pad_sequence(parts, batch_first=True)


def reversed_lengths():
    return [5, 7, 9, 12, 14, 6, 8, 10]


# --- torch --------------------------------------------------------------------------------------


class Two(nn.Module):
    """Ids and features of the same steps, and a vector a sequence."""

    def __init__(self, masked=True, side=True):
        super().__init__()
        self.masked, self.side = masked, side
        self.embed, self.wide = nn.Embedding(30, 8), nn.Linear(4, 8)
        self.vector, self.out = nn.Linear(3, 8), nn.Linear(8, 5)

    def forward(self, words, numbers, about=None):
        h = torch.relu(self.embed(words) + self.wide(numbers))
        if about is not None:
            h = h + self.vector(about)[:, None]
        mask = (words != 0)[..., None]
        pooled = (h * mask).sum(1) / mask.sum(1) if self.masked else h.mean(1)
        return self.out(pooled)


class OfDict(Two):
    def forward(self, batch):
        return super().forward(batch["words"], batch["numbers"])


class Translate(nn.Module):
    """Of a source and a target of other lengths; outputs are one a target step."""

    def __init__(self, told=True):
        super().__init__()
        self.told, self.embed = told, nn.Embedding(30, 8)
        self.body = nn.Transformer(8, 2, 1, 1, 16, 0.0, batch_first=True)
        self.body.encoder.use_nested_tensor = False  # a prototype of torch's, which warns
        self.out = nn.Linear(8, 30)

    def forward(self, src, tgt, src_key_padding_mask=None, tgt_key_padding_mask=None):
        causal = nn.Transformer.generate_square_subsequent_mask(tgt.shape[1]) < 0
        masks = {}
        if self.told:
            masks = {
                "src_key_padding_mask": src_key_padding_mask,
                "tgt_key_padding_mask": tgt_key_padding_mask,
                "memory_key_padding_mask": src_key_padding_mask,
            }
        return self.out(self.body(self.embed(src), self.embed(tgt), tgt_mask=causal, **masks))


def two(**more):
    return {"words": ids(), "numbers": features(), **more}


def test_inputs_of_a_module_are_given_by_name():
    assert probe(Two(), two()) == []
    report = probe(Two(False), two())
    assert report.kinds == ["padding"]
    assert report["padding"].where.code == (
        "pooled = (h * mask).sum(1) / mask.sum(1) if self.masked else h.mean(1)"
    )


def test_what_has_no_steps_goes_along_with_its_sequence():
    about = RNG.normal(size=(N, 3)).astype("f4")
    assert probe(Two(), two(about=about)) == []
    # Were it not turned with the others, the order of the batch would count.
    assert probe(Two(False), two(about=torch.tensor(about))).kinds == ["padding"]
    flat = probe(lambda x, scale: x.sum(1) * scale[:, None], {"x": features(), "scale": LENGTHS})
    assert flat == []


def test_arrays_and_lists_are_the_same():
    names = ("words", "numbers")
    parts = ids(), features()
    as_grids = dict(zip(names, map(grid, parts), strict=True))
    as_arrays = {n: g.numpy() for n, g in as_grids.items()}
    as_ragged = {n: Ragged.from_list(p) for n, p in zip(names, parts, strict=True)}
    wrong = Two(False)
    found = [probe(wrong, given) for given in (as_grids, as_arrays, as_ragged)]
    assert all(report.kinds == ["padding"] for report in found)
    assert len({str(report["padding"].evidence) for report in found[:2]}) == 1


def test_a_dict_is_given_as_one_where_it_is_taken_as_one():
    assert probe(OfDict(), two()) == []
    assert probe(OfDict(False), two()).kinds == ["padding"]


def test_a_function_of_two_inputs():
    def total(x, weights):
        return (x * weights[..., None]).sum(1)

    samples = {"x": features(), "weights": [s[:, 0].abs() for s in features()]}
    assert probe(total, samples) == []
    assert probe(lambda x, weights: total(x, weights) / x.shape[1], samples).kinds == ["padding"]
    assert probe(lambda a, b: np.maximum(a, b).max(1), {
        "a": [s.abs().numpy() for s in features()], "b": [s.abs().numpy() for s in features()],
    }) == []  # fmt: skip


def test_a_source_and_a_target_of_other_lengths():
    torch.manual_seed(0)
    samples = {"src": ids(), "tgt": ids(reversed_lengths())}
    report = probe(Translate(), samples, causal=True)
    assert report == [] and all(a.could for a in report.asked)
    report = probe(Translate(told=False), samples, causal=True)
    assert report.kinds == ["padding"]
    held = {a.name: a.answer for a in report.asked}
    assert held["later steps"] == "holds"


class Ahead(Translate):
    def forward(self, src, tgt, src_key_padding_mask=None, tgt_key_padding_mask=None):
        h = super().forward(src, tgt, src_key_padding_mask, tgt_key_padding_mask)
        return h + h.roll(-1, 1) if tgt.shape[1] > 1 else h


def test_the_future_is_that_of_the_target():
    torch.manual_seed(0)
    samples = {"src": ids(), "tgt": ids(reversed_lengths())}
    assert "future" in {f.kind for f in probe(Ahead(), samples, causal=True).findings}


class Heads(nn.Module):
    """Two outputs, one of which is wrong."""

    def __init__(self, how=tuple, wrong=True):
        super().__init__()
        self.how, self.wrong = how, wrong
        self.embed, self.out = nn.Embedding(30, 8), nn.Linear(8, 5)

    def forward(self, words):
        h = self.embed(words)
        mask = (words != 0)[..., None]
        tags, kind = self.out(h), h.mean(1) if self.wrong else (h * mask).sum(1) / mask.sum(1)
        return {"tags": tags, "kind": kind} if self.how is dict else (tags, kind)


@pytest.mark.parametrize("how", [dict, tuple])
def test_every_output_is_asked_and_the_one_that_moves_is_named(how):
    assert probe(Heads(how, False), ids()) == []
    report = probe(Heads(how), ids())
    assert report.kinds == ["padding"]
    name = "kind" if how is dict else "1"
    assert f"output {name!r} moves by" in report["padding"].shown
    assert "mean" in report["padding"].shown


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM, nn.RNN])
@pytest.mark.parametrize("first", [True, False])
def test_states_beside_the_outputs_are_no_answers(kind, first):
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.walk = kind(4, 6, 2, batch_first=first)

        def forward(self, x):
            return self.walk(x if first else x.transpose(0, 1))

    assert probe(Bare(), features()) == []


def test_a_mask_beside_the_inputs_says_what_is_padding_and_is_no_input():
    words = grid(ids())
    words[0, 3] = 0  # an id that is padding's, and real
    mask = torch.arange(words.shape[1]) < torch.tensor(LENGTHS)[:, None]

    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(30, 8)

        def forward(self, input_ids, attention_mask, token_type_ids):
            h = self.embed(input_ids) + self.embed(token_type_ids)
            mask = attention_mask[..., None]
            return (h * mask).sum(1) / mask.sum(1)

    types = (words % 2) * mask
    samples = {"input_ids": words, "attention_mask": mask.long(), "token_type_ids": types}
    report = probe(Masked(), samples)
    assert report == []
    assert {a.name: a.answer for a in report.asked}["content of padding"] == "holds"
    assert report.seen.lengths[0] == 17


def test_what_is_missing_or_too_much_is_said():
    def said(net, samples):
        return probe(net, samples).asked[0].answer

    assert said(Two(), ids()) == (
        "it needs numbers too. Give a function of the grid and its lengths instead: "
        "probe(lambda x, lengths: model(x, ...), samples); or samples of each input: "
        "{'words': ..., 'numbers': ...}."
    )
    assert said(Two(), {"words": ids(), "others": features()}) == (
        "it has no argument 'others'; it takes words, numbers, about."
    )
    with pytest.raises(ValueError, match=re.escape(
        "probe: samples: expected as many sequences of each input, got 8 of 'words', 7 of "
        "'numbers'."
    )):  # fmt: skip
        probe(Two(), {"words": ids(), "numbers": features()[:-1]})
    with pytest.raises(ValueError, match="expected an input with sequences, got none"):
        probe(Two(), {"words": [1, 2], "numbers": [3, 4]})


# --- unpad and Keras ----------------------------------------------------------------------------


def graph(of, door=True, mean=False, flat=False):
    """Words and numbers of the same steps, a vector a sequence; tags and a kind."""
    keras = of
    words = keras.Input((None,), dtype="int64", name="words")
    numbers = keras.Input((None, 4), name="numbers")
    about = keras.Input((3,), name="about")
    h = keras.layers.Embedding(30, 8, mask_zero=door)(words)
    n = keras.layers.Masking()(numbers) if door else numbers
    h = keras.layers.Add()([h, keras.layers.Dense(8)(n)])
    tags = keras.layers.Dense(5, activation="softmax", name="tags")(h)
    last = keras.layers.GlobalAveragePooling1D()(h) if mean else keras.layers.LSTM(6)(h)
    kind = keras.layers.Concatenate()([last, keras.layers.Dense(3)(about)])
    kind = keras.layers.Dense(2, activation="softmax", name="kind")(kind)
    return keras.Model([words, numbers, about], [tags, kind])


def graph_samples(form="list"):
    given = [grid(ids()).numpy(), grid(features()).numpy(), RNG.normal(size=(N, 3)).astype("f4")]
    if form == "dict":
        return dict(zip(("words", "numbers", "about"), given, strict=True))
    if form == "sequences":
        return [Ragged.from_list(ids()), Ragged.from_list(features()), given[2]]
    return given


@pytest.mark.parametrize("form", ["list", "dict", "sequences"])
def test_a_graph_of_unpads_is_asked_with_all_its_inputs(form):
    import unpad

    report = probe(graph(unpad), graph_samples(form))
    assert report == [] and all(a.could for a in report.asked)
    assert any(
        a.number is not None for a in report.asked if a.name == "other sequences in the batch"
    )


def test_a_graph_of_unpads_without_a_door_reads_padding():
    import unpad

    report = probe(graph(unpad, door=False, mean=True), graph_samples())
    assert report.kinds == ["padding"]
    assert "output 'kind' moves by" in report["padding"].shown
    assert probe(graph(unpad, door=False, mean=True), graph_samples("sequences")) == []


def test_examine_asks_the_laws_of_several_inputs():
    import unpad

    x = graph_samples()
    found = examine(x, None, graph(unpad, door=False, mean=True), only={"laws"})
    assert "padding" in found.kinds
    assert examine(x, None, graph(unpad), only={"laws"}) == []
    # What one model is asked with as rows has no padding to ask about.
    given = [Input((6,), name="a"), Input((6,), name="b")]
    flat = Model(given, layers.Dense(2)(layers.Concatenate()(given)))
    pair = [RNG.normal(size=(N, 6)).astype("f4") for _ in range(2)]
    assert examine(pair, None, flat, only={"laws"}) == []


def test_graphs_of_keras():
    keras = pytest.importorskip("keras")
    assert probe(graph(keras), graph_samples()) == []
    report = probe(graph(keras, door=False, mean=True), graph_samples("dict"))
    assert report.kinds == ["padding"]
    assert report["padding"].where.layer.startswith("global_average_pooling1d")
    assert "output 'kind' moves by" in report["padding"].shown
    named = {"a": keras.Input((None, 4), name="a"), "b": keras.Input((None, 4), name="b")}
    h = keras.layers.Add()(list(named.values()))
    net = keras.Model(named, keras.layers.GlobalAveragePooling1D()(keras.layers.Dense(3)(h)))
    samples = {"a": features(), "b": features()}
    assert probe(net, samples).kinds == ["padding"]


def test_how_many_inputs_there_are_is_said():
    import unpad

    with pytest.raises(ValueError, match=re.escape(
        "probe: samples: expected 3, one for each input (words, numbers, about), as a list or by "
        "name, got 2."
    )):  # fmt: skip
        probe(graph(unpad), graph_samples()[:2])
