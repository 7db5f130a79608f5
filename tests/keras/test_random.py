"""random beside Keras's own on torch: the same seed gives the same numbers in both."""

import keras
import numpy as np
import pytest
import torch

from unpad import random, tree

theirs = keras.random
LOGITS = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")

DRAWS = {
    "normal": lambda k, s: k.normal((3, 2), 1.0, 2.0, seed=s),
    "truncated_normal": lambda k, s: k.truncated_normal((3, 2), 1.0, 2.0, "float32", seed=s),
    "uniform": lambda k, s: k.uniform((3, 2), -1.0, 1.0, seed=s),
    "randint": lambda k, s: k.randint((3, 2), 0, 100, seed=s),
    "categorical": lambda k, s: k.categorical(torch.from_numpy(LOGITS), 4, seed=s),
    "dropout": lambda k, s: k.dropout(torch.ones(5, 5), 0.3, seed=s),
    "dropout of rows": lambda k, s: k.dropout(torch.ones(5, 5), 0.3, (5, 1), seed=s),
    "shuffle": lambda k, s: k.shuffle(torch.arange(20), seed=s),
    "shuffle inside": lambda k, s: k.shuffle(torch.arange(24).reshape(2, 3, 4), 1, seed=s),
    "gamma": lambda k, s: k.gamma((3, 2), 2.0, seed=s),
    "beta": lambda k, s: k.beta((3, 2), 2.0, 0.5, seed=s),
    "binomial": lambda k, s: k.binomial((3, 2), 40.0, 0.5, seed=s),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWS)
def test_the_same_numbers(name):
    torch.testing.assert_close(DRAWS[name](random, 11), DRAWS[name](theirs, 11))
    ours, their = random.SeedGenerator(5), theirs.SeedGenerator(5)
    for _ in range(3):
        torch.testing.assert_close(DRAWS[name](random, ours), DRAWS[name](theirs, their))


def test_every_name():
    for ours, their in ((random, keras.random), (tree, keras.tree)):
        assert {n for n in dir(their) if not n.startswith("_")} <= set(ours.__all__)


STRUCTURES = [
    {"b": [1, (2, 3)], "a": 4}, [1, None, ()], (1, [2, {"x": 3}]), 5, {"k": {"j": (1,)}},
]  # fmt: skip


@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
def test_trees(structure):
    k = keras.tree
    assert tree.flatten(structure) == k.flatten(structure)
    assert tree.flatten_with_path(structure) == k.flatten_with_path(structure)
    assert tree.is_nested(structure) == k.is_nested(structure)
    assert tree.map_structure(str, structure) == k.map_structure(str, structure)
    assert tree.lists_to_tuples(structure) == k.lists_to_tuples(structure)
    leaves = list("abcdefg")[: len(tree.flatten(structure))]
    assert tree.pack_sequence_as(structure, leaves) == k.pack_sequence_as(structure, leaves)
    for top_down in (True, False):
        ours, their = [], []
        tree.traverse(ours.append, structure, top_down)
        k.traverse(their.append, structure, top_down)
        assert ours == their
