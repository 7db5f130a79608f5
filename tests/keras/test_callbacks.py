"""Callbacks act at the same epochs as Keras's, whatever the numbers in the logs."""

from types import SimpleNamespace

import keras
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad

# Few values, so that ties and equal steps of `min_delta` are drawn.
values = st.lists(st.integers(0, 8).map(lambda n: n / 4), min_size=1, max_size=14)
deltas = st.sampled_from([0, 0.25, -0.25, 0.3])
ways = st.sampled_from([("val_loss", "auto"), ("val_loss", "max"), ("val_accuracy", "auto")])


class Model:
    """What a callback sees of a model: weights that tell the epoch, a rate, and when to stop."""

    def __init__(self):
        self.stop_training = False
        self.weights = 0
        self.optimizer = SimpleNamespace(learning_rate=1.0)
        accuracy = keras.metrics.Accuracy(name="accuracy")
        self.metrics = [keras.src.trainers.compile_utils.MetricsList([accuracy])]

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights

    def state_dict(self):
        return {"w": torch.tensor(self.weights)}

    def load_state_dict(self, state):
        self.weights = int(state["w"])


def run(callback, monitor, numbers):
    """Each epoch's (stopped, rate, wait, best), and the weights that are left."""
    model = Model()
    callback.set_model(model)
    callback.on_train_begin()
    seen = []
    for epoch, number in enumerate(numbers):
        model.weights = epoch
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {"loss": 0.0, monitor: number})
        best = getattr(callback, "best", None)
        rate = pytest.approx(float(model.optimizer.learning_rate))
        seen.append((model.stop_training, rate, getattr(callback, "wait", None), best))
        if model.stop_training:
            break
    callback.on_train_end()
    return seen, model.weights


@given(values, ways, deltas, st.integers(0, 3), st.sampled_from([None, 0.5, 1.0]), st.booleans(),
       st.integers(0, 3))  # fmt: skip
def test_early_stopping(numbers, way, delta, patience, baseline, restore, start):
    monitor, mode = way
    options = {
        "monitor": monitor, "mode": mode, "min_delta": delta, "patience": patience,
        "baseline": baseline, "restore_best_weights": restore, "start_from_epoch": start,
    }  # fmt: skip
    ours, theirs = (m.callbacks.EarlyStopping(**options) for m in (unpad, keras))
    # Twice: a callback is used again by a second fit.
    for _ in range(2):
        assert run(ours, monitor, numbers) == run(theirs, monitor, numbers)
    assert (ours.stopped_epoch, ours.best_epoch) == (theirs.stopped_epoch, theirs.best_epoch)


@given(values, ways, deltas, st.integers(1, 3), st.integers(0, 3), st.sampled_from([0.0, 0.3]))
def test_reduce_on_plateau(numbers, way, delta, patience, cooldown, min_lr):
    monitor, mode = way
    options = {
        "monitor": monitor, "mode": mode, "min_delta": delta, "patience": patience,
        "cooldown": cooldown, "min_lr": min_lr, "factor": 0.5,
    }  # fmt: skip
    ours, theirs = (m.callbacks.ReduceLROnPlateau(**options) for m in (unpad, keras))
    assert run(ours, monitor, numbers) == run(theirs, monitor, numbers)


@pytest.mark.parametrize("schedule", [lambda epoch, lr: lr * 0.5, lambda epoch: 1.0 / (epoch + 1)])
def test_learning_rate_scheduler(schedule):
    ours, theirs = (m.callbacks.LearningRateScheduler(schedule) for m in (unpad, keras))
    assert run(ours, "val_loss", [1.0] * 4) == run(theirs, "val_loss", [1.0] * 4)


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize(
    "epochs",
    [
        [{"loss": 0.5, "accuracy": 1.0}, {"loss": 0.25, "accuracy": 0.0, "val_loss": 3.0}],
        [{"val_loss": 1.5, "loss": 0.5}, {"loss": 0.25}],
    ],
)
def test_csv_logger(tmp_path, separator, append, epochs):
    texts = []
    for module in (unpad, keras):
        path = tmp_path / f"{module.__name__}.csv"
        for _ in range(2):
            logger = module.callbacks.CSVLogger(str(path), separator, append)
            logger.on_train_begin()
            for epoch, logs in enumerate(epochs):
                logger.on_epoch_end(epoch, dict(logs))
            logger.on_train_end()
        texts.append(path.read_bytes())
    assert texts[0] == texts[1]
    assert texts[0].count(b"epoch") == 1


def test_every_hook_of_keras_is_one_of_ours():
    """What a callback of Keras may define or be asked: nothing of it goes unheard here."""
    theirs = {name for name in dir(keras.callbacks.Callback) if not name.startswith("_")}
    assert theirs - set(dir(unpad.callbacks.Callback)) == set()
