"""Callbacks in fit: they stop, save, slow down and write; their mistakes say what to do."""

import copy
import errno
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import callbacks
from unpad.training.callbacks.model_checkpoint import save

from ..messages import says

X = [[1, 2, 3], [4], [5, 6]]
Y = [[0.0, 1.0, 2.0], [3.0], [0.0, 1.0]]


class Tags(callbacks.Callback):
    """Numbers in the logs that the test chose, given after each epoch before others see them."""

    def __init__(self, name, numbers):
        self.name, self.numbers, self.epochs = name, numbers, 0

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.numbers[epoch]
        self.epochs += 1


def small(optimizer="sgd"):
    model = keras.Sequential([keras.layers.Embedding(9, 2), keras.layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def fit(model, *watchers, epochs=6, **options):
    return model.fit(
        X, Y, batch_size=1, epochs=epochs, callbacks=list(watchers), verbose=0, **options
    )


# --- EarlyStopping --------------------------------------------------------------------------------


def test_early_stopping_stops_and_restores(capsys):
    model, numbers = small(), Tags("val_loss", [3.0, 2.0, 2.5, 2.5, 0.0, 0.0])
    kept = {}
    note = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.update({epoch: model.get_weights()})
    )
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    fit(model, numbers, note, stop)
    assert numbers.epochs == 4
    assert (stop.stopped_epoch, stop.best_epoch, stop.best) == (3, 1, 2.0)
    assert all((a == b).all() for a, b in zip(model.get_weights(), kept[1], strict=True))
    assert any((a != b).any() for a, b in zip(model.get_weights(), kept[3], strict=True))
    assert capsys.readouterr().out == (
        "Epoch 4: early stopping\nThe weights are those of the best epoch, 2.\n"
    )


def test_nan_is_never_the_best():
    """Neither is anything after it worse: Keras keeps a NaN of the first epoch for ever."""
    stop, numbers = callbacks.EarlyStopping(patience=2), Tags("val_loss", [np.nan, 2.0, 1.0, 3.0])
    fit(small(), numbers, stop, epochs=4)
    assert stop.best == 1.0
    # Nothing has been seen to get worse after one epoch, without patience either.
    numbers = Tags("val_loss", [np.nan, 2.0, 1.0, 3.0, 0.0])
    fit(small(), numbers, callbacks.EarlyStopping(), epochs=5)
    assert numbers.epochs == 4


@pytest.mark.parametrize("monitor", ["val_mae", "val_loss"])
def test_a_real_validation_is_monitored(monitor):
    stop = callbacks.EarlyStopping(monitor, patience=50)
    fit(small(), stop, validation_data=(X, Y))
    assert stop.best is not None


def test_keras_2_s_short_names_are_found():
    for there, asked in (("val_accuracy", "val_acc"), ("acc", "accuracy")):
        stop = callbacks.EarlyStopping(asked)
        fit(small(), Tags(there, [0.5, 0.75]), stop, epochs=2)
        assert stop.best == 0.75


# --- ModelCheckpoint ------------------------------------------------------------------------------


def test_checkpoints_by_epoch(tmp_path, capsys):
    model = small()
    path = tmp_path / "new" / "{epoch:02d}-{loss:.3f}.weights.pt"
    history = fit(model, callbacks.ModelCheckpoint(path, save_weights_only=True, verbose=1))
    losses = history.history["loss"]
    names = [f"{i + 1:02d}-{loss:.3f}.weights.pt" for i, loss in enumerate(losses)]
    assert sorted(os.listdir(tmp_path / "new")) == names
    other = small()
    other.predict(X, verbose=0)
    other.load_state_dict(torch.load(tmp_path / "new" / names[-1]))
    assert all(
        (a == b).all() for a, b in zip(model.get_weights(), other.get_weights(), strict=True)
    )
    first = capsys.readouterr().out.splitlines()[0]
    assert first == f"Epoch 1: weights saved to {tmp_path / 'new' / names[0]}"


def test_only_the_best_is_saved(tmp_path, capsys):
    path = tmp_path / "best.pt"
    saves = []
    best = callbacks.ModelCheckpoint(path, "val_mae", 1, True, True, initial_value_threshold=2.5)
    note = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: saves.append(path.exists() and path.stat().st_mtime_ns)
    )
    fit(small(), Tags("val_mae", [3.0, 2.0, 2.0, 1.5]), best, note, epochs=4)
    assert [bool(s) for s in saves] == [False, True, True, True]
    assert saves[1] == saves[2] < saves[3]
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: val_mae is no better than 2.50000",
        f"Epoch 2: val_mae went from 2.50000 to 2.00000, weights saved to {path}",
        "Epoch 3: val_mae is no better than 2.00000",
        f"Epoch 4: val_mae went from 2.00000 to 1.50000, weights saved to {path}",
    ]


def test_every_so_many_batches(tmp_path):
    path = tmp_path / "{epoch}-{batch}.pt"
    fit(small(), callbacks.ModelCheckpoint(path, save_weights_only=True, save_freq=2), epochs=2)
    # Three batches an epoch; the count goes on over the epochs' end.
    assert sorted(os.listdir(tmp_path)) == ["1-2.pt", "2-1.pt", "2-3.pt"]


@pytest.mark.parametrize("ending", ["keras", "safetensors"])
def test_the_best_model_is_whole_in_its_file(tmp_path, capsys, ending):
    """`ModelCheckpoint("best.keras", save_best_only=True)`, as most scripts have it."""
    path = tmp_path / "new" / f"best.{ending}"
    best = callbacks.ModelCheckpoint(path, "val_mae", 1, save_best_only=True)
    weights = []
    note = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(model.get_weights())
    )
    model = small()
    fit(model, Tags("val_mae", [3.0, 1.5, 2.0]), best, note, epochs=3)
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch 1: val_mae went from nothing to 3.00000, model saved to {path}",
        f"Epoch 2: val_mae went from 3.00000 to 1.50000, model saved to {path}",
        "Epoch 3: val_mae is no better than 1.50000",
    ]
    again = keras.models.load_model(path)
    assert all((a == b).all() for a, b in zip(weights[1], again.get_weights(), strict=True))
    assert again.compiled and again.optimizer.iterations == 6


@pytest.mark.parametrize("ending", ["weights.h5", "safetensors"])
def test_weights_alone_are_as_the_model_saves_them(tmp_path, ending):
    path = tmp_path / f"{{epoch}}.{ending}"
    model = small()
    fit(model, callbacks.ModelCheckpoint(path, save_weights_only=True), epochs=2)
    other = small()
    other.predict(X, verbose=0)
    other.load_weights(tmp_path / f"2.{ending}")
    assert all(
        (a == b).all() for a, b in zip(model.get_weights(), other.get_weights(), strict=True)
    )


def test_a_save_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "w.pt"
    save({"w": torch.ones(3)}, path)

    def half_a_file(state, to):
        to.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half_a_file)
    with pytest.raises(OSError, match="disk full"):
        save({"w": torch.zeros(3)}, path)
    assert torch.equal(torch.load(path)["w"], torch.ones(3))
    assert os.listdir(tmp_path) == ["w.pt"]


def test_what_a_killed_writer_has_left_is_cleared_away(tmp_path):
    """kill -9 in the middle of a file leaves its half; a writer that still runs keeps its own."""
    program = (
        "import os, sys, time, torch\n"
        "from pathlib import Path\n"
        "from unpad.formats.writing import write_whole\n"
        "def write(to):\n"
        "    to.write_bytes(b'half')\n"
        "    print(to.name, flush=True)\n"
        "    time.sleep(60)\n"
        f"write_whole(Path({str(tmp_path / 'a.pt')!r}), write, 1, 'test')\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    names = [writer.stdout.readline().strip() for writer in writers]
    try:
        writers[0].kill()
        writers[0].wait()
        assert sorted(os.listdir(tmp_path)) == sorted(names)
        save({"w": torch.ones(3)}, tmp_path / "b.pt")
        assert sorted(os.listdir(tmp_path)) == sorted([names[1], "b.pt"])
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            writer.stdout.close()


IN_PLACE = {
    "CSVLogger": ("csv.DictWriter.writerow", lambda m, p: fit(m, callbacks.CSVLogger(p), epochs=1)),
    "TensorBoard": (
        "torch.utils.tensorboard.SummaryWriter.flush",
        lambda m, p: fit(m, callbacks.TensorBoard(p), epochs=1),
    ),
    "History.plot": ("matplotlib.figure.Figure.savefig", lambda m, p: fit(m, epochs=1).plot(p)),
    "Trace.plot": ("matplotlib.figure.Figure.savefig", lambda m, p: m.trace(X).plot(p)),
    "plot_model": ("matplotlib.figure.Figure.savefig", lambda m, p: keras.utils.plot_model(m, p)),
}


@pytest.mark.parametrize("who", IN_PLACE)
def test_a_full_disk_under_a_log_or_a_picture_says_so(tmp_path, monkeypatch, who):
    """What is written in its place tells by whom, and where."""
    what, write = IN_PLACE[who]
    model, path = small(), tmp_path / "it.png"
    fit(model, epochs=1)

    def full(*given, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(what, full)
    with says(f"{who}: {path} could not be written: the disk is full.", OSError):
        write(model, path)


def test_a_full_disk_says_so(tmp_path, monkeypatch):
    path = tmp_path / "w.pt"
    save({"w": torch.ones(3)}, path)

    def fail(state, to):
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", fail)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1_500_000))
    with says(
        f"ModelCheckpoint: {path} could not be written: the disk is full: 4.0 MB are needed, 1.5 "
        "MB are free. What was there before is as it was.",
        OSError,
    ):
        save({"w": torch.zeros(1_000_000)}, path)
    monkeypatch.undo()
    assert torch.equal(torch.load(path)["w"], torch.ones(3))


# --- learning rates -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer", [keras.optimizers.Adam, lambda rate: lambda w: torch.optim.SGD(w, rate)]
)
def test_rates_are_set(optimizer, capsys):
    model = small(optimizer(1.0))
    reduce = callbacks.ReduceLROnPlateau("loss_of", 0.5, 1, 1, "min", min_lr=0.2)
    rates = []
    note = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(logs["learning_rate"])
    )
    fit(model, Tags("loss_of", [1.0] * 6), reduce, note)
    assert rates == [1.0, 1.0, 0.5, 0.25, 0.2, 0.2]
    assert capsys.readouterr().out.splitlines()[0] == "Epoch 2: learning rate reduced to 0.5"
    fit(model, callbacks.LearningRateScheduler(lambda epoch: 0.5**epoch, verbose=1), epochs=3)
    assert model.optimizer.param_groups[0]["lr"] == 0.25
    assert capsys.readouterr().out.splitlines()[-1] == "Epoch 3: learning rate 0.25"


def test_a_schedule_s_own_mistake_is_not_hidden():
    def schedule(epoch, rate):
        return rate + "0.1"

    with pytest.raises(TypeError, match="unsupported operand"):
        fit(small(), callbacks.LearningRateScheduler(schedule))


# --- the others -----------------------------------------------------------------------------------


def test_terminate_on_nan(capsys):
    model = small(keras.optimizers.SGD(1e30))
    history = fit(model, callbacks.TerminateOnNaN())
    assert len(history.epoch) == 1
    assert capsys.readouterr().out.startswith("Batch 1: the loss is ")
    with pytest.raises(RuntimeError, match=r"TerminateOnNaN: the loss is (inf|nan) after batch"):
        fit(small(keras.optimizers.SGD(1e30)), callbacks.TerminateOnNaN(raise_error=True))


def test_csv_logger(tmp_path):
    path = tmp_path / "new" / "log.csv"
    history = fit(small(), callbacks.CSVLogger(path), epochs=2, validation_data=(X, Y)).history
    lines = path.read_text().splitlines()
    assert lines[0] == "epoch,loss,mae,val_loss,val_mae"
    assert lines[2].split(",")[:2] == ["1", str(history["loss"][1])]
    fit(small(), callbacks.CSVLogger(path, append=True), epochs=1)
    assert len(path.read_text().splitlines()) == 4


def test_lambda_callback_and_older_names():
    seen = []
    hooks = {
        name: (lambda *given, name=name: seen.append((name, len(given))))
        for name in ("on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end",
                     "on_train_batch_begin", "on_batch_end")
    }  # fmt: skip
    fit(small(), callbacks.LambdaCallback(**hooks), epochs=1)
    batch = [("on_train_batch_begin", 2), ("on_batch_end", 2)]
    assert seen == [
        ("on_train_begin", 1), ("on_epoch_begin", 2), *batch * 3, ("on_epoch_end", 2),
        ("on_train_end", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "callback",
    [
        callbacks.EarlyStopping(), callbacks.ModelCheckpoint("a.pt", save_weights_only=True),
        callbacks.ReduceLROnPlateau(), callbacks.TerminateOnNaN(), callbacks.CSVLogger("a.csv"),
        callbacks.LearningRateScheduler(abs), callbacks.LambdaCallback(on_train_end=print),
    ],
)  # fmt: skip
def test_they_can_be_pickled_and_copied(callback):
    for again in (pickle.loads(pickle.dumps(callback)), copy.deepcopy(callback)):
        assert type(again) is type(callback)
        assert vars(again) == vars(callback)


MISTAKES = [
    (
        lambda: fit(small(), callbacks.EarlyStopping()),
        "EarlyStopping: monitor='val_loss' is not in the logs, which have loss, mae. Give fit "
        "validation_data= or validation_split=, or monitor one of them.",
    ),
    (
        lambda: fit(small(), callbacks.EarlyStopping("val_mea", mode="min"), validation_split=0.4),
        "EarlyStopping: monitor='val_mea' is not in the logs, which have loss, mae, val_loss, "
        "val_mae. Did you mean 'val_mae'?",
    ),
    (
        lambda: fit(small(), callbacks.ReduceLROnPlateau("f1")),
        "ReduceLROnPlateau: monitor='f1' is not in the logs, which have learning_rate, loss, mae. "
        "Give compile the metric, or monitor one of them.",
    ),
    (
        lambda: callbacks.EarlyStopping("val_quality"),
        "EarlyStopping: whether a higher or a lower 'val_quality' is better does not show in its "
        "name. Give mode='max' or mode='min'.",
    ),
    (
        lambda: callbacks.EarlyStopping(mode="maximum"),
        "EarlyStopping: unknown mode 'maximum'; did you mean 'max'? Known are: auto, max, min.",
    ),
    (
        lambda: callbacks.ModelCheckpoint("best.h5"),
        "ModelCheckpoint: expected a filepath that ends in .keras, .safetensors, for the model, "
        "got 'best.h5'. The weights alone: save_weights_only=True and .weights.h5; the state of "
        "the training: .state.safetensors.",
    ),
    (
        lambda: callbacks.ModelCheckpoint("best.keras", save_weights_only=True),
        "ModelCheckpoint: expected a filepath that ends in .weights.h5, .safetensors, .pt, .pth, "
        ".weights, for the weights, got 'best.keras'. The whole model: leave save_weights_only "
        "out.",
    ),
    (
        lambda: callbacks.ModelCheckpoint("a.pt", save_weights_only=True, save_freq="batch"),
        "ModelCheckpoint: expected save_freq as 'epoch' or a positive number of batches, got "
        "'batch'.",
    ),
    (
        lambda: fit(small(), callbacks.ModelCheckpoint("{val_acc}.pt", save_weights_only=True)),
        "ModelCheckpoint: filepath '{val_acc}.pt' asks for val_acc; there are epoch, loss, mae.",
    ),
    (
        lambda: callbacks.ReduceLROnPlateau(factor=1.5),
        "ReduceLROnPlateau: expected factor as a number from 0 and below 1, got 1.5.",
    ),
    (
        lambda: fit(small(), callbacks.LearningRateScheduler(lambda epoch, rate: None)),
        "LearningRateScheduler: expected what schedule gives for epoch 0 as a finite number "
        "from 0, "
        "got None.",
    ),
    (
        lambda: callbacks.LambdaCallback(on_epoch_finish=print),
        "LambdaCallback: unknown hook 'on_epoch_finish'; did you mean 'on_epoch_begin' or "
        "'on_epoch_end'? Known are: on_batch_begin, on_batch_end, on_epoch_begin, on_epoch_end, "
        "on_predict_batch_begin, on_predict_batch_end, on_predict_begin, on_predict_end, "
        "on_test_batch_begin, on_test_batch_end, on_test_begin, on_test_end, "
        "on_train_batch_begin, on_train_batch_end, on_train_begin, on_train_end.",
    ),
]


@pytest.mark.parametrize(("mistake", "text"), MISTAKES)
def test_mistakes(mistake, text):
    with says(text):
        mistake()


def test_a_folder_is_no_file(tmp_path):
    path = tmp_path / "w.pt"
    path.mkdir()
    with says(f"ModelCheckpoint: {path} is a folder; give the path of a file.", IsADirectoryError):
        fit(small(), callbacks.ModelCheckpoint(path, save_weights_only=True))
