"""What outputs say of themselves: sums over the wrong axis, constants, numbers that are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ..findings import Finding
from .align import difference, spread_of
from .laid import Laid, others
from .outputs import Answers

# How far from 1 a sum of probabilities may be in single precision.
_NEAR = 1e-4
# Differences below this share of the outputs' size are rounding.
_CONSTANT = 1e-6


def of_outputs(answers: Answers, out: Tensor) -> Iterator[Finding]:
    """What is wrong with the outputs of one call.

    Args:
        answers: how they are read.
        out: of the sequences that are asked with.
    """
    asked = answers.read(out, answers.base)
    bad = [i for i, part in enumerate(asked) if not bool(part.isfinite().all())]
    if bad:
        yield Finding(
            "not finite",
            "Outputs at real steps are no finite numbers.",
            f"In {len(bad)} of {len(asked)} sequences, the first is sequence {bad[0]} of those "
            "asked.",
            "Look for a division by a count that is 0, a logarithm of 0, or a softmax over slots "
            "that are all masked.",
            {"sequences": len(bad), "asked": len(asked)},
            "scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)",
        )
        return
    axis = _wrong_axis(out, answers)
    if axis is not None:
        name, sums = axis
        yield Finding(
            "softmax axis",
            f"Outputs sum to 1 over the {name}, and not over the classes.",
            f"Sums over the {name} lie between {float(sums.min()):.6f} and "
            f"{float(sums.max()):.6f}.",
            "Take the softmax over the last axis, the classes.",
            {"smallest sum": float(sums.min()), "largest sum": float(sums.max())},
            "torch.softmax(scores, dim=-1)",
        )
        return
    largest = max(float(part.abs().max()) for part in asked if part.numel())
    spread = spread_of(asked)
    steps = torch.cat(answers.base.sequences)
    if len(asked) < 2 or bool((steps == steps[0]).all()):
        return  # nothing that could differ
    if spread <= _CONSTANT * largest or largest == 0:
        yield Finding(
            "constant",
            "The model gives every sequence the same.",
            f"Outputs of {len(asked)} sequences spread by {spread:.2g} around {largest:.4g}.",
            "A softmax over one unit is always 1: use a sigmoid, or two units. A ReLU in the end "
            "may be dead, or a mask may hide everything.",
            {"spread": spread, "largest": largest},
            'Dense(1, activation="sigmoid")',
        )
        return
    yield from _ignored(answers, asked, spread)


def _wrong_axis(out: Tensor, answers: Answers) -> tuple[str, Tensor] | None:
    """The axis over which outputs sum to 1, where it is the steps or the batch."""
    if out.ndim < 2 or float(out.min()) < 0 or float(out.max()) > 1 + _NEAR:
        return None
    others = [axis for axis in range(out.ndim) if axis not in (answers.batch, *answers.times)]
    if others and any(_ones(out.sum(axis)) for axis in others):
        return None
    for axis, name in [(t, "steps") for t in answers.times] + [(answers.batch, "batch")]:
        sums = out.sum(axis)
        if others and _ones(sums):
            return name, sums
    return None


def _ones(sums: Tensor) -> bool:
    return bool(((sums - 1).abs() < _NEAR).all())


def _ignored(answers: Answers, asked: list[Tensor], spread: float) -> Iterator[Finding]:
    """Ends of sequences that move nothing, in a model that gives one answer a sequence."""
    if answers.steps:
        return
    base = answers.base
    drawn = others(base, torch.Generator().manual_seed(7))
    for name, ends in (("first", slice(0, 1)), ("last", slice(-1, None))):
        changed = _with_ends(base, drawn, ends)
        moved = answers.ask(changed)
        apart = max(difference(a, b) for a, b in zip(asked, moved, strict=True)) / spread
        pairs = zip(base.sequences, changed.sequences, strict=True)
        same = all(bool((a == b).all()) for a, b in pairs)
        if apart == 0 and not same:
            yield Finding(
                "ignored steps",
                f"The {name} step of a sequence has no effect on the answer.",
                f"With another {name} step in all {len(asked)} sequences no output moved.",
                "If it should count: look for steps that are cut off, or a state that is not "
                "handed on.",
                {"difference over spread": 0.0},
                "h = self.walk(x)  # all of x",
            )


def _with_ends(laid: Laid, drawn: Laid, ends: slice) -> Laid:
    """The same, whose first or last steps are those of another; of all inputs."""
    changed = []
    for s, d in zip(laid.sequences, drawn.sequences, strict=True):
        new = s.clone()
        new[ends] = d[ends]
        changed.append(new)
    beside = tuple(
        a if a.fixed else _with_ends(a, b, ends)
        for a, b in zip(laid.beside, drawn.beside, strict=True)
    )
    return replace(laid, sequences=tuple(changed), beside=beside)
