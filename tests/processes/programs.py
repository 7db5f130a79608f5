"""What the two processes do in the tests of this room: each function runs in both."""

import contextlib
import io
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

import unpad as keras
from unpad import callbacks, metrics
from unpad.metrics.given import FromTorchmetrics
from unpad.ranks import at_work, join

from . import cases
from .pair import this

L = keras.layers


def tagger(*more, **options):
    keras.utils.set_random_seed(2)
    return cases.compiled(cases.tagger(*more), **options)


def pieces(model, *found):
    """Weights as lists, with what else is compared."""
    return [w.tolist() for w in model.get_weights()], *found


# --- streams -------------------------------------------------------------------------------------


def _batches(size=6):
    x, y = cases.sequences()
    x, y = x[2:], y[2:]
    for at in range(0, len(x), size):
        yield keras.Ragged.from_list(x[at : at + size]), keras.Ragged.from_list(y[at : at + size])


class Pairs(torch.utils.data.Dataset):
    def __init__(self):
        self.x, self.y = cases.sequences()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Counted(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return list(_batches())[i]


def together(items):
    x, y = zip(*items, strict=True)
    return keras.Ragged.from_list(list(x)), keras.Ragged.from_list(list(y))


def streamed(kind, folder):
    """A fit, an evaluation and predictions of a stream."""
    model, options = tagger(metrics=["accuracy"]), {}
    if kind == "function":
        data = _batches
    elif kind == "generator":
        data, options = (b for _ in range(4) for b in _batches()), {"steps_per_epoch": 3}
    elif kind == "loader":
        data = DataLoader(Pairs(), batch_size=5, shuffle=True, collate_fn=together)
    elif kind == "PyDataset":
        data = Counted()
    else:
        data = Path(folder)
        options = {"columns": ("words", "tags"), "batch_size": 6 // this().world}
    history = model.fit(data, epochs=2, verbose=0, validation_data=_batches, **options).history
    history.pop("waiting")
    whole = _batches if kind != "table" else Path(folder)
    named = {} if kind != "table" else {"columns": ("words", "tags")}
    found = model.evaluate(whole, verbose=0, **named)
    named = {} if kind != "table" else {"columns": "words"}
    predicted = model.predict(
        (lambda: (x for x, _ in _batches())) if kind != "table" else whole, **named
    )
    predicted = (
        predicted if isinstance(predicted, keras.Ragged) else keras.Ragged.from_arrow(predicted)
    )
    return pieces(model, history, found, predicted.lengths.tolist(), predicted.values.tolist())


def other_batches():
    """Streams that differ: one ends early; one gives something else."""
    rank = this().rank

    def shorter():
        yield from list(_batches())[: 3 - rank]

    def others():
        yield from _batches(6 - rank)

    found = []
    for stream in (shorter, others):
        try:
            tagger().fit(stream, verbose=0)
        except ValueError as error:
            found.append(str(error))
    return found


def other_data():
    x, y = cases.ragged(26 - this().rank)
    tagger().fit(x, y, verbose=0)


# --- evaluate, predict ---------------------------------------------------------------------------


class Share(metrics.Metric):
    """Keras's way: the mean probability of the right tag."""

    def __init__(self):
        super().__init__("share")
        self.total = self.add_weight(name="total")
        self.count = self.add_weight(name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(y_pred[torch.arange(len(y_true)), y_true.long()].sum())
        self.count.assign_add(len(y_true))

    def result(self):
        return self.total / self.count


def evaluated():
    import torchmetrics

    x, y = cases.ragged()
    asked = [
        "accuracy",
        Share(),
        metrics.F1Score(average="macro", name="f1"),
        metrics.SparseTopKCategoricalAccuracy(2, name="top"),
        torchmetrics.classification.MulticlassAUROC(3),
        torchmetrics.classification.MulticlassAccuracy(3),
    ]
    model = tagger(metrics=asked)
    all_of_it = model.evaluate(x, y, verbose=0, return_dict=True)
    few = model.evaluate(x[:1], y[:1], verbose=0, return_dict=True)
    some = model.evaluate(x, y, batch_size=4, steps=3, verbose=0, return_dict=True)
    return all_of_it, few, some, model.fit(x, y, verbose=0, batch_size=3).history


def asked_without_a_fit():
    """What metrics say by themselves of steps of which each process has seen others, and again."""
    import torchmetrics

    y, p = torch.tensor([0, 1, 1, 0]), torch.tensor([0.1, 0.9, 0.4, 0.5])
    mine = slice(None) if this().alone else [slice(0, 3), slice(3, 4)][this().rank]
    kinds = [metrics.Precision, metrics.AveragePrecision, metrics.MeanSquaredError, metrics.AUC]
    found = [metric() for metric in kinds]
    for metric in found:
        metric.update_state(y[mine], p[mine])
    theirs = torchmetrics.classification.BinaryAveragePrecision()
    theirs.update(p[mine], y[mine])
    told = [float(metric.result()) for metric in found] + [float(theirs.compute())]
    for metric in found:
        metric.update_state(y[mine], p[mine])
    return told, [float(metric.result()) for metric in found]


def asked_where_one_has_seen_nothing():
    """The same where all steps came to the first process, and where none has come to any."""
    import torchmetrics

    y, p = torch.tensor([0, 1, 1, 0]), torch.tensor([0.1, 0.9, 0.4, 0.5])
    kinds = [metrics.Precision, metrics.R2Score, metrics.MeanSquaredError, metrics.AUC]
    found = [metric() for metric in kinds]
    theirs = FromTorchmetrics(torchmetrics.classification.BinaryAccuracy())
    nothing = [float(metric.result()) for metric in found]
    for metric in found:
        metric.reset_state()
        if this().rank == 0:
            metric.update_state(y, p)
    if this().rank == 0:
        theirs.update_state(y, p)
    return nothing, [float(metric.result()) for metric in (*found, theirs)]


def predicted():
    x, _ = cases.sequences()
    model = tagger()
    grid = np.zeros((len(x), 9), dtype=int)
    for row, ids in zip(grid, x, strict=True):
        row[: len(ids)] = ids
    listed = model.predict(x, batch_size=3)
    dense = keras.Sequential([L.Dense(2, kernel_initializer="ones")]).predict(grid * 1.0)
    one = model.predict(x[1:2])
    return [p.tolist() for p in listed], dense.tolist(), [p.tolist() for p in one]


# --- callbacks, prints, files --------------------------------------------------------------------


def watched(folder):
    """What callbacks see, what is printed, which files there are."""
    x, y = cases.ragged()
    folder = Path(folder) / str(this().rank)
    folder.mkdir()
    told = []
    by_hand = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: told.append((batch, dict(logs))),
        on_epoch_end=lambda epoch, logs: told.append((epoch, dict(logs))),
    )

    class Stops(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if this().rank and batch == 2:
                self.model.stop_training = True

    every = [
        by_hand,
        callbacks.CSVLogger(folder / "log.csv"),
        callbacks.ModelCheckpoint(
            str(folder / "best.pt"), "loss", save_weights_only=True, verbose=1
        ),
        callbacks.ModelCheckpoint(str(folder / "a.state.safetensors"), "loss"),
        callbacks.EarlyStopping("loss", patience=0, verbose=1, min_delta=10),
    ]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        tagger().fit(x, y, batch_size=8, epochs=5, verbose=2, callbacks=every)
    stopped = tagger().fit(x, y, batch_size=2, epochs=3, verbose=0, callbacks=[Stops()])
    return told, printed.getvalue(), sorted(os.listdir(folder)), len(stopped.epoch)


# --- random numbers ------------------------------------------------------------------------------


class Noted(L.Layer):
    def __init__(self, notes, **kwargs):
        super().__init__(**kwargs)
        self.note = notes.append

    def call(self, x):
        if self.training and isinstance(x, keras.Ragged) and not at_work().alone:
            self.note((x.values != 0).sum().item())
        return x


def dropped(seed):
    """Twice the same fit with dropout; and where torch's own stream stands behind it."""
    x, y = cases.ragged()
    found = []
    for _ in range(2):
        notes = []
        model = tagger(L.Dropout(0.5, seed=seed), Noted(notes))
        model.fit(x, y, batch_size=13, epochs=2, verbose=0)
        found.append((pieces(model), notes, torch.randint(1 << 40, ()).item()))
    return found


# --- interrupted ---------------------------------------------------------------------------------


class Ends(Exception):
    pass


class EndsAt(callbacks.Callback):
    def __init__(self, batch):
        self.batch = batch

    def on_train_batch_end(self, batch, logs=None):
        if self.model.history.epoch and batch == self.batch:
            raise Ends


def resumed(folder):
    """A fit in peace; one that ended within the second epoch, and went on."""
    x, y = cases.ragged()

    def fit(backup, *more):
        model = tagger(L.Dropout(0.3), L.GaussianNoise(0.1, seed=3), metrics=["accuracy"])
        with contextlib.suppress(Ends):
            model.fit(x, y, batch_size=3, epochs=3, verbose=0, backup=backup, callbacks=[*more])
        return model

    peace = fit(None)
    kept = callbacks.BackupAndRestore(folder, save_freq=2)
    fit(kept, EndsAt(3))
    keras.utils.set_random_seed(77)
    again = fit(callbacks.BackupAndRestore(folder, save_freq=2))
    return pieces(peace, peace.history.history) == pieces(again, again.history.history)


def state_of_two(folder):
    """Leaves a state of two processes behind; gives its file."""
    x, y = cases.ragged()
    kept = callbacks.BackupAndRestore(folder, delete_checkpoint=False)
    tagger().fit(x, y, batch_size=3, epochs=1, verbose=0, backup=kept)


# --- refused -------------------------------------------------------------------------------------


class OwnStep(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data)


def refused(what):
    x, y = cases.ragged()
    tags = L.Dense(cases.TAGS, activation="softmax")
    table = L.Embedding(cases.WORDS, 4)
    if what == "stateful":
        model = keras.Sequential([table, L.GRU(3, stateful=True, return_sequences=True), tags])
    elif what == "train_step":
        model = OwnStep([table, tags])
    elif what == "compute_loss":
        model = cases.OwnLoss([table, tags])
        loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
        return cases.compiled(model, loss=loss).fit(x, y, verbose=0)
    else:
        model = keras.Sequential([torch.nn.Embedding(cases.WORDS, 4, sparse=True), tags])
        return cases.compiled(model, lambda p: torch.optim.SGD(p, 0.1)).fit(x, y, verbose=0)
    return cases.compiled(model).fit(x, y, shuffle=False, verbose=0)


def on_batches():
    """The law for train_on_batch: each is given the whole batch."""
    x, y = cases.ragged()
    model = tagger(metrics=["accuracy"])
    logs = [model.train_on_batch(x[i : i + 8], y[i : i + 8]) for i in (0, 8, 16)]
    return pieces(model, logs, model.test_on_batch(x, y), model.predict_on_batch(x).values.tolist())


def first_only():
    """Weights and optimiser that only the first process has loaded go to all."""
    x, y = cases.ragged()
    model = tagger()
    model.fit(x, y, batch_size=8 // this().world, verbose=0)
    if this().rank:
        model.set_weights([w * 0 for w in model.get_weights()])
        model.optimizer.state.clear()
    model.fit(x, y, batch_size=8 // this().world, verbose=0)
    return pieces(model)


# --- loops of one's own --------------------------------------------------------------------------


def own_loop():
    """Gradients of a loop of one's own, by torch's wrapper, and of the whole batch at once."""
    x, y = cases.ragged()
    ranks = this()
    model = tagger()
    model.predict(x[:2])
    loss_of = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    steps = float(x.steps)
    alone = torch.autograd.grad(loss_of(y, model(x)) / steps, list(model.parameters()))
    mine = torch.arange(ranks.rank, len(x), ranks.world)
    wrapped = torch.nn.parallel.DistributedDataParallel(model)
    # It averages over processes: the sum of the shares over the steps of all.
    (ranks.world * loss_of(y[mine], wrapped(x[mine])) / steps).backward()
    found = [p.grad for p in model.parameters()]
    return max((a - b).abs().max().item() for a, b in zip(found, alone, strict=True))


def sharded_loop():
    """Gradients of a loop of one's own on shards of the weights, and of the whole batch at once."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    x, y = cases.ragged()
    ranks = this()
    model = tagger()
    loss_of = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    steps = float(x.steps)
    alone = loss_of(y, model(x)) / steps
    alone = torch.autograd.grad(alone, list(model.parameters()))
    mesh = init_device_mesh("cpu", (ranks.world,))
    for layer in model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    mine = torch.arange(ranks.rank, len(x), ranks.world)
    (ranks.world * loss_of(y[mine], model(x[mine])) / steps).backward()
    grads = [p.grad for p in model.parameters()]
    sizes = sum(g.to_local().numel() for g in grads), sum(g.numel() for g in alone)
    found = max((a.full_tensor() - b).abs().max().item() for a, b in zip(grads, alone, strict=True))
    try:
        model.fit(x, y, verbose=0)
    except ValueError as error:
        return found, sizes, str(error)


# --- killed --------------------------------------------------------------------------------------


class Kills(callbacks.Callback):
    """Ends the second process, by -9, in the middle of the second epoch of one of its lives."""

    def __init__(self, life=0):
        self.life = str(life)

    def on_train_batch_end(self, batch, logs=None):
        now = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == self.life
        if this().rank == 1 and now and self.model.history.epoch and batch == 2:
            os.kill(os.getpid(), signal.SIGKILL)


class Hangs(callbacks.Callback):
    """The second process stops answering in the middle of the first epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if this().rank == 1 and batch == 2:
            time.sleep(600)


def long_fit(backup=None, *more, folder=None):
    """A fit with dropout, from memory or Parquet files, which may be killed on the way."""
    x, y = cases.ragged() if folder is None else (Path(folder), None)
    columns = None if folder is None else ("words", "tags")
    keras.utils.set_random_seed(0)
    model = tagger(L.Dropout(0.3))
    options = {"columns": columns, "batch_size": 3, "epochs": 3, "verbose": 0}
    model.fit(x, y, backup=backup, callbacks=[*more], **options)
    model.history.history.pop("waiting", None)
    return pieces(model, model.history.history)


if __name__ == "__main__":
    torch.set_num_threads(1)
    what, out, *folders = sys.argv[1:]
    if what == "hangs":
        join(3.0)
        found = long_fit(None, Hangs())
    elif what == "killed":
        found = long_fit(None, Kills())
    else:  # from memory, then from files: killed in each
        backups, files = folders
        found = [
            long_fit(f"{backups}/memory", Kills(0)),
            long_fit(f"{backups}/files", Kills(1), folder=files),
        ]
    if not this().rank:
        Path(out).write_text(json.dumps(found))
