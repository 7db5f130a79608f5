"""Axes as Keras counts them: the batch, the time, the features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import arguments
from .spec import Spec

Axes = int | Sequence[int]


def axes_of(axis: Axes, spec: Spec, who: str) -> list[int]:
    """The axes as numbers from 0, rising.

    Raises:
        ValueError: an axis is outside of the inputs' or named twice.
    """
    given = [axis] if isinstance(axis, int) else list(axis)
    outside = [a for a in given if not -len(spec) <= a < len(spec)]
    if outside or not given:
        raise ValueError(
            f"{who}: axis={axis} is outside of the input {spec}, which has {len(spec)} axes."
        )
    axes = sorted(a % len(spec) for a in given)
    if len(set(axes)) < len(axes):
        raise ValueError(f"{who}: axis={axis} names an axis of {spec} twice.")
    return axes


def checked_axis(axis: Any, who: str) -> int | list[int]:
    """The axis or axes, if integers."""
    return arguments.axes(who, "axis", axis)
