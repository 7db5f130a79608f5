"""Flatten of masked sequences, and what RepeatVector, Reshape and Permute do without a mask."""

import keras
import numpy as np
import pytest
import torch
from masked_batches import coded_like
from side_by_side import assert_close

import unpad


@pytest.mark.parametrize("side", ["left", "right", "holes"])
def test_flatten_is_keras_with_padding_embedded_as_zeros(float64, side):
    """Outputs, and the gradients of the table and the weights; the table's row 0 has none."""
    real = {"left": [0, 0, 3, 5, 1], "right": [3, 5, 1, 0, 0], "holes": [3, 0, 5, 0, 1]}[side]
    ids = np.array([real, [0] * 5, [2, 4, 6, 8, 7]])
    table, kernel = coded_like((9, 2), 0.5), coded_like((10, 3), 0.5)
    table[0] = 0
    ours, theirs = (
        k.Sequential([
            # With mask_zero Keras warns that Flatten drops the mask, and computes the same.
            k.Input((5,), dtype="int64"), k.layers.Embedding(9, 2, mask_zero=k is unpad),
            k.layers.Flatten(), k.layers.Dense(3),
        ])
        for k in (unpad, keras)
    )  # fmt: skip
    for model in (ours, theirs):
        model.set_weights([table, kernel, np.ones(3)])
    a, b = ours(torch.tensor(ids)), theirs(torch.tensor(ids))
    assert_close(a.detach(), b.detach(), "output", 1e-10, 1e-12)
    weights = torch.tensor(coded_like((3, 3)))
    mine = torch.autograd.grad((a * weights).sum(), list(ours.parameters()))
    other = torch.autograd.grad((b * weights).sum(), [w.value for w in theirs.weights])
    assert_close(mine[0][1:], other[0][1:], "gradient of the table", 1e-10, 1e-12)
    for x, y in zip(mine[1:], other[1:], strict=True):
        assert_close(x, y, "gradient", 1e-10, 1e-12)
    # Pinned: Keras moves the row that stands for nothing.
    assert mine[0][0].abs().sum() == 0
    assert other[0][0].abs().sum() > 0


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda k: k.layers.Flatten(), (4,)), (lambda k: k.layers.Flatten(), (4, 5, 3)),
        (lambda k: k.layers.RepeatVector(3), (4, 5)), (lambda k: k.layers.Reshape((3, -1)), (4, 6)),
        (lambda k: k.layers.Reshape((6,)), (4, 2, 3)),
        (lambda k: k.layers.Permute((2, 1)), (4, 2, 3)),
        (lambda k: k.layers.Permute((3, 1, 2)), (4, 2, 3, 5)),
        (lambda k: k.layers.Lambda(lambda x: x[:, 0] * 2), (4, 2, 3)),
    ],
)  # fmt: skip
def test_dense_as_keras(float64, make, shape):
    x = torch.tensor(coded_like(shape))
    ours, theirs = make(unpad), make(keras)
    a, b = ours(x), theirs(x)
    assert_close(a, b, "output", 0, 0)
    assert (
        ours.output_spec(unpad.layers.Spec(shape[1:], dtype=x.dtype)).full_shape[1:] == b.shape[1:]
    )
