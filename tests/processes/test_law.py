"""Law 9 over processes: two with half the batch each end with the weights of one with all of it."""

import numpy as np
import pytest

from . import cases


@pytest.mark.parametrize("name", cases.CASES)
def test_two_are_as_one(pair, name):
    weights, history = cases.fitted(name)
    found = pair.run(cases.fitted, name)
    for mine, theirs in found:
        assert len(mine) == len(weights)
        for a, b in zip(mine, weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)
        assert list(theirs) == list(history)
        for key, values in history.items():
            np.testing.assert_allclose(theirs[key], values, rtol=1e-9, atol=1e-12)
    # The processes have the same bits, not only like numbers.
    assert all((a == b).all() for a, b in zip(found[0][0], found[1][0], strict=True))
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize("name", ["mean", "clipped together", "crf", "two outputs"])
def test_two_are_as_one_in_float32(pair, name):
    weights, _ = cases.fitted(name, "float32", 1)
    for mine, _ in pair.run(cases.fitted, name, "float32", 1):
        for a, b in zip(mine, weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
