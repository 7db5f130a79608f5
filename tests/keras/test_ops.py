"""ops beside Keras's own, on torch: every function, its numbers and its types."""

import itertools

import keras
import numpy as np
import pytest
import torch
from keras.src.backend.common import dtypes
from tests.ops.calls import CALLS, OF_ONE, OF_TWO, ONE, TYPES, UNTRIED

from unpad import ops

theirs = keras.ops


@pytest.fixture(autouse=True)
def _all_types(monkeypatch):
    """Keras on torch makes float32 of float64 beside float32; here float64 is what it says."""
    for name in ("float64", "int64"):
        monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, name, name)


def plain(found):
    """Tensors as arrays with the names of their types, structures as lists."""
    if isinstance(found, (tuple, list)):
        return [plain(part) for part in found]
    if isinstance(found, torch.Tensor):
        found = found.detach()
        kind = str(found.dtype).removeprefix("torch.")
        return kind, (found.float() if found.dtype == torch.bfloat16 else found).numpy()
    return type(found).__name__, found


def check(ours, expected):
    if isinstance(expected, list):
        assert len(ours) == len(expected)
        for a, b in zip(ours, expected, strict=True):
            check(a, b)
        return
    assert ours[0] == expected[0]
    if ours[0] in ("str", "NoneType"):
        assert ours == expected
        return
    loose = "float16" in ours[0]
    np.testing.assert_allclose(
        ours[1], expected[1], rtol=1e-2 if loose else 2e-5, atol=1e-2 if loose else 2e-6
    )


def test_every_function_is_here_or_in_the_table():
    names = {n for n in dir(theirs) if not n.startswith("_")}
    assert names - set(ops.__all__) == set(ops.absent.NOT_HERE)
    assert set(ops.__all__) <= names
    assert UNTRIED == []


@pytest.mark.filterwarnings("ignore:Tensor.T is deprecated:UserWarning")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("name", "i"), [(n, i) for n, calls in CALLS.items() for i in range(len(calls))]
)
def test_calls(name, i):
    check(plain(CALLS[name][i](ops)), plain(CALLS[name][i](theirs)))


def of_type(kind):
    return torch.as_tensor(np.asarray(ONE[kind])).to(getattr(torch, kind))


#: What Keras on torch makes of integers there is of their type, and none: 0 for all, or an error.
NOT_OF_INTEGERS = {"hard_tanh", "sparse_plus", "sparse_sigmoid"}


@pytest.mark.parametrize("name", OF_ONE)
def test_one_number(name):
    tried = 0
    for kind in TYPES:
        if name in NOT_OF_INTEGERS and "float" not in kind:
            continue
        x = of_type(kind)
        try:
            expected = plain(getattr(theirs, name)(x))
        except Exception:  # a type that Keras does not take
            continue
        check(plain(getattr(ops, name)(x)), expected)
        tried += 1
    assert tried


@pytest.mark.parametrize("name", OF_TWO)
def test_two_numbers(name):
    """Of all pairs of types; with numbers of Python's, which give way."""
    tried = 0
    for a, b in itertools.product([*TYPES, 2, 0.5, True], repeat=2):
        x, y = (of_type(t).flip(0) if isinstance(t, str) else t for t in (a, b))
        if not isinstance(a, str) and not isinstance(b, str):
            continue
        if "shift" in name and "bool" in (a, b):
            continue  # int64 in Keras on torch, int32 in its specs and here
        try:
            expected = plain(getattr(theirs, name)(x, y))
        except Exception:  # types that Keras does not take
            continue
        found = plain(getattr(ops, name)(x, y))
        if isinstance(a, float) or isinstance(b, float):
            # Numbers give way to half floats; in some of Keras's functions they do not.
            assert found[0] in (expected[0], a, b)
            expected = found[0], expected[1]
        try:
            check(found, expected)
        except Exception as error:
            raise AssertionError(f"{name}({a}, {b})") from error
        tried += 1
    assert tried
