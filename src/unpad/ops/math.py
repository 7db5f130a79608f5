"""Special functions, segments, and Fourier's transforms."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from .along import along
from .elementary import of_floats
from .kinds import dense
from .ranks import top_k
from .reductions import logsumexp
from .types import floats, tensor

erf = of_floats(torch.erf, "erf", "The error function.")
erfc = of_floats(torch.erfc, "erfc", "1 - erf(x).")
erfinv = of_floats(torch.erfinv, "erfinv", "The number whose erf is x.")
rsqrt = of_floats(torch.rsqrt, "rsqrt", "1 / sqrt(x).")


def _segments(reduce: str, empty: float | None, name: str, says: str) -> Any:
    def of(data: Any, segment_ids: Any, num_segments: int | None) -> Tensor:
        data, ids = tensor(data), tensor(segment_ids).long()
        count = num_segments or (int(ids.max()) + 1 if ids.numel() else 0)
        start = empty
        if start is None:
            info: Any = (torch.finfo if data.is_floating_point() else torch.iinfo)(data.dtype)
            below = -torch.inf if data.is_floating_point() else info.min
            above = torch.inf if data.is_floating_point() else info.max
            start = below if reduce == "amax" else above
        # What belongs to no segment goes to one more, which is left off.
        ids = torch.where((ids >= 0) & (ids < count), ids, count)
        rows = torch.full((count + 1, *data.shape[1:]), start, dtype=data.dtype)
        places = ids.reshape(-1, *(1,) * (data.ndim - 1)).expand_as(data)
        return rows.scatter_reduce(0, places, data, reduce)[:-1]

    wrap = dense("Each sequence's steps: x.sum(), x.max(), x.min().", name, says)
    return wrap(
        lambda data, segment_ids, num_segments=None, sorted=False: of(
            data, segment_ids, num_segments
        )
    )


segment_sum = _segments("sum", 0, "segment_sum", "The sum of the rows of each segment.")
segment_prod = _segments("prod", 1, "segment_prod", "The product of the rows of each segment.")
segment_max = _segments("amax", None, "segment_max", "The largest of the rows of each segment.")
segment_min = _segments("amin", None, "segment_min", "The smallest of the rows of each segment.")


@partial(along, fixed=(-1,), of="predictions", time="Give the scores as features.")
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether each class is among the k with the highest scores, ties included.

    Args:
        targets: classes.
        predictions: scores, with an axis of classes more.
        k: how many count.
    """
    scores = tensor(predictions)
    mine = scores.gather(-1, tensor(targets).long().unsqueeze(-1))
    return (mine >= scores.topk(k).values).any(-1)


@dense("Steps with steps of each sequence: layers.Dot(normalize=True), or layers.Attention.")
def cdist(x: Any, y: Any) -> Any:
    """The distance of each row of x to each row of y."""
    a, b = floats(x), floats(y)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise ValueError(
            f"cdist: expected rows of equal size, got {tuple(a.shape)} and {tuple(b.shape)}."
        )
    return (a.unsqueeze(-2) - b.unsqueeze(-3)).square().sum(-1).sqrt()


@partial(along, fixed=(-1,))
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Windows along the last axis; of sequences of numbers each one's own, as its steps."""
    x = tensor(x)
    if x.shape[-1] < sequence_length:
        return x.new_zeros(*x.shape[:-1], 0, sequence_length)
    return x.unfold(-1, sequence_length, sequence_stride).clone()


def _complex(x: Any, who: str) -> Tensor:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"{who}: expected a pair, the real and the imaginary part.")
    real, imaginary = map(tensor, x)
    if real.shape != imaginary.shape or not real.is_floating_point():
        raise ValueError(
            f"{who}: expected both parts as floats of one shape, got {tuple(real.shape)} and "
            f"{tuple(imaginary.shape)} of {real.dtype}."
        )
    return torch.complex(real, imaginary)


def _parts(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.real, x.imag


@partial(along, fixed=(-1,))
def fft(x: Any) -> Any:
    """Fourier's transform along the last axis, of and to (real part, imaginary part)."""
    return _parts(torch.fft.fft(_complex(x, "fft")))


@partial(along, fixed=(-2, -1), time="Time is no axis of a picture.")
def fft2(x: Any) -> Any:
    """Fourier's transform along the last two axes, of and to (real part, imaginary part)."""
    return _parts(torch.fft.fft2(_complex(x, "fft2")))


@partial(along, fixed=(-2, -1), time="Time is no axis of a picture.")
def ifft2(x: Any) -> Any:
    """The inverse of `fft2`."""
    return _parts(torch.fft.ifft2(_complex(x, "ifft2")))


@partial(along, fixed=(-1,))
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """Fourier's transform of real numbers along the last axis; half of it says all."""
    return _parts(torch.fft.rfft(floats(x), fft_length))


@partial(along, fixed=(-1,))
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The inverse of `rfft`, by default to an even number of entries."""
    return torch.fft.irfft(_complex(x, "irfft"), fft_length)


def _window(window: Any, size: int, dtype: torch.dtype, who: str) -> Tensor:
    if window is None:
        return torch.ones(size, dtype=dtype)
    if isinstance(window, str):
        known: Any = {"hann": torch.hann_window, "hamming": torch.hamming_window}
        if window not in known:
            raise ValueError(f"{who}: expected window 'hann' or 'hamming', got {window!r}.")
        return known[window](size, dtype=dtype)
    made = tensor(window, dtype)
    if made.shape != (size,):
        raise ValueError(f"{who}: expected a window of {size}, got {tuple(made.shape)}.")
    return made


@partial(along, fixed=(-1,))
def stft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann",
    center: bool = True,
) -> Any:  # fmt: skip
    """Fourier's transform of windows along the last axis, as (real part, imaginary part).

    Args:
        x: (..., samples) floats; of sequences of numbers each one's own.
        sequence_length: of a window.
        sequence_stride: from window to window.
        fft_length: of the transform, at least that of a window.
        window: "hann", "hamming", its numbers, or None.
        center: whether half a transform is put around the samples, mirrored.
    """
    x = tensor(x)
    if not x.is_floating_point() or fft_length < sequence_length:
        raise ValueError(
            f"stft: expected floats and fft_length of at least {sequence_length}, got {x.dtype} "
            f"and {fft_length}."
        )
    flat = x.reshape(-1, x.shape[-1])
    found = torch.stft(
        flat, fft_length, sequence_stride, sequence_length,
        _window(window, sequence_length, x.dtype, "stft"), center, return_complex=True,
    )  # fmt: skip
    return _parts(found.reshape(*x.shape[:-1], *found.shape[-2:]).swapaxes(-2, -1))


@dense("Each sequence by itself: [istft(...) of each part].")
def istft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int,
    length: int | None = None, window: Any = "hann", center: bool = True,
) -> Any:  # fmt: skip
    """The samples whose `stft` this is, the overlapping windows weighed to 1.

    Args:
        x: (real part, imaginary part), each (..., windows, bins).
        sequence_length: of a window.
        sequence_stride: from window to window.
        fft_length: of the transform.
        length: how many samples are given.
        window: as it was.
        center: as it was.
    """
    pieces = torch.fft.irfft(_complex(x, "istft"), fft_length)
    count = pieces.shape[-2]
    before = (fft_length - sequence_length) // 2
    weights = torch.nn.functional.pad(
        _window(window, sequence_length, pieces.dtype, "istft"),
        (before, fft_length - sequence_length - before),
    )
    total = fft_length + sequence_stride * (count - 1)
    flat = (pieces * weights).reshape(-1, count, fft_length)
    norm = (weights.square() if window is not None else weights).expand(1, count, fft_length)
    samples, share = (
        torch.nn.functional.fold(
            part.mT.contiguous(), (1, total), (1, fft_length), stride=(1, sequence_stride)
        )[:, 0, 0]
        for part in (flat, norm)
    )
    if window is not None:
        samples = samples / torch.where(share > 1e-11, share, 1)
    samples = samples.reshape(*pieces.shape[:-2], total)
    start = fft_length // 2 if center else 0
    end = start + length if length is not None else total - (fft_length // 2 if center else 0)
    return samples[..., start:end]


@partial(along, fixed=(-2, -1), time="Give matrices as features.", trial=lambda x: _of_ones(x))
def logdet(x: Any) -> Any:
    """The logarithm of the determinant of matrices, the last two axes."""
    return torch.logdet(floats(x))


def _of_ones(x: Tensor) -> Tensor:
    return x + torch.eye(x.shape[-2], x.shape[-1], dtype=x.dtype)


@partial(along, fixed=(-1,), time="Give both parts as features.")
def view_as_complex(x: Any) -> Any:
    """Pairs along the last axis as complex numbers."""
    return torch.view_as_complex(tensor(x).contiguous())


@partial(along, new=True, axes=(), fixed=(-1,))
def view_as_real(x: Any) -> Any:
    """Complex numbers as pairs along one axis more, the last."""
    return torch.view_as_real(tensor(x))


__all__ = [
    "cdist", "erf", "erfc", "erfinv", "extract_sequences", "fft", "fft2", "ifft2", "in_top_k",
    "irfft", "istft", "logdet", "logsumexp", "rfft", "rsqrt", "segment_max", "segment_min",
    "segment_prod", "segment_sum", "stft", "top_k", "view_as_complex", "view_as_real",
]  # fmt: skip
