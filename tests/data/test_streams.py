"""Batches that come one after another: learnt from like those in memory; what is wrong is told."""

import re
from collections import deque

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import unpad as keras
from unpad import Ragged
from unpad.data.source.forms import Asked
from unpad.data.source.keras_data import Numbered as BatchesByNumber

from ..messages import says
from ..taggers import padded, sentences, tagger

X, Y = sentences()
SIZE = 5
CUT = [slice(i, i + SIZE) for i in range(0, len(X), SIZE)]


def weights(model):
    return [w.detach().clone() for w in model.parameters()]


def equal(a, b):
    return all(torch.equal(p, q) for p, q in zip(weights(a), weights(b), strict=True))


def batches():
    return [(X[cut], Y[cut]) for cut in CUT]


class Numbered(keras.utils.PyDataset):
    def __init__(self, workers=1, processes=False):
        super().__init__(workers, processes, max_queue_size=0)
        self.ended = 0

    def __len__(self):
        return len(CUT)

    def __getitem__(self, index):
        return X[CUT[index]], Y[CUT[index]]

    def on_epoch_end(self):
        self.ended += 1


class Again:
    """Neither a list nor a generator: it can be gone through again and again."""

    def __iter__(self):
        return iter(batches())


class Listed(Dataset):
    """Batches of a torch Dataset, each an example of its own to a loader without batches."""

    def __len__(self):
        return len(CUT)

    def __getitem__(self, index):
        return batches()[index]


def loader():
    return DataLoader(Listed(), batch_size=None)


FORMS = {
    "function": lambda: lambda: (b for b in batches()),
    "iterable": Again,
    "list": batches,
    "PyDataset": Numbered,
    "none ahead": lambda: Numbered(workers=0),
    "threads": lambda: Numbered(workers=3),
    "processes": lambda: Numbered(2, processes=True),
    "DataLoader": loader,
    "dicts": lambda: lambda: ({"x": x, "y": y} for x, y in batches()),
}


@pytest.mark.parametrize("form", FORMS)
def test_batches_from_anywhere_are_those_in_memory(form):
    here, there = tagger(), tagger()
    columns = ("x", "y") if form == "dicts" else None
    history = there.fit(FORMS[form](), epochs=3, shuffle=False, columns=columns, verbose=0)
    expected = here.fit(X, Y, batch_size=SIZE, epochs=3, shuffle=False, verbose=0)
    assert equal(here, there)
    assert history.history["loss"] == expected.history["loss"]
    assert all(0 <= share <= 1 for share in history.history["waiting"])
    logs = here.evaluate(X, Y, verbose=0)
    assert there.evaluate(FORMS[form](), columns=columns, verbose=0) == pytest.approx(logs)
    given = Again() if form == "list" else FORMS[form]()  # a list of tuples is sequences to predict
    found = there.predict(given, columns=columns, verbose=0)
    wanted = here.predict(X, verbose=0)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(found, wanted, strict=True))


def test_a_generator_is_read_once():
    here, there = tagger(), tagger()
    there.fit((b for b in batches()), verbose=0)
    here.fit(X, Y, batch_size=SIZE, shuffle=False, verbose=0)
    assert equal(here, there)
    with says("fit: the generator can be read once, and epochs=3 need it 3 times. Give the"):
        there.fit((b for b in batches()), epochs=3, verbose=0)


def test_weights_and_dicts_by_input():
    here, there = tagger(), tagger()
    weight = np.arange(len(X)) / 7
    there.fit(lambda: ((X[c], Y[c], weight[c]) for c in CUT), verbose=0)
    here.fit(X, Y, sample_weight=weight, batch_size=SIZE, shuffle=False, verbose=0)
    assert equal(here, there)
    a, b = keras.Input((None, 1), name="a"), keras.Input((None, 1), name="b")
    out = keras.layers.Dense(1, name="out")(keras.layers.Concatenate()([a, b]))
    model = keras.Model([a, b], out)
    model.compile("sgd", "mse")
    steps = [np.ones((n, 1)) for n in (2, 3)]
    model.fit(lambda: iter([{"a": steps, "b": steps, "out": steps}]), verbose=0)
    model.fit(lambda: iter([({"a": steps, "b": steps}, steps)]), verbose=0)
    assert len(model.predict(lambda: iter([{"a": steps, "b": steps}] * 2), verbose=0)) == 4


@pytest.mark.parametrize("side", ["left", "right", "holes"])
def test_padded_batches_of_any_width(side):
    def grids():
        for i, (x, y) in enumerate(batches()):
            yield padded(x, side, 0, 9 + i, int)[0], padded(y, side, 9, 9 + i, int)[0]

    here, there = tagger(), tagger()
    there.fit(grids(), verbose=0)
    here.fit(X, Y, batch_size=SIZE, shuffle=False, verbose=0)
    assert equal(here, there)
    found = there.predict((x for x, _ in grids()), verbose=0)
    assert found.shape == (len(X), 9 + len(CUT) - 1, 4)
    ragged = there.predict((Ragged.from_list(x) for x, _ in batches()), verbose=0)
    assert isinstance(ragged, Ragged) and len(ragged) == len(X)


# --- examples one by one -------------------------------------------------------------------------


class One(Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i], Y[i]


class Going(IterableDataset):
    def __iter__(self):
        return iter(zip(X, Y, strict=True))


@pytest.mark.parametrize("examples", [One, Going])
def test_examples_are_made_batches_of(examples):
    here, there = tagger(), tagger()
    there.fit(examples(), batch_size=SIZE, shuffle=False, epochs=2, verbose=0)
    here.fit(X, Y, batch_size=SIZE, shuffle=False, epochs=2, verbose=0)
    assert equal(here, there)
    found = there.predict(examples(), verbose=0)
    wanted = here.predict(X, verbose=0)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(found, wanted, strict=True))
    first, second = tagger(), tagger()
    for model in (first, second):
        model.fit(examples(), batch_steps=20, bucket_by_length=True, epochs=2, verbose=0)
    assert equal(first, second)
    assert not equal(first, there)


def test_tensors_of_a_data_set_are_what_they_are():
    grid, labels = (torch.tensor(padded(s, "right", 0, 9, int)[0]) for s in (X, Y))
    here, there = tagger(), tagger()
    there.fit(TensorDataset(grid, labels), verbose=0)
    here.fit(grid, labels, verbose=0)
    assert equal(here, there)


def test_the_order_of_a_loader_is_of_the_seed_and_the_epoch():
    data = TensorDataset(
        torch.tensor(padded(X, "right", 0, 9, int)[0]),
        torch.tensor(padded(Y, "right", 0, 9, int)[0]),
    )
    models = [tagger(), tagger()]
    models[0].fit(DataLoader(data, batch_size=SIZE, shuffle=True), epochs=3, verbose=0)
    torch.rand(17)
    loader = DataLoader(data, batch_size=SIZE, shuffle=True)
    models[1].fit(loader, epochs=1, verbose=0)
    torch.rand(4)
    models[1].fit(loader, epochs=3, initial_epoch=1, verbose=0)
    assert equal(*models)


# --- how much is an epoch ------------------------------------------------------------------------


def test_steps_per_epoch_go_on_where_the_epoch_before_has_stopped():
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(batch)

    def endless():
        while True:
            yield from batches()

    here, there, memory = tagger(), tagger(), tagger()
    here.fit(endless(), steps_per_epoch=3, epochs=4, callbacks=Watch(), verbose=0)
    assert seen == [0, 1, 2] * 4
    there.fit(Again(), steps_per_epoch=3, epochs=4, verbose=0)
    memory.fit(X, Y, batch_size=SIZE, shuffle=False, steps_per_epoch=3, epochs=4, verbose=0)
    assert equal(here, there) and equal(there, memory)
    went_on = tagger()
    went_on.fit(Numbered(), shuffle=False, steps_per_epoch=3, epochs=2, verbose=0)
    went_on.fit(Numbered(), shuffle=False, steps_per_epoch=3, initial_epoch=2, epochs=4, verbose=0)
    assert equal(went_on, memory)


def test_validation_from_a_stream_some_batches_and_some_epochs():
    model = tagger()
    history = model.fit(
        Again(), epochs=4, validation_data=Again(), validation_steps=2, validation_freq=2, verbose=0
    )
    assert len(history.history["loss"]) == 4 and len(history.history["val_loss"]) == 2
    history = model.fit(
        X,
        Y,
        epochs=4,
        validation_data=lambda: iter(batches()),
        validation_freq=[1, 2, 4],
        verbose=0,
    )
    assert len(history.history["val_loss"]) == 3
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(Again(), verbose=0))
    one = model.evaluate(Again(), steps=1, verbose=0)
    assert one == pytest.approx(model.evaluate(X[:SIZE], Y[:SIZE], verbose=0))
    assert len(model.predict(Again(), steps=2, verbose=0)) == 2 * SIZE
    with says(
        "fit: validation_data: the generator can be read once, and is needed after 2 epochs."
    ):
        model.fit(X, Y, epochs=2, validation_data=(b for b in batches()), verbose=0)


def test_a_py_dataset_is_shuffled_by_batches_and_told_of_each_epoch():
    data = Numbered()
    one, two, ordered = tagger(), tagger(), tagger()
    one.fit(data, epochs=3, verbose=0)
    assert data.ended == 3
    two.fit(Numbered(workers=4), epochs=3, verbose=0)
    ordered.fit(Numbered(), epochs=3, shuffle=False, verbose=0)
    assert equal(one, two) and not equal(one, ordered)


# --- what is wrong -------------------------------------------------------------------------------


def spoilt(how, at=2):
    for i, (x, y) in enumerate(batches()):
        yield how(x, y) if i == at else (x, y)


def bad_id(x, y):
    return [*x[:3], np.array([1, 99]), *x[4:]], [*y[:3], np.array([1, 0]), *y[4:]]


def raises(x, y):
    raise KeyError("no such word")


WRONG = {
    bad_id: "fit: batch 2 of epoch 1: Embedding: id 99 in sequence 3, step 1, but input_dim is 12.",
    lambda x, y: (x, y[:-1]): "fit: batch 2 of epoch 1: x has 5 sequences, y has 4.",
    lambda x, y: (
        x,
    ): "fit: batch 2 of epoch 1: expected a batch as (x, y), like the first, got (x).",
    lambda x, y: (x, y, y, y): "fit: batch 2 of epoch 1: expected a batch as x, (x, y) or (x, y, ",
    lambda x, y: ("no", y): "fit: batch 2 of epoch 1: x: expected a padded array, a list of arrays",
    raises: "fit: batch 2 of epoch 1: the generator raised KeyError: 'no such word'. No weight has",
}


@pytest.mark.parametrize("how", WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_a_bad_batch_is_named_and_moves_no_weight(how):
    model, before = tagger(), tagger()
    with pytest.raises((ValueError, RuntimeError)) as caught:
        model.fit(spoilt(how), verbose=0)
    assert str(caught.value).startswith(WRONG[how])
    assert str(caught.value).endswith("what was learnt before stands.")
    before.fit((b for b in batches()[:2]), verbose=0)
    assert equal(model, before)
    assert len(model.predict(X, verbose=0)) == len(X)
    fresh = tagger()
    untouched = weights(fresh)
    with pytest.raises((ValueError, RuntimeError)) as caught:
        fresh.fit(spoilt(how, at=0), verbose=0)
    assert "what was learnt" not in str(caught.value)
    assert all(torch.equal(a, b) for a, b in zip(untouched, weights(fresh), strict=True))


def test_generators_that_end_early_or_repeat_or_give_nothing():
    model = tagger()
    with says(
        "fit: the batches ended after 2 of the 7 of epoch 1 that steps_per_epoch=7 asks for."
    ):
        model.fit((b for b in batches()[:2]), steps_per_epoch=7, verbose=0)

    def endless():
        while True:
            yield from batches()

    with says("fit: batch 14 of epoch 1: the generator has given the same 5 batches three times"):
        model.fit(endless(), verbose=0)
    with says("fit: the generator gave no batch."):
        model.fit((b for b in []), verbose=0)
    left = iter(batches())
    with says("fit: <lambda>() gave no batch in epoch 2. A function must make a new one each time"):
        model.fit(lambda: left, epochs=2, verbose=0)


def test_a_batch_size_beside_batches_changes_nothing_and_says_so():
    """As in Keras, whose guide gives it beside a PyDataset; there without a word."""
    told, quiet = tagger(), tagger()
    quiet.set_weights(told.get_weights())
    text = "fit: batch_size=3 changes nothing beside the Again, whose batches are made already."
    with pytest.warns(UserWarning, match=re.escape(text)) as seen:
        told.fit(Again(), batch_size=3, shuffle=False, verbose=0)
    assert len(seen) == 1 and seen[0].filename == __file__
    quiet.fit(Again(), shuffle=False, verbose=0)
    for a, b in zip(told.get_weights(), quiet.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_said_of_validation_where_there_is_none_changes_nothing_and_says_so():
    with pytest.warns(UserWarning, match=r"fit: validation_steps=3 changes nothing, since nothing"):
        tagger().fit(X, Y, validation_steps=3, verbose=0)
    with pytest.warns(UserWarning, match=r"fit: validation_batch_size=3 changes nothing, since"):
        tagger().fit(Again(), validation_batch_size=3, verbose=0)


def test_packed_sequences_are_batches_too():
    def packed():
        for x, y in batches():
            some = [i for i, s in enumerate(x) if len(s)]
            yield tuple(
                torch.nn.utils.rnn.pack_sequence([torch.as_tensor(s[i]) for i in some], False)
                for s in (x, y)
            )

    here, there = tagger(), tagger()
    there.fit(packed(), verbose=0)
    here.fit((tuple(map(Ragged.from_packed, b)) for b in packed()), verbose=0)
    assert equal(here, there)
    one = next(packed())
    assert len(there.predict(one[0], verbose=0)) == len(Ragged.from_packed(one[0]))


def test_rows_by_name_that_cannot_be_stacked_are_told_with_their_way():
    data = [{"x": x, "y": y} for x, y in zip(X, Y, strict=True)]
    with pytest.raises(RuntimeError, match=r"collate_fn=lambda rows: \{name: "):
        tagger().fit(DataLoader(data, batch_size=4), columns=("x", "y"), verbose=0)


def test_what_does_not_go_with_a_stream_is_refused():
    model = tagger()
    with says("fit: y beside the Again: its batches must hold all that belongs together"):
        model.fit(Again(), Y, verbose=0)
    with says("fit: batch_steps= beside the Again, whose batches are made already. Leave it out."):
        model.fit(Again(), batch_steps=30, verbose=0)
    with says("fit: bucket_by_length= beside the Again, whose batches are made already."):
        model.fit(Again(), bucket_by_length=True, verbose=0)
    with says("fit: validation_split cuts data in memory, got x as the Again."):
        model.fit(Again(), validation_split=0.5, verbose=0)
    with says("fit: sampler= chooses among sequences in memory, got x as the Again."):
        model.fit(Again(), sampler=keras.data.Sampler([1]), verbose=0)
    with says("fit: columns names the columns of a table, a frame or a data set, got x as list"):
        model.fit(X, Y, columns=("a", "b"), verbose=0)
    with says("fit: expected validation_freq as a positive integer, got 0."):
        model.fit(X, Y, validation_freq=0, verbose=0)
    with says("Numbered: expected workers as an integer from 0, got -1."):
        Numbered(-1)


@pytest.mark.parametrize("processes", [False, True])
def test_what_goes_wrong_in_a_worker_is_told(processes):
    class Wrong(Numbered):
        def __getitem__(self, index):
            if index == 1:
                raise KeyError("no such recording")
            return super().__getitem__(index)

    with pytest.raises(RuntimeError, match="no such recording"):
        tagger().fit(Wrong(2, processes), verbose=0, shuffle=False)


@pytest.mark.parametrize("workers", [None, 1])
def test_an_example_that_cannot_be_read_is_named(workers):
    class Rows(Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, i):
            if i == 3:
                raise OSError("no such row")
            return X[i], Y[i]

    data, told = Rows(), "piece 0: the Rows raised RuntimeError: example 3: OSError: no such row."
    if workers is not None:
        options = {
            "num_workers": workers,
            "collate_fn": lambda r: tuple(map(list, zip(*r, strict=True))),
        }
        data = DataLoader(Rows(), batch_size=2, **options)
        told = "batch 1 of epoch 1: the DataLoader raised OSError: no such row."
    with says(f"fit: {told} No weight has moved", RuntimeError):
        tagger().fit(data, verbose=0)


def test_processes_draw_by_the_epoch():
    class Drawing(Numbered):
        def __getitem__(self, index):
            return [torch.rand(3, 1) for _ in range(2)], [torch.rand(3, 1) for _ in range(2)]

    asked = Asked("fit")
    first, again, other = (
        [x[0][0] for x in BatchesByNumber(Drawing(2, processes=True), asked).read(epoch, None)]
        for epoch in (0, 0, 1)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_doctor_looks_at_the_first_batches():
    steps = np.random.default_rng(0).normal(size=(6, 7, 3))
    for i in range(6):
        steps[i, 2 + i :] = 0
    wrong = steps.transpose(0, 2, 1).reshape(6, 7, 3)
    model = keras.Sequential([keras.layers.Masking(), keras.layers.LSTM(2), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(keras.doctor.DataWarning, match="what reshape makes of an array"):
        model.fit(lambda: iter([(wrong, np.ones(6))]), verbose=0)


def test_single_sequences_are_no_batches_and_that_is_said():
    """Pairs of one sequence each, from a generator or `zip`, in front of a layer that masks."""
    x = [np.array([1, 2, 3]), np.array([4, 5])]
    model = keras.Sequential(
        [keras.layers.Embedding(9, 4, mask_zero=True), keras.layers.LSTM(4, return_sequences=True)]
    )
    model.compile("sgd", "mse")
    with says(
        "fit: batch 0 of epoch 1: Embedding: mask_zero needs ids as (batch, time), or (batch, "
        "time, inner time) for sequences of sequences, got (batch). One sequence alone is a batch "
        "of one: ids[None]. No weight has moved."
    ):
        model.fit(zip(x, x, strict=True), verbose=0)
    floats = keras.Sequential([keras.layers.Masking(), keras.layers.LSTM(4)])
    with says("Masking: expected (batch, time, feature), got (batch, 2)"):
        floats.predict(np.ones((3, 2), "float32"), verbose=0)


def test_a_deque_of_sequences_stands_beside_y():
    """As a list does; alone it is gone through, as anything that can be."""
    x = [np.array([1, 2, 3]), np.array([4, 5])]
    y = [np.array([0, 1, 0]), np.array([1, 1])]
    losses = []
    for kind in (list, deque):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.layers.Embedding(9, 4, mask_zero=True), keras.layers.Dense(2)]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss)
        losses.append(model.fit(kind(x), kind(y), verbose=0).history["loss"])
    assert losses[0] == losses[1]
