"""Modes, threads, interruptions: what training and asking a model leave as it was."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged

from ..messages import says
from ..taggers import TAGS, VOCABULARY, padded, sentences, tagger

L = keras.layers
X, Y = sentences()


def with_dropout():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((None,)),
            L.Embedding(VOCABULARY, 6, mask_zero=True),
            L.BatchNormalization(),
            L.Dropout(0.5),
            L.LSTM(5, return_sequences=True),
            L.Dense(TAGS, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def flags(model):
    return [m.training for m in model.modules()]


# --- modes ---------------------------------------------------------------------------------------


def refused(call):
    with pytest.raises(ValueError, match=r"Embedding|predict"):
        call()


ASK = {
    "fit": lambda m: m.fit(X, Y, validation_data=(X, Y), verbose=0),
    "evaluate": lambda m: m.evaluate(X, Y, verbose=0),
    "predict": lambda m: m.predict(X, verbose=0),
    "train_on_batch": lambda m: m.train_on_batch(X, Y),
    "trace": lambda m: m.trace(X),
    "an error": lambda m: refused(lambda: m.predict([[99]], verbose=0)),
    "a wrong option": lambda m: refused(lambda: m.predict(X, batch_size=-1)),
}


@pytest.mark.parametrize("what", ASK)
@pytest.mark.parametrize("training", [True, False])
def test_every_layer_has_its_own_mode_again(what, training):
    model = with_dropout().train(training)
    model.layers[1].train(not training)
    before = flags(model)
    ASK[what](model)
    assert flags(model) == before


# --- threads -------------------------------------------------------------------------------------


def test_predictions_of_many_threads_are_right_and_leave_nothing():
    model = with_dropout().train()
    want = model.predict(X, verbose=0)
    before = flags(model)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: model.predict(X, batch_size=4, verbose=0), range(24)))
    for one in found:
        for a, b in zip(one, want, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    assert flags(model) == before


@pytest.mark.parametrize("what", ["predict", "evaluate", "fit", "train_on_batch"])
def test_beside_a_fit_the_model_is_not_to_be_had(what):
    model = with_dropout()
    errors = []

    def other(batch, logs):
        def ask():
            try:
                ASK[what](model)
            except RuntimeError as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(20)

    watch = keras.callbacks.LambdaCallback(on_train_batch_begin=other)
    plain = with_dropout()
    plain.fit(X, Y, batch_size=24, verbose=0)
    torch.manual_seed(1)
    model.fit(X, Y, batch_size=24, callbacks=watch, verbose=0)
    assert len(errors) == 1
    with says(
        f"{what}: the model is being trained in another thread, and has one mode for both. Wait "
        "for that, or use a copy: copy.deepcopy(model).",
        RuntimeError,
    ):
        raise errors[0]
    assert keras.kernels.threads.threads() == torch.get_num_threads()


def test_a_batch_is_trained_on_with_the_kernels_threads():
    model = tagger()
    seen = []
    model.layers[0].register_forward_hook(
        lambda *_: seen.append((torch.get_num_threads(), keras.kernels.threads.threads()))
    )
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model.train_on_batch(X, Y)
    finally:
        torch.set_num_threads(before)
    assert seen == [(1, 2)]


# --- interruptions -------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", ["on_epoch_end", "on_train_end", "on_train_begin"])
def test_ctrl_c_is_never_lost(hook):
    model = tagger()

    def press(*_):
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, callbacks=keras.callbacks.LambdaCallback(**{hook: press}), verbose=0)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(model.history.epoch) == (hook != "on_train_begin")


# --- all or nothing ------------------------------------------------------------------------------


def unmoved(model, call, text, kind=ValueError):
    before = model.get_weights()
    with says(text, kind):
        call()
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_are_set_all_or_none():
    model = tagger()
    new = [w + 1 for w in model.get_weights()]
    bad = [*new[:-1], np.array(list("abcd"))]
    unmoved(
        model,
        lambda: model.set_weights(bad),
        "Sequential: expected weight 8 as numbers, got an array of <U1.",
    )
    bad = [*new[:-1], new[-1] * 1j]
    unmoved(
        model,
        lambda: model.set_weights(bad),
        "Sequential: expected weight 8 as numbers, got an array of complex",
    )
    model.set_weights([w[::-1][::-1].astype(">f8") for w in new])
    for a, b in zip(new, model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("assign", [False, True])
def test_a_state_is_loaded_all_or_nothing(assign):
    model, other = tagger(), tagger(units=7)
    unmoved(
        model,
        lambda: model.load_state_dict(other.state_dict(), assign=assign),
        "Error(s) in loading state_dict for Sequential",
        RuntimeError,
    )
    same = {name: w + 1 for name, w in model.state_dict().items()}
    model.load_state_dict(same, assign=assign)
    for name, w in model.state_dict().items():
        assert torch.equal(w, same[name])


def test_weights_of_layers_that_are_not_built_are_not_dropped():
    model = keras.Sequential([L.Dense(3), L.Dense(2)])
    state = {"dense.kernel": torch.zeros(4, 3)}
    for strict in (True, False):
        with says(
            "Sequential: 'dense.kernel' has no place yet: the model is not built. Begin it with "
            "keras.Input(shape=...), or show it data once, as model.predict(x), and load then.",
            RuntimeError,
        ):
            model.load_state_dict(state, strict=strict)
    built = tagger()
    found = built.load_state_dict({"nobody": torch.zeros(1)}, strict=False)
    assert found.unexpected_keys == ["nobody"]


@pytest.mark.parametrize("which", ["x", "sample_weight"])
def test_data_with_a_gradient_are_refused_before_an_update(which):
    model = keras.Sequential([keras.Input((None, 2)), L.Dense(1)])
    model.compile("sgd", "mse")
    x = Ragged.from_list([torch.ones(3, 2), torch.ones(1, 2)])
    y, weight = x.map(lambda v: v[:, :1]), torch.ones(2)
    if which == "x":
        x = x.map(lambda v: v * torch.ones(1, requires_grad=True))
    else:
        weight = weight * torch.ones(1, requires_grad=True)
    for ask in (model.fit, model.train_on_batch):
        unmoved(
            model,
            partial(ask, x, y, sample_weight=weight),
            f"{ask.__name__}: {which} has a gradient of its own to hand on, but a model is trained "
            f"on numbers: give {which}.detach().",
        )


# --- stateful models, and classes of one's own ---------------------------------------------------


def test_a_stateful_model_is_validated_with_as_many_rows_as_it_is_trained_with():
    model = keras.Sequential([keras.Input((None, 2)), L.LSTM(3, stateful=True), L.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((40, 3, 2), "float32"), np.zeros((40, 1))
    sizes = []
    model.layers[0].register_forward_pre_hook(lambda m, args: sizes.append(len(args[0])))
    model.fit(x, y, batch_size=4, shuffle=False, validation_data=(x, y), verbose=0)
    assert set(sizes) == {4}
    sizes.clear()
    model.fit(
        x, y, batch_size=4, shuffle=False, validation_data=(x, y), validation_batch_size=8,
        epochs=0, verbose=0,
    )  # fmt: skip
    assert sizes == []


def test_a_class_of_ones_own_runs_once_a_batch():
    calls = []

    class Tagger(keras.Model):
        def __init__(self):
            super().__init__()
            self.words = L.Embedding(VOCABULARY, 4, mask_zero=True)
            self.tags = L.Dense(TAGS, activation="softmax")

        def call(self, inputs):
            calls.append(inputs)
            return self.tags(self.words(inputs))

    model = Tagger()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    grid, _ = padded(X, "right", 0, dtype=int)
    labels, _ = padded(Y, "right", 0, dtype=int)
    for x, y in ((X, Y), (grid, labels)):
        model.predict(x, verbose=0)
        for ask, batches in (
            (partial(model.fit, x, y, batch_size=6, epochs=2, verbose=0), 8),
            (partial(model.evaluate, x, y, batch_size=12, verbose=0), 2),
            (partial(model.predict, x, batch_size=24, verbose=0), 1),
            (partial(model.train_on_batch, x, y), 1),
            (partial(model, torch.as_tensor(grid)), 1),
        ):
            calls.clear()
            ask()
            assert len(calls) == batches
