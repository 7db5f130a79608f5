"""Functions of Keras 2's K whose arguments or numbers are not those of `ops`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .. import layers, ops
from ..core.lifting import lift
from ..core.symbol import Symbol
from ..ops.kinds import dense, elementwise, of_batches
from ..ragged import Ragged
from ..signatures import of_numbers
from ..weights import activations


def is_keras_tensor(x: Any) -> bool:
    """Whether it is a symbol: what a graph is drawn from."""
    return isinstance(x, Symbol)


@of_numbers
def int_shape(x: Any) -> tuple[int | None, ...]:
    """The sizes of the axes; None where a symbol's, or a Ragged's time, is not known."""
    return tuple(n if isinstance(n, int) else None for n in ops.shape(x))


@of_numbers
def argmax(x: Any, axis: int = -1) -> Any:
    """The place of the largest along an axis."""
    return ops.argmax(x, axis)


@of_numbers
def argmin(x: Any, axis: int = -1) -> Any:
    """The place of the smallest along an axis."""
    return ops.argmin(x, axis)


@of_numbers
def cumsum(x: Any, axis: int = 0) -> Any:
    """The sums up to each place along an axis."""
    return ops.cumsum(x, axis)


@elementwise
def sqrt(x: Any) -> Any:
    """The root; 0 of what is negative."""
    return ops.sqrt(ops.maximum(x, 0))


@elementwise
def clip(x: Any, min_value: float, max_value: float) -> Any:
    """X, but at least `min_value` and at most `max_value`."""
    return ops.clip(x, min_value, max_value)


@elementwise
def pow(x: Any, a: Any) -> Any:
    """X to the power of a."""
    return ops.power(x, a)


@elementwise
def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """See `activations.relu`, whose `negative_slope` is alpha here."""
    return activations.relu(ops.convert_to_tensor(x), alpha, max_value, threshold)


@of_numbers
def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """`then_expression` where the condition is True, else the other; functions are called."""
    options = [e() if callable(e) else e for e in (then_expression, else_expression)]
    # As in Keras, a condition for each step chooses all of the step's features.
    for _ in range(max(map(ops.ndim, options)) - ops.ndim(condition)):
        condition = ops.expand_dims(condition, -1)
    return ops.where(condition, *options)


@of_numbers
def expand_dims(x: Any, axis: int = -1) -> Any:
    """X with another axis, of size 1."""
    return ops.expand_dims(x, axis)


@of_numbers
def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """Several side by side; see `layers.Concatenate`."""
    return ops.concatenate(tensors, axis)


@of_numbers
def one_hot(indices: Any, num_classes: int) -> Any:
    """A row for each integer: 1 at its place, else 0; all 0 for what is no class."""
    return ops.one_hot(indices, num_classes)


@of_numbers
def l2_normalize(x: Any, axis: int = -1) -> Any:
    """X divided by its norm along an axis; 0 of zeros."""
    return ops.normalize(x, axis, epsilon=1e-6)


@of_numbers
def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each entry of an axis `rep` times; along time (axis 1) each step."""
    return ops.repeat(x, rep, axis)


@of_batches
def repeat(x: Any, n: int) -> Any:
    """(batch, feature) to (batch, n, feature): each row n times."""
    return layers.RepeatVector(n)(x)


@of_numbers
def tile(x: Any, n: int | Sequence[int]) -> Any:
    """X set beside itself n times along each axis; a Ragged along its features."""
    return ops.tile(x, n)


@of_numbers
def reshape(x: Any, shape: Sequence[int]) -> Any:
    """X in another shape, the batch included; of a Ragged, batch and time stay: (-1, -1, ...)."""
    return ops.reshape(x, shape)


@of_numbers
def permute_dimensions(x: Any, pattern: Sequence[int]) -> Any:
    """The axes in another order, the batch included; a Ragged's batch and time stay in front."""
    return ops.transpose(x, pattern)


@of_numbers
def reverse(x: Any, axes: int | Sequence[int]) -> Any:
    """X the other way round along axes; along time (axis 1) each sequence from its own end."""
    return ops.flip(x, axes)


@of_numbers
def gather(reference: Any, indices: Any) -> Any:
    """The rows of a tensor at these places."""
    return _rows(ops.convert_to_tensor(reference), indices)


@of_batches
def _rows(reference: Tensor, indices: Any) -> Any:
    if not isinstance(reference, Tensor):
        raise ValueError("gather: got a Ragged as reference. Sequences are chosen as x[indices].")
    return lift(lambda i: reference[i.long()], indices)


@dense("Its values: x.values.")
def flatten(x: Any) -> Any:
    """All numbers of a tensor in a row."""
    return ops.ravel(x)


@dense("Lay it out with layers.Flatten(length=...).")
def batch_flatten(x: Any) -> Any:
    """A row for each row of the batch."""
    return x.reshape(len(x), -1)


@of_batches
def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """X and y of each row contracted along an axis of each; see `layers.Dot`."""
    if axes is None:
        axes = (ops.ndim(x) - 1, 1 if ops.ndim(y) == 2 else ops.ndim(y) - 2)
    return layers.Dot(axes)([x, y])


@of_numbers
def get_value(x: Any) -> Any:
    """The numbers of a tensor, as an array; a Ragged's as a list of arrays."""
    return x if isinstance(x, (int, float)) else ops.convert_to_numpy(x)


@of_numbers
def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: str = "int32"
) -> Tensor | Ragged:
    """Numbers from start, 0 if it is the only one, up to stop."""
    first, last = (0, start) if stop is None else (start, stop)
    return ops.arange(first, last, step, dtype)
