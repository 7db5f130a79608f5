"""Streams, samplers and optimisers of one's own: killed anywhere, the same bits as in peace."""

import random

import datasets
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

import unpad as keras
from unpad.data import TokenBudget

from ..messages import says
from .test_resume import Kill, Killed, X, Y, assert_same, killed_after, small, tagger
from .test_resume import fit as fit_small

L = keras.layers


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The sentences four times, in two files of row groups of five."""
    path = tmp_path_factory.mktemp("words")
    for part in range(2):
        columns = {"words": [x.tolist() for x in X * 2], "tags": [y.tolist() for y in Y * 2]}
        pq.write_table(pa.table(columns), path / f"{part}.parquet", row_group_size=5)
    return path


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr("unpad.data.source.arrow.SEQUENCES", 7)
    monkeypatch.setattr("unpad.data.source.torch_data.EXAMPLES", 7)


def batches():
    for i in range(0, len(X), 4):
        yield X[i : i + 4], Y[i : i + 4]


def loader(folder):
    budget = TokenBudget([len(x) for x in X], steps=12, seed=2, bucket_by_length=True)

    def together(some):
        return tuple(map(list, zip(*some, strict=True)))

    return DataLoader([*zip(X, Y, strict=True)], batch_sampler=budget, collate_fn=together)


def drawn():
    """Its order is drawn from numpy's stream, and something for each batch from all three."""
    for i in np.random.permutation(len(X)):
        noise = random.random() + float(torch.rand(1)) + np.random.random()
        yield X[i : i + 2], Y[i : i + 2], [noise] * len(X[i : i + 2])


def in_steps(_):
    """Sentences in another order each time, in batches, without an end."""
    ragged = keras.Ragged.from_list(X), keras.Ragged.from_list(Y)
    return keras.data.Dataset.from_tensor_slices(ragged).shuffle(9, seed=3).repeat().batch(3)


class Mixed(keras.utils.PyDataset):
    """Mixes its sentences after each epoch, as scripts of Keras do."""

    def __init__(self, _):
        super().__init__()
        self.order = np.arange(len(X))
        self.begun = 0

    def __len__(self):
        return 4

    def __getitem__(self, i):
        some = self.order[4 * i : 4 * i + 4]
        return [X[j] for j in some], [Y[j] for j in some], np.random.random(4) + self.begun

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        np.random.shuffle(self.order)


class MixedEndlessly(Mixed):
    num_batches = None

    def __getitem__(self, i):
        return super().__getitem__(i % 4)


class MixedByProcesses(Mixed):
    """Whose batches, and what is drawn for each of them, come from workers of its own."""

    def __init__(self, _):
        super().__init__(_)
        self.workers, self.use_multiprocessing = 2, True


class Rows(Dataset):
    """Sentences by number, with something that is drawn for each."""

    def __init__(self, _):
        super().__init__()

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i], Y[i], float(torch.rand(()))


class Going(IterableDataset):
    """Sentences one after another, each epoch in another order."""

    def __init__(self, _):
        super().__init__()

    def set_epoch(self, epoch):
        self.order = np.random.default_rng(epoch).permutation(len(X))

    def __iter__(self):
        return iter([(X[i], Y[i]) for i in self.order])


def mixed_by_workers(folder):
    def together(rows):
        return tuple(map(list, zip(*rows, strict=True)))

    return DataLoader(Rows(folder), 3, shuffle=True, num_workers=1, collate_fn=together)


def hub(folder):
    return datasets.Dataset.from_dict(pq.read_table(folder).to_pydict())


def named():
    """Each batch a dict of columns."""
    for x, y in batches():
        yield {"words": x, "tags": y, "more": None}


class Beside(L.Layer):
    """Steps, and what is beside each sequence where it is there."""

    def call(self, steps, rows=None):
        return steps if rows is None else steps * (1 + rows)

    def compute_output_shape(self, steps, rows=None):
        return steps


def with_optional():
    """A tagger that may be told something of each sentence."""
    words, rows = keras.Input((None,), name="words"), keras.Input((1,), name="rows", optional=True)
    h = Beside()(L.Embedding(20, 4, mask_zero=True)(words), rows)
    model = keras.Model([words, rows], L.Dense(3, activation="softmax")(L.Dropout(0.2)(h)))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def without_rows():
    for x, y in batches():
        yield [x, None], y


def of_texts():
    """A classifier of texts."""
    words = L.TextVectorization()
    words.adapt(["a b c"])
    layers = [words, L.Embedding(6, 3, mask_zero=True), L.GlobalAveragePooling1D(), L.Dense(1)]
    model = keras.Sequential([*layers[:2], L.Dropout(0.3), *layers[2:]])
    model.compile("adam", "mse")
    return model


def texts(folder):
    return pa.table({"text": ["a b", "", "c", "b b"] * 4, "y": np.arange(16.0)})


# Whose model is another.
MODELS = {"None for an input": with_optional, "texts": of_texts}
COLUMNS = {"columns": ("words", "tags")}
STREAMS = {
    "Parquet": (lambda folder: folder, {**COLUMNS, "batch_size": 4}),
    "by steps": (lambda folder: folder, {**COLUMNS, "batch_steps": 14, "bucket_by_length": True}),
    "so many batches": (lambda folder: folder, {**COLUMNS, "batch_size": 4, "steps_per_epoch": 5}),
    "function": (lambda folder: batches, {}),
    "function, so many": (lambda folder: batches, {"steps_per_epoch": 3}),
    "DataLoader": (loader, {}),
    "drawn": (lambda folder: drawn, {}),
    "drawn, so many": (lambda folder: drawn, {"steps_per_epoch": 7}),
    "Dataset": (lambda folder: in_steps(folder).take(5), {}),
    "Dataset without an end": (in_steps, {"steps_per_epoch": 4}),
    "PyDataset": (Mixed, {}),
    "PyDataset by processes": (MixedByProcesses, {}),
    "PyDataset without an end": (MixedEndlessly, {"steps_per_epoch": 4}),
    "files": (lambda folder: sorted(folder.iterdir()), {**COLUMNS, "batch_size": 4}),
    "filtered": (
        lambda folder: ds.dataset(folder).filter(~ds.field("words").is_null()),
        {**COLUMNS, "batch_size": 4},
    ),
    "record batches": (
        lambda folder: lambda: ds.dataset(folder).to_batches(batch_size=4),
        COLUMNS,
    ),
    "table": (pq.read_table, {**COLUMNS, "batch_size": 4}),
    "polars": (lambda folder: pl.from_arrow(pq.read_table(folder)), {**COLUMNS, "batch_size": 4}),
    "pandas": (lambda folder: pq.read_table(folder).to_pandas(), {**COLUMNS, "batch_size": 4}),
    "datasets": (hub, {**COLUMNS, "batch_size": 4}),
    "datasets by a function": (
        lambda folder: hub(folder).with_transform(lambda rows: {**rows}),
        {**COLUMNS, "batch_size": 4},
    ),
    "stream of datasets": (
        lambda folder: hub(folder).to_iterable_dataset().shuffle(seed=3, buffer_size=9),
        {**COLUMNS, "batch_size": 4},
    ),
    "examples": (Rows, {"batch_size": 3}),
    "examples one by one": (Going, {"batch_size": 3}),
    "DataLoader that mixes": (mixed_by_workers, {}),
    "dicts": (lambda folder: named, COLUMNS),
    "None for an input": (lambda folder: without_rows, {}),
    "texts": (texts, {"columns": ("text", "y"), "batch_size": 3}),
}


def trained(stream, folder, backup, at=None):
    make, options = STREAMS[stream]
    keras.utils.set_random_seed(5)
    model = MODELS.get(stream, tagger)()
    given = {"epochs": 3, "verbose": 0, **options}
    watchers = [] if at is None else [Kill(at, "batch")]
    try:
        history = model.fit(make(folder), callbacks=watchers, backup=backup, **given).history
    except Killed:
        return None
    history.pop("waiting", None)  # which is a time
    return dict(model.state_dict()), model.optimizer.state_dict(), dict(history), torch.rand(3)


@pytest.mark.parametrize("save_freq", ["epoch", 2])
@pytest.mark.parametrize("stream", STREAMS)
def test_interrupted_or_not(stream, save_freq, folder, tmp_path):
    def backup(name):
        return keras.callbacks.BackupAndRestore(tmp_path / name, save_freq)

    peace = trained(stream, folder, backup("peace"))
    for at in (3, 4, 5):
        found = trained(stream, folder, backup("run"), at)
        if found is not None:
            break
    else:
        found = trained(stream, folder, backup("run"))
    assert_same(found, peace)


def test_what_comes_before_is_not_read(folder, tmp_path, monkeypatch):
    from unpad.data.source.arrow import Scanned

    read, seen = Scanned.read, []

    def counted(self, plan, epoch):
        seen.append(len(plan))
        return read(self, plan, epoch)

    monkeypatch.setattr(Scanned, "read", counted)
    backup = keras.callbacks.BackupAndRestore(tmp_path, 1)
    assert trained("Parquet", folder, backup, at=14) is None
    whole = seen[0]
    seen.clear()
    assert trained("Parquet", folder, backup) is not None
    assert whole > 3
    assert min(seen) < whole / 2


def test_other_data_are_told(folder, tmp_path):
    assert trained("Parquet", folder, keras.callbacks.BackupAndRestore(tmp_path), at=25) is None
    start = f"fit: backup: {tmp_path / 'state.safetensors'} is of a fit with "
    with says(f"{start}batch_size=4, this one has batch_size=8: its batches would be others."):
        tagger().fit(folder, backup=tmp_path, batch_size=8, epochs=3, verbose=0, **COLUMNS)
    fewer = tmp_path / "fewer.parquet"
    pq.write_table(pa.table({"words": [[1]], "tags": [[1]]}), fewer)
    with says(f"{start}stream='{folder.name}', this one has stream='fewer.parquet': its batches"):
        tagger().fit(fewer, backup=tmp_path, batch_size=4, epochs=3, verbose=0, **COLUMNS)


# --- optimisers of one's own ----------------------------------------------------------------------


class Pair(keras.Model):
    """Two networks that learn against each other, each with an optimiser of its own."""

    def __init__(self, kind):
        super().__init__()
        self.making = L.Dense(2, name="making")
        self.judging = L.Dense(1, name="judging")
        self.kind = kind

    def call(self, x):
        return self.judging(self.making(x))

    def compile(self, **options):
        super().compile(optimizer=keras.optimizers.SGD(0.0), loss="mse", **options)
        self.make_optimizer = keras.optimizers.Adam(1e-2)
        if self.kind == "torch":
            self(keras.Ragged.from_list([[[1.0, 2.0]]]))
            self.judge_optimizer = torch.optim.AdamW(self.judging.parameters(), 1e-2)
            self.schedule = torch.optim.lr_scheduler.StepLR(self.judge_optimizer, 2, 0.5)
        else:
            self.judge_optimizer = keras.optimizers.AdamW(1e-2)

    def train_step(self, data):
        x, y = data
        noise = torch.rand(1)
        loss = self.compute_loss(x, y, self(x * noise, training=True))
        for part, optimizer in (
            (self.making, self.make_optimizer),
            (self.judging, self.judge_optimizer),
        ):
            weights = list(part.parameters())
            grads = torch.autograd.grad(loss, weights, retain_graph=True)
            if isinstance(optimizer, torch.optim.Optimizer):
                for weight, grad in zip(weights, grads, strict=True):
                    weight.grad = grad
                optimizer.step()
                self.schedule.step()
            else:
                optimizer.apply(grads, weights)
        return {"loss": loss}


@pytest.mark.parametrize("kind", ["ours", "torch"])
def test_several_optimizers_go_on(kind, tmp_path):
    x = [np.ones((n, 2), "float32") * n for n in (1, 3, 2, 4, 2, 5)]
    y = [s[:, :1] for s in x]

    def run(name, at=None):
        keras.utils.set_random_seed(5)
        model = Pair(kind)
        model.compile()
        backup = keras.callbacks.BackupAndRestore(tmp_path / name, 1)
        watchers = [] if at is None else [Kill(at, "batch")]
        try:
            model.fit(x, y, batch_size=2, epochs=3, callbacks=watchers, backup=backup, verbose=0)
        except Killed:
            return None
        states = model.make_optimizer.torch_optimizer.state_dict()
        other = model.judge_optimizer
        other = other if kind == "torch" else other.torch_optimizer
        schedule = model.schedule.state_dict() if kind == "torch" else {}
        return dict(model.state_dict()), states, other.state_dict(), schedule

    peace = run("peace")
    assert run("run", 2) is None
    assert run("run", 3) is None
    assert_same(run("run"), peace)


# --- what is not this fit's -----------------------------------------------------------------------


def test_a_model_of_another_configuration_is_told(tmp_path):
    """Weights of the same shapes do not make it the same model."""

    def made(activation):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([L.Embedding(20, 2, mask_zero=True), L.Dense(3, activation)])
        model.compile("adam", "mse")
        return model

    with pytest.raises(Killed):
        fit_small(made("relu"), tmp_path, Kill(1, "epoch"))
    with says(
        f"fit: backup: {tmp_path / 'state.safetensors'} is of a model with "
        "layers[1].activation='relu', this one has 'tanh': it is another model's."
    ):
        fit_small(made("tanh"), tmp_path)


COMPILED = {
    "another loss": ({"loss": "mae"}, "loss='mse', this one with 'mae'"),
    "a metric": ({"metrics": ["mae"]}, "metrics=None, this one with ['mae']"),
    "clipped": (
        {"optimizer": keras.optimizers.Adam(clipnorm=1.0)},
        "optimizer.clipnorm=None, this one with 1.0",
    ),
    "collected": (
        {"optimizer": keras.optimizers.Adam(gradient_accumulation_steps=2)},
        "optimizer.gradient_accumulation_steps=None, this one with 2",
    ),
}


@pytest.mark.parametrize("what", COMPILED)
def test_what_is_compiled_otherwise_is_told(what, tmp_path):
    killed_after(tmp_path, 1)
    changed, text = COMPILED[what]
    model = small()
    model.compile(**{"optimizer": keras.optimizers.Adam(), "loss": "mse", **changed})
    with says(
        f"fit: backup: {tmp_path / 'state.safetensors'} is of a model that was compiled with "
        f"{text}: compile as before. Remove it, or give another folder, to begin anew."
    ):
        fit_small(model, tmp_path)


def test_a_file_in_the_place_of_a_folder_or_of_a_state_is_told(tmp_path):
    file, model = tmp_path / "file", small()
    file.write_text("")
    with says(f"fit: backup: {file} is a file; give a folder.", NotADirectoryError):
        fit_small(model, file)
    fit_small(model, None)
    model.save(tmp_path / "model.keras")
    with says(
        f"fit: initial_state: {tmp_path / 'model.keras'} holds a model, and no state of a training"
    ):
        fit_small(model, None, initial_state=tmp_path / "model.keras")


def test_a_rate_that_the_script_has_changed_is_told(tmp_path):
    killed_after(tmp_path, 1, optimizer=keras.optimizers.Adam(0.01))
    with says(
        f"fit: backup: {tmp_path / 'state.safetensors'} is of Adam with lr=0.01, the model is "
        "compiled with 0.02, which going on would put aside: compile as before, and change it in a "
        "callback."
    ):
        fit_small(small(optimizer=keras.optimizers.Adam(0.02)), tmp_path)


def test_a_rate_that_a_callback_has_changed_goes_on(tmp_path):
    def halve(epoch, rate):
        return rate / 2

    def run(folder, *watchers):
        model = small(optimizer=keras.optimizers.SGD(0.08))
        schedule = keras.callbacks.LearningRateScheduler(halve)
        fit_small(model, folder, schedule, *watchers)
        return model

    peace = run(None)
    with pytest.raises(Killed):
        run(tmp_path, Kill(1, "epoch"))
    found = run(tmp_path)
    assert float(found.optimizer.learning_rate) == pytest.approx(0.01)
    assert all(map(torch.equal, peace.state_dict().values(), found.state_dict().values()))


def test_another_version_is_told_and_goes_on(tmp_path, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr("unpad.training.kept.version", lambda name: "0.0.9")
        killed_after(tmp_path, 1)
    with pytest.warns(
        UserWarning, match=r"was written with unpad 0\.0\.9; this is 0\.1\.0\. It may"
    ):
        history = fit_small(small(), tmp_path)
    assert history.epoch == [0, 1, 2]
