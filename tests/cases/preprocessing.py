"""Normalization, CategoryEncoding. StringLookup and TextVectorization take strings."""

from .case import Case

CASES = [
    Case(
        "Normalization", lambda k: k.layers.Normalization(),
        keras=None, why="adapt is compared in tests/keras/test_preprocessing.py",
    ),
    Case(
        "Normalization given",
        lambda k: k.layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[4.0, 0.0, 2.0]),
    ),
    Case(
        "Normalization of all", lambda k: k.layers.Normalization(None, mean=0.5, variance=2.0),
        (("steps", (2, 3)),),
    ),
    Case(
        "Normalization inverted",
        lambda k: k.layers.Normalization(
            (2, 3), mean=[0.1, 0.2, 0.3], variance=[4.0, 0.25, 2.0], invert=True
        ),
        (("steps", (2, 3)),),
    ),
    Case("CategoryEncoding", lambda k: k.layers.CategoryEncoding(9), (("ids", 9),)),
    Case("CategoryEncoding count", lambda k: k.layers.CategoryEncoding(9, "count"), (("ids", 9),)),
    Case(
        "CategoryEncoding one_hot", lambda k: k.layers.CategoryEncoding(9, "one_hot"),
        (("ids", 9),), shortest=2,
    ),
    Case("Rescaling", lambda k: k.layers.Rescaling(0.5, offset=[1.0, 2.0, 3.0])),
    Case("Discretization", lambda k: k.layers.Discretization([4.0, 100.5, 203.0])),
    Case(
        "Discretization one_hot",
        lambda k: k.layers.Discretization([100.5, 203.0], output_mode="one_hot"),
        (("steps", ()),), shortest=2,
    ),
    Case(
        "Discretization count",
        lambda k: k.layers.Discretization([100.5, 203.0], output_mode="count"),
        (("steps", ()),), shortest=2,
    ),
    Case(
        "Hashing", lambda k: k.layers.Hashing(7), (("ids", 9),),
        keras=None, why="Keras's needs TensorFlow; its documented numbers are in the layer's tests",
    ),
    Case(
        "Hashing multi_hot", lambda k: k.layers.Hashing(7, salt=3, output_mode="multi_hot"),
        (("ids", 9),), keras=None, why="Keras's needs TensorFlow",
    ),
    Case(
        "IntegerLookup", lambda k: k.layers.IntegerLookup(vocabulary=[5, 2, 7]), (("ids", 9),),
        keras=None, why="Keras's needs TensorFlow",
    ),
    Case(
        "IntegerLookup count",
        lambda k: k.layers.IntegerLookup(vocabulary=[5, 2, 7], output_mode="count"),
        (("ids", 9),), keras=None, why="Keras's needs TensorFlow",
    ),
]  # fmt: skip
