"""Layer, RMS, group, unit and batch normalisation."""

from .case import Case

MATRICES = (("steps", (2, 4)),)
OTHER_AXIS = "on torch Keras normalises the last axes, whichever are named; see test_normalization"

CASES = [
    Case("LayerNormalization", lambda k: k.layers.LayerNormalization()),
    Case(
        "LayerNormalization of a matrix a step",
        lambda k: k.layers.LayerNormalization(axis=[-2, -1], epsilon=0.1), MATRICES,
    ),
    Case(
        "LayerNormalization last axis of a matrix a step",
        lambda k: k.layers.LayerNormalization(axis=3), MATRICES,
    ),
    Case(
        "LayerNormalization other axis", lambda k: k.layers.LayerNormalization(axis=2), MATRICES,
        keras=None, why=OTHER_AXIS,
    ),
    Case(
        "LayerNormalization outer axes of three",
        lambda k: k.layers.LayerNormalization(axis=[2, 4]), (("steps", (2, 3, 4)),),
    ),
    Case(
        "LayerNormalization without weights",
        lambda k: k.layers.LayerNormalization(center=False, scale=False),
    ),
    Case("LayerNormalization without beta", lambda k: k.layers.LayerNormalization(center=False)),
    Case("LayerNormalization without gamma", lambda k: k.layers.LayerNormalization(scale=False)),
    Case("RMSNormalization", lambda k: k.layers.RMSNormalization()),
    Case("RMSNormalization epsilon", lambda k: k.layers.RMSNormalization(epsilon=0.1)),
    Case(
        "RMSNormalization of a matrix a step",
        lambda k: k.layers.RMSNormalization(axis=[-2, -1]), MATRICES,
    ),
    Case(
        "RMSNormalization other axis", lambda k: k.layers.RMSNormalization(axis=-2), MATRICES,
        keras=None, why=OTHER_AXIS,
    ),
    Case(
        "RMSNormalization outer axes of three",
        lambda k: k.layers.RMSNormalization(axis=[2, 4]), (("steps", (2, 3, 4)),),
        keras=None, why="Keras lays the weight along the last axes; see test_normalization",
    ),
    Case("UnitNormalization", lambda k: k.layers.UnitNormalization()),
    Case("UnitNormalization other axis", lambda k: k.layers.UnitNormalization(axis=2), MATRICES),
    Case(
        "UnitNormalization of a matrix a step",
        lambda k: k.layers.UnitNormalization(axis=[2, 3]), MATRICES,
    ),
    Case(
        "GroupNormalization", lambda k: k.layers.GroupNormalization(groups=2), (("steps", (4,)),)
    ),
    Case("GroupNormalization one group", lambda k: k.layers.GroupNormalization(groups=1)),
    Case("GroupNormalization a feature a group", lambda k: k.layers.GroupNormalization(groups=-1)),
    Case(
        "GroupNormalization without weights",
        lambda k: k.layers.GroupNormalization(groups=3, center=False, scale=False, epsilon=0.1),
    ),
    Case(
        "GroupNormalization of a matrix a step",
        lambda k: k.layers.GroupNormalization(groups=2), MATRICES,
    ),
    Case(
        "GroupNormalization other axis", lambda k: k.layers.GroupNormalization(groups=2, axis=2),
        MATRICES,
    ),
    Case("BatchNormalization", lambda k: k.layers.BatchNormalization()),
    Case(
        "BatchNormalization of a matrix a step", lambda k: k.layers.BatchNormalization(), MATRICES
    ),
    Case(
        "BatchNormalization other axis", lambda k: k.layers.BatchNormalization(axis=2), MATRICES
    ),
    Case(
        "BatchNormalization without weights",
        lambda k: k.layers.BatchNormalization(center=False, scale=False),
    ),
    # Keras divides by the number of steps plus 1e-7.
    Case(
        "BatchNormalization in training", lambda k: k.layers.BatchNormalization(),
        keras="masked", training=True, parity=1e-6,
    ),
    Case(
        "BatchNormalization in training without gamma",
        lambda k: k.layers.BatchNormalization(scale=False, epsilon=0.1),
        keras="masked", training=True, parity=1e-6,
    ),
    Case(
        "BatchNormalization in training of a matrix a step",
        lambda k: k.layers.BatchNormalization(axis=2), MATRICES, training=True,
        keras=None, why="Keras's mask has an axis less than the inputs; see test_normalization",
    ),
    Case(
        "SpectralNormalization",
        lambda k: k.layers.SpectralNormalization(k.layers.Dense(4), power_iterations=2),
    ),
]  # fmt: skip
