"""Batches of so many real steps: within the budget, each sequence once, shared out, resumable."""

from itertools import chain, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, DataLoader, Dataset

import unpad as keras
from unpad.data import TokenBudget

from ..messages import says
from ..taggers import sentences, tagger

X, Y = sentences()

lengths = st.lists(st.integers(0, 12), max_size=60)
options = st.fixed_dictionaries(
    {
        "steps": st.integers(1, 30),
        "shuffle": st.booleans(),
        "bucket_by_length": st.booleans(),
        "seed": st.integers(0, 2**63),
    },
    optional={"batch_size": st.integers(1, 5)},
)
worlds = st.integers(1, 4)


def shares(lengths, options, world, epoch=0, **more):
    found = []
    for rank in range(world):
        budget = TokenBudget(lengths, rank=rank, world=world, **options, **more)
        budget.set_epoch(epoch)
        count = len(budget)
        found.append(list(budget))
        assert len(found[-1]) == count
    return found


@given(lengths, options, worlds, st.integers(0, 2))
def test_each_sequence_once_and_no_batch_over_the_budget(lengths, options, world, epoch):
    found = shares(lengths, options, world, epoch)
    assert sorted(chain(*chain(*found))) == list(range(len(lengths)))
    assert len({len(share) for share in found}) == 1
    for batch in chain(*found):
        assert len(batch) == 1 or sum(lengths[i] for i in batch) <= options["steps"]
        assert len(batch) <= options.get("batch_size", len(batch))
    if any(len(batch) > 1 for batch in chain(*found)):
        assert all(chain(*found))


@given(lengths, options)
def test_a_sequence_has_no_room_in_the_batch_before(lengths, options):
    options = {**options, "shuffle": False, "bucket_by_length": False, "batch_size": None}
    (alone,) = shares(lengths, options, 1)
    assert list(chain(*alone)) == list(range(len(lengths)))
    for batch, after in pairwise(alone):
        assert sum(lengths[i] for i in batch) + lengths[after[0]] > options["steps"]


@given(lengths, options, worlds)
def test_shares_are_equal_in_work_to_within_one_sequence(lengths, options, world):
    work = [sum(lengths[i] for i in chain(*s)) for s in shares(lengths, options, world)]
    assert max(work) - min(work) <= max(lengths, default=0)


def padded(found, lengths):
    return sum(len(batch) * lengths[batch].max() for share in found for batch in share)


@pytest.mark.parametrize("bucket", [True, False])
@pytest.mark.parametrize("world", [2, 3, 8])
def test_shares_of_many_are_equal_within_two_percent(bucket, world):
    # As long as sentences are: 12,000 of them, up to some 150 words, a few empty.
    drawn = np.random.default_rng(0).gamma(1.6, 10, 12_000).astype(int)
    found = shares(drawn, {"bucket_by_length": bucket, "seed": 3}, world)
    work = [int(drawn[list(chain(*share))].sum()) for share in found]
    assert max(work) <= 1.02 * min(work)
    full = [drawn[batch].sum() for share in found for batch in share]
    assert np.mean(full) > 0.95 * 4096  # the budget is used
    if bucket:  # little padding, where a loader pads
        plain = shares(drawn, {"seed": 3}, world)
        assert padded(found, drawn) < padded(plain, drawn) / 2


@given(lengths, options, worlds)
def test_what_is_left_is_dropped(lengths, options, world):
    kept = shares(lengths, {**options, "shuffle": False}, world)
    dropped = shares(lengths, {**options, "shuffle": False}, world, drop_last=True)
    assert [len(share) for share in dropped] == [max(0, len(share) - 1) for share in kept]
    assert len(set(chain(*chain(*dropped)))) == sum(len(b) for b in chain(*dropped))


@given(lengths, options, worlds, st.data())
def test_a_pass_can_be_begun_at_any_batch(lengths, options, world, data):
    budget = TokenBudget(lengths, rank=data.draw(st.integers(0, world - 1)), world=world, **options)
    budget.set_epoch(1)
    whole = list(budget)
    after = list(budget)  # epoch 2
    k = data.draw(st.integers(0, len(whole)))
    budget.set_epoch(1)
    coming = iter(budget)
    assert [next(coming) for _ in range(k)] == whole[:k]
    state = budget.state_dict()
    other = TokenBudget(lengths, rank=budget.rank, world=world, **options)
    other.load_state_dict(state)
    assert len(other) == len(whole) - k
    assert list(other) == whole[k:]
    assert list(other) == after
    other.set_epoch(1, start=k)
    assert list(other) == whole[k:]


def test_epochs_and_seeds_differ():
    budget = TokenBudget([1] * 50, steps=5, seed=4)
    first = list(budget)
    assert list(budget) != first  # the next epoch
    budget.set_epoch(0)
    assert list(budget) == first
    assert list(TokenBudget([1] * 50, steps=5, seed=5)) != first


class Counting(Dataset):
    def __init__(self):
        self.read = []

    def __getitem__(self, index):
        self.read.append(index)
        return X[index], Y[index]


def together(examples):
    return [x for x, _ in examples], [y for _, y in examples]


def test_anybodys_loader_goes_on_without_reading_what_was_there():
    lengths = [len(x) for x in X]
    data, budget = Counting(), TokenBudget(lengths, steps=12, seed=1)
    assert isinstance(budget, BatchSampler)
    loader = DataLoader(data, batch_sampler=budget, collate_fn=together)
    n = len(loader)
    whole = list(loader)
    assert len(whole) == n > 4
    data.read.clear()
    budget.set_epoch(0, start=n - 1)
    assert len(loader) == 1
    ((x, _),) = loader
    assert len(data.read) == len(x)
    assert all(np.array_equal(a, b) for a, b in zip(x, whole[-1][0], strict=True))


def test_fit_takes_it_and_trains_on_the_batches_of_a_loader_with_it():
    lengths = [len(x) for x in X]

    def budget():
        return TokenBudget(lengths, steps=12, seed=1)

    here, there = tagger(), tagger()
    here.fit(X, Y, sampler=budget(), epochs=2, verbose=0)
    loader = DataLoader(Counting(), batch_sampler=budget(), collate_fn=together)
    there.fit(loader, epochs=2, verbose=0)
    for a, b in zip(here.parameters(), there.parameters(), strict=True):
        assert torch.equal(a, b)
    before = here.evaluate(X, Y, verbose=0)
    here.fit(X, Y, sampler=TokenBudget(lengths, 12, drop_last=True), verbose=0)
    assert here.evaluate(X, Y, verbose=0) != before


def test_nothing_and_empties():
    assert list(TokenBudget([])) == []
    assert len(TokenBudget([], world=2)) == 0
    assert list(TokenBudget([0, 0, 0], shuffle=False)) == [[0, 1, 2]]
    assert list(TokenBudget([0, 0, 0], batch_size=2, shuffle=False)) == [[0, 1], [2]]
    # One sequence for two processes: the other's batch is empty.
    assert [list(TokenBudget([3], rank=r, world=2)) for r in (0, 1)] == [[[0]], [[]]]


def test_what_is_wrong_is_said():
    with says("TokenBudget: expected steps as a positive integer, got 0."):
        TokenBudget([1], steps=0)
    with says("TokenBudget: expected lengths from 0, got -2 for sequence 1."):
        TokenBudget([1, -2])
    with says("TokenBudget: expected rank as an integer from 0 to 1, got 2."):
        TokenBudget([1], rank=2, world=2)
    with says(
        "TokenBudget: sequence 1 has 9 steps, and a batch 4 at most. Cut it, give steps=9, or give "
        "longer='alone': it is a batch by itself then."
    ):
        TokenBudget([1, 9], steps=4, longer="error")
    assert list(TokenBudget([1, 9, 1], steps=4, shuffle=False)) == [[0], [1], [2]]
    state = TokenBudget([1, 2]).state_dict()
    with says(
        "TokenBudget: the state is of all_steps=3, this one has all_steps=4: its batches would be "
        "others."
    ):
        TokenBudget([1, 3]).load_state_dict(state)
    with says("fit: sampler: TokenBudget: is of the lengths of 2 sequences, x has 24."):
        tagger().fit(X, Y, sampler=TokenBudget([1, 2]), verbose=0)
    with says("fit: sampler: Sampler: is of the lengths of 2 sequences, x has 24."):
        tagger().fit(X, Y, sampler=keras.data.Sampler([1, 2]), verbose=0)
