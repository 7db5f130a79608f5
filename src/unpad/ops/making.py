"""Tensors made of nothing but a shape: zeros, ranges, windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.signal import windows

from ..ragged import Ragged
from ..signatures import of_numbers
from .own_time import OwnTime, of_steps
from .types import as_type, floats, floatx, promoted, tensor

Shape = int | Sequence[int]


def _sizes(shape: Shape) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)


@of_steps
@of_numbers
def zeros(shape: Shape, dtype: Any = None) -> Tensor:
    """Zeros of this shape."""
    return torch.zeros(_sizes(shape), dtype=as_type(dtype, "zeros"))


@of_steps
@of_numbers
def ones(shape: Shape, dtype: Any = None) -> Tensor:
    """Ones of this shape."""
    return torch.ones(_sizes(shape), dtype=as_type(dtype, "ones"))


@of_numbers
def empty(shape: Shape, dtype: Any = None) -> Tensor:
    """Numbers that need not be anything: zeros."""
    return zeros(shape, dtype)


@of_steps
@of_numbers
def full(shape: Shape, fill_value: Any, dtype: Any = None) -> Tensor:
    """One number, or a row of them, everywhere in this shape."""
    return tensor(fill_value, dtype).expand(_sizes(shape)).clone()


@of_numbers
def eye(N: int, M: int | None = None, k: int | None = 0, dtype: Any = None) -> Tensor:  # noqa: N803
    """Ones on a diagonal, k places above the main one, in N rows and M columns."""
    rows, columns = torch.arange(N)[:, None], torch.arange(N if M is None else M)
    return (columns - rows == (k or 0)).to(as_type(dtype, "eye") or floatx())


@of_numbers
def identity(n: int, dtype: Any = None) -> Tensor:
    """The identity matrix."""
    return eye(n, dtype=dtype)


@of_numbers
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:  # noqa: N803
    """Ones on and below a diagonal, k places above the main one."""
    rows, columns = torch.arange(N)[:, None], torch.arange(N if M is None else M)
    return (columns - rows <= k).to(as_type(dtype, "tri") or floatx())


@of_numbers
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor | Ragged:
    """Numbers from start, 0 if it is the only one, up to stop.

    Up to the time of a Ragged, `shape(x)[1]`, they are the places of its steps, each within its
    sequence: a Ragged beside x. Empty sequences have none.

    Raises:
        ValueError: a bound is None: the time of sequences, each of which has its own; or a range
            up to the time of a Ragged begins elsewhere than at 0, or leaves steps out.
    """
    if start is None or (stop is None and step is not None):
        raise ValueError(
            "arange: got None as a bound. The time of a Ragged is each sequence's own: its places "
            "are x.positions, or layers.PositionEmbedding."
        )
    first, last = (0, start) if stop is None else (start, stop)
    kind = as_type(dtype, "arange")
    if isinstance(last, OwnTime):
        return last.places(first, step, kind or torch.int32)
    kind = kind or promoted(*(x for x in (start, stop, step) if x is not None))
    return torch.arange(first, last, 1 if step is None else step, dtype=kind)


def _spaced(
    start: Any, stop: Any, num: int, endpoint: bool, dtype: Any, axis: int
) -> tuple[Tensor, Tensor]:
    """Numbers at equal distances along an axis, and their distance."""
    a, b = floats(start), floats(stop)
    kind = as_type(dtype, "linspace") or promoted(a, b)
    parts = num - 1 if endpoint else num
    step = (b - a) / parts if parts > 0 else torch.full_like(a + b, torch.nan)
    places = torch.arange(num, dtype=step.dtype).reshape(-1, *(1,) * step.ndim)
    made = a + places * step.nan_to_num()
    if endpoint and num > 1:
        made[-1] = b
    return made.movedim(0, axis).to(kind), step


@of_numbers
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """`num` numbers from start to stop at equal distances; with `retstep` the distance too.

    Example:
        >>> linspace(0.0, 1.0, 3)
        tensor([0.0000, 0.5000, 1.0000])
    """
    made, step = _spaced(start, stop, num, endpoint, dtype, axis)
    return (made, step) if retstep else made


@of_numbers
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: float = 10,
    dtype: Any = None, axis: int = 0,
) -> Tensor:  # fmt: skip
    """Powers of `base`, whose exponents are at equal distances."""
    made, _ = _spaced(start, stop, num, endpoint, None, axis)
    return (base**made).to(as_type(dtype, "logspace") or made.dtype)


@of_numbers
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Tensor:
    """Numbers from start to stop, each as many times the one before."""
    a, b = floats(start), floats(stop)
    made = logspace(a.abs().log10(), b.abs().log10(), num, endpoint, axis=axis) * a.sign()
    return made.to(as_type(dtype, "geomspace") or made.dtype)


@of_numbers
def bartlett(x: Any) -> Tensor:
    """A window of x numbers that rises to 1 and falls along straight lines."""
    return windows.bartlett(int(x))


@of_numbers
def blackman(x: Any) -> Tensor:
    """Blackman's window of x numbers."""
    return windows.blackman(int(x))


@of_numbers
def hamming(x: Any) -> Tensor:
    """Hamming's window of x numbers."""
    return windows.hamming(int(x))


@of_numbers
def hanning(x: Any) -> Tensor:
    """Hann's window of x numbers."""
    return windows.hann(int(x))


@of_numbers
def kaiser(x: Any, beta: float) -> Tensor:
    """Kaiser's window of x numbers."""
    return windows.kaiser(int(x), beta=float(beta))


__all__ = [
    "arange", "bartlett", "blackman", "empty", "eye", "full", "geomspace", "hamming", "hanning",
    "identity", "kaiser", "linspace", "logspace", "ones", "tri", "zeros",
]  # fmt: skip
