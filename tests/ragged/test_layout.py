"""The layout: checked at the door, everything else derived from the offsets."""

import pytest
import torch
from hypothesis import given
from torch._subclasses.fake_tensor import FakeTensorMode

from unpad import Layout, Ragged

from ..strategies import lengths


@given(lengths)
def test_views_are_derived_from_the_lengths(sizes):
    layout = Layout.from_lengths(sizes)
    assert layout.lengths.tolist() == sizes
    assert layout.steps == sum(sizes)
    assert layout.longest == max(sizes, default=0)
    assert layout.sequence_ids.tolist() == [i for i, n in enumerate(sizes) for _ in range(n)]
    assert layout.positions.tolist() == [t for n in sizes for t in range(n)]
    assert layout.mask.tolist() == [[t < n for t in range(layout.longest)] for n in sizes]


@pytest.mark.parametrize(
    ("offsets", "text"),
    [
        ([1, 2], "offsets start at 0, got 1"),
        ([], "offsets start at 0, got nothing"),
        ([0, 3, 2], "offset 2 is 2 after 3: sequence 1 would have a negative length"),
    ],
)
def test_offsets_that_lie_are_refused(offsets, text):
    with pytest.raises(ValueError, match=text):
        Layout(torch.tensor(offsets, dtype=torch.int64))


def test_offsets_of_another_type_are_refused():
    with pytest.raises(ValueError, match=r"expected offsets as a \(batch \+ 1,\) int64 tensor"):
        Layout(torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match="got list"):
        Layout([0, 1])  # pyright: ignore


@pytest.mark.parametrize(
    ("slots", "width", "text"),
    [
        ([0, 0, 1], 4, "step 1 of sequence 0 has slot 0"),
        ([0, 5, 1], 4, "step 1 of sequence 0 has slot 5"),
        ([0, 1], 4, r"expected slots as a \(3,\) int64 tensor"),
    ],
)
def test_slots_that_lie_are_refused(slots, width, text):
    with pytest.raises(ValueError, match=text):
        Layout(torch.tensor([0, 2, 3]), torch.tensor(slots), width)


def test_a_sequence_longer_than_its_grid_is_refused():
    with pytest.raises(ValueError, match="sequence 1 has 3 steps, but the grid has 2 slots"):
        Layout(torch.tensor([0, 1, 4]), width=2)


def test_negative_and_fractional_lengths_are_refused():
    with pytest.raises(ValueError, match="length of sequence 1 is -2"):
        Layout.from_lengths([3, -2])
    with pytest.raises(ValueError, match=r"got \(2,\) of torch.float32"):
        Layout.from_lengths(torch.tensor([1.0, 2.0]))


def test_layouts_agree_whatever_the_side_of_the_padding():
    right = Layout(torch.tensor([0, 2]), width=4)
    left = Layout(torch.tensor([0, 2]), torch.tensor([2, 3]), 4)
    holes = Layout(torch.tensor([0, 2]), torch.tensor([0, 2]), 4)
    assert right.agrees(left)
    assert not right.agrees(holes)
    assert right.difference(holes) == "sequence 0 has its holes at other places"


def test_differences_name_the_first_sequence():
    a, b = Layout.from_lengths([1, 2, 3]), Layout.from_lengths([1, 4, 5])
    assert a.difference(b) == "sequence 1 has 2 steps against 4"
    assert a.difference(Layout.from_lengths([1])) == "3 sequences against 1"


def test_where_names_the_slot_if_it_is_another():
    layout = Layout(torch.tensor([0, 1, 3]), torch.tensor([3, 2, 3]), 4)
    assert layout.where(1) == "sequence 1, step 0 (slot 2 of the grid)"
    assert Layout.from_lengths([2]).where(1) == "sequence 0, step 1"


def test_steps_are_found_within_a_layout_that_holds_them():
    whole = Layout.from_lengths([3, 0, 2])
    kept = whole.keep(torch.tensor([True, False, True, False, True]))
    assert kept.within(whole).tolist() == [0, 2, 4]


def test_the_host_tells_the_counts_where_it_waits_for_nothing():
    here, elsewhere = Layout.from_lengths([2, 0, 3]), Layout.from_lengths([2, 0, 3])
    assert here.own.told_counts == [2, 0, 3]
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake = Layout(mode.from_tensor(elsewhere.offsets), _checked=True)
        assert fake.own.told_counts is None
    known = Layout(elsewhere.offsets.to("meta"), _checked=True, counts=[2, 0, 3])
    assert known.own.told_counts == [2, 0, 3]
    assert Layout(elsewhere.offsets.to("meta"), _checked=True).own.told_counts is None


def test_batches_of_equal_lengths_share_what_follows_from_their_offsets():
    narrow, wide, other = (
        Ragged.from_padded(torch.ones(3, width), lengths=[n, n, n]).layout
        for n, width in ((4, 4), (4, 9), (2, 9))
    )
    assert wide.width == 9
    assert wide.own.positions is narrow.own.positions
    assert wide.own.sequence_ids is narrow.own.sequence_ids
    assert wide.derived("test", lambda own: own.lengths.sum()) is narrow.derived("test", None)
    assert wide.derived("time", lambda own: own.time, in_grid=True) == 9
    assert narrow.derived("time", lambda own: own.time, in_grid=True) == 4
    assert other.own.positions.tolist() == [0, 1] * 3
    mask = torch.tensor([[False, True, True], [True, False, True]])
    slots = Ragged.from_padded(torch.ones(2, 3), mask=mask).layout
    assert slots.own.equal == 2
    for steps in range(100, 200):  # more than are remembered
        layout = Ragged.from_padded(torch.ones(1, 300), lengths=[steps]).layout
        assert len(layout.own.positions) == steps
    again = Ragged.from_padded(torch.ones(3, 7), lengths=[4, 4, 4]).layout
    assert again.own.positions is narrow.own.positions
    assert slots.own.alike is slots.own
    assert Layout.from_lengths([0, 0]).own.equal == Layout.from_lengths([1, 3]).own.equal == 0
