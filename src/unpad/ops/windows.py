"""Convolution and pooling over time: a sequence's ends are its own."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .along import along
from .types import promoted, tensor

_over_time = partial(along, fixed=(1,))


def _time_last(inputs: Any, data_format: str | None, who: str) -> Tensor:
    x = tensor(inputs)
    if x.ndim != 3:
        raise ValueError(
            f"{who}: expected (batch, time, channels), got {tuple(x.shape)}: images are out of "
            "scope."
        )
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"{who}: expected data_format 'channels_last', got {data_format!r}.")
    return x if data_format == "channels_first" else x.mT


def _back(x: Tensor, data_format: str | None) -> Tensor:
    return x if data_format == "channels_first" else x.mT


def _one(n: Any) -> int:
    return int(n[0]) if isinstance(n, (tuple, list)) else int(n)


def _room(x: Tensor, size: int, stride: int, padding: str, who: str) -> tuple[int, int]:
    """How many steps are put before and behind, so that windows fit."""
    if padding not in ("valid", "same"):
        raise ValueError(f"{who}: expected padding 'valid' or 'same', got {padding!r}.")
    if padding == "valid":
        return 0, 0
    time = x.shape[-1]
    missing = max(0, (-(-time // stride) - 1) * stride + size - time)
    return missing // 2, missing - missing // 2


@_over_time
def conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """A convolution over time; see `layers.Conv1D`.

    Args:
        inputs: (batch, time, channels), or sequences of channels.
        kernel: (size, channels / groups, filters).
        strides: from window to window.
        padding: "valid" or "same".
        data_format: "channels_last", or "channels_first" of a tensor.
        dilation_rate: from step to step of a window.
    """
    x, w = _time_last(inputs, data_format, "conv"), tensor(kernel)
    kind = promoted(x, w)
    x, w = x.to(kind), w.to(kind).permute(2, 1, 0)
    stride, dilation = _one(strides), _one(dilation_rate)
    size = (w.shape[-1] - 1) * dilation + 1
    x = F.pad(x, _room(x, size, stride, padding, "conv"))
    if x.shape[-1] < size:
        return _back(x.new_zeros(x.shape[0], w.shape[0], 0), data_format)
    groups = x.shape[1] // w.shape[1]
    return _back(F.conv1d(x, w, None, stride, 0, dilation, groups), data_format)


@_over_time
def depthwise_conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """A convolution of each channel by itself, with a kernel (size, channels, multiplier)."""
    w = tensor(kernel)
    one = w.reshape(w.shape[0], 1, -1)
    return conv(inputs, one, strides, padding, data_format, dilation_rate)


@_over_time
def separable_conv(
    inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1,
    padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """A `depthwise_conv`, then one with a kernel of one step, (1, channels, filters)."""
    found = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(found, pointwise_kernel, 1, "valid", data_format)


def _pooled(
    of: Any, fill: Any, inputs: Any, pool_size: Any, strides: Any, padding: str,
    data_format: str | None, who: str,
) -> Tensor:  # fmt: skip
    x = _time_last(inputs, data_format, who)
    size = _one(pool_size)
    stride = size if strides is None else _one(strides)
    room = _room(x, size, stride, padding, who)
    x = F.pad(x, room, value=fill)
    if x.shape[-1] < size:
        return _back(x[..., :0], data_format)
    return _back(of(x.unfold(-1, size, stride)), data_format)


@_over_time
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid",
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """The largest of each window of steps; see `layers.MaxPooling1D`."""
    return _pooled(
        lambda w: w.amax(-1), -torch.inf, inputs, pool_size, strides, padding, data_format,
        "max_pool",
    )  # fmt: skip


@_over_time
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid",
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """The mean of each window's real steps; see `layers.AveragePooling1D`."""
    return _pooled(
        lambda w: w.nanmean(-1), torch.nan, inputs, pool_size, strides, padding, data_format,
        "average_pool",
    )  # fmt: skip


@_over_time
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The means of `output_size` windows that share the steps; see `layers.AdaptivePooling1D`."""
    x = _time_last(inputs, data_format, "adaptive_average_pool")
    return _back(F.adaptive_avg_pool1d(x, _one(output_size)), data_format)


@_over_time
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The largest of each of `output_size` windows that share the steps."""
    x = _time_last(inputs, data_format, "adaptive_max_pool")
    return _back(F.adaptive_max_pool1d(x, _one(output_size)), data_format)
