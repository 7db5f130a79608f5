"""Losses and metrics: whether a number depends on padding, on batches or on accumulation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor

from ..findings import Finding
from .subject import CannotAsk

# What sums in another order make of a number in single precision is below 1e-6 here.
_ROUNDING = 1e-5
_OF_GRADIENT = 1e-3

QUESTIONS = ("numbers and padding", "numbers and batch size", "gradient and accumulation")


class Batches(NamedTuple):
    """How the sequences that a number is asked of are given.

    Args:
        width: slots in time.
        size: sequences a batch.
    """

    width: int
    size: int


class Reported(Protocol):
    """Numbers that are reported of some sequences, which it holds."""

    @property
    def whole(self) -> Batches:
        """All sequences in one batch, as wide as the longest."""
        ...

    @property
    def padded(self) -> str | None:
        """Why padding says nothing here; None where it is seen."""
        ...

    @property
    def accumulates(self) -> bool:
        """Whether several batches make one update, which is then asked about."""
        ...

    def numbers(self, batches: Batches) -> Mapping[str, float]:
        """Each number by its name, over all batches as the caller's loop would report it."""
        ...

    def gradient(self, batches: Batches) -> Tensor:
        """That of the loss as batches that make one update accumulate it, flat."""
        ...


@dataclass(frozen=True)
class Asking:
    """A question about numbers.

    Args:
        name: in a few words.
        kind: of the finding.
        found: the names and both values of the numbers that differ.
        apart: the largest difference over the number; None where it was not asked.
        why: it was not.
    """

    name: str
    kind: str
    found: Mapping[str, tuple[float, float]]
    apart: float | None = None
    why: str = ""


def asked_of(reported: Reported) -> Iterator[Asking]:
    """The three questions, in their order."""
    whole = reported.whole
    wide = whole._replace(width=2 * whole.width + 1)
    small = whole._replace(size=2)
    if reported.padded is None:
        yield _apart(reported, QUESTIONS[0], "padding counted", whole, wide)
    else:
        yield Asking(QUESTIONS[0], "padding counted", {}, why=reported.padded)
    yield _apart(reported, QUESTIONS[1], "batch size", whole, small)
    if not reported.accumulates:
        return
    name, kind = QUESTIONS[2], "accumulation"
    try:
        a, b = reported.gradient(whole), reported.gradient(small)
    except CannotAsk as error:
        yield Asking(name, kind, {}, why=str(error))
        return
    size = float(a.norm())
    apart = float((a - b).norm()) / max(size, 1e-12)
    found = {"gradient": (size, float(b.norm()))} if apart > _OF_GRADIENT else {}
    yield Asking(name, kind, found, apart)


def _apart(reported: Reported, name: str, kind: str, one: Batches, other: Batches) -> Asking:
    try:
        a, b = reported.numbers(one), reported.numbers(other)
    except CannotAsk as error:
        return Asking(name, kind, {}, why=str(error))
    far = {key: _difference(a[key], b[key]) for key in a if key in b}
    found = {key: (a[key], b[key]) for key, by in far.items() if by > _ROUNDING}
    return Asking(name, kind, found, max(far.values(), default=0.0))


def _difference(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return 0.0 if math.isnan(a) and math.isnan(b) else math.inf
    return abs(a - b) / max(abs(a), abs(b), 1e-12)


_MASKED = "loss = (loss * mask).sum() / mask.sum()"
_SUMMED = "total += float((loss * mask).sum()); steps += int(mask.sum())  # then total / steps"
_ACCUMULATED = "(loss.sum() / steps_of_all_batches).backward()"


def findings_of(asked: Asking, reported: Reported) -> Iterator[Finding]:
    """The finding of a question whose answer is that they do."""
    if not asked.found:
        return
    numbers = {k: v for name, (a, b) in asked.found.items() for k, v in _both(asked, name, a, b)}
    said = "; ".join(f"{name} {a:.4g} becomes {b:.4g}" for name, (a, b) in asked.found.items())
    names = ", ".join(asked.found)
    if asked.kind == "padding counted":
        yield Finding(
            asked.kind,
            f"Padding is counted in {names}.",
            f"With more padding, and the same answers at real steps, {said}.",
            "Leave out of the sum what is no step, and divide by the number of real steps.",
            numbers,
            _MASKED,
        )
    elif asked.kind == "batch size":
        yield Finding(
            asked.kind,
            f"The reported {names} depends on how sequences are put into batches.",
            f"In batches of 2 instead of {reported.whole.size}, {said}: a mean over batches of "
            "means over steps, though batches have different numbers of steps.",
            "Add up sums and numbers of steps, and divide once, at the end.",
            numbers,
            _SUMMED,
        )
    else:
        yield Finding(
            asked.kind,
            "Several batches that are accumulated are no one batch of their sequences.",
            f"The gradient of {reported.whole.size} sequences, accumulated over batches of 2, "
            f"differs by {asked.apart:.2g} of its size: short sequences count for more.",
            "Divide each batch's sum by the steps of all batches of the update.",
            numbers | {"difference over size": asked.apart or 0.0},
            _ACCUMULATED,
        )


def _both(asked: Asking, name: str, a: float, b: float) -> list[tuple[str, float]]:
    other = {"padding counted": "with more padding", "batch size": "in batches of 2"}
    return [(name, a), (f"{name} {other.get(asked.kind, 'accumulated')}", b)]


def telling(targets: list[Tensor], outputs: list[Tensor]) -> list[Tensor]:
    """Classes by which every other sequence is right throughout, and the others wrong.

    So a score is not 0 wherever it is asked, and no two batches have the same loss by chance.

    Args:
        targets: classes of steps, or of sequences; numbers are left as they are.
        outputs: of the model for the same.
    """
    classes = all(
        not t.is_floating_point() and o.ndim == t.ndim + 1 and o.shape[-1] > 1
        for t, o in zip(targets, outputs, strict=True)
    )
    if not classes:
        return targets
    return [o.argmin(-1) if i % 2 else o.argmax(-1) for i, o in enumerate(outputs)]
