"""Which entries of a batch share one random draw: Keras's `noise_shape`, without padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from ...core.spec import Spec
from ...ragged import Ragged
from ...ragged.batch import rows_of, values_of
from ...ragged.reductions import spread

NoiseShape = tuple[int | None, ...]


def checked(noise_shape: Any, who: str) -> NoiseShape | None:
    """The shape, if it is None or a sequence of None and positive integers."""
    if noise_shape is None:
        return None
    given = isinstance(noise_shape, Sequence) and not isinstance(noise_shape, str)
    if not given or not all(n is None or (type(n) is int and n > 0) for n in noise_shape):
        raise ValueError(
            f"{who}: expected noise_shape as a tuple of None (a draw for each) and 1 (one draw for "
            f"all), one for each axis, as (None, 1, None), got {noise_shape!r}."
        )
    return tuple(noise_shape)


def check_spec(noise_shape: NoiseShape | None, spec: Spec, who: str) -> None:
    """Raises a ValueError where the shape does not fit what comes in.

    Axes are Keras's: batch, time where there are sequences, features.
    """
    if noise_shape is None:
        return
    if len(noise_shape) != len(spec):
        raise ValueError(
            f"{who}: noise_shape={noise_shape} has {len(noise_shape)} axes, the input {spec} has "
            f"{len(spec)}. Give None or 1 for each."
        )
    if spec.ragged and noise_shape[1] not in (None, 1):
        raise ValueError(
            f"{who}: noise_shape={noise_shape} asks for {noise_shape[1]} draws along time, but "
            "sequences have lengths of their own. None draws for each step, 1 once a sequence."
        )
    first = 2 if spec.ragged else 1
    for axis in range(first, len(spec)):
        size, wanted = spec[axis], noise_shape[axis]
        if None not in (size, wanted) and wanted not in (1, size):
            raise ValueError(
                f"{who}: noise_shape={noise_shape} asks for {wanted} draws along axis {axis}, "
                f"whose size is {size}. None draws for each, 1 once for all."
            )


def drawn(
    noise_shape: NoiseShape | None,
    inputs: Ragged | Tensor,
    draw: Callable[[tuple[int, ...]], Tensor],
    who: str,
) -> Tensor:
    """Noise that can be combined with the values of the inputs.

    What is drawn follows the real steps: padding changes no draw.

    Args:
        noise_shape: checked against the inputs' spec.
        inputs: what the noise is for.
        draw: gives noise of a shape.
        who: named in errors.

    Raises:
        ValueError: the batch has another number of sequences than the shape says.
    """
    values = values_of(inputs)
    if noise_shape is None:
        return draw(tuple(values.shape))
    if noise_shape[0] not in (None, 1, rows_of(inputs)):
        raise ValueError(
            f"{who}: noise_shape={noise_shape} is for {noise_shape[0]} sequences, but the batch "
            f"has {rows_of(inputs)}. None draws for each sequence, 1 once for all."
        )
    if not isinstance(inputs, Ragged):
        return draw(_sizes(noise_shape, values.shape))
    batch, time, *feature = noise_shape
    features = _sizes(feature, values.shape[1:])
    layout = inputs.layout
    if time == 1 and batch == 1:
        return draw((1, *features))
    if time == 1:
        return spread(draw((layout.batch, *features)), layout)
    if batch == 1:
        return draw((layout.longest, *features)).index_select(0, layout.own.positions)
    return draw((layout.steps, *features))


def _sizes(noise_shape: Sequence[int | None], shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(n if m is None else m for m, n in zip(noise_shape, shape, strict=True))
