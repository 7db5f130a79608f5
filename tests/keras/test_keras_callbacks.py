"""Keras's own callbacks, and others' subclasses of them, in our fit."""

import json

import keras
import numpy as np
import pytest

import unpad

X = [np.array([1, 2, 3]), np.array([4]), np.array([5, 6])] * 4
Y = [x % 3 for x in X]


def small():
    unpad.utils.set_random_seed(0)
    layers = unpad.layers
    ends = [layers.Embedding(9, 4), layers.Dense(3, activation="softmax")]
    model = unpad.Sequential([unpad.Input((None,)), *ends])
    model.compile(
        unpad.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def fit(model, *callbacks, epochs=3, **options):
    held = {"validation_data": (X, Y), "batch_size": 4, "verbose": 0}
    return model.fit(X, Y, epochs=epochs, callbacks=list(callbacks), **{**held, **options})


class Tracker(keras.callbacks.Callback):
    """As trackers have it: their own attributes, some hooks, what Keras's base class gives."""

    def __init__(self):
        super().__init__()
        self.seen, self.rates = [], []

    def on_train_begin(self, logs=None):
        self.seen.append(("begin", self.params["epochs"], self.params["steps"]))
        self.model.summary(print_fn=lambda line: None)
        json.loads(self.model.to_json())

    def on_epoch_end(self, epoch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))
        self.seen.append((epoch, *logs))

    def on_batch_end(self, batch, logs=None):  # the older name
        self.seen.append(("batch", batch))


class Alone:
    """No subclass of anybody's."""

    def set_params(self, params):
        self.params = params

    def set_model(self, model):
        self.model = model

    def on_epoch_end(self, epoch, logs=None):
        logs["twice"] = 2 * logs["loss"]


def test_a_tracker_is_told_what_ours_are():
    tracker = Tracker()
    history = fit(small(), Alone(), tracker, epochs=2)
    logs = ("loss", "accuracy", "val_loss", "val_accuracy", "twice")
    batches = [("batch", i) for i in range(3)]
    assert tracker.seen == [("begin", 2, 3), *batches, (0, *logs), *batches, (1, *logs)]
    assert tracker.rates == pytest.approx([0.05, 0.05])
    assert history.history["twice"] == [2 * loss for loss in history.history["loss"]]
    model = small()
    model.evaluate(X, Y, callbacks=Tracker(), verbose=0)
    model.predict(X, callbacks=[Tracker()], verbose=0)


def test_a_callback_that_asks_for_no_batch_costs_none(monkeypatch):
    from unpad.training.watchers import Watchers

    asked = []
    monkeypatch.setattr(Watchers, "tell", lambda self, *args: asked.append(self.between))
    quiet = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    fit(small(), quiet, keras.callbacks.TerminateOnNaN.__mro__[1](), validation_data=None)
    assert set(asked) == {False}


def test_keras_s_lambda_callback():
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(epoch),
        on_train_batch_end=lambda batch, logs: seen.append(logs["loss"] > 0),
        on_train_end=lambda logs: seen.append("end"),
    )
    fit(small(), watch, epochs=1)
    assert seen == [0, True, True, True, "end"]


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
def test_keras_s_early_stopping_stops_and_restores(monitor):
    mode = "max" if "accuracy" in monitor else "min"
    options = {"mode": mode, "patience": 1, "restore_best_weights": True, "min_delta": 9}
    ours, theirs = small(), small()
    stop = keras.callbacks.EarlyStopping(monitor, **options)
    expected = fit(ours, unpad.callbacks.EarlyStopping(monitor, **options), epochs=9)
    found = fit(theirs, stop, epochs=9)
    assert found.epoch == expected.epoch
    assert stop.stopped_epoch == found.epoch[-1]
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_keras_s_rates_and_files(tmp_path):
    model, path = small(), tmp_path / "epoch-{epoch}.weights.h5"
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    save = keras.callbacks.ModelCheckpoint(str(path), save_weights_only=True)
    table = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    nan = keras.callbacks.TerminateOnNaN()
    fit(
        model,
        halve,
        save,
        table,
        nan,
        keras.callbacks.ReduceLROnPlateau(),
        keras.callbacks.History(),
    )
    assert float(model.optimizer.learning_rate) == pytest.approx(0.05 / 8)
    other = small()
    other.predict(X, verbose=0)
    other.load_weights(tmp_path / "epoch-3.weights.h5")
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(a, b)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0].startswith("epoch,accuracy,")
    assert len(lines) == 4


def test_theirs_go_on_where_a_run_was_killed(tmp_path):
    class Count(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.epochs = []

        def on_epoch_end(self, epoch, logs=None):
            self.epochs.append((epoch, logs["loss"]))

    def stop(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    whole, cut = Count(), Count()
    fit(small(), whole, epochs=4)
    halt = keras.callbacks.LambdaCallback(on_epoch_begin=stop)
    with pytest.raises(KeyboardInterrupt):
        fit(small(), Count(), halt, epochs=4, backup=tmp_path)
    idle = keras.callbacks.LambdaCallback()
    fit(small(), cut, idle, epochs=4, backup=tmp_path)
    assert cut.epochs == whole.epochs


@pytest.mark.parametrize("name", ["BackupAndRestore", "SwapEMAWeights", "TensorBoard"])
def test_what_needs_keras_s_models_is_refused(name, tmp_path):
    given = {"BackupAndRestore": (tmp_path,)}.get(name, ())
    with pytest.raises(ValueError, match="works on Keras's own models") as caught:
        fit(small(), getattr(keras.callbacks, name)(*given))
    assert str(caught.value) == (
        f"fit: Keras's {name} works on Keras's own models. Give unpad.callbacks.{name}."
    )
    assert hasattr(unpad.callbacks, name)


def test_what_has_no_hooks_is_refused():
    with pytest.raises(ValueError, match="fit: expected callbacks as keras"):
        fit(small(), object())


# --- ours that Keras has too ----------------------------------------------------------------------


def test_averages_stand_in_the_weights_place_while_it_is_evaluated():
    model = small()
    model.compile(
        unpad.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5), "sparse_categorical_crossentropy"
    )
    seen = {}

    def note(hook):
        return lambda *args: seen.setdefault(hook, []).append(model.get_weights())

    hooks = {h: note(h) for h in ("on_train_batch_end", "on_test_batch_end", "on_epoch_end")}
    watch = unpad.callbacks.LambdaCallback(**hooks)
    fit(model, unpad.callbacks.SwapEMAWeights(), watch, epochs=2)
    # Keras's rule: the first average is the weights, then half of each.
    average = None
    for i, trained in enumerate(seen["on_train_batch_end"]):
        half = lambda a, w: 0.5 * a + 0.5 * w  # noqa: E731
        average = trained if average is None else [*map(half, average, trained)]
        if i % 3 == 2:
            for a, b in zip(average, seen["on_test_batch_end"][i // 3], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5)
            for a, b in zip(trained, seen["on_epoch_end"][i // 3], strict=True):
                assert np.array_equal(a, b)
    for a, b in zip(average, model.get_weights(), strict=True):  # fit ends with them in place
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("stop", [False, True])
def test_averages_from_an_epoch_s_end_to_the_next(stop, tmp_path):
    def made():
        model = small()
        model.compile(unpad.optimizers.SGD(0.5, use_ema=True), "sparse_categorical_crossentropy")
        return model

    plain, swapped = made(), made()
    swap = unpad.callbacks.SwapEMAWeights(swap_on_epoch=True)
    kept = []
    watch = unpad.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(swapped.get_weights())
    )
    end = unpad.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(end.model, "stop_training", stop and epoch == 1)
    )
    fit(plain, end)
    fit(swapped, swap, watch, end)
    for a, b, c in zip(plain.get_weights(), swapped.get_weights(), kept[-1], strict=True):
        assert np.array_equal(a, b)  # training went on with the trained weights
        assert np.array_equal(a, c)  # and what was saved at the end are the averages
    again, halted = made(), made()
    halt = unpad.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: 1 / (0 if epoch == 1 else 1)
    )
    with pytest.raises(ZeroDivisionError):
        fit(halted, unpad.callbacks.SwapEMAWeights(True), halt, end, backup=tmp_path)
    idle = unpad.callbacks.LambdaCallback()
    fit(again, unpad.callbacks.SwapEMAWeights(True), idle, end, backup=tmp_path)
    for a, b in zip(plain.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_averages_need_an_optimizer_that_keeps_them():
    with pytest.raises(ValueError, match="SwapEMAWeights: the optimizer keeps no averages"):
        fit(small(), unpad.callbacks.SwapEMAWeights())
