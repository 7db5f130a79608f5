"""A training that was interrupted anywhere and begun again ends in the bits of one that was not."""

import random

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import callbacks
from unpad.formats.checkpoint import read_state
from unpad.saving import DamagedFile
from unpad.training.state import Kept, State, taken_apart

from ..messages import says

L = keras.layers
RNG = np.random.default_rng(0)
LENGTHS = [0, 3, 5, 1, 4, 2, 6, 3, 3, 7, 2, 0, 5, 4, 1, 3]
X = [RNG.integers(1, 20, n) for n in LENGTHS]
Y = [ids % 3 for ids in X]


class Killed(BaseException):
    """In the place of a signal."""


class Kill(callbacks.Callback):
    """Ends the process, in a manner of speaking, before or after the n-th batch."""

    def __init__(self, at, hook):
        self.at, self.hook = at, hook
        self.left = at

    def state_dict(self):
        return {}

    def _count(self, hook):
        if hook == self.hook:
            self.left -= 1
            if self.left < 0:
                raise Killed

    def on_train_batch_end(self, batch, logs=None):
        self._count("batch")

    def on_test_batch_end(self, batch, logs=None):
        self._count("test")

    def on_epoch_end(self, epoch, logs=None):
        self._count("epoch")


class Counting(callbacks.Callback):
    """One of a person's own: it counts, and draws from numpy's and Python's streams."""

    def __init__(self, label):
        self.label, self.seen, self.per_epoch = label, 0, {}

    def on_epoch_begin(self, epoch, logs=None):
        self.per_epoch[epoch] = (random.random(), float(np.random.random()))

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1


class Scheduled(callbacks.Callback):
    """Holds a schedule of torch's."""

    def on_train_begin(self, logs=None):
        self.schedule = torch.optim.lr_scheduler.StepLR(self.model.optimizer, 1, 0.7)

    def on_epoch_end(self, epoch, logs=None):
        self.schedule.step()


class Unfreezes(callbacks.Callback):
    """Trains a layer from the third epoch on."""

    def on_train_begin(self, logs=None):
        self.model.layers[0].trainable = False

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            self.model.layers[0].trainable = True


def layers(**options):
    return [
        L.Embedding(20, 4, mask_zero=True, embeddings_regularizer="l2"),
        L.Dropout(0.2, seed=4),
        L.Dropout(0.2),
        L.LSTM(4, return_sequences=True, dropout=0.1, activity_regularizer="l2", **options),
        L.BatchNormalization(),
        L.Dense(3, activation="softmax"),
    ]


def compiled(model, optimizer, *metrics):
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy", *metrics])
    return model


class OwnStep(keras.Sequential):
    """A step of one's own, with a metric that the model holds."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.tracker = keras.metrics.Mean(name="tracked")

    def train_step(self, data):
        logs = super().train_step(data)
        self.tracker.update_state(logs["loss"])
        return {**logs, "tracked": self.tracker.result()}


def tagger():
    optimizer = keras.optimizers.AdamW(1e-2, use_ema=True, gradient_accumulation_steps=3)
    return compiled(keras.Sequential(layers()), optimizer, keras.metrics.F1Score(average="macro"))


def stateful():
    return compiled(keras.Sequential(layers(stateful=True)), keras.optimizers.Lion(1e-3))


def own_step():
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-2, 3, 0.9)
    return compiled(OwnStep(layers()), keras.optimizers.SGD(schedule, momentum=0.9))


def with_torch():
    model = keras.Sequential(layers())
    model(keras.Ragged.from_list(X))
    return compiled(model, torch.optim.Adam(model.parameters(), 1e-2))


def two_outputs():
    inputs = keras.Input((None,))
    hidden = L.GRU(4, return_sequences=True)(L.Embedding(20, 4, mask_zero=True)(inputs))
    tags = L.Dense(3, activation="softmax", name="tags")(hidden)
    sums = L.Dense(1, name="sums")(L.GlobalAveragePooling1D()(hidden))
    model = keras.Model(inputs, [tags, sums])
    model.compile("rmsprop", ["sparse_categorical_crossentropy", "mse"], metrics=[["accuracy"], []])
    return model


TRAININGS = {
    "tagger": (tagger, {"validation_split": 0.25}, [Counting]),
    "stateful": (stateful, {"shuffle": False}, []),
    "own step": (own_step, {}, [Counting]),
    "torch's optimizer": (with_torch, {}, [lambda label: Scheduled()]),
    "two outputs": (two_outputs, {}, []),
    "by steps": (tagger, {"batch_steps": 12, "batch_size": None, "bucket_by_length": True}, []),
    "unfrozen": (own_step, {}, [lambda label: Unfreezes()]),
}


def train(training, folder, save_freq, at=None, hook="batch"):
    """All that one training ends with; None where it was killed."""
    make, options, own = TRAININGS[training]
    keras.utils.set_random_seed(5)
    model = make()
    watchers = [
        callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True),
        *([] if at is None else [Kill(at, hook)]),
        *[make_one("mine") for make_one in own],
        callbacks.CSVLogger(folder / "log.csv"),
    ]
    y = Y if training != "two outputs" else [Y, np.arange(16.0)]
    given = {"batch_size": 4, "epochs": 4, "verbose": 0, **options}
    backup = callbacks.BackupAndRestore(folder / "backup", save_freq)
    try:
        history = model.fit(X, y, callbacks=watchers, backup=backup, **given)
    except Killed:
        return None
    found = {
        "weights": dict(model.state_dict()),
        "trained": [p.requires_grad for p in model.parameters()],
        "optimizer": model.optimizer.state_dict(),
        "history": (history.epoch, history.history),
        "callbacks": [w.state_dict() for w in watchers if not isinstance(w, Kill)],
        "log": (folder / "log.csv").read_text(),
        "carried": [layer.carried() for layer in model.layers],
        "next": [torch.rand(3), np.random.random(3), random.random()],
    }
    # What a second fit would draw.
    found["order"] = tuple(model.order_seed)[1]
    return found


def assert_same(a, b):
    a, b = taken_apart(a), taken_apart(b)
    assert a.structure == b.structure
    assert a.tensors.keys() == b.tensors.keys()
    differing = [name for name, t in a.tensors.items() if not torch.equal(t, b.tensors[name])]
    assert differing == []


@pytest.mark.parametrize("save_freq", ["epoch", 1, 3])
@pytest.mark.parametrize("training", TRAININGS)
def test_interrupted_or_not(training, save_freq, tmp_path):
    for folder in ("peace", "run"):
        (tmp_path / folder).mkdir()
    peace = train(training, tmp_path / "peace", save_freq)
    run = tmp_path / "run"
    for at, hook in [(0, "batch"), (5, "batch"), (1, "epoch"), (2, "batch"), (1, "test")]:
        found = train(training, run, save_freq, at, hook)
        if found is not None:
            break
    else:
        found = train(training, run, save_freq)
    assert_same(found, peace)
    assert not any((run / "backup").iterdir())


def small(units=2, optimizer="adam"):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([L.Embedding(20, units, mask_zero=True), L.Dense(3)])
    model.compile(optimizer, "mse")
    return model


def fit(model, folder, *watchers, x=X, epochs=3, **options):
    y = [np.zeros((len(s), 3)) for s in x]
    options = {"batch_size": 4, "verbose": 0, "backup": folder, **options}
    return model.fit(x, y, epochs=epochs, callbacks=list(watchers), **options)


def killed_after(folder, epochs=2, **options):
    with pytest.raises(Killed):
        fit(small(**options), folder, Kill(epochs, "epoch"))
    return folder / "state.safetensors"


def test_what_is_not_this_fits_is_told_and_left(tmp_path):
    file = killed_after(tmp_path)
    whole = file.read_bytes()
    start, way_out = (
        f"fit: backup: {file} ",
        "Remove it to go on from the state before, state-before.safetensors, which is still there.",
    )
    model = small(units=3)
    model(keras.Ragged.from_list(X))
    before = [w.clone() for w in model.state_dict().values()]
    name = next(iter(model.state_dict()))
    with says(
        f"{start}has {name!r} as float32 (20, 2), the model as float32 (20, 3): it is another "
        f"model's. {way_out}"
    ):
        fit(model, tmp_path)
    assert all(map(torch.equal, before, model.state_dict().values()))
    with says(f"{start}is of Adam, the model is compiled with SGD. {way_out}"):
        fit(small(optimizer="sgd"), tmp_path)
    with says(
        f"{start}is of a fit with sequences=16, this one has sequences=15: its batches would be "
        f"others. {way_out}"
    ):
        fit(small(), tmp_path, x=X[:15])
    with says(
        f"{start}is of a fit with batch_size=4, this one has batch_size=8: its batches would be "
        f"others. {way_out}"
    ):
        fit(small(), tmp_path, batch_size=8)
    assert file.read_bytes() == whole


def test_a_callback_that_is_missing_is_told(tmp_path):
    with pytest.raises(Killed):
        fit(small(), tmp_path, callbacks.EarlyStopping("loss"), Kill(2, "epoch"))
    with says(
        f"fit: backup: {tmp_path / 'state.safetensors'} is of a fit with the callback "
        "EarlyStopping, which this fit has not: it has BackupAndRestore, History. "
    ):
        fit(small(), tmp_path)


def test_a_broken_state_is_told_and_the_one_before_is_there(tmp_path):
    peace = fit(small(), None).history
    file = killed_after(tmp_path)
    content = bytearray(file.read_bytes())
    content[-3] ^= 16
    file.write_bytes(content)
    with says(
        f"fit: backup: {file} is not whole: its checksum is not that of its content. Remove it to "
        "go on from the state before, state-before.safetensors, which is still there.",
        DamagedFile,
    ):
        fit(small(), tmp_path)
    file.unlink()
    assert fit(small(), tmp_path).history == peace


def test_a_whole_training_that_is_kept_has_nothing_left_to_do(tmp_path):
    keep = lambda: callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)  # noqa: E731
    first = small()
    history = fit(first, keep())
    second, counting = small(), Counting("none")
    assert fit(second, keep(), counting).history == history.history
    assert counting.seen == 0
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))
    third = fit(second, keep(), epochs=5)
    assert third.epoch == [0, 1, 2, 3, 4]
    assert third.history["loss"][:3] == history.history["loss"]


def test_a_checkpoint_of_the_state_is_gone_on_from(tmp_path):
    peace = small()
    history = fit(
        peace, None, callbacks.ModelCheckpoint(tmp_path / "{epoch}.state.safetensors", "loss")
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        f"{n}.state.safetensors" for n in (1, 2, 3)
    ]
    model = small()
    found = fit(
        model,
        None,
        callbacks.ModelCheckpoint(tmp_path / "other" / "{epoch}.state.safetensors", "loss"),
        initial_state=tmp_path / "1.state.safetensors",
    )
    assert found.history == history.history
    assert all(map(torch.equal, peace.state_dict().values(), model.state_dict().values()))
    assert sorted(p.name for p in (tmp_path / "other").iterdir()) == [
        f"{n}.state.safetensors" for n in (2, 3)
    ]
    with says("fit: initial_state: there is no state nowhere.", FileNotFoundError):
        fit(model, None, initial_state="nowhere")
    with says("fit: expected initial_state as a file of the state of a training, got 3"):
        fit(model, None, initial_state=3)


def test_a_generator_is_not_gone_on_with(tmp_path):
    batches = ((keras.Ragged.from_list(X[:4]), keras.Ragged.from_list(Y[:4])) for _ in range(3))
    model = tagger()
    with says(
        "fit: backup: the generator can be read once, and a training that goes on must read it "
        "from its beginning. Give the function that makes it."
    ):
        model.fit(batches, backup=tmp_path, verbose=0)


def test_mistakes():
    with says("BackupAndRestore: expected save_freq as 'epoch' or a positive number of batches"):
        callbacks.BackupAndRestore("a", save_freq=0)
    with says("fit: expected backup as a folder, or a BackupAndRestore, got 3"):
        fit(small(), 3)
    with says("fit: expected one BackupAndRestore at most, got 2."):
        fit(small(), "a", callbacks.BackupAndRestore("b"))


def test_states_are_read_without_running_anything(tmp_path):
    """What a file says is looked up in no table of names: it is data and tensors."""
    file = killed_after(tmp_path)
    stored = read_state(file, "test")
    data = (dict, list, str, int, float, type(None))
    assert all(isinstance(part, data) for part in parts_of(stored.structure))
    assert all(type(tensor) is torch.Tensor for tensor in stored.tensors.values())


def parts_of(nest):
    yield nest
    inner = nest.values() if isinstance(nest, dict) else nest if isinstance(nest, list) else ()
    for part in inner:
        yield from parts_of(part)


def test_a_state_that_lacks_a_part_is_told():
    with says("says nothing of 'reading': another version of unpad wrote it"):
        State({"place": {}}).check({"place": Kept(), "reading": Kept()})
