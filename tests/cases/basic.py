"""Embedding, Masking, Dense, Activation, Dropout."""

from .case import Case

CASES = [
    Case("Embedding", lambda k: k.layers.Embedding(9, 4), (("ids", 9),)),
    Case("Embedding mask_zero", lambda k: k.layers.Embedding(9, 4, mask_zero=True), (("ids", 9),)),
    Case("Masking", lambda k: k.layers.Masking()),
    Case("Masking of a value", lambda k: k.layers.Masking(-1.0)),
    Case("Dense", lambda k: k.layers.Dense(4)),
    Case("Dense softmax", lambda k: k.layers.Dense(4, "softmax")),
    Case("Dense without bias", lambda k: k.layers.Dense(4, "relu", use_bias=False)),
    Case("Dense of a matrix a step", lambda k: k.layers.Dense(4), (("steps", (2, 3)),)),
    Case("Activation", lambda k: k.layers.Activation("relu")),
    Case("Activation softmax", lambda k: k.layers.Activation("softmax")),
    Case("Dropout", lambda k: k.layers.Dropout(0.5)),
    Case("ActivityRegularization", lambda k: k.layers.ActivityRegularization(0.1, 0.2)),
    Case("ReversibleEmbedding", lambda k: k.layers.ReversibleEmbedding(9, 4), (("ids", 9),)),
    Case(
        "ReversibleEmbedding reverse", lambda k: k.layers.ReversibleEmbedding(9, 3, False),
        call=lambda layer, inputs: layer(*inputs, reverse=True),
    ),
    Case(
        "Wrapper", lambda k: k.layers.Wrapper(k.layers.Dense(4)),
        keras=None, why="Keras's has no call",
    ),
    Case(
        "Pipeline",
        lambda k: k.layers.Pipeline([k.layers.Rescaling(0.5), k.layers.Rescaling(1.0, 2.0)]),
    ),
]  # fmt: skip
