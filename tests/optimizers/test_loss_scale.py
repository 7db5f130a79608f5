"""Losses that are scaled on their way back: by a fixed factor, and by one that follows."""

import copy
import json
import math

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad.optimizers import SGD, Adam, LossScaleOptimizer

from ..messages import says

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize("bad", [INF, -INF, NAN])
def test_the_factor_follows_the_gradients(bad):
    """It doubles after so many batches in a row, and halves at one that is not finite."""
    w = torch.nn.Parameter(torch.zeros(2))
    optimizer = LossScaleOptimizer(SGD(1.0), initial_scale=4.0, dynamic_growth_steps=2)
    seen = []
    for gradient in (4.0, 4.0, 8.0, bad, 4.0, 4.0):
        optimizer.apply([torch.tensor([gradient, 0.0])], [w])
        seen.append((optimizer.dynamic_scale, optimizer.step_counter, optimizer.iterations))
    assert seen == [(4, 1, 1), (8, 0, 2), (8, 1, 3), (4, 0, 3), (4, 1, 4), (8, 0, 5)]
    assert w.tolist() == [-5.0, 0.0]


def test_a_fixed_factor():
    w = torch.nn.Parameter(torch.zeros(2))
    optimizer = SGD(0.5, loss_scale_factor=8.0)
    assert optimizer.scale_loss(torch.tensor(3.0)) == 24
    optimizer.apply([torch.full((2,), 8.0)], [w])
    assert w.tolist() == [-0.5, -0.5]


def test_clipping_and_accumulation_see_the_loss_its_own_gradients():
    """So that they do the same whatever the factor is."""

    def moved(wrap):
        w = torch.nn.Parameter(torch.zeros(2))
        inner = Adam(0.1, global_clipnorm=1.0, gradient_accumulation_steps=2)
        rule = wrap(inner).bind([w])
        for x in (torch.tensor([3.0, 1.0]), torch.tensor([1.0, 2.0])):
            w.grad = None
            rule.scale_loss((w * x).sum()).backward()
            rule.step()
        return w.detach(), rule.iterations

    (plain, n), (scaled, m) = moved(lambda o: o), moved(LossScaleOptimizer)
    assert n == m == 1
    torch.testing.assert_close(scaled, plain)


def test_a_configuration_and_what_is_read_and_set():
    optimizer = LossScaleOptimizer(Adam(0.1), 16.0, 3, name="scaled")
    data = json.loads(json.dumps(keras.optimizers.serialize(optimizer)))
    again = keras.optimizers.deserialize(data)
    assert again.get_config() == optimizer.get_config()
    assert (again.initial_scale, again.dynamic_growth_steps, again.name) == (16.0, 3, "scaled")
    assert again.inner_optimizer.learning_rate == again.learning_rate == 0.1
    again.learning_rate = 0.2
    assert again.inner_optimizer.learning_rate == 0.2
    rule = again.bind([torch.nn.Parameter(torch.zeros(1))])
    again.dynamic_growth_steps = 1
    rule.param_groups[0]["params"][0].grad = torch.ones(1)
    rule.step()
    assert (again.dynamic_scale, rule.around.scaling.growth_steps) == (32.0, 1)
    assert copy.deepcopy(again).dynamic_scale == 32.0
    assert keras.mixed_precision.LossScaleOptimizer is LossScaleOptimizer


WRONG = [
    (
        lambda: LossScaleOptimizer("adam"),
        "LossScaleOptimizer: expected inner_optimizer as an optimizer, as optimizers.Adam(), got "
        "'adam'.",
    ),
    (
        lambda: LossScaleOptimizer(SGD(loss_scale_factor=2.0)),
        "LossScaleOptimizer: its inner_optimizer has loss_scale_factor=2.0, so that the loss would "
        "be scaled twice. Leave one of them out.",
    ),
    (
        lambda: LossScaleOptimizer(SGD(), initial_scale=0),
        "LossScaleOptimizer: expected initial_scale as a finite positive number, got 0.",
    ),
]


@pytest.mark.parametrize(("make", "text"), WRONG)
def test_what_is_refused(make, text):
    with says(text):
        make()


# --- in a model -----------------------------------------------------------------------------------


@pytest.fixture
def mixed():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


X = Ragged.from_list([torch.arange(n) % 8 + 1 for n in (3, 5, 1, 7)])
Y = X.map(lambda ids: ids % 4)


def tagger(optimizer="sgd", **options):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Embedding(9, 8, mask_zero=True),
            layers.LSTM(8, return_sequences=True),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", **options)
    return model


def scale(model):
    scaling = model.optimizer.around.scaling
    return None if scaling is None else scaling.now(model.optimizer.param_groups[0])


def fitted(model, epochs=2, **options):
    model.fit(X, Y, epochs=epochs, batch_size=2, shuffle=False, verbose=0, **options)
    return model


def test_compile_scales_where_a_layer_computes_in_float16(mixed):
    """As Keras: under mixed_float16, unless it is told not to; bfloat16 needs none."""
    assert scale(fitted(tagger())) == 2.0**15
    assert scale(fitted(tagger(auto_scale_loss=False))) is None
    assert scale(fitted(tagger(SGD(loss_scale_factor=4.0)))) == 4.0
    assert scale(fitted(tagger(LossScaleOptimizer(SGD(), 8.0)))) == 8.0
    assert scale(fitted(tagger("adam"))) == 2.0**15
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert scale(fitted(tagger())) is None
    keras.config.set_dtype_policy("float32")
    assert scale(fitted(tagger())) is None


def test_small_gradients_arrive(mixed):
    """A loss of 1e-8 a step: unscaled its gradients are 0 in float16."""

    def moves(**options):
        model = tagger(SGD(1.0), **{"loss_weights": 1e-8, **options})
        model(X)
        before = model.layers[0].embeddings.detach().clone()
        fitted(model, 1)
        return float((model.layers[0].embeddings.detach() - before).abs().max())

    assert moves(auto_scale_loss=False) == 0
    assert moves() > 0


def test_a_batch_that_overflows_is_left_out(mixed):
    """No weight moves by it, and the next has half the factor."""
    model = tagger(LossScaleOptimizer(SGD(), initial_scale=1e38))
    model(X)
    before = [w.detach().clone() for w in model.weights]
    fitted(model, 1)
    assert all(torch.equal(a, b) for a, b in zip(before, model.weights, strict=True))
    assert (model.optimizer.iterations, scale(model)) == (0, 1e38 / 4)


def test_the_factor_is_kept_in_states_and_files(mixed, tmp_path):
    made = {"optimizer": LossScaleOptimizer(Adam(0.1), 2.0**40, dynamic_growth_steps=3)}
    whole = fitted(tagger(**made), 4)
    fitted(tagger(LossScaleOptimizer(Adam(0.1), 2.0**40, 3)), 2, backup=tmp_path / "run")
    again = fitted(tagger(LossScaleOptimizer(Adam(0.1), 2.0**40, 3)), 4, backup=tmp_path / "run")
    assert scale(again) == scale(whole) < 2.0**40
    assert all(torch.equal(a, b) for a, b in zip(again.weights, whole.weights, strict=True))
    for name in ("a.keras", "a.safetensors"):
        whole.save(tmp_path / name)
        read = keras.models.load_model(tmp_path / name)
        assert scale(read) == scale(whole)
        kept, found = (m.optimizer.param_groups[0]["finite_steps"] for m in (whole, read))
        assert kept == found
    assert whole.get_compile_config()["optimizer"]["class_name"] == "LossScaleOptimizer"
    assert tagger().get_compile_config()["optimizer"]["class_name"] == "SGD"


def test_a_batch_with_one_infinite_gradient_is_left_out_whole():
    """Two outputs, two batches an update: of the first batch one term overflows."""
    keras.utils.set_random_seed(0)
    x = keras.Input((2,))
    model = keras.Model(x, [keras.layers.Dense(1, name=name)(x) for name in "ab"])

    def fitted(first, how):
        again = keras.models.clone_model(model)
        again.set_weights(model.get_weights())
        again.compile(how, ["mse", "mse"])
        one = np.ones((1, 2), "float32")
        again.fit(one, [first * one[:, :1], one[:, :1]], verbose=0)
        for y in (2, 3):
            again.fit(one, [y * one[:, :1], one[:, :1]], verbose=0)
        return again.get_weights()

    def optimizer(scale):
        return LossScaleOptimizer(SGD(0.1, gradient_accumulation_steps=2), scale)

    spoilt = fitted(1e30, optimizer(1e15))
    # The batch that overflowed is as if it had not been.
    one = np.ones((2, 2), "float32")
    peace = keras.models.clone_model(model)
    peace.set_weights(model.get_weights())
    peace.compile(SGD(0.1), ["mse", "mse"])
    peace.fit(one, [np.array([[2.0], [3.0]]), one[:, :1]], verbose=0)
    for a, b in zip(spoilt, peace.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
