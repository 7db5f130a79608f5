"""RepeatVector, Flatten, Reshape, Permute, Lambda: what they lay out, keep and refuse."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given

import unpad as keras
from unpad import Ragged
from unpad.core.spec import Lengths, Spec
from unpad.testing import coded, grid

from ..cases.reshaping import shrunk
from ..messages import says
from ..strategies import features, lengths, sides

L = keras.layers
SEQUENCES = Spec((6,), True, lengths=Lengths("x"))


# --- Flatten -------------------------------------------------------------------------------------


@given(lengths, features, sides)
def test_flatten_lays_out_the_callers_grid(sizes, feature, side):
    """Each step in its own slot, zeros elsewhere, nothing flows back from the zeros."""
    ragged = coded(sizes, feature)
    x, mask = grid(ragged, side)
    x = x.requires_grad_()
    out = L.Flatten()(Ragged.from_padded(x, mask=mask))
    real = mask.reshape(*mask.shape, *(1,) * len(feature))
    expected = x.detach().masked_fill(~real, 0)
    assert torch.equal(out.detach(), expected.reshape(len(sizes), x.shape[1:].numel()))
    out.sum().backward()
    assert torch.equal(x.grad, real.expand_as(x).to(x.dtype))


@given(lengths, features, sides)
def test_flatten_of_a_length_begins_at_slot_0(sizes, feature, side):
    ragged = coded(sizes, feature)
    x, mask = grid(ragged, side)
    layer = L.Flatten(length=7)
    out = layer(ragged)
    assert torch.equal(out, ragged.to_padded(0, length=7).reshape(len(sizes), out.shape[1]))
    assert torch.equal(out, layer(Ragged.from_padded(x, mask=mask)))


def test_flatten_copies_nothing_where_every_slot_holds_a_step():
    """As torch's; of fewer steps a grid is written, as many that lie otherwise are refused."""
    full, short = coded([3, 3], (2,)), coded([3, 2], (2,))
    for length in (3, None):
        layer = L.Flatten(length=length)
        given = keras.Ragged.from_padded(full.to_padded(), lengths=3)
        leaf = given.values.requires_grad_()
        out = layer(given.with_values(leaf))
        assert out.data_ptr() == leaf.data_ptr()
        assert out.tolist() == full.values.reshape(2, 6).tolist()
        (gradient,) = torch.autograd.grad(out.square().sum(), leaf)
        assert gradient.tolist() == (2 * full.values).tolist()
    out = L.Flatten(length=3)(short)
    assert out[0].tolist() == L.Flatten(length=3)(full)[0].tolist()  # alone as in company
    assert out[1].tolist() == [*short.values[3:].reshape(-1).tolist(), 0, 0]
    with pytest.raises(ValueError, match="sequence 0 has 5 steps"):
        L.Flatten(length=3)(coded([5, 1], (2,)))


def test_flatten_is_built_for_the_grid():
    """Embedding(mask_zero=True), Flatten, Dense: the padding is as if embedded as zeros."""
    model = keras.Sequential([
        keras.Input((5,), dtype="int64"), L.Embedding(9, 2, mask_zero=True), L.Flatten(),
        L.Dense(3),
    ])  # fmt: skip
    ids = torch.tensor([[0, 0, 3, 5, 1], [2, 0, 0, 0, 0], [0] * 5])
    table = model.layers[0].embeddings.detach().clone()
    table[0] = 0
    kernel, bias = model.layers[2].kernel, model.layers[2].bias
    torch.testing.assert_close(model(ids), table[ids].flatten(1) @ kernel + bias)
    assert kernel.shape == (10, 3)
    masked = keras.Sequential([keras.Input((4, 2)), L.Masking(), L.Flatten()])
    assert masked.output_spec(Spec((4, 2))).shape == (8,)
    kept = keras.Sequential([
        keras.Input((4, 2)), L.Masking(), L.Dense(3), L.LSTM(2, return_sequences=True), L.Flatten(),
    ])  # fmt: skip
    assert kept(torch.ones(3, 4, 2)).shape == (3, 8)


def test_flatten_follows_a_change_of_the_lengths():
    spec = Spec((2,), True, lengths=Lengths("x"), width=9).with_steps(lambda n: (n + 1) // 2)
    assert L.Flatten().output_spec(spec).shape == (10,)


def test_flatten_refuses():
    with says(
        "Flatten: the number of slots is not known for (batch, steps*, 6): a row of features needs "
        "the same number for every sequence. Say it: Flatten(length=100), or Input(shape=(100, "
        "...)) where sequences come as a padded array. For any length: GlobalAveragePooling1D or "
        "LSTM, which give one row a sequence."
    ):
        L.Flatten().output_spec(SEQUENCES)
    with says("Flatten: the number of slots is not known"):
        keras.Sequential([keras.Input((None,)), L.Embedding(9, 2, mask_zero=True), L.Flatten()])
    with says(
        "Flatten 'flat': expected at most 3 slots, but sequence 2 has 4 steps and reaches slot 3. "
        "Build with Flatten(length=...) long enough, or cut before: x[:, -100:]."
    ):
        L.Flatten(length=3, name="flat")(coded([3, 0, 4], (2,)))
    with says("Flatten: unknown data_format 'first'; Known are: None, channels_first"):
        L.Flatten("first")
    with says("Flatten: expected length as a positive integer or None, got 0."):
        L.Flatten(length=0)
    layer = L.Flatten()
    layer(Ragged.from_padded(torch.ones(1, 3), lengths=[2]))
    with says("Flatten: expected at most 3 slots, but sequence 0 has 1 steps and reaches slot 4."):
        layer(Ragged.from_padded(torch.ones(1, 5), mask=torch.tensor([[False] * 4 + [True]])))


def test_what_was_built_with_rows_refuses_sequences():
    """The types are checked when a layer is built; a layer may be given others later."""
    for layer, text in (
        (L.Flatten(), "Flatten: the number of slots is not known for (batch, steps*, 2)"),
        (L.RepeatVector(2), "RepeatVector: expected one row a sequence, got (batch, steps*, 2)"),
        (L.Permute((1,)), "Permute: expected 1 axes behind the batch for dims=(1,), got (batch, "),
        (L.Reshape((2, 1)), "Reshape: (2, 1) would mix the steps of (batch, steps*, 3) with"),
    ):
        layer(torch.zeros(3, 2))
        with says(text):
            layer(coded([2, 1], (3,) if isinstance(layer, L.Reshape) else (2,)))
    layer = L.Permute((2, 1))
    layer(torch.zeros(3, 2, 2))
    with says("Permute: dims=(2, 1) would move the time of (batch, steps*, 3)"):
        layer(coded([2, 1], (3,)))


def test_flatten_of_rows():
    assert L.Flatten()(torch.zeros(3)).shape == (3, 1)
    assert L.Flatten()(torch.zeros(0, 2, 3)).shape == (0, 6)
    assert L.Flatten().output_spec(Spec((None, 3))).shape == (None,)


# --- RepeatVector --------------------------------------------------------------------------------


def test_repeat_vector_like_a_sequence():
    x, mask = grid(coded([2, 0, 3], (5,)), "left")
    sequence = Ragged.from_padded(x, mask=mask)
    rows = torch.arange(6.0).reshape(3, 2).requires_grad_()
    out = L.RepeatVector(like="input")(rows, like=sequence)
    assert out.layout is sequence.layout
    assert torch.equal(out.values, rows[[0, 0, 2, 2, 2]])
    out.values.sum().backward()
    assert rows.grad[:, 0].tolist() == [2, 0, 3]
    assert torch.equal(
        L.RepeatVector(like="input")(rows, like=torch.zeros(3, 4, 1)), L.RepeatVector(4)(rows)
    )


def test_repeat_vector_draws_with_its_symbol():
    x = keras.Input((None, 5), ragged=True)
    rows = L.LSTM(3)(x)
    for drawn in (L.RepeatVector(like=x)(rows), L.RepeatVector()(rows, like=x)):
        assert str(drawn.spec) == "(batch, steps*, 3)"
        assert drawn.spec.lengths is x.spec.lengths
        assert drawn.node.options == {"like": x}


def test_repeat_vector_keeps_no_layer_inside():
    door = L.Masking()
    layer = L.RepeatVector(like=door)
    assert layer.like is door
    assert list(layer.modules()) == [layer]
    assert layer.get_config()["like"] == "masking"
    assert copy.deepcopy(layer).like.name == "masking"


def test_repeat_vector_refuses():
    rows, sequence = torch.zeros(2, 3), coded([2, 1])
    with says(
        "RepeatVector: expected one row a sequence, got (batch, steps*, 6), which is a sequence "
        "already. Reduce it first, as LSTM(return_sequences=False) or GlobalAveragePooling1D does."
    ):
        L.RepeatVector(3).output_spec(SEQUENCES)
    with says(
        "RepeatVector: how often is not known. RepeatVector(n) repeats n times; "
        "RepeatVector(like=sequence) once for each step of another sequence."
    ):
        L.RepeatVector()(rows)
    with says(
        "RepeatVector: like='input' is found by the model that the layer stands in. Called by "
        "itself: layer(rows, like=sequence)."
    ):
        L.RepeatVector(like="input")(rows)
    with says("RepeatVector: got 2 rows, but like= has 3 sequences."):
        L.RepeatVector()(rows, like=coded([1, 1, 1]))
    with says("RepeatVector: expected n or like, got both."):
        L.RepeatVector(3, like="input")
    with says("RepeatVector: built with n=3, but called with like=."):
        L.RepeatVector(3)(rows, like=sequence)
    with says("RepeatVector: expected n as a positive integer or None, got 0."):
        L.RepeatVector(0)
    with says("RepeatVector: expected (batch, feature), got (batch, 2, 3)."):
        L.RepeatVector(3)(torch.zeros(1, 2, 3))
    with says(
        "RepeatVector: expected like as a symbol, a layer or the name of one, got Ragged. A "
        "sequence is given at call: layer(rows, like=sequence)."
    ):
        L.RepeatVector(like=sequence)
    with says("RepeatVector: expected like as sequences (batch, steps*, ...), got (batch)."):
        L.RepeatVector()(rows, like=torch.zeros(2))


# --- Reshape and Permute -------------------------------------------------------------------------


def test_reshape_keeps_time_first():
    ragged = coded([2, 0, 3], (6,))
    for target, feature in (((-1, 2, 3), (2, 3)), ((7, 3, 2), (3, 2)), ((-1, 6), (6,))):
        out = L.Reshape(target)(ragged)
        assert out.layout is ragged.layout
        assert torch.equal(out.values, ragged.values.reshape(-1, *feature))
    assert L.Reshape((-1, 3)).output_spec(Spec((None, 6))).shape == (None, 3)
    assert L.Reshape((-1, 3)).output_spec(Spec((4, 6))).shape == (8, 3)


def test_reshape_refuses():
    text = (
        "Reshape: (3, -1) would mix the steps of (batch, steps*, 6) with their features. A step "
        "has 6 numbers and keeps them: target_shape=(-1, ...) with 6 numbers behind -1, which "
        "stands for time. A row a sequence: Flatten(length=...)."
    )
    with says(text):
        L.Reshape((3, -1)).output_spec(Spec((6,), True, width=9))
    # Of any number of steps Keras would make three of them.
    with says(text):
        L.Reshape((3, -1)).output_spec(Spec((6,), True))
    for target in ((-1, 3), (-1,), (6, -1, 4), ()):
        with says("Reshape: ("):
            L.Reshape(target).output_spec(SEQUENCES)
    with says("Reshape: (batch, 5) has no shape (batch, 2, 3)."):
        L.Reshape((2, 3)).output_spec(Spec((5,)))
    with says("Reshape: expected target_shape as sizes, one of them -1 at most, got (-1, -1)."):
        L.Reshape((-1, -1))
    with says("Reshape: (2, 4) has no shape (batch, 3)."):
        layer = L.Reshape((3,))
        layer.ensure_built(Spec((None,)))
        layer(torch.zeros(2, 4))


def test_permute_keeps_time_first():
    ragged = coded([2, 0, 3], (2, 3))
    out = L.Permute((1, 3, 2))(ragged)
    assert out.layout is ragged.layout
    assert torch.equal(out.values, ragged.values.transpose(1, 2))


def test_permute_refuses():
    with says(
        "Permute: dims=(2, 1) would move the time of (batch, steps*, 6), and every sequence has a "
        "time of its own. Features only: dims that begin with 1. A softmax over each sequence's "
        "steps: Lambda(Ragged.softmax); a weighted sum of them: AttentionPooling1D()."
    ):
        L.Permute((2, 1)).output_spec(SEQUENCES)
    with says(
        "Permute: expected 3 axes behind the batch for dims=(1, 3, 2), got (batch, steps*, 6)."
    ):
        L.Permute((1, 3, 2)).output_spec(SEQUENCES)
    with says("Permute: expected dims as the axes 1 to 2 in another order, got (0, 1)."):
        L.Permute((0, 1))


# --- Lambda --------------------------------------------------------------------------------------


def test_lambda_gets_the_sequences():
    ragged = coded([2, 0, 3], (3,))
    assert torch.equal(L.Lambda(lambda x: x * 2)(ragged).values, ragged.values * 2)
    assert torch.equal(L.Lambda(lambda x: x[:, -1])(ragged), ragged.last())
    assert L.Lambda(lambda x: x[:, 1:])(ragged).lengths.tolist() == [1, 0, 2]
    assert torch.equal(L.Lambda(Ragged.softmax)(ragged).values, ragged.softmax().values)
    out = L.Lambda(lambda both: both[0] - both[1])([ragged, ragged.mean()])
    assert torch.equal(out.values, (ragged - ragged.mean()).values)


def test_lambda_made_from_numpy():
    ragged = Ragged.from_list([np.ones((2, 3)), np.ones((1, 3))])
    out = L.Lambda(lambda x: x.mean())(ragged)
    assert isinstance(out, torch.Tensor)
    assert out.shape == (2, 3)


def test_lambda_is_told_the_mode():
    layer = L.Lambda(lambda x, training, by: x * by if training else x, arguments={"by": 3})
    ones = torch.ones(2, 3)
    assert layer(ones, training=True).sum() == 18
    assert layer(ones, training=False).sum() == 6


def test_lambda_spec():
    model = keras.Sequential([keras.Input((None, 3), ragged=True), L.Lambda(lambda x: x[:, -1])])
    assert str(model.output_spec(model.input_spec)) == "(batch, 3)"
    # Where it cannot be tried, what is said is taken.
    layer = L.Lambda(lambda x: x if x.any() else 1 / 0, output_shape=(7,))
    assert layer.output_spec(Spec((3,))).shape == (7,)
    layer = L.Lambda(lambda x: x, output_shape=lambda shape: (shape[0], shape[1] * 2))
    assert layer.output_spec(Spec((3,))).shape == (6,)
    layer = L.Lambda(lambda x: x.mean(), output_shape=(6,))
    assert layer.output_spec(SEQUENCES).shape == (6,)
    with says("Lambda: output_shape says (batch, 5), but the function gives (batch, 6)."):
        L.Lambda(lambda x: x.mean(), output_shape=(5,)).output_spec(SEQUENCES)


def test_lambda_refuses():
    with says("Lambda: fails on inputs (batch, steps*, 6): torch function 'flip' got a Ragged"):
        L.Lambda(lambda x: torch.flip(x, [1])).output_spec(SEQUENCES)
    with says(
        "Lambda: expected a Ragged, or one row for each of the 2 sequences, got 3. For values "
        "without sequences: x.map(function)."
    ):
        layer = L.Lambda(lambda x: x, output_shape=(6,))
        layer.ensure_built(Spec((6,)))
        layer.function = lambda x: x.values
        layer(coded([2, 1], (6,)))
    with says(
        "Lambda: gives (5, 6) for 2 sequences; it must give a Ragged, or one row for each sequence."
    ):
        L.Lambda(lambda x: x.values).output_spec(SEQUENCES)
    with says("Lambda: expected the function to give a Ragged or a tensor, got int."):
        layer = L.Lambda(lambda x: 3, output_shape=(6,))
        layer(torch.zeros(2, 6))
    with says("Lambda: expected a Ragged, or one row for each of the 2 sequences, got a single"):
        L.Lambda(lambda x: x.sum(), output_shape=())(torch.zeros(2, 6))
    with says(
        "Lambda: the function takes a mask, and there is none: a Ragged holds the real steps only."
    ):
        L.Lambda(lambda x, mask=None: x)
    with says("Lambda: mask="):
        L.Lambda(lambda x: x, mask=lambda x, m: m)
    with says("Lambda: expected function as a callable, got 3."):
        L.Lambda(3)


def test_lambda_of_a_module_is_pickled():
    layer = pickle.loads(pickle.dumps(L.Lambda(shrunk, arguments={"by": 4})))
    assert layer(torch.ones(1, 1)).item() == 0.25
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(L.Lambda(lambda x: x))
