"""In and out: padded arrays, lists, packed, nested, Arrow. Law 6: the door swings both ways."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unpad import Layout, Ragged
from unpad.testing import coded, grid

from ..strategies import batches, features, masks, sides


@given(masks(), features, st.sampled_from([np.float64, np.float32, np.int64]))
def test_law_6_the_same_grid_comes_back(mask, feature, dtype):
    x = np.arange(1, 1 + mask.size * int(np.prod(feature, dtype=int)), dtype=dtype)
    x = x.reshape(*mask.shape, *feature)
    back = Ragged.from_padded(x, mask=mask).to_padded(-7)
    assert isinstance(back, np.ndarray)
    assert back.shape == x.shape
    assert back.dtype == dtype
    assert (back[mask] == x[mask]).all()
    assert (back[~mask] == -7).all()


@given(batches(), sides)
def test_padding_may_hold_anything(ragged, side):
    x, mask = grid(ragged, side)
    opened = Ragged.from_padded(x, mask=mask)
    assert torch.equal(opened.values, ragged.values)
    assert torch.equal(opened.offsets, ragged.offsets)
    assert torch.equal(opened.mask, mask)


@given(st.lists(st.integers(0, 4), max_size=5))
def test_lengths_padding_value_and_mask_say_the_same(lengths):
    x = np.zeros((len(lengths), 5))
    for i, n in enumerate(lengths):
        x[i, :n] = 1 + np.arange(n)
    by_lengths = Ragged.from_padded(x, lengths=lengths)
    by_value = Ragged.from_padded(x, padding=0)
    by_mask = Ragged.from_padded(x, mask=x != 0)
    assert by_lengths.layout.slots is None  # right padding needs no memory of slots
    for other in (by_value, by_mask):
        assert torch.equal(other.values, by_lengths.values)
        assert torch.equal(other.offsets, by_lengths.offsets)


def test_nan_works_as_the_padding_value():
    x = np.array([[[1.0, np.nan], [np.nan, np.nan]]])
    opened = Ragged.from_padded(x, padding=np.nan)
    assert opened.lengths.tolist() == [1]


def test_the_array_is_copied():
    x = np.ones((2, 3))
    opened = Ragged.from_padded(x, lengths=3)
    x[:] = 9
    assert opened.values.tolist() == [1] * 6


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "exactly one of mask=, lengths= and padding=, got none"),
        ({"padding": 0, "lengths": 2}, "got lengths and padding"),
        ({"mask": np.ones((2, 3))}, r"expected mask as \(batch, time\) = \(2, 3\) of bool"),
        ({"mask": np.ones((2, 2), bool)}, r"got \(2, 2\) of torch.bool"),
        ({"lengths": [1, 4]}, "length of sequence 1 is 4, but the grid has 3 slots"),
        ({"lengths": [1]}, r"expected lengths as \(2,\) integers, got \(1,\)"),
    ],
)
def test_what_is_real_is_said_exactly_once(arguments, text):
    with pytest.raises(ValueError, match=text):
        Ragged.from_padded(np.ones((2, 3)), **arguments)


def test_arrays_that_are_no_grids_are_refused():
    with pytest.raises(
        ValueError, match=r"expected an array \(batch, time, \*feature\), got \(3,\)"
    ):
        Ragged.from_padded(np.ones(3), padding=0)
    with pytest.raises(ValueError, match="expected numbers, got an array of object"):
        Ragged.from_padded(np.array([[1], None], dtype=object), padding=0)


def test_a_new_grid_can_be_laid_out():
    ragged = Ragged.from_padded(np.array([[0, 1, 0, 2], [0, 0, 0, 3]]), padding=0)
    assert ragged.to_padded(padding="post").tolist() == [[1, 2], [3, 0]]
    assert ragged.to_padded(padding="pre", length=3).tolist() == [[0, 1, 2], [0, 0, 3]]
    assert ragged.to_padded(length=5).tolist() == [[0, 1, 0, 2, 0], [0, 0, 0, 3, 0]]
    with pytest.raises(ValueError, match="sequence 0 needs 4 slots, but length is 3"):
        ragged.to_padded(length=3)
    with pytest.raises(ValueError, match='padding is "post" or "pre", got \'left\''):
        ragged.to_padded(padding="left")


def test_a_gradient_flows_through_the_door():
    ragged = coded([2, 0, 1], (2,))
    values = ragged.values.clone().requires_grad_()
    ragged.with_values(values).to_padded(float("nan")).nan_to_num().sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [[1, 1]] * 3


# --- lists ----------------------------------------------------------------------------------------


@given(batches())
def test_lists_come_back(ragged):
    back = Ragged.from_list(ragged.to_list())
    assert torch.equal(back.values, ragged.values.reshape(back.values.shape))
    assert torch.equal(back.offsets, ragged.offsets)


def test_an_empty_list_takes_the_features_of_the_others():
    ragged = Ragged.from_list([[], [[1.0, 2.0]], np.zeros((0, 2))])
    assert ragged.feature == (2,)
    assert ragged.lengths.tolist() == [0, 1, 0]


def test_empty_sequences_do_not_turn_ids_into_floats():
    assert Ragged.from_list([[], [1, 2]]).dtype == torch.int64
    assert Ragged.from_list([[1], [2.5]]).dtype == torch.float64
    assert Ragged.from_list([[1, 2]], dtype=torch.float32).dtype == torch.float32


@pytest.mark.parametrize(
    ("sequences", "text"),
    [
        ([[1], 2], "expected sequence 1 as an array .* got the single number 2"),
        ([[1], "ab"], "expected sequence 1 as an array .* of numbers, got str 'ab'"),
        ([[1], [[1, 2], [3]]], "expected sequence 1 as an array .* got list"),
        ([[1], [[1, 2]]], r"sequence 1 has steps of shape \(2,\), the first has \(\)"),
        ("abc", "expected sequences of numbers, got 'abc'"),
    ],
)
def test_what_is_no_sequence_is_refused(sequences, text):
    with pytest.raises(ValueError, match=text):
        Ragged.from_list(sequences)


# --- torch's own ----------------------------------------------------------------------------------


@given(batches())
def test_packed_sequences_come_back(ragged):
    ragged = ragged[ragged.lengths > 0]
    if not ragged.batch:
        return
    back = Ragged.from_packed(ragged.to_packed())
    assert torch.equal(back.values, ragged.values)
    assert torch.equal(back.offsets, ragged.offsets)


def test_packed_sequences_are_torch_s():
    rows = [torch.arange(n, dtype=torch.float32) for n in (2, 4, 1)]
    theirs = torch.nn.utils.rnn.pack_sequence(rows, enforce_sorted=False)
    ours = Ragged.from_list(rows).to_packed()
    for a, b in zip(theirs, ours, strict=True):
        assert torch.equal(a, b)
    by_length = torch.nn.utils.rnn.pack_sequence([rows[1], rows[0], rows[2]])
    assert Ragged.from_packed(by_length).lengths.tolist() == [4, 2, 1]


def test_a_packed_sequence_holds_no_empty_one():
    with pytest.raises(ValueError, match="sequence 1 is empty, which a PackedSequence cannot hold"):
        coded([2, 0]).to_packed()
    with pytest.raises(ValueError, match="there is no sequence"):
        coded([]).to_packed()


@given(batches(feature=st.sampled_from([(1,), (3,)])))
def test_nested_tensors_share_the_values(ragged):
    if not ragged.batch:
        return
    nested = ragged.to_nested()
    assert nested.is_nested
    back = Ragged.from_nested(nested)
    assert back.values.data_ptr() == ragged.values.data_ptr()
    assert torch.equal(back.offsets, ragged.offsets)


def test_nested_tensors_with_gaps_are_copied():
    dense = torch.arange(12.0).reshape(2, 6)
    gaps = torch.nested.narrow(
        dense, 1, torch.tensor([1, 0]), torch.tensor([2, 3]), layout=torch.jagged
    )
    opened = Ragged.from_nested(gaps)
    assert [row.tolist() for row in opened] == [[1, 2], [6, 7, 8]]
    with pytest.raises(ValueError, match="expected a nested tensor of jagged layout, got Tensor"):
        Ragged.from_nested(torch.zeros(2))


# --- Arrow ----------------------------------------------------------------------------------------


@given(batches())
def test_arrow_columns_come_back(ragged):
    back = Ragged.from_arrow(ragged.to_arrow())
    assert torch.equal(back.values, ragged.values)
    assert torch.equal(back.offsets, ragged.offsets)


def test_arrow_values_are_not_copied():
    column = pa.array([[1.0, 2.0], [], [3.0]])
    opened = Ragged.from_arrow(column)
    assert opened.values.data_ptr() == column.values.buffers()[1].address
    ragged = coded([2, 1], (3,))
    assert ragged.to_arrow().values.values.buffers()[1].address == ragged.values.data_ptr()


@pytest.mark.parametrize(
    ("column", "want"),
    [
        (pa.array([[1, 2], [3]]).slice(1), [[3]]),
        (pa.chunked_array([[[1]], [[], [2, 3]]]), [[1], [], [2, 3]]),
        (pa.chunked_array([], pa.list_(pa.int64())), []),
        (pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2)), [[1, 2], [3, 4]]),
        (pa.array([[True], [False, True]]), [[True], [False, True]]),
        (pa.array([[[1, 2]], [[3, 4], [5, 6]]], pa.large_list(pa.list_(pa.int8(), 2))),
         [[[1, 2]], [[3, 4], [5, 6]]]),
    ],
)  # fmt: skip
def test_arrow_columns_of_every_kind(column, want):
    assert [row.tolist() for row in Ragged.from_arrow(column)] == want


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([1, 2]), "expected a list column, got int64"),
        ([[1]], "expected a list column, got list"),
        (pa.array([[1], None]), "sequence 1 is null"),
        (
            pa.array([[[1, 2], [3, None]]], pa.list_(pa.list_(pa.int64(), 2))),
            "of the features of step 1 of the column's values some are null and others not",
        ),
        (pa.array([["a"]]), "expected numbers in the lists, got string"),
    ],
)
def test_arrow_columns_that_are_no_sequences_are_refused(column, text):
    with pytest.raises(ValueError, match=text):
        Ragged.from_arrow(column)


def test_a_full_grid_needs_no_memory_of_slots():
    opened = Ragged.from_padded(torch.ones(2, 3), lengths=3)
    assert opened.layout is Layout.full(2, 3)


def test_a_null_step_of_an_arrow_column_is_a_hole():
    r = Ragged.from_arrow(pa.array([[1, None, 3], [None], [4]]))
    assert [s.tolist() for s in r] == [[1, 3], [], [4]] and r.layout.slots.tolist() == [0, 2, 0]
    pairs = pa.array([[[1, 2], None], [[None, None], [5, 6]]], pa.list_(pa.list_(pa.int64(), 2)))
    assert [s.tolist() for s in Ragged.from_arrow(pairs)] == [[[1, 2]], [[5, 6]]]
