"""RepeatVector, Flatten, Reshape, Permute, Lambda."""

from .case import Case


def like_the_first(layer, inputs):
    """Rows, repeated for each step of a sequence."""
    return layer(inputs[1], like=inputs[0])


def shrunk(x, by=2.0):
    """A function of a module: a lambda cannot be pickled."""
    return x / by


def last_of(x):
    return x[:, -1]


CASES = [
    Case("RepeatVector", lambda k: k.layers.RepeatVector(4), (("rows", (3,)),)),
    Case(
        "RepeatVector like a sequence", lambda k: k.layers.RepeatVector(like="input"),
        (("steps", (2,)), ("rows", (3,))), call=like_the_first,
        keras=None, why="Keras repeats n times only",
    ),
    Case(
        "Flatten length", lambda k: k.layers.Flatten(length=9),
        keras=None, why="Keras lays out the grid; compared in tests/layers/test_reshaping.py",
    ),
    Case(
        "Flatten numbers", lambda k: k.layers.Flatten(length=9), (("steps", ()),),
        keras=None, why="Keras lays out the grid; compared in tests/layers/test_reshaping.py",
    ),
    Case("Flatten rows", lambda k: k.layers.Flatten(), (("rows", (2, 3)),)),
    Case("Reshape", lambda k: k.layers.Reshape((-1, 2, 3)), (("steps", (6,)),)),
    Case("Reshape to a number", lambda k: k.layers.Reshape((-1,)), (("steps", (1,)),)),
    Case("Reshape to a feature", lambda k: k.layers.Reshape((-1, 1)), (("steps", ()),)),
    Case("Reshape of rows", lambda k: k.layers.Reshape((-1, 2)), (("rows", (6,)),)),
    Case("Permute", lambda k: k.layers.Permute((1, 3, 2)), (("steps", (2, 3)),)),
    Case("Permute of rows", lambda k: k.layers.Permute((2, 1)), (("rows", (2, 3)),)),
    Case("Lambda", lambda k: k.layers.Lambda(shrunk, arguments={"by": 3.0})),
    Case("Lambda that reduces", lambda k: k.layers.Lambda(last_of)),
]  # fmt: skip
