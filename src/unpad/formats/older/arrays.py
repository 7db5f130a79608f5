"""A layer's arrays as Keras 1 and 2 laid them out, in the layout of today.

Keras 1 kept each gate's kernels by themselves, cuDNN's layers kept kernels transposed and two
biases, Theano's convolutions walked their kernels backwards. Sources: the equations of these
layers, and Keras 2's own conversions (`preprocess_weights_for_loading`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from ...core.layer import Layer
from ...layers import GRU, LSTM, Bidirectional, Conv1D, TimeDistributed

Arrays = Sequence[np.ndarray]


class Writer(NamedTuple):
    """Who wrote a file.

    Args:
        version: of Keras, as (2, 4).
        backend: "theano" or another; "" where it is not said.
    """

    version: tuple[int, int] = (3, 0)
    backend: str = ""


def weights_of(layer: Any) -> list[Tensor]:
    """A layer's weights in the order of these files: those that are trained come first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def fitted(layer: Any, arrays: Arrays, writer: Writer) -> Arrays:
    """The arrays that a file has for a layer, in this layer's own layout.

    Args:
        layer: built.
        arrays: in the order of the file; what fits in no way comes back as it is.
        writer: of the file.
    """
    if writer.version[0] >= 3:
        return arrays
    if isinstance(layer, Bidirectional):
        half = len(arrays) // 2
        ahead = fitted(layer.forward_layer, arrays[:half], writer)
        return [*ahead, *fitted(layer.backward_layer, arrays[half:], writer)]
    if isinstance(layer, TimeDistributed):
        return fitted(layer.layer, arrays, writer)
    if getattr(layer, "is_model", False):
        return _within(layer, arrays, writer)
    change = next((f for kind, f in _CHANGES.items() if isinstance(layer, kind)), None)
    return arrays if change is None else change(layer, arrays, writer)


def _within(model: Any, arrays: Arrays, writer: Writer) -> Arrays:
    """Those of a model in a model: what is trained of all its layers, then what is not."""
    weights, found = weights_of(model), list(arrays)
    if len(weights) != len(arrays):
        return arrays
    place = {id(weight): i for i, weight in enumerate(weights)}
    for layer in model.layers:
        places = [place[id(w)] for w in weights_of(layer) if id(w) in place]
        given = fitted(layer, [arrays[i] for i in places], writer)
        if len(given) == len(places):
            for i, array in zip(places, given, strict=True):
                found[i] = array
    return found


# --- single layers --------------------------------------------------------------------------------


def _lstm(layer: LSTM, arrays: Arrays, writer: Writer) -> Arrays:
    if len(arrays) == 12:  # Keras 1: kernels and bias of i, c, f and o
        arrays = _joined(arrays, (0, 6, 3, 9))
    return _from_cudnn(arrays, 4, lambda bias: bias.reshape(2, -1).sum(0), layer)


def _gru(layer: GRU, arrays: Arrays, writer: Writer) -> Arrays:
    if len(arrays) == 9:  # Keras 1: kernels and bias of z, r and h
        arrays = _joined(arrays, (0, 3, 6))
    return _from_cudnn(arrays, 3, lambda bias: bias.reshape(2, -1), layer)


def _joined(arrays: Arrays, gates: tuple[int, ...]) -> Arrays:
    return [np.concatenate([arrays[gate + i] for gate in gates], axis=-1) for i in range(3)]


def _from_cudnn(
    arrays: Arrays, gates: int, bias: Callable[[np.ndarray], np.ndarray], layer: Any
) -> Arrays:
    """Of cuDNN's layout, which is known by its bias: one for the inputs and one for the state."""
    if len(arrays) != 3 or arrays[2].shape != (2 * gates * layer.units,):
        return arrays
    kernel, recurrent = arrays[:2]
    if kernel.ndim != 2 or recurrent.ndim != 2 or kernel.shape[1] != gates * layer.units:
        return arrays
    turned = [k.T.reshape(k.shape, order="F") for k in np.split(kernel, gates, axis=1)]
    # fmt: off
    return [
        np.concatenate(turned, axis=1),
        np.concatenate([k.T for k in np.split(recurrent, gates, axis=1)], axis=1),
        bias(arrays[2]),
    ]
    # fmt: on


def _convolution(layer: Conv1D, arrays: Arrays, writer: Writer) -> Arrays:
    if not arrays:
        return arrays
    kernel, size = arrays[0], layer.kernel_size
    size = size[0] if isinstance(size, (tuple, list)) else size
    if kernel.ndim == 4:  # Keras 1: of a picture of height 1
        if kernel.shape[:2] != (size, 1):
            kernel = kernel.transpose(2, 3, 1, 0)
        kernel = kernel[:, 0]
    if writer.backend == "theano":
        kernel = kernel[::-1]
    return [kernel, *arrays[1:]]


_CHANGES: dict[type[Layer], Callable[[Any, Arrays, Writer], Arrays]] = {
    LSTM: _lstm,
    GRU: _gru,
    Conv1D: _convolution,
}
