"""The door for numbers: whatever a caller gives as data becomes a tensor here, or is refused.

Data, weights, masks, lengths, indices and constants all come in by these functions, so that each
kind of array is read alike everywhere: strides of any sign, either byte order, integers of any
width, numbers, lists, and iterators, which are read once and whole. What a tensor cannot hold is
refused, never cut: complex numbers, integers beyond int64, text, sparse tensors, numbers of no
device, and masked arrays where nothing could say what the mask means.

`who` begins each error: the function, and the argument where there are several, as "fit: y".
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import shown

#: Types that sums and statistics are not kept in.
HALF = (torch.float16, torch.bfloat16)

_PLAIN = {bool, int, float, list, tuple, np.ndarray, np.float64, np.int64}
_WIDE_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)


def as_tensor(given: Any, who: str, device: torch.device | str | None = None) -> Tensor:
    """What the caller gives as numbers: a tensor as it is, an array sharing memory where it can.

    A list of Python's floats has torch's default type, an array its own; integers that are unsigned
    and wider than a byte become int64, which torch computes with.

    Args:
        given: a tensor, an array, a number, lists within lists of these, an iterator,
            anything with `__array__`.
        who: begins the error.
        device: where it shall be; where it is, by default.

    Raises:
        ValueError: it is no array of numbers, or of some that a tensor cannot hold.
    """
    if isinstance(given, Tensor):
        tensor = as_values(given, who)
    elif isinstance(given, (bool, int, float, np.ndarray, np.generic)):
        tensor = to_tensor(given if isinstance(given, np.ndarray) else np.asarray(given), who)
        if type(given) is float:
            tensor = tensor.to(torch.get_default_dtype())
    else:
        tensor = _of_parts(given, who)
    return tensor if device is None or tensor.device == torch.device(device) else tensor.to(device)


def as_values(given: Tensor, who: str) -> Tensor:
    """A tensor that holds one number an entry, each of a type that torch computes with.

    Raises:
        ValueError: it is complex, sparse, nested, quantized or has no numbers.
    """
    if given.is_nested:
        raise ValueError(f"{who}: got a nested tensor. Ragged.from_nested(x) reads it.")
    if given.layout != torch.strided:
        kind = str(given.layout).removeprefix("torch.").removeprefix("sparse_")
        raise ValueError(f"{who}: got a sparse tensor ({kind}). Give x.to_dense().")
    if given.is_complex():
        raise ValueError(
            f"{who}: got complex numbers. Give both parts as features: torch.view_as_real(x)."
        )
    if given.is_quantized:
        raise ValueError(f"{who}: got a quantized tensor. Give x.dequantize().")
    if given.is_meta:
        raise ValueError(f"{who}: got a tensor on the device meta, which has no numbers.")
    if given.dtype not in _WIDE_UNSIGNED:
        return given
    narrow = given.to(torch.int64)
    if given.dtype == torch.uint64 and bool((narrow < 0).any()):
        raise _too_large(who, given.cpu().numpy())
    return narrow


def to_tensor(array: np.ndarray, who: str) -> Tensor:
    """A numeric array as a tensor. Shares memory unless numpy forbids to write or to step so.

    Raises:
        ValueError: it is masked, or holds something else than numbers that a tensor can hold.
    """
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            raise ValueError(
                f"{who}: got a masked array, and {np.ma.count_masked(array)} of its numbers are "
                "masked. Give a.filled(value), or leave them out."
            )
        array = array.data
    if not is_numeric(array):
        if array.dtype.kind == "c":
            raise ValueError(
                f"{who}: got complex numbers. Give both parts as features: "
                "np.stack([x.real, x.imag], -1)."
            )
        raise ValueError(f"{who}: expected numbers, got an array of {array.dtype}.")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        # torch knows unsigned integers wider than a byte by name only.
        if array.dtype.itemsize == 8 and array.size and array.max() >= 2**63:
            raise _too_large(who, array)
        array = array.astype(np.int64)
    if array.dtype == np.longdouble and array.dtype != np.float64:
        with np.errstate(over="ignore"):
            narrow = array.astype(np.float64)
        if (np.isinf(narrow) & ~np.isinf(array)).any():
            raise ValueError(f"{who}: got a number that float64 cannot hold.")
        array = narrow
    if any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def to_numpy(tensor: Tensor) -> np.ndarray:
    """The numbers as numpy has them; bfloat16, which it has not, as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def is_numeric(array: np.ndarray) -> bool:
    """Whether the array holds numbers that a tensor can hold: booleans, integers, floats."""
    return array.dtype.kind in "biuf"


def as_integers(
    given: Any,
    who: str,
    what: str,
    device: torch.device | str | None = None,
    shape: tuple[int, ...] | None = None,
) -> Tensor:
    """Integers as int64, whatever their width; an empty list, which says nothing, counts.

    Args:
        given: as `as_tensor` takes it.
        who: begins the error.
        what: they are expected as, "{}" standing for the shape: "lengths as {} integers".
        device: see `as_tensor`.
        shape: for the error.

    Raises:
        ValueError: they are flags or fractions.
    """
    tensor = as_tensor(given, who, device)
    if tensor.numel() and (tensor.is_floating_point() or tensor.dtype == torch.bool):
        raise ValueError(
            f"{who}: expected {what.format(shape)}, got {tuple(tensor.shape)} of {tensor.dtype}."
        )
    return tensor.to(torch.int64)


def as_mask(
    given: Any,
    who: str,
    what: str,
    shape: tuple[int, ...],
    device: torch.device | str | None = None,
) -> Tensor:
    """Flags of this shape.

    Args:
        given: as `as_tensor` takes it.
        who: begins the error.
        what: they are expected as, "{}" standing for the shape: "mask as (batch, time) = {} of
            bool". A size written into a text fixes it in a graph that is made of the caller, so the
            text is made for the error alone.
        shape: that they must have.
        device: see `as_tensor`.

    Raises:
        ValueError: they are no bool, or of another shape.
    """
    if type(given) is Tensor and given.dtype is torch.bool and not given.is_nested:
        # The usual one, as our own layers make it at every step of a training.
        fits = given.layout is torch.strided and given.shape == shape and not given.is_meta
        if fits and (device is None or given.device == device):
            return given
    mask = as_tensor(given, who, device)
    if not mask.numel():
        mask = mask.to(torch.bool)  # an empty list says nothing of its type
    if mask.dtype != torch.bool or tuple(mask.shape) != shape:
        raise ValueError(
            f"{who}: expected {what.format(shape)}, got {tuple(mask.shape)} of {mask.dtype}."
        )
    return mask


def as_constant(given: Any, dtype: torch.dtype, who: str, name: str) -> float:
    """One number, which this type can hold.

    Args:
        given: a number of Python's, numpy's, or of a tensor.
        dtype: that has to hold it.
        who: begins the error.
        name: of the argument.

    Raises:
        ValueError: it is no number, or would be another one in this type.
    """
    value = given
    if isinstance(given, (np.generic, np.ndarray, Tensor)) and given.ndim == 0:
        value = given.item()
        value = float(value) if isinstance(value, np.floating) else value
    if not isinstance(value, (bool, int, float)):
        raise ValueError(f"{who}: expected {name} as one number, got {shown(given)}.")
    if not _holds(dtype, value):
        raise ValueError(
            f"{who}: {name}={given!r} is no number that {dtype} can hold. Change the "
            "type first: x.to(torch.float32)."
        )
    return value


def type_name(dtype: torch.dtype) -> str:
    """A type of torch's by its name alone, as "float32"."""
    return str(dtype).removeprefix("torch.")


def as_dtype(given: Any, who: str, real: bool = True) -> torch.dtype | None:
    """A type of torch's by itself, by its name or as numpy's; None as it is.

    Args:
        given: the type.
        who: begins the error.
        real: whether it must be one of real numbers.

    Raises:
        ValueError: there is no such type of numbers.
    """
    if given is None or isinstance(given, torch.dtype):
        found = given
    else:
        try:
            name = given if isinstance(given, str) else np.dtype(given).name
        except TypeError:
            name = ""
        found = getattr(torch, name, None)
        if not isinstance(found, torch.dtype):
            raise ValueError(f"{who}: expected a type, as 'float32', got {shown(given)}.")
    if real and found is not None and found.is_complex:
        raise ValueError(f"{who}: expected a type of real numbers, got {shown(given)}.")
    return found


def read_whole(given: Any, who: str) -> Any:
    """A list for what can be read only once: a generator, `map`, `zip`; anything else as it is."""
    if isinstance(given, (dict, set, frozenset)):
        raise ValueError(
            f"{who}: expected a list, got a {type(given).__name__}, whose order says nothing."
        )
    once = isinstance(given, (Iterator, range)) or type(given).__name__.startswith("dict_")
    return list(given) if once else given


def _of_parts(given: Any, who: str) -> Tensor:
    given = read_whole(given, who)
    if isinstance(given, (str, bytes)) or given is None:
        raise ValueError(f"{who}: expected numbers, got {shown(given)}.")
    if not isinstance(given, (list, tuple)):
        try:
            array = np.asanyarray(given) if hasattr(given, "__array__") else None
        except ValueError:  # a Ragged, which is no array
            array = None
        if array is None:
            raise ValueError(
                f"{who}: expected an array or a tensor of numbers, got {type(given).__name__}."
            )
        return to_tensor(array, who)
    kinds = set(map(type, given))  # many numbers are of few types
    if any(issubclass(kind, Tensor) for kind in kinds):
        try:
            return torch.stack([as_tensor(part, who) for part in given])
        except RuntimeError:
            raise _unequal(who) from None
    if not kinds <= _PLAIN:
        given = [read_whole(part, who) for part in given]
    try:
        array = np.asarray(given)
    except ValueError:
        raise _unequal(who) from None
    if array.dtype == object:
        raise ValueError(f"{who}: expected numbers, got {_first_odd(given)} in a list.")
    tensor = to_tensor(array, who)
    return tensor.to(torch.get_default_dtype()) if type(_first(given)) is float else tensor


def _first(given: Any) -> Any:
    """The first number of lists within lists."""
    while isinstance(given, (list, tuple)) and len(given):
        given = given[0]
    return given


def _first_odd(given: Any) -> str:
    """The first thing in lists within lists that is no number, or the first too large for int64."""
    if isinstance(given, (list, tuple)):
        found = (_first_odd(part) for part in given)
        return next((odd for odd in found if odd), "")
    if isinstance(given, numbers.Integral) and abs(int(given)) < 2**63:
        return ""
    if isinstance(given, (bool, float, np.floating, np.ndarray)):
        return ""
    return shown(given)


def _holds(dtype: torch.dtype, value: float) -> bool:
    if dtype == torch.bool:
        return value in (0, 1)
    if not dtype.is_floating_point:
        info = torch.iinfo(dtype)
        return math.isfinite(value) and value == int(value) and info.min <= value <= info.max
    return not math.isfinite(value) or abs(value) <= torch.finfo(dtype).max


def _unequal(who: str) -> ValueError:
    return ValueError(
        f"{who}: expected numbers in lists of equal length. Sequences of different lengths: "
        "Ragged.from_list(x)."
    )


def _too_large(who: str, array: np.ndarray) -> ValueError:
    return ValueError(f"{who}: got {array.max()}, which int64 cannot hold.")
