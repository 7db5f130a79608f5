"""Merging layers: what is paired with what, the lengths, grids and rows; errors."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad import Ragged
from unpad.core.spec import Lengths, Spec
from unpad.testing import coded, grid

from ..messages import says
from ..strategies import features, lengths, sides

L = keras.layers
ELEMENTWISE = [L.Add, L.Multiply, L.Average, L.Maximum, L.Minimum]


def sequences(root="x", shape=(3,), width=None, rule=None):
    known = Lengths(root)
    return Spec(shape, True, lengths=known.change(rule) if rule else known, width=width)


# --- element by element --------------------------------------------------------------------------


@given(lengths, features, sides)
def test_each_step_meets_its_own(sizes, feature, side):
    """Whatever the grids look like: the first on this side, the second without any."""
    a, b = coded(sizes, feature), coded(sizes, feature).map(torch.cos)
    x, mask = grid(a, side)
    padded = Ragged.from_padded(x, mask=mask)
    other = b if side != "holes" else padded.with_values(b.values)
    for kind, expected in (
        (L.Add, a.values + b.values), (L.Subtract, a.values - b.values),
        (L.Multiply, a.values * b.values), (L.Average, (a.values + b.values) / 2),
        (L.Maximum, a.values.maximum(b.values)), (L.Minimum, a.values.minimum(b.values)),
    ):  # fmt: skip
        out = kind()([padded, other])
        assert torch.equal(out.values, expected)
        assert out.layout is padded.layout


@pytest.mark.parametrize("side", ["right", "left", "holes"])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_grid_is_read_at_the_real_steps(side, batch):
    """Tokens and their positions: slot t of the grid goes to the step that stood there."""
    x, mask = grid(coded([2, 0, 3], (4,)), side)
    tokens = Ragged.from_padded(x, mask=mask)
    positions = torch.arange(batch * mask.shape[1] * 4.0).reshape(batch, -1, 4).requires_grad_()
    out = L.Add()([positions, tokens])
    real = mask.nonzero()
    expected = tokens.values + positions[real[:, 0] % batch, real[:, 1]]
    assert torch.equal(out.values, expected)
    assert out.layout is tokens.layout
    out.values.sum().backward()
    # Nothing flows to the slots that no step stood in.
    met = mask if batch == 3 else mask.any(0)
    assert (positions.grad.sum(-1) != 0).reshape(met.shape).equal(met)


def test_a_grid_of_one_slot_goes_to_every_step():
    tokens = coded([2, 0, 3], (4,))
    row = torch.arange(4.0)
    assert torch.equal(L.Add()([tokens, row[None, None]]).values, tokens.values + row)


def test_a_row_goes_to_its_sequences_steps():
    tokens, rows = coded([2, 0, 1], (2, 3)), torch.tensor([[1.0] * 3, [2.0] * 3, [3.0] * 3])
    out = L.Multiply()([rows, tokens])
    expected = tokens.values * torch.tensor([1.0, 1.0, 3.0])[:, None, None]
    assert torch.equal(out.values, expected)


def test_types_are_torchs():
    a = coded([2, 1], (), torch.int64)
    assert L.Add()([a, a]).dtype == torch.int64
    assert L.Average()([a, a]).dtype == torch.float32
    assert L.Add()([a, coded([2, 1])]).dtype == torch.float64
    spec = Spec((), True, torch.int64)
    assert L.Average().output_spec([spec, spec]).dtype == torch.float32


def test_functions_draw_and_compute():
    a, b = coded([2, 1], (3,)), coded([2, 1], (3,)).map(torch.cos)
    x, y = keras.Input((None, 3), ragged=True), keras.Input((None, 3), ragged=True)
    for name in ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate"):
        layer = getattr(L, name.capitalize())()
        assert torch.equal(getattr(L, name)([a, b]).values, layer([a, b]).values)
        assert getattr(L, name)([x, y], name="both").node.layer.name == "both"
    assert torch.equal(L.dot([a, b], axes=1), L.Dot(1)([a, b]))


def test_a_residual_is_drawn():
    x = keras.Input((None, 3), ragged=True)
    y = L.add([x, L.Dense(3)(x)])
    assert str(y.spec) == "(batch, steps*, 3)"
    assert y.spec.lengths.differs(x.spec.lengths) is None


def test_different_lengths_are_refused_when_built():
    for kind in (*ELEMENTWISE, L.Subtract, L.Concatenate):
        with says(
            f"{kind.__name__}: expected inputs of equal lengths, but a sequence of 1 steps has 1 "
            "in input 0 and 0 in input 1. Steps are paired one to one: keep the lengths on the "
            "way, as with padding='same', or reduce both to one row a sequence."
        ):
            kind().output_spec([sequences(), sequences(rule=lambda n: n // 2)])
    # Of other inputs nothing is known yet.
    assert L.Add().output_spec([sequences("x"), sequences("y")]).ragged


def test_different_lengths_are_refused_when_run():
    with says(
        "Add 'both': expected inputs of equal lengths, but input 0 and input 2 differ: sequence 1 "
        "has 3 steps against 2. Steps are paired one to one; for a value a sequence give one row a "
        "sequence, as ragged.mean() does."
    ):
        a = coded([2, 3, 1], (2,))
        L.Add(name="both")([a, a, coded([2, 2, 1], (2,))])
    with says("Concatenate: expected inputs of equal lengths, but input 0 and input 1 differ: 2"):
        L.Concatenate()([coded([2, 3], (2,)), coded([2, 3, 4], (2,))])


def test_what_fits_no_step_is_refused():
    a = coded([2, 3, 1], (4,))
    with says(
        "Add: expected input 1 as one row a sequence (3, 4), or as the grid that input 0 came from "
        "(3, 3, 4), got (3, 5, 4)."
    ):
        L.Add()([a, torch.zeros(3, 5, 4)])
    with says("Add: expected input 0 as one row a sequence (3, 4), or as the grid that input 1"):
        L.Add()([torch.zeros(2, 4), a])
    with says(
        "Add: got (batch, steps*, 3) as input 0 and (batch, 7, 3) as input 1. Expected input 1 as "
        "one row a sequence, or the grid that input 0 came from."
    ):
        L.Add().output_spec([sequences(width=9), Spec((7, 3))])
    with says(
        "Add: got (batch, steps*, 3) as input 0 and (batch, steps*, 2, 3) as input 1. Expected "
        "input 1 as sequences whose steps have 1 axes, too."
    ):
        L.Add().output_spec([sequences(), sequences(shape=(2, 3))])
    with says(
        "Add: expected inputs whose features fit together, got (batch, steps*, 3), (batch, 4)."
    ):
        L.Add().output_spec([sequences(), Spec((4,))])
    with says("Add: expected inputs of one batch, got (2, 3), (4, 3)."):
        L.Add()([torch.zeros(2, 3), torch.zeros(4, 3)])


def test_a_built_layer_checks_again():
    add, dot, a = L.Add(), L.Dot(2), coded([1, 1], (3,))
    add([a, a])
    with says("Add: got (batch, steps*, 3) as input 0 and (batch, steps*, 2, 3) as input 1."):
        add([a, coded([1, 1], (2, 3))])
    dot([torch.zeros(2, 4, 3), torch.zeros(2, 5, 3)])
    with says("Dot: axes 2 and 2 of (batch, steps*, 3) and (batch, steps*, 3) would leave"):
        dot([a, a])


def test_the_number_of_inputs_is_checked():
    with says("Subtract: expected two inputs, got 3."):
        L.Subtract()([coded([1])] * 3)
    with says("Dot: expected two inputs, got 1."):
        L.Dot(1)([coded([1])])
    with says("Add: expected a list of at least one input, got none."):
        L.Add()([])
    with says("Add: expected a list of inputs, got one."):
        L.Add()(coded([1]))
    with says(
        "Add: expected a list of inputs, got one: (batch, time). A Sequential has one; with "
        "several, draw a graph: y = Add(...)([a, b])."
    ):
        keras.Sequential([keras.Input((None,)), L.Add()])


# --- concatenate ---------------------------------------------------------------------------------


@given(lengths, features, st.data())
def test_in_time_each_sequence_follows_its_own(sizes, feature, data):
    other = [data.draw(st.integers(0, 4)) for _ in sizes]
    third = [data.draw(st.integers(0, 4)) for _ in sizes]
    parts = [
        coded(s, feature).map(lambda v, i=i: v + i) for i, s in enumerate((sizes, other, third))
    ]
    leaves = [p.values.clone().requires_grad_() for p in parts]
    out = L.Concatenate(axis=1)([p.with_values(v) for p, v in zip(parts, leaves, strict=True)])
    assert out.lengths.tolist() == [a + b + c for a, b, c in zip(sizes, other, third, strict=True)]
    for i, got in enumerate(out):
        assert torch.equal(got, torch.cat([p[i] for p in parts]))
    weights = torch.arange(1.0, out.steps + 1)
    (out.map(lambda v: v * weights.reshape(-1, *(1,) * len(feature)))).values.sum().backward()
    expected = out.with_values(weights)
    for i in range(len(sizes)):
        found = [
            leaf.grad[p.offsets[i] : p.offsets[i + 1]].flatten(1)[:, 0]
            if feature else leaf.grad[p.offsets[i] : p.offsets[i + 1]]
            for leaf, p in zip(leaves, parts, strict=True)
        ]  # fmt: skip
        assert torch.equal(torch.cat(found), expected[i])


def test_in_time_the_grids_widths_add_up():
    x, mask = grid(coded([2, 0, 3], (4,)), "left", extra=1)
    a = Ragged.from_padded(x, mask=mask)
    out = L.Concatenate(axis=1)([a, a])
    assert out.layout.width == 8
    assert out.layout.slots is None
    assert out.to_padded().shape == (3, 8, 4)
    assert L.Concatenate(axis=1)([a, coded([1, 1, 1], (4,))]).layout.width is None
    spec = L.Concatenate(axis=1).output_spec([sequences(width=4), sequences(width=5)])
    assert spec.width == 9
    assert spec.lengths.table[:4] == (0, 2, 4, 6)
    assert L.Concatenate(axis=1).output_spec([sequences("a"), sequences("b")]).lengths is None


def test_in_time_every_slot_of_a_grid_is_a_step():
    tokens = coded([2, 0], (3,))
    front = torch.arange(12.0).reshape(2, 2, 3)
    out = L.Concatenate(axis=1)([front, tokens])
    assert out.lengths.tolist() == [4, 2]
    assert torch.equal(out[0], torch.cat([front[0], tokens[0]]))
    assert torch.equal(out[1], front[1])
    spec = L.Concatenate(axis=1).output_spec([Spec((2, 3)), sequences()])
    assert spec.lengths.table[:3] == (2, 3, 4)


def test_features_lie_side_by_side():
    a, rows = coded([2, 0, 1], (3,)), torch.arange(6.0).reshape(3, 2)
    out = L.Concatenate()([a, rows, a])
    assert out.layout is a.layout
    assert torch.equal(out.values, torch.cat([a.values, rows[[0, 0, 2]], a.values], 1))


def test_concatenate_refuses():
    with says(
        "Concatenate: axis 0 is the batch, which a layer keeps. Before the model: "
        "Ragged.concatenate([a, b]); a sequence's steps in a row: axis=1."
    ):
        L.Concatenate(axis=0).output_spec([sequences(), sequences()])
    with says(
        "Concatenate: expected inputs that are alike except along axis 1, got (batch, steps*, 3), "
        "(batch, steps*, 4)."
    ):
        L.Concatenate(axis=1).output_spec([sequences(), sequences(shape=(4,))])
    with says(
        "Concatenate: expected input 1 as sequences or a grid (batch, time, *feature), got (batch, "
        "3). A row a sequence as one step: rows[:, None]."
    ):
        L.Concatenate(axis=1).output_spec([sequences(), Spec((3,))])
    with says("Concatenate: axis 3 of inputs that have 3 axes."):
        L.Concatenate(axis=3).output_spec([sequences(), sequences()])
    with says("Concatenate: expected axis as an integer, got 1.0."):
        L.Concatenate(axis=1.0)
    with says("Concatenate: input 0 has 2 sequences, input 1 has 1."):
        L.Concatenate(axis=1)([coded([1, 2], (3,)), coded([1], (3,))])


# --- dot -----------------------------------------------------------------------------------------


@given(lengths, st.booleans())
def test_dot_over_time_is_each_sequences_own(sizes, normalize):
    a, b = coded(sizes, (3,)), coded(sizes, (2, 2)).map(torch.cos)
    out = L.Dot(axes=1, normalize=normalize)([a, b])
    assert out.shape == (len(sizes), 3, 2, 2)
    for i in range(len(sizes)):
        x, y = a[i], b[i].flatten(1)
        if normalize and len(x):
            x, y = x / x.norm(dim=0), y / y.norm(dim=0)
        torch.testing.assert_close(out[i].flatten(1), x.T @ y)


def test_dot_of_a_query_gives_a_number_a_step():
    tokens, query = coded([2, 0, 3], (4,)), torch.arange(12.0, dtype=torch.float64).reshape(3, 4)
    for inputs, axes in (([tokens, query], (2, 1)), ([query, tokens], (1, -1))):
        out = L.Dot(axes=axes)(inputs)
        assert out.layout is tokens.layout
        expected = (tokens.values * query[tokens.sequence_ids]).sum(1)
        torch.testing.assert_close(out.values, expected)


def test_dot_refuses():
    with says(
        "Dot: axes 2 and 2 of (batch, steps*, 3) and (batch, steps*, 3) would leave a number for "
        "each pair of steps, and a Ragged has one time axis. Weights of one sequence for another: "
        "Attention()([query, value]). A number a step: "
    ):
        L.Dot(axes=2).output_spec([sequences(), sequences("y")])
    with says(
        "Dot: axes 1 and 2 of (batch, steps*, 3) and (batch, steps*, 3): a sequence's steps have "
        "no partner among the other's features. Over time: axes=1."
    ):
        L.Dot(axes=(1, 2)).output_spec([sequences(), sequences("y")])
    with says(
        "Dot: axes 1 and 1 of (batch, steps*, 3) and (batch, 7): the time of sequences has no "
        "partner in a dense tensor, whose slots may be padding. Give both as sequences: "
    ):
        L.Dot(axes=1).output_spec([sequences(), Spec((7,))])
    with says(
        "Dot: axes 2 and 2 of (batch, 2, 3) and (batch, steps*, 3) would leave other axes before "
        "time. Swap the inputs."
    ):
        L.Dot(axes=2).output_spec([Spec((2, 3)), sequences()])
    with says(
        "Dot: expected equal sizes along axes 2 and 1, got (batch, steps*, 3) and (batch, 4)."
    ):
        L.Dot(axes=-1).output_spec([sequences(), Spec((4,))])
    with says("Dot: expected inputs of equal lengths, but a sequence of 1 steps has 1 in input 0"):
        L.Dot(axes=1).output_spec([sequences(), sequences(rule=lambda n: n // 2)])
    with says("Dot: expected inputs of equal lengths, but input 0 and input 1 differ: sequence 0"):
        L.Dot(axes=1)([coded([2], (3,)), coded([1], (3,))])
    with says("Dot: input 0 has 2 sequences, but input 1 has 3 rows."):
        L.Dot(axes=-1)([coded([2, 1], (3,)), torch.zeros(3, 3)])
    with says("Dot: axis 0 of input 0 is the batch."):
        L.Dot(axes=0).output_spec([Spec((3,)), Spec((3,))])
    with says("Dot: axis 2 of input 0 is beyond its 2 axes."):
        L.Dot(axes=2).output_spec([Spec((3,)), Spec((3,))])
    with says("Dot: expected axes as an integer or two, got (1, 2, 3)."):
        L.Dot(axes=(1, 2, 3))


def test_derivatives_of_dot_over_time():
    a, b = coded([2, 0, 3], (2,)) / 1000, coded([2, 0, 3], (3,)).map(torch.cos)
    layer = L.Dot(1, dtype="float64")

    def run(x, y):
        return layer([a.with_values(x), b.with_values(y)])

    leaves = [v.values.clone().requires_grad_() for v in (a, b)]
    assert torch.autograd.gradcheck(run, leaves)
    assert torch.autograd.gradgradcheck(run, leaves)
    (alone,) = torch.autograd.grad(run(leaves[0], leaves[1].detach()).sum(), leaves[:1])
    assert alone.shape == leaves[0].shape
