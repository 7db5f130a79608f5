"""Per-sequence reductions, forward and backward, empty sequences included."""

import pytest
import torch
from hypothesis import given

from unpad import Layout, Ragged
from unpad.ragged import reductions
from unpad.testing import coded

from ..strategies import batches

REDUCTIONS = {
    "sum": lambda rows: rows.sum(0),
    "mean": lambda rows: rows.mean(0),
    "max": lambda rows: rows.amax(0),
    "min": lambda rows: rows.amin(0),
    "first": lambda rows: rows[0],
    "last": lambda rows: rows[-1],
}


@pytest.mark.parametrize("name", REDUCTIONS)
@given(ragged=batches())
def test_each_sequence_is_reduced_by_itself(name, ragged):
    got = getattr(ragged, name)()
    assert got.shape == (ragged.batch, *ragged.feature)
    for i, rows in enumerate(ragged):
        want = REDUCTIONS[name](rows) if len(rows) else torch.zeros(ragged.feature)
        torch.testing.assert_close(got[i], want.double())


@given(batches())
def test_softmax_is_over_each_sequence(ragged):
    for got, rows in zip(ragged.softmax(), ragged, strict=True):
        torch.testing.assert_close(got, rows.softmax(0) if len(rows) else rows)


def test_the_value_of_an_empty_sequence_can_be_chosen():
    ragged = coded([0, 2])
    assert float(ragged.max(empty=-9)[0]) == -9
    assert float(ragged.min(empty=-9)[0]) == -9
    assert float(ragged.first(empty=-9)[0]) == -9
    assert float(coded([0]).last(empty=-9)[0]) == -9


@pytest.mark.parametrize("name", [*REDUCTIONS, "softmax"])
def test_gradients(name):
    layout = coded([3, 0, 1, 2], (2,)).layout

    def function(values):
        out = getattr(Ragged(values, layout), name)()
        return out.values if isinstance(out, Ragged) else out

    values = coded([3, 0, 1, 2], (2,)).values.clone().requires_grad_()
    assert torch.autograd.gradcheck(function, values)


@pytest.mark.parametrize("name", [*REDUCTIONS, "softmax"])
@pytest.mark.parametrize("lengths", [[], [0], [0, 0]])
def test_nothing_gives_finite_values_and_zero_gradients(name, lengths):
    ragged = coded(lengths, (2,))
    values = ragged.values.clone().requires_grad_()
    out = getattr(ragged.with_values(values), name)()
    total = out.values.sum() if isinstance(out, Ragged) else out.sum()
    total.backward()
    assert float(total.detach()) == 0
    assert values.grad is not None


def test_integers_are_summed_exactly():
    ragged = Ragged.from_list([torch.tensor([2**60, 1]), torch.tensor([], dtype=torch.int64)])
    assert ragged.sum().tolist() == [2**60 + 1, 0]
    assert ragged.max().tolist() == [2**60, 0]
    assert ragged.mean().dtype == torch.float32


def test_softmax_does_not_overflow():
    out = Ragged.from_list([torch.tensor([1e4, 1e4]), torch.tensor([-1e4])]).softmax()
    assert out.values.tolist() == [0.5, 0.5, 1.0]


def test_a_sequence_has_the_same_bits_alone_and_in_company():
    ragged = coded([5, 0, 1000, 3], (7,), torch.float32)
    together = reductions.segment_sum(ragged.values, ragged.layout)
    for i in range(ragged.batch):
        alone = ragged[i : i + 1]
        assert torch.equal(reductions.segment_sum(alone.values, alone.layout)[0], together[i])


@pytest.mark.parametrize("name", ["segment_max", "segment_min"])
def test_sequences_of_one_length_are_reduced_as_any(name):
    """They go another way; ties and NaN included, to the same numbers and gradients."""
    reduce = getattr(reductions, name)
    values = torch.tensor([[1.0, 5], [3, 5], [3, 2], [0, float("nan")], [-1, 7], [-1, -1]])
    found = []
    for lengths in ([3, 3], [3, 3, 0]):
        leaf = values.clone().requires_grad_()
        rows = reduce(leaf, Layout.from_lengths(lengths))[:2]
        (gradient,) = torch.autograd.grad(rows, leaf, torch.tensor([[1.0, -2], [3, 4]]))
        found.append((rows, gradient))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_a_sum_has_the_same_bits_alone_and_on_any_number_of_threads():
    values = torch.randn(700, 96, generator=torch.Generator().manual_seed(0))
    layout = Layout.from_lengths([300, 1, 0, 399])
    alone = reductions.segment_sum(values[301:], Layout.from_lengths([399]))
    assert torch.equal(reductions.segment_sum(values, layout)[3], alone[0])
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = reductions.segment_sum(values, layout)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(one, reductions.segment_sum(values, layout))
