"""Which sequences go into a batch: each once, the same for the same seed and epoch, shared out."""

from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad.data import Sampler
from unpad.data.sampler import checked
from unpad.testing import LawBroken, check_sampler

from ..messages import says
from ..taggers import sentences, tagger

X, Y = sentences()


def ids(batches):
    return [batch.tolist() for batch in batches]


options = st.fixed_dictionaries(
    {"shuffle": st.booleans(), "bucket_by_length": st.booleans(), "seed": st.integers(0, 2**63)},
    optional={"batch_size": st.integers(1, 7)},
)


@given(
    lengths=st.lists(st.integers(0, 9), max_size=40),
    options=options,
    steps=st.none() | st.integers(1, 20),
    epoch=st.integers(0, 3),
)
def test_each_sequence_once_an_epoch_and_the_same_whenever_it_is_asked(
    lengths, options, steps, epoch
):
    if steps is not None:
        options = {**options, "batch_size": None, "batch_steps": steps}
    sampler = Sampler(lengths, **options)
    batches = ids(sampler.epoch(epoch))
    assert sorted(chain(*batches)) == list(range(len(lengths)))
    torch.rand(3)
    sampler.epoch(epoch + 1)
    assert ids(Sampler(lengths, **options).epoch(epoch)) == batches


@given(
    lengths=st.lists(st.integers(0, 30), min_size=20, max_size=60),
    options=options,
    world=st.integers(2, 4),
)
def test_shares_are_disjoint_complete_and_alike_in_work(lengths, options, world):
    sampler = Sampler(lengths, **{"batch_size": 8, **options})
    shares = [ids(sampler.epoch(1, rank, world)) for rank in range(world)]
    for whole, *parts in zip(ids(sampler.epoch(1)), *shares, strict=True):
        assert sorted(whole) == sorted(chain(*parts))
    work = [sum(lengths[i] for batch in share for i in batch) for share in shares]
    assert max(work) - min(work) <= max(lengths)


def test_epochs_and_seeds_differ():
    sampler = Sampler([1] * 50, seed=4)
    assert ids(sampler.epoch(0)) != ids(sampler.epoch(1))
    assert ids(sampler.epoch(0)) != ids(Sampler([1] * 50, seed=5).epoch(0))


# --- fit -----------------------------------------------------------------------------------------


class Firsts(keras.callbacks.Callback):
    """Loss after the first batch, which tells the batch: weights stay where they are."""

    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(logs["loss"])


def order(model, epochs=1, start=0):
    watch = Firsts()
    model.fit(X, Y, batch_size=5, epochs=epochs, initial_epoch=start, callbacks=watch, verbose=0)
    return watch.seen


def still():
    return tagger(optimizer=keras.optimizers.SGD(0.0))


def test_the_order_is_of_the_seed_and_the_epoch_alone():
    first = order(still(), epochs=4)
    model = still()
    torch.rand(100)  # what else is drawn changes nothing
    model.predict(X, verbose=0)
    assert order(model, epochs=4) == first
    keras.utils.set_random_seed(1)
    assert order(model, epochs=4) == first
    keras.utils.set_random_seed(2)
    assert order(model, epochs=4) != first


def test_a_fit_that_goes_on_is_one_fit():
    first = order(still(), epochs=4)
    model = still()
    assert order(model, epochs=2) + order(model, epochs=4, start=2) == first
    assert order(still(), epochs=4, start=2) == first[10:]


def test_every_fit_has_an_order_of_its_own():
    model = still()
    assert len({tuple(order(model)) for _ in range(4)}) == 4


class LongestFirst(Sampler):
    def epoch(self, epoch, rank=0, world=1):
        return self.lengths.argsort(descending=True, stable=True).split(self.batch_size)


def test_a_sampler_of_ones_own():
    lengths = [len(s) for s in X]
    model = still()
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(batch)
    )
    history = model.fit(
        X, Y, sampler=LongestFirst(lengths, batch_size=10), callbacks=watch, verbose=0
    )
    assert seen == [0, 1, 2]
    assert history.history["loss"][0] == pytest.approx(model.evaluate(X, Y, verbose=0)[0], rel=1e-5)


class AnyOrder(Sampler):
    def epoch(self, epoch, rank=0, world=1):
        return torch.randperm(len(self)).split(2)


class AllToAll(Sampler):
    def epoch(self, epoch, rank=0, world=1):
        return super().epoch(epoch)


class WithoutTheLast(Sampler):
    def epoch(self, epoch, rank=0, world=1):
        return super().epoch(epoch, rank, world)[: -1 if epoch else None]


BROKEN = {
    AnyOrder: "AnyOrder: epoch 2 is another when it is asked again. Draw from a generator of the "
    "seed and the epoch: torch.Generator().manual_seed(...).",
    AllToAll: "AllToAll: 3 processes: sequence 0 is there 3 times; expected each in one batch. "
    "Epoch 0.",
    WithoutTheLast: "WithoutTheLast: sequence ",
}


def test_the_law_of_samplers():
    """What fit relies on, to ask of a sampler of one's own; and it catches what breaks it."""
    lengths = [5, 0, 3, 1, 9, 2, 2, 7]
    for options in ({}, {"batch_size": 3}, {"batch_steps": 9, "bucket_by_length": True}):
        check_sampler(lambda o=options: Sampler(lengths, **o), len(lengths))
    check_sampler(lambda: Sampler([]), 0)
    for kind, text in BROKEN.items():
        with pytest.raises(LawBroken) as caught:
            check_sampler(lambda k=kind: k(lengths, batch_size=2), len(lengths))
        assert str(caught.value).startswith(text)


def test_what_is_no_epoch_is_refused():
    class Twice(Sampler):
        def epoch(self, epoch, rank=0, world=1):
            return [[0, 1], [1]]

    with says("fit: sampler: Twice: sequence 1 is there 2 times; expected each in one batch."):
        still().fit(X, Y, sampler=Twice([1, 1]), verbose=0)
    with says("s: gives sequence 3, but there are 3, counted from 0."):
        checked([[0, 1, 3]], 3, "s")
    with says("s: sequence 2 is there in no batch; expected each in one batch."):
        checked([[0, 1]], 3, "s")
    with says("fit: expected sampler as a unpad.data.Sampler, whose epoch(k) gives the sequences"):
        still().fit(X, Y, sampler=7, verbose=0)
    with says("fit: give sampler= or batch_size=, not both: the sampler draws batches."):
        still().fit(X, Y, batch_size=3, sampler=Sampler([1] * len(X)), verbose=0)
    with says("Sampler: give batch_size= (sequences) or batch_steps= (steps), not both."):
        Sampler([1], batch_size=1, batch_steps=1)


def test_numpy_lengths():
    assert len(Sampler(np.array([1, 2]))) == 2
