"""Normalization's statistics and CategoryEncoding on dense batches: Keras's numbers."""

import keras
import numpy as np
import pytest
import torch
from masked_batches import coded_like
from side_by_side import assert_close

import unpad
from unpad import Ragged
from unpad.testing import grid


def adapted(k, data, **options):
    layer = k.layers.Normalization(**options)
    layer.adapt(data)
    return layer


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(
    ("axis", "shape"),
    [
        (-1, (6, 3)), (-1, (6, 4, 3)), (None, (6, 4, 3)), ((1, 2), (6, 4, 3)), (1, (6, 4, 3)),
        (-1, (6, 1)),
    ],
)  # fmt: skip
def test_statistics_of_arrays(float64, axis, shape, invert):
    data = coded_like(shape, 3.0) + 5
    ours, theirs = (adapted(k, data, axis=axis, invert=invert) for k in (unpad, keras))
    x = coded_like((2, *shape[1:]))
    assert_close(ours(torch.tensor(x)), theirs(x), "output", 1e-9, 1e-12)
    assert_close(ours.mean.flatten(), theirs.mean.flatten(), "mean", 1e-9, 1e-12)
    assert_close(ours.variance.flatten(), theirs.variance.flatten(), "variance", 1e-9, 1e-12)
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]


@pytest.mark.parametrize("side", ["left", "right", "holes"])
def test_statistics_of_sequences_are_over_real_steps(float64, side):
    """The steps of all sequences are one array of rows to Keras, which has no mask here."""
    rows = coded_like((9, 3), 3.0) + 5
    x, mask = grid(Ragged(torch.tensor(rows), torch.tensor([0, 3, 3, 8, 9])), side)
    padded = Ragged.from_padded(x, mask=mask)
    ours, theirs = adapted(unpad, padded), adapted(keras, rows)
    assert_close(ours(padded).values, theirs(rows), "output", 1e-9, 1e-12)


def test_statistics_of_batches(float64):
    """Keras takes batches with tensorflow only; here it gets them in one."""
    parts = [coded_like((n, 3), 3.0) + n for n in (4, 0, 1, 7)]
    ours, theirs = adapted(unpad, iter(parts)), adapted(keras, np.concatenate(parts))
    assert_close(ours.mean, theirs.mean[0], "mean", 1e-9, 1e-12)
    assert_close(ours.variance, theirs.variance[0], "variance", 1e-9, 1e-12)


def test_before_adapt_nothing_changes(float64):
    x = torch.tensor(coded_like((2, 3)))
    assert_close(unpad.layers.Normalization()(x), keras.layers.Normalization()(x), "output", 0, 0)


@pytest.mark.parametrize(
    ("mode", "ids"),
    [
        ("one_hot", [3, 2, 0, 1]), ("one_hot", [[3, 2], [0, 1]]), ("one_hot", [[3], [2]]),
        ("multi_hot", [[0, 1], [0, 0], [1, 2], [3, 1]]), ("count", [[0, 1], [0, 0], [3, 1]]),
        ("binary", [[0, 1], [3, 3]]),
    ],
)  # fmt: skip
def test_vectors_of_ids(mode, ids):
    ours, theirs = (k.layers.CategoryEncoding(4, mode) for k in (unpad, keras))
    assert_close(ours(ids), theirs(np.array(ids)), "output", 0, 0)
    shape = np.shape(ids)
    said = ours.output_spec(unpad.layers.Spec(shape[1:], dtype=torch.int64)).full_shape[1:]
    assert said == theirs.compute_output_shape(shape)[1:]


def test_counts_with_weights():
    ids, weights = (
        [[0, 1], [0, 0], [1, 2]],
        np.array([[0.1, 0.2], [0.1, 0.1], [0.2, 0.3]], "float32"),
    )
    ours, theirs = (k.layers.CategoryEncoding(4, "count") for k in (unpad, keras))
    expected = theirs(np.array(ids), count_weights=weights)
    for given in (torch.tensor(weights), weights, weights.astype("float64"), weights.tolist()):
        assert_close(ours(ids, count_weights=given), expected, "output", 1e-6, 1e-7)
