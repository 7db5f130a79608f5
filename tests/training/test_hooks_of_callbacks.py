"""Every hook of Keras's callbacks, in fit, evaluate and predict, with params and logs."""

import numpy as np
import pytest

import unpad as keras

from ..messages import says
from ..taggers import sentences, tagger

X, Y = sentences()
HOOKS = [name for name in vars(keras.callbacks.Callback) if name.startswith("on_")]


class Note(keras.callbacks.Callback):
    """Notes each hook with its number and the names in its logs."""

    def __init__(self):
        self.seen = []
        for name in HOOKS:
            if name not in ("on_batch_begin", "on_batch_end"):
                setattr(self, name, self.noting(name))

    def noting(self, name):
        def note(*args):
            assert isinstance(args[-1], dict)
            self.seen.append((name, *args[:-1], *args[-1]))

        return note


def test_fit_tells_all_hooks_in_keras_s_order():
    model, note = tagger(), Note()
    model.fit(
        X, Y, batch_size=12, epochs=1, validation_data=(X, Y), validation_batch_size=24,
        callbacks=note, verbose=0,
    )  # fmt: skip
    numbers, all_of_them = ("loss", "accuracy"), ("loss", "accuracy", "val_loss", "val_accuracy")
    assert note.seen == [
        ("on_train_begin",),
        ("on_epoch_begin", 0),
        ("on_train_batch_begin", 0),
        ("on_train_batch_end", 0, *numbers),
        ("on_train_batch_begin", 1),
        ("on_train_batch_end", 1, *numbers),
        ("on_test_begin",),
        ("on_test_batch_begin", 0),
        ("on_test_batch_end", 0, *numbers),
        ("on_test_end", *numbers),
        ("on_epoch_end", 0, *all_of_them),
        ("on_train_end", *all_of_them),
    ]
    assert note.params == {"verbose": 0, "epochs": 1, "steps": 2}
    assert note.model is model


def test_evaluate_and_predict_take_callbacks():
    model, note = tagger(), Note()
    model.evaluate(X, Y, batch_size=12, callbacks=[note], verbose=0)
    names = [name for name, *_ in note.seen]
    batches = ["on_test_batch_begin", "on_test_batch_end"] * 2
    assert names == ["on_test_begin", *batches, "on_test_end"]
    assert note.params == {"verbose": 0, "epochs": 1, "steps": 2}
    note = Note()
    model.predict(X, batch_size=24, callbacks=note, verbose=0)
    assert note.seen == [
        ("on_predict_begin",),
        ("on_predict_batch_begin", 0),
        ("on_predict_batch_end", 0, "outputs"),
        ("on_predict_end",),
    ]


@pytest.mark.parametrize("what", ["evaluate", "predict"])
def test_what_is_no_callback_is_refused(what):
    model = tagger()
    y = [Y] if what == "evaluate" else []
    with says(f"{what}: expected callbacks as keras.callbacks, got int."):
        getattr(model, what)(X, *y, callbacks=[3], verbose=0)


def test_an_evaluation_can_be_stopped():
    model = tagger()
    seen = []

    class Stop(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            seen.append(batch)
            self.model.stop_evaluating = True

    model.evaluate(X, Y, batch_size=4, callbacks=Stop(), verbose=0)
    model.evaluate(X, Y, batch_size=4, verbose=0)
    assert seen == [0]


def test_hooks_that_nobody_has_cost_no_numbers():
    """A batch's logs are worked out for who looks at them only."""
    from unpad.training.watchers import Watchers

    class Quiet(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            pass

    quiet = Watchers([Quiet()], None, {}, "fit")
    assert not any(quiet.asked(hook) for hook in HOOKS if "batch" in hook)
    assert not quiet.between


def test_a_method_that_is_nearly_a_hook_is_told_and_others_are_not():
    class Ends(keras.callbacks.Callback):
        def on_epoch_ends(self, epoch, logs=None):
            pass

        def on_reading(self):
            pass

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    want = "fit: Ends.on_epoch_ends is no hook, and is never called. Did you mean 'on_epoch_end'?"
    with pytest.warns(UserWarning, match="no hook") as told:
        model.fit(np.ones((2, 1)), np.ones((2, 1)), verbose=0, callbacks=[Ends()])
    assert [str(w.message) for w in told] == [want]
