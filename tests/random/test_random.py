"""random: the same seed, the same numbers; generators are saved with the layer that holds them."""

import copy
import pickle

import pytest
import torch

import unpad as keras
from unpad import Ragged, random

from ..messages import says

DRAWS = {
    "normal": lambda s: random.normal((3, 2), 1.0, 2.0, seed=s),
    "truncated_normal": lambda s: random.truncated_normal((3, 2), seed=s),
    "uniform": lambda s: random.uniform((3, 2), -1, 1, seed=s),
    "uniform of none": lambda s: random.uniform((), seed=s),
    "randint": lambda s: random.randint((3, 2), 0, 100, seed=s),
    "categorical": lambda s: random.categorical(torch.zeros(3, 50), 4, seed=s),
    "dropout": lambda s: random.dropout(torch.ones(5, 5), 0.5, seed=s),
    "shuffle": lambda s: random.shuffle(torch.arange(50), seed=s),
    "gamma": lambda s: random.gamma((3, 2), 2.0, seed=s),
    "beta": lambda s: random.beta((3, 2), 2.0, [0.5, 1.0], seed=s),
    "binomial": lambda s: random.binomial((3, 2), 40, 0.5, seed=s),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWS)
def test_same_seed_same_numbers(name):
    draw = DRAWS[name]
    assert torch.equal(draw(3), draw(3))
    assert not torch.equal(draw(3), draw(4))
    one, other = random.SeedGenerator(3), random.SeedGenerator(3)
    first = draw(one)
    assert torch.equal(first, draw(other))
    assert not torch.equal(first, draw(one))  # it moves on
    assert torch.equal(draw(one), (draw(other), draw(other))[1])


@pytest.mark.parametrize("name", DRAWS)
def test_without_a_seed_torchs_generator_draws(name):
    draw = DRAWS[name]
    keras.utils.set_random_seed(5)
    first = draw(None)
    assert not torch.equal(first, draw(None))
    keras.utils.set_random_seed(5)
    assert torch.equal(first, draw(None))


@pytest.mark.parametrize("name", DRAWS)
def test_a_seed_leaves_torchs_generator_alone(name):
    before = torch.random.get_rng_state()
    DRAWS[name](3)
    assert torch.equal(before, torch.random.get_rng_state())


def test_distributions():
    """Means, and where the draws lie."""
    drawn = random.normal((4000,), 3.0, 0.5, seed=1)
    assert abs(float(drawn.mean()) - 3) < 0.05
    assert abs(float(drawn.std()) - 0.5) < 0.05
    assert random.truncated_normal((4000,), seed=1).abs().max() < 2
    drawn = random.uniform((4000,), 2.0, 4.0, seed=1)
    assert 2 <= drawn.min() < drawn.max() < 4
    assert set(random.randint((200,), 2, 5, seed=1).tolist()) == {2, 3, 4}
    assert random.randint((2,), 0, 5).dtype == torch.int32
    picked = random.categorical(torch.tensor([[0.0, 50.0, 0.0]]), 20, seed=1)
    assert picked.tolist() == [[1] * 20]
    assert abs(float(random.gamma((4000,), 2.0, seed=1).mean()) - 2) < 0.1
    assert abs(float(random.beta((4000,), 1.0, 3.0, seed=1).mean()) - 0.25) < 0.02
    assert abs(float(random.binomial((4000,), 10, 0.3, seed=1).mean()) - 3) < 0.1
    assert random.normal((2,), dtype="float64").dtype == torch.float64


X = Ragged.from_list([torch.ones(3, 4), torch.ones(0, 4), torch.ones(5, 4)])


def test_dropout_of_sequences():
    assert random.dropout(X, 0) is X
    assert float(random.dropout(X, 1.0).values.abs().max()) == 0
    drawn = random.dropout(X, 0.5, seed=2)
    assert drawn.layout is X.layout
    assert set(drawn.values.unique().tolist()) == {0, 2}
    assert torch.equal(drawn.values, random.dropout(X, 0.5, (None, None, None), seed=2).values)
    for part in random.dropout(X, 0.5, (None, 1, None), seed=2):  # one draw a sequence
        assert (part == part[:1]).all()
    same = random.dropout(X, 0.5, (1, 1, None), seed=2)
    assert (same.values == same.values[:1]).all()
    per_step = random.dropout(X, 0.5, (None, None, 1), seed=2).values
    assert (per_step == per_step[:, :1]).all()


def test_shuffle_of_sequences():
    x = Ragged.from_list([torch.arange(9), torch.arange(0), torch.arange(9, 12)])
    turned = random.shuffle(x, axis=1, seed=3)
    assert turned.layout is x.layout
    assert [sorted(p.tolist()) for p in turned] == [p.tolist() for p in x]
    assert turned.values.tolist() != x.values.tolist()
    assert sorted(map(len, random.shuffle(x, seed=3))) == [0, 3, 9]
    with says("shuffle: expected axis 0 or 1 of a Ragged, got 2."):
        random.shuffle(X, axis=2)


class Noisy(keras.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = random.SeedGenerator(7)

    def call(self, x):
        return random.dropout(x, 0.5, seed=self.seeds)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_go_on_where_it_stopped(again):
    layer = Noisy()
    layer(X)
    other = again(layer)
    assert torch.equal(other(X).values, layer(X).values)


def test_it_is_saved_with_the_layer():
    layer, other = Noisy(), Noisy()
    for _ in range(3):
        layer(X)
    assert layer.weights == []
    other.load_state_dict(layer.state_dict())
    assert other.seeds.state.tolist() == [7, 3]
    assert torch.equal(other(X).values, layer(X).values)


def test_a_generator_as_data():
    made = random.SeedGenerator.from_config(random.SeedGenerator(9, name="s").get_config())
    assert (made.seed, made.name, made.state.tolist()) == (9, "s", [9, 0])
    assert made.next(ordered=False).tolist() == [9, 0]
    assert made.state.tolist() == [53870, 5387]
    assert "state=[53870, 5387]" in repr(made)
    with says("SeedGenerator: expected seed as an integer, got 'x'."):
        random.SeedGenerator("x")
    with says("random: expected seed as an integer or a SeedGenerator, got str."):
        random.normal((2,), seed="x")


def test_in_a_graph():
    symbol = keras.Input((None, 4), ragged=True)
    model = keras.Model(symbol, random.dropout(symbol, 0.5, seed=3))
    assert torch.equal(model(X).values, random.dropout(X, 0.5, seed=3).values)
