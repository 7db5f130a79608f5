"""Several optimisers in one: who moves what, with which rate, and what is kept."""

import pickle

import numpy as np
import pytest
import torch

import unpad as keras
from unpad.optimizers import SGD, Adam, LossScaleOptimizer, MultiOptimizer, OptimizerMap


def model_with(optimizer):
    torch.manual_seed(0)
    parts = [keras.layers.Dense(2, name="first"), keras.layers.Dense(1, name="last")]
    model = keras.Sequential([keras.Input((3,)), *parts])
    model.compile(optimizer, "mse")
    return model


def by_layer(**options):
    return MultiOptimizer(
        OptimizerMap(SGD(0.0), {"first/.*": Adam(0.1), "last/kernel": SGD(0.5)}), **options
    )


X, Y = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")


def test_each_moves_its_own_weights_as_it_would_alone():
    together = model_with(by_layer())
    before = [w.numpy() for w in together.weights]
    together.fit(X, Y, epochs=1, verbose=0, shuffle=False)
    alone = model_with(SGD(0.5))
    alone.fit(X, Y, epochs=1, verbose=0, shuffle=False)
    moved = [w.numpy() for w in together.weights]
    np.testing.assert_allclose(np.abs(moved[0] - before[0]), 0.1, rtol=2e-3)  # Adam's first step
    np.testing.assert_array_equal(moved[2], alone.weights[2].numpy())
    np.testing.assert_array_equal(moved[3], before[3])


def test_rates_are_the_optimizers_own():
    optimizer = by_layer()
    model = model_with(optimizer)
    halved = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[halved])
    assert [float(one.learning_rate) for one in optimizer.optimizers] == [0.05, 0.25, 0.0]
    with pytest.raises(AttributeError, match="of its own"):
        _ = optimizer.learning_rate


def test_a_state_goes_on_and_a_configuration_comes_back(tmp_path):
    model = model_with(by_layer())
    model.fit(X, Y, epochs=1, verbose=0)
    kept = pickle.loads(pickle.dumps(model.optimizer.state_dict()))
    again = model_with(by_layer())
    again.fit(X, Y, epochs=1, verbose=0)
    again.optimizer.load_state_dict(kept)
    again.set_weights(model.get_weights())
    for one in (model, again):
        one.fit(X, Y, epochs=1, verbose=0, shuffle=False)
    for a, b in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    config = keras.optimizers.serialize(by_layer())
    fresh = keras.optimizers.deserialize(config)
    assert [type(one).__name__ for one in fresh.optimizers] == ["Adam", "SGD", "SGD"]


def test_what_cannot_stand_among_others_is_refused():
    with pytest.raises(ValueError, match="cannot stand among others"):
        MultiOptimizer(OptimizerMap(LossScaleOptimizer(SGD())))
    with pytest.raises(ValueError, match=r"fits 'a/\.\*' and '\.\*b'"):
        _ = OptimizerMap(SGD(), {"a/.*": SGD(), ".*b": SGD()})["a/b"]
    with pytest.raises(ValueError, match="on the `inner_optimizer`"):
        LossScaleOptimizer(SGD(), clipnorm=1.0)


def test_before_the_first_update_a_model_has_what_it_was_compiled_with():
    model = model_with(SGD(0.25))
    assert float(model.optimizer.learning_rate) == 0.25
    model.fit(X, Y, epochs=1, verbose=0)
    assert model.optimizer.get_config()["learning_rate"] == 0.25
    assert model.optimizer.iterations.numpy() == 1


def test_gradients_are_cut_for_a_loop_of_ones_own():
    cut = SGD(clipnorm=1.0)._clip_gradients([np.array([3.0, 4.0]), None])
    np.testing.assert_allclose(cut[0], [0.6, 0.8])
    assert cut[1] is None


def test_a_built_optimizer_knows_its_weights():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = SGD(0.5)
    optimizer.build([weight])
    optimizer.apply([torch.ones(1)])
    assert weight.item() == -0.5
