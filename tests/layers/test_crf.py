"""CRF against every path spelt out, forward and backward; what tags allow; training; errors."""

import gzip
import importlib.util
import itertools
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad import Ragged, kernels, layers, losses
from unpad.kernels import chain
from unpad.layers.tagging.tag_scheme import allowed
from unpad.metrics import SpanF1
from unpad.testing import coded, grid
from unpad.testing.losses import check_loss

from ..examples import draws
from ..messages import says

TAGS = 3
BIO = ["O", "B-A", "I-A", "B-B", "I-B"]
BIOES = ["B-A", "I-A", "E-A", "S-A", "O", "S-B", "B-B", "E-B"]
sizes = st.lists(st.integers(0, 4), min_size=0, max_size=4)


@pytest.fixture(params=["compiled", "torch"], scope="module")
def path(request):
    """What is asked of chains is asked of each of their paths."""
    with kernels.force(request.param):
        yield


def pairs_of(lengths, tags=TAGS):
    """Scores of pairs, value-coded."""
    return coded(lengths, (tags, tags)).map(lambda v: 3 * torch.sin(7 * v))


def paths(steps, tags):
    return list(itertools.product(range(tags), repeat=steps))


def score(scores, path):
    """A path's score as the definition has it: the tag before a first step is 0."""
    before = (0, *path)[: len(path)]
    parts = [scores[t, i, j] for t, (i, j) in enumerate(zip(before, path, strict=True))]
    return torch.stack(parts).sum() if parts else scores.sum()


def all_scores(scores):
    return torch.stack([score(scores, path) for path in paths(len(scores), scores.shape[-1])])


def stacked(rows):
    return torch.stack(rows) if rows else torch.zeros(0, dtype=torch.float64)


def crf(size=TAGS, **options):
    """A layer whose scores are not zero, in float64."""
    layer = layers.CRF(**options).double()
    layer(coded([1], (size,)))
    layer.double()
    with torch.no_grad():
        for i, weight in enumerate(layer.parameters()):
            weight.copy_(torch.sin(torch.arange(weight.numel()) * 2.3 + i).reshape(weight.shape))
    return layer


# --- every path spelt out -------------------------------------------------------------------------


@pytest.mark.usefixtures("path")
@given(lengths=sizes, tags=st.integers(1, 3))
@draws(40)
def test_the_partition_sums_over_all_paths(lengths, tags):
    """Each sequence's number and the gradient of its scores, empty ones among them."""
    pairs = pairs_of(lengths, tags)
    x_ours, x_paths = (pairs.values.clone().requires_grad_() for _ in range(2))
    ours = chain.log_partition(x_ours, pairs.offsets)
    want = stacked([torch.logsumexp(all_scores(x), 0) for x in pairs.with_values(x_paths)])
    torch.testing.assert_close(ours, want, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(chain.log_partition(pairs.values, pairs.offsets), want)
    if pairs.steps:
        weights = torch.cos(torch.arange(len(lengths), dtype=torch.float64))
        grads = [
            torch.autograd.grad((total * weights).sum(), x)[0]
            for total, x in ((ours, x_ours), (want, x_paths))
        ]
        torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("path")
@given(lengths=sizes, tags=st.integers(1, 3))
@draws(40)
def test_marginals_and_best_paths_are_those_of_all_paths(lengths, tags):
    pairs = pairs_of(lengths, tags)
    marginals = pairs.with_values(chain.marginals(pairs.values, pairs.offsets))
    best = pairs.with_values(chain.best_path(pairs.values, pairs.offsets))
    for scores, ours, path in zip(pairs, marginals, best, strict=True):
        of_paths = all_scores(scores)
        assert float(score(scores, path.tolist())) == pytest.approx(float(of_paths.max()))
        shares = torch.softmax(of_paths, 0)
        spelt = torch.tensor(paths(len(scores), tags)).reshape(len(shares), len(scores))
        one_hot = torch.nn.functional.one_hot(spelt.long(), tags).double()
        want = (shares[:, None, None] * one_hot).sum(0)
        torch.testing.assert_close(ours, want, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("path")
@given(lengths=sizes, data=st.data())
@draws(40)
def test_the_likelihood_of_tags_of_which_some_are_not_known(lengths, data):
    pairs = pairs_of(lengths)
    total = sum(lengths)
    tags = torch.tensor(data.draw(st.lists(st.integers(-1, 2), min_size=total, max_size=total)))
    labels = pairs.with_values(tags.long())
    x_ours, x_paths = (pairs.values.clone().requires_grad_() for _ in range(2))
    loss = losses.CRF(reduction=None, ignore_class=-1)
    ours = loss(labels, pairs.with_values(x_ours))
    rows = []
    for scores, path in zip(pairs.with_values(x_paths), labels, strict=True):
        spelt = paths(len(scores), TAGS)
        fit = [all(w in (-1, p) for w, p in zip(path.tolist(), row, strict=True)) for row in spelt]
        of_paths = all_scores(scores)
        rows.append(torch.logsumexp(of_paths, 0) - torch.logsumexp(of_paths[torch.tensor(fit)], 0))
    want = stacked(rows)
    torch.testing.assert_close(ours, want, rtol=1e-10, atol=1e-10)
    if total:
        grads = [torch.autograd.grad(y.sum(), x)[0] for y, x in ((ours, x_ours), (want, x_paths))]
        torch.testing.assert_close(*grads, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("use_boundary", [True, False])
def test_the_layer_scores_tags_neighbours_and_ends(use_boundary):
    """The probability of a path from the weights themselves."""
    layer = crf(use_boundary=use_boundary)
    inputs = coded([4, 0, 1, 3], (TAGS,)).map(lambda v: torch.sin(5 * v))
    tags = Ragged.from_list([[2, 0, 0, 1], [], [1], [0, 2, 1]])

    def total(x, path):
        parts = [x[t, tag] for t, tag in enumerate(path)]
        parts += [layer.transitions[i, j] for i, j in itertools.pairwise(path)]
        if use_boundary and path:
            parts += [layer.start[path[0]], layer.end[path[-1]]]
        return torch.stack(parts).sum() if parts else x.sum()

    ours = layer.log_likelihood(inputs, tags)
    want = torch.stack(
        [
            total(x, path.tolist())
            - torch.logsumexp(torch.stack([total(x, p) for p in paths(len(x), TAGS)]), 0)
            for x, path in zip(inputs, tags, strict=True)
        ]
    )
    torch.testing.assert_close(ours, want, rtol=1e-12, atol=1e-12)
    weights = list(layer.parameters())
    assert len(weights) == (3 if use_boundary else 1)
    for a, b in zip(*(torch.autograd.grad(y.sum(), weights) for y in (ours, want)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    best = [
        max(paths(len(x), TAGS), key=lambda p, x=x: float(total(x, p).detach())) for x in inputs
    ]
    assert [tuple(path.tolist()) for path in layer.decode(inputs)] == best
    one_hot = layer(inputs)
    assert torch.equal(one_hot.values.argmax(-1), layer.decode(inputs).values)
    assert torch.equal(one_hot.values.sum(-1), torch.ones(8, dtype=torch.float64))
    assert torch.equal(
        layer.marginals(inputs).values, crf_like(layer, decoding="marginals")(inputs).values
    )


def crf_like(layer, **options):
    other = layers.CRF.from_config(layer.get_config() | options).double()
    other(coded([1], (TAGS,)))
    other.double().load_state_dict(layer.state_dict())
    return other


def test_of_best_paths_that_tie_one_whole_path_is_given():
    scores = torch.zeros(2, 2, 2)
    scores[1, 0, 1] = scores[1, 1, 0] = 1.0  # 01 and 10 are best, 00 is not
    assert chain.best_path(scores, torch.tensor([0, 2])).tolist() in ([0, 1], [1, 0])


# --- shapes, holes, numbers -----------------------------------------------------------------------


def test_a_dense_batch_is_sequences_without_end():
    layer = crf()
    x = torch.sin(torch.arange(24, dtype=torch.float64)).reshape(2, 4, TAGS)
    ragged = Ragged.from_padded(x, lengths=4)
    assert torch.equal(layer(x), layer(ragged).to_padded())
    assert torch.equal(layer.decode(x), layer.decode(ragged).to_padded())
    assert layer.before_tail(x).shape == (2, 4, TAGS, TAGS)
    tags = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 0]])
    of_layer = layer.log_likelihood(x, tags)
    of_loss = losses.CRF(reduction=None)(tags, layer.before_tail(x))
    torch.testing.assert_close(of_loss, -of_layer)
    assert layer(x[:, :0]).shape == (2, 0, TAGS)
    assert layer(np.zeros((0, 4, TAGS))).shape == (0, 4, TAGS)


def test_a_hole_is_no_step():
    layer = crf()
    inputs = coded([4, 2, 3], (TAGS,))
    for side in ("left", "right", "holes"):
        x, mask = grid(inputs, side)
        there = layer(Ragged.from_padded(x, mask=mask))
        assert torch.equal(there.values, layer(inputs).values)
        assert there.to_padded().shape[:2] == x.shape[:2]


@pytest.mark.usefixtures("path")
def test_a_thousand_steps_in_float32():
    pairs = pairs_of([1000, 1, 999]).map(lambda v: 10 * v)
    tags = pairs.with_values(chain.best_path(pairs.values, pairs.offsets))
    exact, single = (pairs.values.to(t).requires_grad_() for t in (torch.float64, torch.float32))
    for labels in (tags, tags.map(lambda v: (v + 1) % TAGS)):
        found = [losses.CRF("sum")(labels, pairs.with_values(x)) for x in (exact, single)]
        grads = [torch.autograd.grad(y, x)[0] for y, x in zip(found, (exact, single), strict=True)]
        assert float(found[1].detach()) == pytest.approx(float(found[0].detach()), rel=1e-5)
        torch.testing.assert_close(grads[1].double(), grads[0], rtol=1e-3, atol=1e-5)
    shares = chain.marginals(single.detach(), pairs.offsets)
    torch.testing.assert_close(shares.sum(-1), torch.ones(2000), rtol=1e-6, atol=1e-6)
    path = chain.best_path(single, pairs.offsets)
    assert torch.equal(path, tags.values)


@pytest.mark.usefixtures("path")
def test_scores_far_apart_do_not_vanish():
    """A tag that is out of the question is needed at the next step: exp would have lost it."""
    scores = torch.zeros(2, 2, 2)
    scores[0, 0, 1] = -500.0
    scores[1, 0] = -1000.0
    total = chain.log_partition(scores.requires_grad_(), torch.tensor([0, 2]))
    assert float(total.detach()) == pytest.approx(-500 + np.log(2))
    total.sum().backward()
    torch.testing.assert_close(scores.grad[0, 0], torch.tensor([0.0, 1.0]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    pairs = pairs_of([4, 2]).to(dtype)
    tags = Ragged.from_list([[1, 2, 0, 1], [2, 2]])
    assert torch.equal(losses.CRF()(tags, pairs), losses.CRF()(tags, pairs.to(torch.float32)))
    assert chain.marginals(pairs.values, pairs.offsets).dtype == dtype


# --- the loss -------------------------------------------------------------------------------------

REDUCTIONS = ["sum_over_batch_size", "sum", "mean_with_sample_weight", "mean_over_steps", None]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignore_class", [None, 1])
def test_the_loss_keeps_the_laws(reduction, ignore_class):
    pairs = pairs_of((3, 0, 4, 1, 3))
    tags = coded((3, 0, 4, 1, 3), (), torch.int64).map(lambda v: (v // 10 + v // 100) % TAGS)
    if reduction is not None:
        check_loss(lambda: losses.CRF(reduction, ignore_class), tags, pairs)
    each = losses.CRF(None, ignore_class)(tags, pairs)
    assert each.shape == (5,) and each[1] == 0 and bool((each >= 0).all())


def test_what_the_mean_is_over():
    pairs = pairs_of([3, 0, 1, 2])
    tags = Ragged.from_list([[1, -1, 0], [], [-1], [2, 2]])
    each = losses.CRF(None, -1)(tags, pairs)
    assert each[1] == 0 and each[2] == 0
    total = float(each.sum())
    assert float(losses.CRF(ignore_class=-1)(tags, pairs)) == pytest.approx(total / 2)
    by_steps = losses.CRF("mean_over_steps", -1)(tags, pairs)
    assert float(by_steps) == pytest.approx(total / 4)
    nothing = tags.map(lambda v: v * 0 - 1)
    assert float(losses.CRF(ignore_class=-1)(nothing, pairs)) == 0
    assert float(losses.CRF("mean_over_steps", -1)(nothing, pairs)) == 0


def test_untrained_it_is_a_softmax():
    """All transitions alike: the path's probability is the product of its steps'."""
    inputs = coded([4, 1, 0, 3], (TAGS,)).to(torch.float32)
    tags = coded([4, 1, 0, 3], (), torch.int64).map(lambda v: v % TAGS)
    layer = layers.CRF()
    assert torch.equal(layer(inputs).values.argmax(-1), inputs.values.argmax(-1))
    softmax = losses.SparseCategoricalCrossentropy(from_logits=True)(tags, inputs)
    ours = losses.CRF("mean_over_steps")(tags, layer.before_tail(inputs))
    torch.testing.assert_close(ours, softmax)


def test_its_names():
    for name in ("crf", "CRF", losses.CRF, {"class_name": "CRF", "config": {"ignore_class": 3}}):
        assert isinstance(losses.get(name), losses.CRF)


# --- what tags allow ------------------------------------------------------------------------------


def may_follow(a, b, must_end):
    """Whether tag b may follow a, from the words of the scheme; None is the edge of the text."""
    is_open = a is not None and a[0] in "BI" and a != "O"
    goes_on = b is not None and b[0] in "IE"
    if goes_on:
        return is_open and a[2:] == b[2:]
    return not (must_end and is_open)


@pytest.mark.parametrize(("tags", "scheme"), [(BIO, "BIO"), (BIO, "IOB2"), (BIOES, "BIOES")])
def test_what_a_scheme_allows(tags, scheme):
    found = allowed("CRF", tags, scheme, ["O"])
    must = scheme == "BIOES"
    assert found.start.tolist() == [may_follow(None, b, must) for b in tags]
    assert found.end.tolist() == [may_follow(a, None, must) for a in tags]
    assert found.between.tolist() == [[may_follow(a, b, must) for b in tags] for a in tags]


@pytest.mark.parametrize("use_boundary", [True, False])
@pytest.mark.parametrize(("tags", "scheme"), [(BIO, "BIO"), (BIOES, "BIOES")])
def test_what_is_forbidden_has_no_share(tags, scheme, use_boundary):
    layer = crf(len(tags), tags=tags, scheme=scheme, use_boundary=use_boundary)
    inputs = coded([5, 1, 0, 3, 2] * 3, (len(tags),)).map(lambda v: 60 * torch.sin(9 * v))
    x = inputs.values.clone().requires_grad_()
    pairs = layer.before_tail(inputs.with_values(x))
    layer.check_path(layer.decode(inputs))  # raises if it breaks the scheme
    free = inputs.values.argmax(-1)
    with pytest.raises(ValueError, match="breaks the scheme"):
        layer.check_path(inputs.with_values(free))
    tags_given = layer.decode(inputs.map(lambda v: -v))
    losses.CRF()(tags_given, pairs).backward()
    forbidden = ~layer._between_allowed
    assert torch.equal(
        layer.transitions.grad[forbidden], torch.zeros(int(forbidden.sum())).double()
    )
    assert bool((layer.transitions.grad[~forbidden] != 0).any()) and bool(x.grad.isfinite().all())
    if use_boundary:
        assert bool((layer.start.grad[~layer._start_allowed] == 0).all())
    marginals = layer.marginals(inputs)
    first = chain.first_steps(inputs.offsets)
    assert bool((marginals.values[first][:, ~layer._start_allowed] == 0).all())


def test_a_tag_of_no_span():
    layer = layers.CRF(["X", "O", "B-A", "I-A"], "BIO", outside=["O", "X"])
    x = 9 * torch.eye(4)[torch.tensor([0, 2, 0, 1])]
    assert layer.decode(Ragged.from_list([x])).values.tolist() == [0, 2, 0, 1]


# --- training -------------------------------------------------------------------------------------


def sentences():
    generator = torch.Generator().manual_seed(1)
    x = [torch.randint(1, 12, (n,), generator=generator) for n in (6, 3, 1, 5) * 6]
    return Ragged.from_list(x), Ragged.from_list([_marked(v.tolist()) for v in x])


def _marked(words):
    """Spans of even words; of type A where they end in 4 or 8, else B."""
    tags, i = [0] * len(words), 0
    while i < len(words):
        end = i
        while end < len(words) and words[end] % 2 == 0:
            end += 1
        if end > i:
            inside = 2 if words[end - 1] % 4 == 0 else 4
            tags[i:end] = [inside - 1] + [inside] * (end - i - 1)
        i = end + 1
    return tags


def tagger(*last, **options):
    model = keras.Sequential(
        [layers.Embedding(12, 8), layers.LSTM(8, return_sequences=True), *last]
    )
    model.compile(keras.optimizers.Adam(0.03), **options)
    return model


def test_a_tagger_learns():
    x, y = sentences()
    metrics = ["accuracy", SpanF1(BIO)]
    model = tagger(layers.Dense(5), layers.CRF(BIO, "BIO"), loss="crf", metrics=metrics)
    history = model.fit(x, y, epochs=60, batch_size=8, verbose=0).history
    assert history["loss"][-1] < 0.3 * history["loss"][0] and history["span_f1"][-1] > 0.8
    whole, one, three = (model.evaluate(x, y, batch_size=n, verbose=0) for n in (24, 1, 3))
    assert one == pytest.approx(whole, rel=1e-5) and three == pytest.approx(whole, rel=1e-5)
    found = model.predict(x)
    right = torch.cat([*found]).argmax(-1) == y.values
    assert float(right.double().mean()) == pytest.approx(whole[1])


def test_training_decodes_nothing_that_is_not_asked_for(monkeypatch):
    """The loss is computed from the scores of pairs: no path is searched for it."""
    x, y = sentences()
    monkeypatch.setattr(chain, "best_path", None)
    model = tagger(layers.Dense(5), layers.CRF(), loss="crf")
    model.fit(x, y, verbose=0)
    model.evaluate(x, y, verbose=0)


def test_in_a_graph_and_with_padding():
    x, y = sentences()
    words = keras.Input((None,))
    h = layers.Embedding(12, 8, mask_zero=True)(words)
    model = keras.Model(words, layers.CRF(BIO, "BIO")(layers.Dense(5)(h)))
    model.compile("adam", loss="crf", metrics=["accuracy"])
    padded = x.to_padded()
    model.fit(padded, y.to_padded(fill=99), verbose=0)
    assert model.predict(padded, verbose=0).shape == (24, 6, 5)


def test_penalties_and_constraints():
    x, y = sentences()
    layer = layers.CRF(transition_regularizer="l2", transition_constraint="non_neg")
    model = tagger(layers.Dense(5), layer, loss="crf")
    model.fit(x, y, verbose=0)
    assert float(model.losses[0].detach()) > 0 and bool((layer.transitions >= 0).all())


TREE = """1\tJ.\t_\tPROPN\t_\t_\t7\tnsubj\t_\t_
2\tHoover\t_\tPROPN\t_\t_\t1\tflat\t_\t_
3-4\tsaw it\t_\t_\t_\t_\t_\t_\t_\t_
3\tand\t_\tCCONJ\t_\t_\t6\tcc\t_\t_
4\ta\t_\tDET\t_\t_\t6\tdet\t_\t_
5\tspy\t_\tNOUN\t_\t_\t6\tcompound\t_\t_
6\tring\t_\tNOUN\t_\t_\t1\tconj\t_\t_
7\tsaw\t_\tVERB\t_\t_\t0\troot\t_\t_
8\tJohn\t_\tPROPN\t_\t_\t10\tnmod:poss\t_\t_
9\t's\t_\tPART\t_\t_\t8\tcase\t_\t_
10\tdog\t_\tNOUN\t_\t_\t7\tobj\t_\t_
11\tin\t_\tADP\t_\t_\t12\tcase\t_\t_
12\tMay\t_\tPROPN\t_\t_\t7\tobl\t_\t_
13\t.\t_\tPUNCT\t_\t_\t7\tpunct\t_\t_

"""


def test_the_example(tmp_path, capsys, monkeypatch):
    """Its phrases on a sentence, and that it runs."""
    path = Path(__file__).parents[2] / "examples" / "crf_tagger.py"
    monkeypatch.syspath_prepend(str(path.parent))
    spec = importlib.util.spec_from_file_location("crf_tagger", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    (tmp_path / "ud_english_ewt").mkdir()
    for split in ("train", "dev"):
        with gzip.open(tmp_path / "ud_english_ewt" / f"{split}.conllu.gz", "wt") as file:
            file.write("# text = a comment\n" + 9 * TREE)
    (sentence, *_) = example.read(tmp_path / "ud_english_ewt" / "dev.conllu.gz")
    want = "B-SUBJ I-SUBJ O B-SUBJ I-SUBJ I-SUBJ O B-OBJ I-OBJ I-OBJ O B-OBL O"
    assert " ".join(example.TAGS[tag] for tag in example.tagged(sentence)) == want
    # The same few sentences nine times: the CRF may be no better, and then says so.
    with suppress(SystemExit):
        example.main(["--data", str(tmp_path), "--small"])
    shown = capsys.readouterr().out
    assert "seed 0, softmax: accuracy=" in shown and "seed 0, CRF    : accuracy=" in shown


# --- errors ---------------------------------------------------------------------------------------


def given_tags(*tags, lengths=(2,)):
    return Ragged(torch.tensor(tags), keras.ragged.Layout.from_lengths(lengths))


LAYERS = [
    (
        {"decoding": "best"},
        "CRF: unknown decoding 'best'; Known are: marginals, viterbi.",
    ),
    ({"scheme": "BIO"}, "CRF: scheme='BIO' is about the tags' names: give tags=[...] too."),
    (
        {"tags": 5},
        "CRF: expected tags as a list of names, got 5. Without names leave them out: there are as "
        "many tags as the input has features.",
    ),
    (
        {"tags": ["O", "S-A"], "scheme": "BIO"},
        "CRF: tag 1 is 'S-A', but BIO has B-type, I-type and 'O'. Other tags that are part of no "
        "span: outside=['O', 'S-A'].",
    ),
    (
        {"tags": ["I-A", "I-B"], "scheme": "BIO"},
        "CRF: no sequence may begin: all of ['I-A', 'I-B'] go on with a span in BIO.",
    ),
    ({"tags": ["O"], "scheme": "BILOU"}, "CRF: unknown scheme 'BILOU'; "),
    (
        {"activity_regularizer": "l2"},
        "CRF: activity_regularizer=",
    ),
]


@pytest.mark.parametrize(("options", "text"), LAYERS)
def test_options_that_do_not_fit(options, text):
    with says(text):
        layers.CRF(**options)


def test_inputs_that_do_not_fit():
    with says(
        "CRF: expected one score for each tag at each step, (batch, steps*, tags) or (batch, time, "
        "tags), got (batch, steps*). Dense(tags) before it gives them."
    ):
        layers.CRF()(coded([2], ()))
    with says("CRF: expected one score for each tag at each step, "):
        layers.CRF()(torch.zeros(2, 3))
    with says("CRF: 5 tags, but the input has 3 features, (batch, steps*, 3). Dense(5) before it"):
        layers.CRF(BIO)(coded([2], (3,)))
    layer = crf()
    with says("CRF: built for 3 tags, got (batch, steps*, 4)."):
        layer(coded([2], (4,)))
    with says("CRF: tags and inputs differ: sequence 0 has 1 steps against 2."):
        layer.log_likelihood(coded([2], (3,)), given_tags(1, lengths=(1,)))
    with says("CRF: tag 3 in sequence 0, step 1, but there are 3: tags go from 0 to 2."):
        layer.log_likelihood(coded([2], (3,)), given_tags(1, 3))


BROKEN = [
    ("BIO", BIO, (0, 1, 4), "CRF: tag 'I-B' after 'B-A', in sequence 1, step 1, breaks"),
    ("BIO", BIO, (0, 2, 2), "CRF: tag 'I-A' at the start, in sequence 1, step 0, breaks"),
    (
        "BIOES", BIOES, (4, 4, 0),
        "CRF: tag 'B-A' at the end, in sequence 1, step 1, breaks the scheme BIOES. Mend the tags, "
        "or leave scheme out.",
    ),
    ("BIOES", BIOES, (4, 0, 4), "CRF: tag 'O' after 'B-A', in sequence 1, step 1, breaks"),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "tags", "path", "text"), BROKEN)
def test_targets_that_break_the_scheme(scheme, tags, path, text):
    """Before a weight has moved; and in the loss itself, which knows no names."""
    model = tagger(layers.Dense(len(tags)), layers.CRF(tags, scheme), loss="crf")
    x, y = (given_tags(*v, lengths=(1, 2)) for v in ((1, 2, 3), path))
    with says(text):
        model.fit(x, y, verbose=0)
    with says(text):
        model.fit([[1], [2, 3]], [[path[0]], list(path[1:])], verbose=0)
    before = model.layers[-1].before_tail(model.layers[2](model.layers[1](model.layers[0](x))))
    name = tags.index(text.split("'")[1])
    where = text[text.index(", in ") : text.index(", breaks")]
    how = f" after tag {path[1]}" if " after " in text else ""
    how = " at the end" if "at the end" in text else how
    with says(f"crf: tag {name}{how}{where}, breaks the scheme of the layer's tags. Mend the"):
        losses.CRF()(y, before)


def test_an_unknown_tag_breaks_nothing():
    model = tagger(layers.Dense(5), layers.CRF(BIO, "BIO"), loss=losses.CRF(ignore_class=-1))
    x = given_tags(1, 2, 3, 4, 5, lengths=(3, 2))
    model.fit(x, given_tags(-1, 2, 0, -1, -1, lengths=(3, 2)), verbose=0)
    with says("CRF: tag 'I-B' after 'B-A', in sequence 0, step 2"):
        model.fit(x, given_tags(-1, 1, 4, -1, -1, lengths=(3, 2)), verbose=0)


TARGETS = [
    (
        given_tags(1, 7),
        "crf: label 7 in sequence 0, step 1, but the model has 3 tags. Labels go from 0 to 2.",
    ),
    (
        given_tags(-1, 1),
        "crf: label -1 in sequence 0, step 0, but the model has 3 tags. If it marks steps whose "
        "tag is not known: CRF(ignore_class=-1).",
    ),
    (given_tags(0.5, 1.0), "crf: the label in sequence 0, step 0 is 0.5; expected integers."),
    (given_tags([1.0, 0, 0], [0, 1.0, 0]), "crf: got labels (2, 3); expected one integer a step."),
]


@pytest.mark.parametrize(("y", "text"), TARGETS)
def test_targets_that_are_no_tags(y, text):
    model = tagger(layers.Dense(3), layers.CRF(), loss="crf")
    with says(text):
        model.fit(given_tags(3, 4), y, verbose=0)


def test_a_dense_model_and_its_targets():
    model = keras.Sequential([keras.Input((4, 5)), layers.CRF(BIO, "BIO")])
    model.compile("adam", loss="crf")
    x = np.zeros((2, 4, 5), "float32")
    model.fit(x, np.array([[0, 1, 2, 0], [3, 4, 0, 0]]), verbose=0)
    assert model.predict(x, verbose=0).shape == (2, 4, 5)
    with says("CRF: tag 'I-B' after 'O', in sequence 1, step 3, breaks the scheme BIO."):
        model.fit(x, np.array([[0, 1, 2, 0], [3, 4, 0, 4]]), verbose=0)
    with says("crf: got labels (2,); expected one integer a step."):
        model.fit(x, np.array([1, 2]), verbose=0)


def test_losses_and_layers_that_do_not_go_together():
    with says(
        "compile: the model ends in a CRF, whose paths of tags mean_squared_error cannot train. "
        "Use loss='crf'."
    ):
        tagger(layers.Dense(3), layers.CRF(), loss="mse")
    with says(
        "compile: crf needs the scores of a CRF, but the model ends in 'softmax'. End it in "
        "layers.CRF()."
    ):
        tagger(layers.Dense(3, activation="softmax"), loss="crf")
    with says("compile: crf needs the scores of a CRF, but the model does not end in one. End it"):
        model = tagger(loss="crf")
        model.fit(given_tags(3, 4), given_tags(1, 1), verbose=0)
    with says(
        "crf: expected the scores of pairs of tags, (steps, tags, tags), as before_tail of a model "
        "that ends in layers.CRF gives, got (2, 3)."
    ):
        losses.CRF()(given_tags(1, 1), coded([2], (3,)))
    with says("crf gives one number a sequence: expected sample_weight as (1,), got one a step."):
        losses.CRF()(given_tags(1, 1), pairs_of([2]), given_tags(1.0, 1.0))
