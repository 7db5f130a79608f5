"""Layers that change lengths: what becomes of a layout, of a spec and of a dense batch.

Such a layer has a rule: it makes `rule(n)` steps of n, an integer or a tensor of lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..ragged import Layout, Ragged
from .spec import Spec

Rule = Callable[[Any], Any]


def resized(layout: Layout, rule: Rule) -> Layout:
    """The layout of the new lengths; the same object where the rule changes none.

    Steps of new lengths were at no place of the caller's grid: they stand at its left, and its
    width follows the rule.
    """
    # Every rule here is max(0, floor((a n + b) / c)): one that keeps 0, 1 and 2 keeps all lengths.
    if all(rule(n) == n for n in range(3)):
        return layout
    width = None if layout.width is None else rule(layout.time)
    own = layout.own
    if own.on_host and own.equal and (each := rule(own.equal)):
        return Layout._even(own.batch, each, width)
    # Where the host knows the lengths it knows the new ones too, and waits for no device to tell.
    counts = None if torch.compiler.is_compiling() else vars(own).get("counts")
    facts = {}
    if counts is not None:
        counts = [rule(n) for n in counts]
        facts = {"counts": counts, "steps": sum(counts), "longest": max(counts, default=0)}
    return Layout._of_lengths(rule(own.lengths), None, width, **facts)


def resized_spec(spec: Spec, rule: Rule, who: str) -> Spec:
    """The spec of the new lengths.

    Raises:
        ValueError: nothing would be left of a dense batch's time.
    """
    if not spec.ragged:
        time = spec.shape[0]
        spec = spec.with_shape((None if time is None else _left(time, rule, who), *spec.shape[1:]))
    return spec.with_steps(rule)


def on_sequences(
    function: Callable[[Tensor, Layout], tuple[Tensor, Layout]],
    inputs: Ragged | Tensor,
    rule: Rule,
    who: str,
) -> Ragged | Tensor:
    """Runs a function that changes lengths; a dense batch as sequences of equal length.

    Args:
        function: gives new values and their layout for values and a layout.
        inputs: Ragged, or dense (batch, time, *feature).
        rule: of the lengths.
        who: the layer, for the error where nothing would be left of a dense batch's time.
    """
    if isinstance(inputs, Ragged):
        return inputs.with_values(*function(inputs.values, inputs.layout))
    batch, time = inputs.shape[:2]
    left = _left(time, rule, who)
    values, _ = function(inputs.flatten(0, 1), Layout.full(batch, time).to(inputs.device))
    return values.unflatten(0, (batch, left))


def _left(time: int, rule: Rule, who: str) -> int:
    left = rule(time)
    if time and not left:
        least = next(n for n in range(time, 1 << 62) if rule(n))
        raise ValueError(
            f"{who}: nothing would be left of {time} steps: it needs {least}. In a Ragged, "
            "sequences that are too short become empty."
        )
    return left
