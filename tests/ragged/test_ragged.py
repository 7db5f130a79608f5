"""The type: immutable, indexed by sequence, computing on equal layouts only."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unpad import Layout, Ragged
from unpad.ragged.elementwise import ELEMENTWISE
from unpad.testing import coded

from ..strategies import batches, lengths


def test_values_and_offsets_must_fit():
    with pytest.raises(ValueError, match=r"with 3 steps, .* got \(2,\)"):
        Ragged(torch.zeros(2), torch.tensor([0, 3]))
    with pytest.raises(ValueError, match="expected values as a tensor, got list"):
        Ragged([1, 2], torch.tensor([0, 2]))  # pyright: ignore
    with pytest.raises(ValueError, match=r"expected values as \(steps, \*feature\)"):
        Ragged(torch.tensor(1.0), torch.tensor([0, 1]))


def test_it_is_immutable():
    ragged = coded([1])
    with pytest.raises(AttributeError, match="immutable"):
        ragged._values = torch.zeros(1)
    with pytest.raises(AttributeError, match="immutable"):
        ragged.layout = Layout.from_lengths([1])  # pyright: ignore


@given(batches(), st.data())
def test_indexing_is_that_of_a_list(ragged, data):
    rows = ragged.to_list()
    n = len(rows)
    cut = data.draw(st.slices(n))
    same(ragged[cut], rows[cut], ragged.feature)
    if n:
        i = data.draw(st.integers(-n, n - 1))
        assert torch.equal(ragged[i], rows[i])
        index = data.draw(st.lists(st.integers(-n, n - 1), max_size=8))
        same(ragged[index], [rows[j] for j in index], ragged.feature)
        same(ragged[np.array(index, dtype=int)], [rows[j] for j in index], ragged.feature)
        keep = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
        same(ragged[torch.tensor(keep)], [r for r, k in zip(rows, keep, strict=True) if k], ...)


def same(ragged, rows, feature):
    """The Ragged holds exactly these sequences."""
    assert len(ragged) == len(rows)
    if feature is not ...:
        assert ragged.feature == feature
    for a, b in zip(ragged.to_list(), rows, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (3, "sequence 3 of 3"),
        ([0, 5], "sequence 5 of 3"),
        ((0, 1), r"expected \[:, time, ...\] or \[..., feature\], got \[0, 1\]"),
        (torch.tensor([True, False]), r"expected \(3,\), got \(2,\)"),
        (torch.tensor([0.5]), "expected an int, a slice or"),
    ],
)
def test_an_index_that_is_none_is_refused(index, text):
    with pytest.raises(IndexError, match=text):
        coded([1, 2, 3])[index]


def test_a_run_of_sequences_is_a_view():
    ragged = coded([2, 3, 1], (2,))
    assert ragged[1:].values.data_ptr() == ragged.values[2:].data_ptr()
    assert ragged[1].data_ptr() == ragged.values[2:].data_ptr()


@given(st.lists(lengths, min_size=1, max_size=3))
def test_concatenation_joins_the_lists(many):
    parts = [coded(sizes, (2,)) for sizes in many]
    joined = Ragged.concatenate(parts)
    same(joined, [row for part in parts for row in part], (2,))


def test_concatenation_keeps_the_slots_and_the_widest_grid():
    left = Ragged.from_padded(np.array([[0, 0, 7]]), padding=0)
    right = Ragged.from_padded(np.array([[5, 0, 0, 0]]), padding=0)
    joined = Ragged.concatenate([left, right])
    assert joined.to_padded().tolist() == [[0, 0, 7, 0], [5, 0, 0, 0]]
    with pytest.raises(ValueError, match="got no batch"):
        Ragged.concatenate([])
    with pytest.raises(ValueError, match=r"batch 1 has steps of shape \(2,\), the first has \(\)"):
        Ragged.concatenate([coded([1]), coded([1], (2,))])


# --- arithmetic -----------------------------------------------------------------------------------


@given(batches(feature=st.just((3,))))
def test_arithmetic_is_that_of_each_sequence(ragged):
    row = torch.arange(3.0, dtype=torch.float64)
    per_sequence = torch.arange(ragged.batch * 3, dtype=torch.float64).reshape(-1, 3)
    for other, of in (
        (2.0, lambda i: 2.0),
        (row, lambda i: row),
        (per_sequence, lambda i: per_sequence[i]),
        (per_sequence[:, :1], lambda i: per_sequence[i, :1]),
        (ragged, lambda i: ragged[i]),
    ):
        for name, got in (
            ("+", ragged + other),
            ("*", ragged * other),
            ("-", ragged - other),
            ("r-", other - ragged),
            ("<", ragged < other),
        ):
            for i, mine in enumerate(ragged):
                want = {
                    "+": lambda m, o: m + o,
                    "*": lambda m, o: m * o,
                    "-": lambda m, o: m - o,
                    "r-": lambda m, o: o - m,
                    "<": lambda m, o: m < o,
                }[name](mine, of(i))
                assert torch.equal(got[i], want), (name, i)


def test_a_vector_of_one_number_a_sequence_goes_to_sequences_and_not_to_features():
    ragged = coded([2, 1, 0])
    scaled = ragged * torch.tensor([10.0, 100.0, 1000.0], dtype=torch.float64)
    assert torch.equal(scaled[1], ragged[1] * 100)
    # Three sequences of three features: a (3,) vector is features, (3, 1) is sequences.
    square = coded([2, 1, 1], (3,))
    weights = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    assert torch.equal((square * weights)[1], square[1] * weights)
    assert torch.equal((square * weights[:, None])[1], square[1] * 2)


def test_shapes_that_fit_nothing_are_refused():
    with pytest.raises(ValueError, match=r"got \(4,\). Expected a scalar, a feature vector \(3,\)"):
        coded([2, 1], (3,)) * torch.zeros(4)
    with pytest.raises(ValueError, match=r"one row a sequence \(2, 3\)"):
        coded([2, 1], (3,)) * torch.zeros(5, 3)


def test_other_layouts_are_refused_by_the_first_sequence_that_differs():
    with pytest.raises(ValueError, match="different layouts: sequence 1 has 3 steps against 1"):
        coded([2, 3]) + coded([2, 1])


def test_tensors_and_arrays_on_the_left_do_not_take_it_apart():
    ragged = coded([2, 1])
    for other in (torch.tensor(2.0, dtype=torch.float64), np.float64(2), np.array(2.0)):
        assert isinstance(other * ragged, Ragged)
        assert torch.equal((other - ragged).values, 2 - ragged.values)
        assert torch.equal((other < ragged).values, ragged.values > 2)


def test_torch_functions_are_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"torch function 'flip' got a Ragged.*ragged.map"):
        torch.flip(coded([1]), [0])  # pyright: ignore
    with pytest.raises(TypeError, match="unsupported operand"):
        coded([1]) + "a"


@pytest.mark.parametrize("function", sorted(ELEMENTWISE, key=str), ids=lambda f: f.__name__)
def test_torch_functions_of_single_numbers_run_on_the_values(function):
    """With as many others beside as they take: a number, or another batch of the same layout."""
    ragged = coded([2, 0, 1], (3,)).map(lambda v: v.abs() / 1000 + 0.1)
    whole = ragged.map(lambda v: (v * 100).long())
    flags = ragged > 0.3
    of_tensor = getattr(torch.Tensor, function.__name__, None) is function
    if of_tensor:  # a tensor calls it, on its left
        row = torch.full((3,), 0.2, dtype=torch.float64)
        ways = [(row, ragged), (row.long(), whole), (row, flags, ragged), (row, ragged, ragged)]
    else:
        ways = [(ragged,), (whole,), (ragged, 0.2), (ragged, ragged * 2), (whole, whole * 2)]
        ways += [(ragged, 0.1, 0.2), (ragged, ragged * 2, ragged), (flags, ragged, ragged * 2)]
    arity = 0
    for way in ways:
        inner = [part.values if isinstance(part, Ragged) else part for part in way]
        if arity and len(way) != arity:
            break
        try:
            wanted = function(*inner)
        except (TypeError, RuntimeError):
            continue
        if not isinstance(wanted, torch.Tensor):
            continue
        arity = len(way)
        got = function(*way)
        assert got.layout is ragged.layout
        torch.testing.assert_close(got.values, wanted, rtol=0, atol=0, equal_nan=True)
    assert arity or of_tensor


# --- map, to, keep, reversed ----------------------------------------------------------------------


def test_map_takes_functions_modules_and_numpy_functions():
    ragged = coded([2, 0, 1], (3,))
    assert ragged.map(torch.nn.Linear(3, 5).double()).feature == (5,)
    torch.testing.assert_close(ragged.map(np.tanh).values, ragged.values.tanh())
    with pytest.raises(ValueError, match=r"expected one row for each of the 3 steps, got \(2,\)"):
        ragged.map(lambda v: v.mean(0)[:2])
    with pytest.raises(ValueError, match="expected the function to give a tensor, got float"):
        ragged.map(lambda v: 1.0)


def test_to_changes_type_and_leaves_the_layout():
    ragged = coded([2, 0], (3,))
    assert ragged.to(torch.float32).dtype == torch.float32
    assert ragged.to("cpu", torch.float16).dtype == torch.float16
    assert ragged.to(torch.float32).layout is ragged.layout


def test_dropped_steps_leave_holes_that_are_remembered():
    ragged = coded([3, 2])
    kept = ragged.keep(torch.tensor([False, True, True, True, False]))
    assert kept.lengths.tolist() == [2, 1]
    assert kept.mask.tolist() == [[False, True, True], [True, False, False]]
    assert ragged.keep(torch.ones(5, dtype=torch.bool)) is ragged
    with pytest.raises(ValueError, match=r"expected \(5,\) bool"):
        ragged.keep(torch.ones(4, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"^Ragged\.keep: got a sparse tensor \(coo\)"):
        ragged.keep(torch.ones(5, dtype=torch.bool).to_sparse())


@given(batches())
def test_reversed_turns_each_sequence_by_itself(ragged):
    for mine, turned in zip(ragged, ragged.reversed(), strict=True):
        assert torch.equal(turned, mine.flip(0))


# --- numpy, copies, repr --------------------------------------------------------------------------


def test_numpy_in_numpy_out():
    made = Ragged.from_list([np.array([1.0, 2.0]), np.array([3.0])])
    assert isinstance(made[0], np.ndarray)
    assert isinstance((made * 2).sum(), np.ndarray)
    assert isinstance(made.to_padded(), np.ndarray)
    assert isinstance(made.values, torch.Tensor)
    tensors = Ragged.from_list([torch.tensor([1.0, 2.0])])
    assert isinstance(tensors[0], torch.Tensor)
    needs_gradient = made.with_values(made.values.clone().requires_grad_())
    assert isinstance(needs_gradient.sum(), torch.Tensor)


def test_it_is_copied_and_pickled_whole():
    ragged = Ragged.from_padded(np.array([[0, 3, 0, 4], [0, 0, 0, 0]]), padding=0)
    for other in (copy.deepcopy(ragged), pickle.loads(pickle.dumps(ragged))):
        assert other.to_padded().tolist() == ragged.to_padded().tolist()
        assert isinstance(other[0], np.ndarray)


def test_a_person_can_read_it():
    ragged = Ragged.from_list([[1.5, 2, 3], [], list(range(9)), [1], [2], [3, 4]])
    assert repr(ragged) == (
        "Ragged(6 sequences, 16 steps, float64)\n"
        "  0: [1.5 2 3] (3)\n"
        "  1: [] (0)\n"
        "  2: [0 1 2 3 4 5 ...] (9)\n"
        "  3: [1] (1)\n"
        "  4: [2] (1)\n"
        "  ... lengths 0 to 9"
    )
    assert repr(coded([1], (5,))).splitlines()[0] == "Ragged(1 sequence, 1 step of (5,), float64)"
