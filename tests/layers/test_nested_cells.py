"""Cells whose inputs, outputs and states lie in lists, tuples and dicts, walked by RNN."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given

import unpad as keras
from unpad import Ragged
from unpad.dialect import tensorflow as tf
from unpad.layers import Spec
from unpad.testing import coded

from ..examples import draws
from ..messages import says
from ..strategies import lengths

L = keras.layers


class NestedInput(NamedTuple):
    """What comes at a step."""

    vector: object
    matrix: object


class NestedState(NamedTuple):
    """What is handed on."""

    state1: object
    state2: object


@keras.saving.register_keras_serializable("nested_cells")
class NestedCell(keras.layers.Layer):
    """After the cell of Keras's guide: a vector and a matrix a step, each with a state."""

    def __init__(self, unit_1, unit_2, unit_3, **kwargs):
        super().__init__(**kwargs)
        self.unit_1, self.unit_2, self.unit_3 = unit_1, unit_2, unit_3
        self.state_size = [tf.TensorShape([unit_1]), tf.TensorShape([unit_2, unit_3])]
        self.output_size = [tf.TensorShape([unit_1]), tf.TensorShape([unit_2, unit_3])]

    def build(self, input_shapes):
        one, two = input_shapes[0][1], input_shapes[1][1:]
        self.kernel_1 = self.add_weight(
            shape=(one, self.unit_1), initializer="glorot_uniform", name="kernel_1"
        )
        self.kernel_2_3 = self.add_weight(
            shape=(*two, self.unit_2, self.unit_3), initializer="glorot_uniform", name="kernel_2_3"
        )

    def call(self, inputs, states):
        input_1, input_2 = keras.tree.flatten(inputs)
        s1, s2 = states
        output_1 = keras.ops.matmul(input_1, self.kernel_1)
        output_2_3 = keras.ops.einsum("bij,ijkl->bkl", input_2, self.kernel_2_3)
        state_1, state_2_3 = torch.tanh(s1) + output_1, torch.sin(s2) + output_2_3
        return (state_1 + output_1, state_2_3), (state_1, state_2_3)

    def get_config(self):
        units = {"unit_1": self.unit_1, "unit_2": self.unit_2, "unit_3": self.unit_3}
        return {**super().get_config(), **units}


class Named(NestedCell):
    """The same with names for the parts, and states in a named tuple of a dict."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        m, n = self.state_size
        self.state_size = NestedState(m, {"m": n, "count": 1})

    def call(self, inputs, states):
        rest = {"m": states.state2["m"]}
        output, (s1, s2) = super().call(
            [inputs.vector, inputs.matrix], [states.state1, *rest.values()]
        )
        # In another order than they came in.
        after = NestedState(s1, {"count": states.state2["count"] + 1, "m": s2})
        return {"all": output[0], "more": [output[1]]}, after


def given_(sizes, dtype=torch.float64):
    x = coded(sizes, (12,), dtype) / 100
    return x.with_values(x.values[:, :3]), x.with_values(
        x.values[:, 3:11].unflatten(1, (2, 4)).cos()
    )


def every(tree):
    """Tensors, however they lie."""
    return [t.values if isinstance(t, Ragged) else t for t in keras.tree.flatten(tree)]


def close(a, b):
    for x, y in zip(every(a), every(b), strict=True):
        torch.testing.assert_close(x, y)


def made(kind=NestedCell, **options):
    return L.RNN(kind(5, 2, 3, dtype="float64"), dtype="float64", **options)


FORMS = [(NestedCell, list), (NestedCell, tuple), (Named, lambda x: NestedInput(*x))]


@pytest.mark.parametrize(("kind", "form"), FORMS)
@given(sizes=lengths)
@draws(6)
def test_alone_as_in_company(kind, form, sizes):
    """Outputs, states and gradients, both ways, empty sequences too."""
    a, b = given_(sizes)
    for backwards in (False, True):
        layer = made(kind, return_sequences=True, return_state=True, go_backwards=backwards)
        layer(form(given_([1])))

        def walked(a, b, layer=layer):
            leaves = [t.values.clone().requires_grad_() for t in (a, b)]
            found = layer(form([t.with_values(v) for t, v in zip((a, b), leaves, strict=True)]))
            weights = [*leaves, *layer.parameters()]
            total = sum(t.cos().sum() for t in every(found)) + 0 * sum(w.sum() for w in weights)
            grads = torch.autograd.grad(total, weights)
            return every(found), grads

        together, grads = walked(a, b)
        alone = [walked(*(t[i : i + 1] for t in (a, b))) for i in range(len(sizes))]
        for k, found in enumerate(together):
            parts = [one[0][k] for one in alone]
            if parts:
                torch.testing.assert_close(found, torch.cat(parts))
        for k, grad in enumerate(grads):
            parts = [one[1][k] for one in alone]
            if parts:
                torch.testing.assert_close(grad, torch.cat(parts) if k < 2 else sum(parts))


def test_each_step_is_the_cell_s():
    """By a loop over one sequence, forward and backward."""
    a, b = given_([4, 0, 2])
    layer = made(return_sequences=True, return_state=True)
    (one, two), s1, s2 = layer([a, b])
    states = [torch.zeros(1, 5).double(), torch.zeros(1, 2, 3).double()]
    for t in range(4):
        (o1, o2), states = layer.cell.call([a[0][t : t + 1], b[0][t : t + 1]], states)
        close([one[0][t], two[0][t]], [o1[0], o2[0]])
    close([s1[0], s2[0]], [states[0][0], states[1][0]])
    assert not s1[1].any()
    assert not s2[1].any()
    # The last output of each sequence; of an empty one there is none.
    last = made()
    last([a, b])
    last.set_weights(layer.get_weights())
    found = last([a, b])
    close(found, [torch.stack([x[0][-1], 0 * x[0][0], x[2][-1]]) for x in (one, two)])


def test_padding_is_invisible():
    a, b = given_([3, 1, 0])
    layer = made(return_sequences=True)
    want = layer([a, b])
    grids = [keras.layers.Masking(np.nan)(x.to_padded(fill=float("nan"), length=6)) for x in (a, b)]
    close(layer(grids), want)
    dense = [x.values[:3][None] for x in (a, b)]
    close([o[0] for o in layer(dense)], [o[0] for o in want])


def test_states_given_and_carried():
    a, b = given_([4, 3])
    layer = made(Named, return_state=True)
    x = NestedInput(a, b)
    output, s1, rest = layer(x)
    assert list(output) == ["all", "more"]
    assert rest["count"].tolist() == [[4], [3]]
    early = a.positions < 2
    first = NestedInput(a.keep(early), b.keep(early))
    second = NestedInput(a.keep(~early), b.keep(~early))
    _, *middle = layer(first)
    close(layer(second, initial_state=NestedState(*middle)), [output, s1, rest])
    # A dict's order is nobody's affair.
    turned = dict(reversed(middle[1].items()))
    close(layer(second, initial_state=[middle[0], turned]), [output, s1, rest])
    close(layer.get_initial_state(2), [torch.zeros(2, 5).double(),
          {"m": torch.zeros(2, 2, 3).double(), "count": torch.zeros(2, 1).double()}])  # fmt: skip
    stateful = made(Named, stateful=True)
    stateful(x)
    stateful.set_weights(layer.get_weights())
    stateful.reset_state()
    stateful(first)
    close(stateful(second), output)
    stateful.reset_state()
    stateful(first)
    stateful.reset_state([True, False])
    found = stateful(second)
    assert not torch.equal(found["all"][0], output["all"][0])
    torch.testing.assert_close(found["all"][1], output["all"][1])


def test_both_ways():
    a, b = given_([3, 0, 2])
    for sequences in (True, False):
        both = L.Bidirectional(made(return_sequences=sequences, return_state=True), dtype="float64")
        (one, two), *states = both([a, b])
        assert [s.shape[1:] for s in states] == [(5,), (2, 3)] * 2
        way = made(return_sequences=sequences, go_backwards=True)
        way([a, b])
        way.set_weights(both.backward_layer.get_weights())
        back = way([a, b])
        if sequences:
            back = [x.reversed() for x in back]
        close([one[..., 5:], two[..., 3:]], back)
        again = both([a, b], initial_state=states)
        assert not torch.equal(every(again)[0], every(one)[0])
    for mode in ("sum", "ave", "mul", None):
        layer = L.Bidirectional(made(), merge_mode=mode, dtype="float64")
        spec = [Spec((3,), True, torch.float64), Spec((2, 4), True, torch.float64)]
        found = layer([a, b])
        shapes = [s.shape for s in keras.tree.flatten(layer.output_spec(spec))]
        assert [t.shape[1:] for t in every(found)] == shapes


def test_a_stack_of_them():
    a, b = given_([3, 0, 2])
    stack = L.RNN([NestedCell(5, 2, 3, dtype="float64"), NestedCell(4, 3, 2, dtype="float64")],
                  return_state=True, return_sequences=True)  # fmt: skip
    (one, two), lower, upper = stack((a, b))
    assert one.feature == (4,)
    assert two.feature == (3, 2)
    assert [s.shape for s in (*lower, *upper)] == [(3, 5), (3, 2, 3), (3, 4), (3, 3, 2)]


# --- models --------------------------------------------------------------------------------------


def guide(mask):
    """The model of Keras's guide."""
    input_1, input_2 = keras.Input((None, 3)), keras.Input((None, 2, 4))
    steps = [input_1, input_2]
    if mask:
        steps = [L.Masking()(x) for x in steps]
    outputs = L.RNN(NestedCell(5, 2, 3))(tuple(steps))
    assert [o.shape for o in outputs] == [(None, 5), (None, 2, 3)]
    model = keras.Model([input_1, input_2], outputs)
    model.compile(optimizer="adam", loss="mse", metrics=["mae", "mae"])
    return model


@pytest.mark.parametrize("mask", [False, True])
def test_the_model_of_the_guide(mask, tmp_path):
    model = guide(mask)
    rng = np.random.default_rng(0)
    data = [rng.random((12, 4, 3), "float32"), rng.random((12, 4, 2, 4), "float32")]
    targets = [rng.random((12, 5), "float32"), rng.random((12, 2, 3), "float32")]
    if mask:
        for x in data:
            x[::2, 2:] = 0
    history = model.fit(data, targets, batch_size=4, epochs=2, verbose=0).history["loss"]
    assert history[1] < history[0]
    want = model.predict(data, verbose=0)
    assert [p.shape for p in want] == [(12, 5), (12, 2, 3)]
    if mask:  # an even sequence has two steps, whatever lies behind them
        close([torch.tensor(p) for p in model.predict([x[:1, :2] for x in data], verbose=0)],
              [torch.tensor(p[:1]) for p in want])  # fmt: skip
    model.save(tmp_path / "nested.keras")
    again = keras.saving.load_model(tmp_path / "nested.keras")
    for mine, theirs in zip(again.predict(data, verbose=0), want, strict=True):
        assert np.array_equal(mine, theirs)


def test_dicts_and_named_tuples_in_a_graph():
    a, b = given_([3, 0, 2], torch.float32)
    sources = [keras.Input((None, 3)), keras.Input((None, 2, 4))]
    sequences = [L.Masking()(x) for x in sources]
    layer = L.RNN(Named(5, 2, 3), return_sequences=True, return_state=True)
    outputs, s1, rest = layer(NestedInput(*sequences))
    assert [s.shape for s in (outputs["all"], outputs["more"][0])] == [
        (None, None, 5),
        (None, None, 2, 3),
    ]
    assert list(rest) == ["m", "count"]
    model = keras.Model(sources, {"out": outputs, "states": [s1, rest]})
    found = model([a, b])
    close([found["out"], *found["states"]], layer(NestedInput(a, b)))


def test_by_torch_s_export():
    """The walk as one operator of a graph, of several inputs and outputs."""
    from unpad.layers.recurrent.in_graph import walk_in_graph

    a, b = given_([3, 1, 2])
    layer = made(return_sequences=True, return_state=True)
    (one, two), *states = layer([a, b])
    first = [torch.zeros(3, *s.shape[1:]).double() for s in states]
    with torch.no_grad():
        outputs, last, ends = walk_in_graph(layer.cell, layer.cell.call, [a, b], first, None, False)
    close([outputs, *ends], [(one, two), *states])
    close(last, [torch.stack([x[i][-1] for i in range(3)]) for x in (one, two)])


# --- what is refused ------------------------------------------------------------------------------


def test_refusals_say_what_to_do():
    a, b = given_([3, 2])
    short, _ = given_([3, 1])
    layer = made()
    with says("RNN: expected inputs of equal lengths, but input 0 and input 1 differ: sequence 1 "
              "has 1 steps against 2."):  # fmt: skip
        layer([short, b])
    with says("RNN: expected inputs of the same steps, got (batch, steps*, 3) as input 0 and (2, "
              "3, 2, 4) as input 1. Give all as a Ragged, or all as grids."):  # fmt: skip
        layer([a, b.to_padded()])
    with says("RNN: expected inputs of the same steps, got (2, 3, 3), (2, 2, 2, 4)."):
        layer([a.to_padded(), b.to_padded()[:, :2]])
    with says(
        "LSTM: expected one input, got a list of 2. Join them first, as Concatenate()([a, b])"
    ):
        L.LSTM(3)([a, a])
    with says("RNN: expected one input, got 2. Join them first, as Concatenate()([a, b]); a cell "
              "of your own may take several."):  # fmt: skip
        L.RNN(L.GRUCell(3))([keras.Input((None, 3)), keras.Input((None, 3))])
    with says("RNN: NestedCell fails on a step (batch, 3), (batch, 3): "):
        made()([a, a])
    layer([a, b])
    with says("RNN: expected initial_state as 2 tensors (batch, 5), (batch, 2, 3), got (2, 5)."):
        layer([a, b], initial_state=[torch.zeros(2, 5)])
