"""Activations as layers, Identity, EinsumDense."""

from .case import Case

MATRICES = (("steps", (2, 4)),)

CASES = [
    Case("ReLU", lambda k: k.layers.ReLU()),
    Case("ReLU bounded", lambda k: k.layers.ReLU(0.5, negative_slope=0.1, threshold=0.2)),
    Case("ReLU with a slope", lambda k: k.layers.ReLU(negative_slope=0.2)),
    Case("ReLU to six", lambda k: k.layers.ReLU(6)),
    Case("ReLU above a threshold", lambda k: k.layers.ReLU(threshold=0.3)),
    Case("ReLU with a slope and a bound", lambda k: k.layers.ReLU(0.4, negative_slope=0.2)),
    Case("LeakyReLU", lambda k: k.layers.LeakyReLU()),
    Case("LeakyReLU of a slope", lambda k: k.layers.LeakyReLU(negative_slope=0.05)),
    Case("PReLU shared over time", lambda k: k.layers.PReLU(shared_axes=[1])),
    Case("PReLU shared over features", lambda k: k.layers.PReLU(shared_axes=[1, 2]), MATRICES),
    Case(
        "PReLU", lambda k: k.layers.PReLU("ones"), keras=None,
        why="Keras makes a slope for each place in time; see test_activations",
    ),
    Case("ELU", lambda k: k.layers.ELU()),
    Case("ELU of a slope", lambda k: k.layers.ELU(0.5)),
    Case("Softmax", lambda k: k.layers.Softmax()),
    # Keras warns of a single step.
    Case("Softmax over time", lambda k: k.layers.Softmax(axis=1), shortest=2),
    Case("Softmax of numbers", lambda k: k.layers.Softmax(), (("steps", ()),), shortest=2),
    Case("Softmax over two axes of features", lambda k: k.layers.Softmax([-2, -1]), MATRICES),
    Case("Softmax over time and features", lambda k: k.layers.Softmax((1, 3)), MATRICES),
    Case("Identity", lambda k: k.layers.Identity()),
    Case(
        "EinsumDense",
        lambda k: k.layers.EinsumDense("abc,cd->abd", (None, 4), "tanh", bias_axes="d"),
    ),
    Case("EinsumDense ellipsis", lambda k: k.layers.EinsumDense("...x,xy->...y", 4, bias_axes="y")),
    Case(
        "EinsumDense ellipsis of a matrix a step",
        lambda k: k.layers.EinsumDense("...x,xy->...y", 4, bias_axes="y"), MATRICES,
    ),
    Case(
        "EinsumDense ellipsis on the right",
        lambda k: k.layers.EinsumDense("abc...,cd->abd...", (None, 3), bias_axes="d"), MATRICES,
    ),
    Case(
        "EinsumDense to heads",
        lambda k: k.layers.EinsumDense("abc,cde->abde", (None, 2, 4), "softmax", "de"),
    ),
    Case(
        "EinsumDense from heads",
        lambda k: k.layers.EinsumDense("abcd,cde->abe", (None, 3), bias_axes="e"), MATRICES,
    ),
    Case(
        "EinsumDense inner bias",
        lambda k: k.layers.EinsumDense("abcd,de->abce", (None, 2, 3), bias_axes="c"), MATRICES,
    ),
    Case(
        "EinsumDense a weight a feature",
        lambda k: k.layers.EinsumDense("abc,c->abc", (None, 3)),
    ),
]  # fmt: skip
