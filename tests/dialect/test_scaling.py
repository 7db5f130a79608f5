"""Scaler: fitted on real steps only, applied to real steps only, in the caller's own form."""

import importlib.util

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unpad import Ragged
from unpad.scaling import Scaler

from ..examples import draws
from ..messages import says


class Standard:
    """scikit-learn's StandardScaler in a few lines, by its formula."""

    def fit(self, rows):
        self.mean, self.std = rows.mean(0), rows.std(0)

    def transform(self, rows):
        return (rows - self.mean) / self.std

    def inverse_transform(self, rows):
        return rows * self.std + self.mean


def estimators():
    """The one above, and scikit-learn's own where it is installed."""
    found = [Standard]
    if importlib.util.find_spec("sklearn"):
        from sklearn.preprocessing import StandardScaler

        found.append(StandardScaler)
    return found


def sequences(lengths, feature=2, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(3, 2, (n, feature)) for n in lengths]


def padded(parts, width, fill=0.0):
    grid = np.full((len(parts), width, parts[0].shape[1]), fill)
    for row, part in zip(grid, parts, strict=True):
        row[: len(part)] = part
    return grid


@pytest.mark.parametrize("estimator", estimators())
@draws(30)
@given(
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=6).filter(lambda n: sum(n) > 1),
    fill=st.sampled_from([0.0, -7.0, float("nan")]),
)
def test_padding_is_invisible(estimator, lengths, fill):
    parts = sequences(lengths)
    rows = np.concatenate(parts)
    expected = (rows - rows.mean(0)) / rows.std(0)
    x = padded(parts, max(lengths) + 2, fill)
    scaler = Scaler(estimator(), mask_value=fill).fit(x)
    scaled = scaler.transform(x)
    real = np.arange(x.shape[1]) < np.array(lengths)[:, None]
    np.testing.assert_allclose(scaled[real], expected, atol=1e-9)
    np.testing.assert_array_equal(scaled[~real], np.full_like(scaled[~real], fill))
    np.testing.assert_allclose(scaler.inverse_transform(scaled), x, atol=1e-9)
    as_list = Scaler(estimator()).fit_transform(parts)
    assert [part.shape for part in as_list] == [part.shape for part in parts]
    np.testing.assert_allclose(np.concatenate(as_list), expected, atol=1e-9)
    as_ragged = Scaler(estimator()).fit_transform(Ragged.from_list(parts))
    assert as_ragged.lengths.tolist() == lengths
    np.testing.assert_allclose(as_ragged.values, expected, atol=1e-9)


def test_the_side_of_the_padding_stays():
    x = np.zeros((2, 4, 1))
    x[0, 2:, 0], x[1, [0, 3], 0] = [1.0, 5.0], [2.0, 4.0]
    scaled = Scaler(Standard()).fit_transform(x)
    assert ((scaled != 0) == (x != 0)).all()


def test_steps_without_a_feature_axis_are_a_column():
    scaled = Scaler(Standard()).fit_transform([[1.0, 3.0], [5.0]])
    assert [part.shape for part in scaled] == [(2,), (1,)]
    np.testing.assert_allclose(np.concatenate(scaled), np.array([-2, 0, 2]) / np.sqrt(8 / 3))


def test_an_estimator_may_change_the_columns():
    class Sums(Standard):
        def transform(self, rows):
            return rows.sum(1, keepdims=True)

    made = Scaler(Sums()).fit_transform(Ragged.from_list(sequences([2, 0, 1])))
    assert made.feature == (1,)
    assert made.lengths.tolist() == [2, 0, 1]


def test_two_levels_and_types():
    documents = Ragged.from_list([[[1, 2], [3]], [[6]]], levels=2)
    scaled = Scaler(Standard()).fit_transform(documents)
    assert scaled.dtype == torch.float32
    assert scaled.values.values.sum().abs() < 1e-6
    grid = torch.ones(1, 3, 2)
    assert isinstance(Scaler(Standard()).fit(np.random.rand(2, 2, 2)).transform(grid), torch.Tensor)


def test_no_steps():
    scaler = Scaler(Standard())
    with says("Scaler.fit: x has no steps: every sequence is empty or masked."):
        scaler.fit(np.zeros((2, 3, 2)))
    scaler.fit(sequences([3]))
    assert scaler.transform(np.zeros((2, 3, 2))).shape == (2, 3, 2)


def test_map_does_the_same():
    ragged = Ragged.from_list(sequences([3, 0, 2]))
    scaler = Scaler(Standard()).fit(ragged)
    mapped = ragged.map(lambda rows: scaler.estimator.transform(rows.numpy()))
    torch.testing.assert_close(mapped.values, scaler.transform(ragged).values)


def test_a_step_that_becomes_the_mask_value_is_not_lost():
    x = np.array([[[1.0], [2.0], [3.0], [0.0]]])
    with says(
        "Scaler.transform: sequence 0, step 1 has become 0 in every feature, the value of padding. "
        "Give the sequences as a list or a Ragged, which need no padding, or pad with another "
        "value: mask_value=-1000."
    ):
        Scaler(Standard()).fit_transform(x)


def test_errors():
    with says(
        "Scaler: expected an estimator with fit and transform, as StandardScaler(), got "
        "<class 'tests.dialect.test_scaling.Standard'>. A class: put () behind it."
    ):
        Scaler(Standard)
    with says(
        "Scaler.fit: expected a Ragged, a list of arrays or a padded array (batch, time, "
        "feature), got (2, 3)."
    ):
        Scaler(Standard()).fit(np.zeros((2, 3)))

    class Short(Standard):
        def transform(self, rows):
            return rows[1:]

    with says("Scaler.transform: expected one row for each of the 3 steps, got 2."):
        Scaler(Short()).fit_transform(sequences([3]))
