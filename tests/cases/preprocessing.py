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
]  # fmt: skip
