"""How weights are moved is a value: nothing hangs on weights, layers or torch's optimisers."""

import pytest
import torch

import unpad as keras
from unpad import layers

X, Y = torch.ones(4, 3), torch.full((4, 2), -5.0)


def model(optimizer, **options):
    made = keras.Sequential([layers.Dense(2, **options)])
    made.compile(optimizer, "mse")
    return made


@pytest.mark.parametrize("optimizer", ["sgd", torch.optim.SGD])
def test_a_constraint_that_is_taken_off_holds_no_more(optimizer):
    made = model(optimizer, kernel_constraint="non_neg")
    made.fit(X, Y, epochs=3, verbose=0)
    [layer] = made.layers
    assert bool((layer.kernel >= 0).all())
    layer.kernel_constraint = None
    made.fit(X, Y, epochs=30, verbose=0)
    assert not bool((layer.kernel >= 0).all())


@pytest.mark.parametrize("optimizer", ["adam", torch.optim.SGD])
def test_nothing_hangs_on_the_weights(optimizer):
    made = model(optimizer, kernel_constraint="non_neg")
    [layer] = made.layers
    made(X)
    before = set(vars(layer.kernel)), set(vars(layer))
    made.fit(X, Y, verbose=0)
    assert (set(vars(layer.kernel)), set(vars(layer))) == before
    own = type(made.optimizer)([torch.nn.Parameter(torch.ones(2))], lr=0.1)
    assert set(vars(made.optimizer)) == set(vars(own))


def test_a_step_outside_of_fit_weighs_by_steps_too():
    """Three batches of 1, 2 and 1 rows that make one update: that of the four rows at once."""
    weights = []
    for cuts, together in (((1, 2, 1), 3), ((4,), None)):
        keras.utils.set_random_seed(0)
        made = model(keras.optimizers.SGD(0.1, gradient_accumulation_steps=together))
        made(X)
        for x, y in zip(X.split(cuts), (Y * torch.arange(4)[:, None]).split(cuts), strict=True):
            made.train_step((x, y))
        weights.append(made.layers[0].kernel.detach().clone())
    torch.testing.assert_close(*weights)
