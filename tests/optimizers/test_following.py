"""An optimiser and the weights of a model that has changed since it was made."""

import numpy as np
import pytest
import torch

import unpad as keras

from ..messages import says

L = keras.layers
rng = np.random.default_rng(2)
X = [rng.normal(size=(n, 3)).astype("float32") for n in (4, 1, 3)]
Y = [x[:, :1] for x in X]


def model(optimizer="adam"):
    keras.utils.set_random_seed(3)
    found = keras.Sequential([keras.Input((None, 3)), L.Dense(2), L.Dense(1)])
    found.compile(optimizer(found) if callable(optimizer) else optimizer, "mse")
    return found


def fitted(found):
    found.fit(X, Y, verbose=0)
    return found


def moved(found):
    """Which of the model's weights a fit moves, by name."""
    before = {n: w.detach().clone() for n, w in found.named_parameters()}
    found.fit(X, Y, verbose=0)
    return {n for n, w in found.named_parameters() if not torch.equal(before[n], w)}


EVERY = {"dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"}
MADE = ["adam", "sgd", "rmsprop", lambda m: torch.optim.Adam]


@pytest.mark.parametrize("optimizer", MADE)
def test_a_layer_that_was_added(optimizer):
    found = fitted(model(optimizer))
    optimizer = found.optimizer
    kernel = found.layers[0].kernel
    age = float(optimizer.state[kernel].get("step", 0))
    found.add(L.Dense(1))
    assert moved(found) == EVERY | {"dense_2.kernel", "dense_2.bias"}
    assert found.optimizer is optimizer
    assert float(optimizer.state[kernel].get("step", 0)) == age + bool(age)


@pytest.mark.parametrize("optimizer", MADE)
def test_a_weight_that_was_replaced(optimizer):
    found = fitted(model(optimizer))
    gone = found.layers[0].kernel
    found.layers[0].kernel = torch.nn.Parameter(torch.ones(3, 2))
    assert moved(found) == EVERY
    assert gone not in found.optimizer.state
    assert all(p is not gone for g in found.optimizer.param_groups for p in g["params"])


@pytest.mark.parametrize("optimizer", MADE)
def test_a_weight_that_was_frozen_and_comes_back(optimizer):
    found = fitted(model(optimizer))
    kernel = found.layers[0].kernel
    state = {k: torch.as_tensor(v).clone() for k, v in found.optimizer.state[kernel].items()}
    kernel.requires_grad_(False)
    assert moved(found) == EVERY - {"dense.kernel"}
    for key, value in state.items():
        assert torch.equal(torch.as_tensor(found.optimizer.state[kernel][key]), value)
    kernel.requires_grad_(True)
    assert moved(found) == EVERY


@pytest.mark.parametrize("optimizer", MADE)
def test_weights_of_another_type(optimizer):
    found = fitted(model(optimizer))
    found.to(torch.float64)
    assert moved(found) == EVERY
    for p, state in found.optimizer.state.items():
        for value in state.values():
            assert not torch.is_tensor(value) or not value.ndim or value.dtype == p.dtype


def test_a_weight_of_another_size_begins_anew_and_it_is_said():
    grown = keras.Sequential([keras.Input((None,)), L.Embedding(4, 2), L.Dense(1)])
    grown.compile("adam", "mse")
    ids, y = [np.array([1, 2]), np.array([3])], [np.zeros((2, 1)), np.zeros((1, 1))]
    grown.fit(ids, y, verbose=0)
    table = grown.layers[0].embeddings
    table.data = torch.cat([table.data, torch.zeros(3, 2)])
    with pytest.warns(
        UserWarning,
        match=r"fit: 'embedding.embeddings' is \(7, 2\) now and was \(4, 2\): what the optimizer",
    ):
        grown.fit(ids, y, verbose=0)


def test_an_optimizer_of_torch_over_other_weights():
    other = torch.nn.Linear(2, 2)
    found = model(lambda m: torch.optim.SGD(other.parameters(), 0.1))
    before = found.get_weights()
    with says(
        "fit: the SGD that compile was given moves none of the model's weights, as 'dense.kernel'. "
        "Make it of model.parameters(), or give compile its class."
    ):
        found.fit(X, Y, verbose=0)
    for a, b in zip(before, found.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_optimizer_of_torch_over_some_weights_says_which_it_leaves():
    found = model(lambda m: torch.optim.SGD(m.layers[1].parameters(), 0.1))
    with pytest.warns(
        UserWarning,
        match="fit: the SGD that compile was given does not move 2 of the model's weights that can "
        "be trained, the first of them 'dense.kernel'",
    ):
        found.fit(X, Y, verbose=0)
    found.layers[0].requires_grad_(False)
    assert moved(found) == {"dense_1.kernel", "dense_1.bias"}


def test_gradients_are_applied_to_the_weights_that_are_named():
    found = fitted(model("sgd"))
    optimizer, weights = found.optimizer, list(found.parameters())
    before = [w.detach().clone() for w in weights]
    optimizer.apply([torch.ones_like(weights[1])], [weights[1]])
    assert [torch.equal(a, b) for a, b in zip(before, weights, strict=True)] == [
        True, False, True, True
    ]  # fmt: skip
    optimizer.apply_gradients([(torch.ones_like(w), w) for w in weights])
    assert not any(torch.equal(a, b) for a, b in zip(before, weights, strict=True))
    with says("SGD.apply: 1 gradients for 4 weights."):
        optimizer.apply([None])
    with says("SGD.apply: a weight of shape (9,) is none of the 4 that it moves."):
        optimizer.apply([None], [torch.nn.Parameter(torch.zeros(9))])
