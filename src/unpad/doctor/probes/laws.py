"""The laws: pairs of calls whose answers at real steps should agree, and how far they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from .align import difference, spread_of
from .laid import Laid, filled, others
from .outputs import Answers
from .subject import CannotAsk, Pair

# In sound models the largest difference was 2.5e-5 of the outputs' spread (a BiLSTM), in broken
# ones the smallest .09: a factor of 40 below and 90 above.
THRESHOLD = 1e-3
# Rounding of numbers of this size, times this, is no difference yet.
_NOISE = 20


class Law(NamedTuple):
    """A law.

    Args:
        name: in a few words.
        kind: of the finding where it is broken.
        pairs: the calls, for the sequences as they are laid.
        needs: whether it is asked of this subject; a reason where not.
    """

    name: str
    kind: str
    pairs: Callable[[Laid, torch.Generator], Iterator[Pair]]
    needs: Callable[[Answers], str | None] = lambda answers: None


@dataclass(frozen=True)
class Verdict:
    """What came of a law.

    Args:
        law: that was asked.
        difference: the largest at a real step, over the spread of the outputs; None where it could
            not be asked.
        threshold: above which it is broken.
        pair: of calls that differ most.
        sequence: in which.
        step: the first that differs; None where outputs are one a sequence.
        why: it was not asked.
        could: whether it was not because there is nothing to ask.
        output: the name of the one that differs, where the model has several.
    """

    law: Law
    difference: float | None = None
    threshold: float = THRESHOLD
    pair: Pair | None = None
    sequence: int = 0
    step: int | None = None
    why: str = ""
    could: bool = True
    output: str | None = None

    @property
    def broken(self) -> bool:
        """Whether the answers differ by more than rounding."""
        return self.difference is not None and self.difference > self.threshold


def _all(n: int) -> list[tuple[int, int]]:
    return [(i, i) for i in range(n)]


def _twice(base: Laid, rng: torch.Generator) -> Iterator[Pair]:
    yield Pair(base, base, _all(len(base.sequences)))


def _order(base: Laid, rng: torch.Generator) -> Iterator[Pair]:
    n = len(base.sequences)
    yield Pair(base, base.of(*reversed(range(n))), [(i, n - 1 - i) for i in range(n)])


def _mates(base: Laid, rng: torch.Generator) -> Iterator[Pair]:
    n = len(base.sequences)
    drawn = others(base, rng)
    for kept in (range(n // 2), range(n // 2, n)):
        yield Pair(base, base.beside_of(drawn, kept), [(i, i) for i in kept])
    # Alone, where its place is the same.
    yield Pair(base, base.of(0), [(0, 0)])


def _padding(base: Laid, rng: torch.Generator) -> Iterator[Pair]:
    n = len(base.sequences)
    yield Pair(base, base.wide(2 * base.width + 1), _all(n))
    for i in {n - 1, n // 2}:
        yield Pair(base.of(i), base.alone(i), [(0, 0)])


def _content(base: Laid, rng: torch.Generator) -> Iterator[Pair]:
    yield Pair(base, filled(base, rng), _all(len(base.sequences)))


def _future(base: Laid, rng: torch.Generator) -> Iterator[Pair]:
    n = len(base.sequences)
    drawn = others(base, rng)
    until = [max(1, len(s) // 2) for s in base.sequences]
    yield Pair(base, base.until(drawn, until), _all(n), until)


def _is_told(answers: Answers) -> str | None:
    if answers.subject.told is None:
        return "the model is not told what is padding, other than by its value."
    return _sees_padding(answers)


def _sees_padding(answers: Answers) -> str | None:
    if answers.subject.told in ("real steps", "packed"):
        return "it holds by construction: the model is given real steps only."
    return None


def _has_steps(answers: Answers) -> str | None:
    return None if answers.steps else "the outputs are one a sequence, not one a step."


TWICE = Law("the same twice", "not repeatable", _twice)
ORDER = Law("order of the batch", "order of the batch", _order)
MATES = Law("other sequences in the batch", "batch mates", _mates)
PADDING = Law("amount of padding", "padding", _padding, _sees_padding)
CONTENT = Law("content of padding", "padding content", _content, _is_told)
FUTURE = Law("later steps", "future", _future, _has_steps)

#: Those that hold for every model; the future is asked of causal models alone.
LAWS = (TWICE, MATES, ORDER, PADDING, CONTENT)


def probed(
    every: Sequence[Answers], first: dict[str, Tensor], laws: tuple[Law, ...], seed: int = 0
) -> Iterator[Verdict]:
    """The verdict on each law; after a model that gives other answers twice nothing is asked.

    Args:
        every: its outputs, that are read.
        first: what it gives for the sequences as they are laid, from `learnt`.
        laws: that are asked.
        seed: of what is drawn.
    """
    readings = [_Reading.of(answers, first) for answers in every]
    for law in laws:
        asked, whys = [], []
        for reading in readings:
            why = law.needs(reading.answers)
            asked, whys = (asked, [*whys, why]) if why else ([*asked, reading], whys)
        if not asked:
            yield Verdict(law, why=whys[0])
            continue
        verdict = _verdict(law, asked, seed)
        yield verdict
        if law is TWICE and verdict.broken:
            return


@dataclass
class _Reading:
    """An output, what it says first, how far that spreads, and what is rounding in it."""

    answers: Answers
    asked: list[Tensor]
    spread: float
    noise: float
    differs: float = 0.0

    @classmethod
    def of(cls, answers: Answers, first: dict[str, Tensor]) -> _Reading:
        asked = answers.read(answers.of(first), answers.base)
        spread = spread_of(asked)
        return cls(answers, asked, spread, _floor(asked, spread))

    @property
    def threshold(self) -> float:
        return max(THRESHOLD, _NOISE * self.noise)


def _floor(asked: list[Tensor], spread: float) -> float:
    largest = max((float(x.abs().nan_to_num(0, 0, 0).max()) for x in asked if x.numel()), default=0)
    eps = max(torch.finfo(x.dtype).eps for x in asked)
    return eps * largest / max(spread, 1e-12)


def _verdict(law: Law, every: list[_Reading], seed: int) -> Verdict:
    """The worst that a law does to these outputs."""
    worst, answered, why = Verdict(law, 0.0, every[0].threshold), 0, ""
    largest, subject = 0.0, every[0].answers.subject
    for one in every:
        one.differs = 0.0
    for lead in dict.fromkeys(one.answers.lead for one in every):
        base = every[0].answers.base.led_by(lead)
        for pair in law.pairs(base, torch.Generator().manual_seed(seed)):
            try:
                found = subject.outputs(pair.second)
                before = None if pair.first is base else subject.outputs(pair.first)
            except CannotAsk as error:
                why = str(error)
                continue
            for one in every:
                if one.answers.lead != lead:
                    continue
                try:
                    verdict = _compared(law, one, pair, before, found)
                except CannotAsk as error:
                    why = str(error)
                    continue
                answered += 1
                one.differs = max(one.differs, verdict.difference or 0.0)
                by = (verdict.difference or 0.0) / verdict.threshold
                if by > largest:
                    worst, largest = verdict, by
    if law is ORDER:
        for one in every:
            if one.differs <= one.threshold:
                one.noise = max(one.noise, one.differs)  # what rounding really makes
    return worst if answered else Verdict(law, why=why, could=False)


def _compared(
    law: Law,
    one: _Reading,
    pair: Pair,
    before: dict[str, Tensor] | None,
    found: dict[str, Tensor],
) -> Verdict:
    """How far two calls are apart in one output."""
    answers, threshold = one.answers, one.threshold
    asked = one.asked if before is None else answers.read(answers.of(before), pair.first)
    other = answers.read(answers.of(found), pair.second)
    worst = Verdict(law, 0.0, threshold, output=answers.output)
    for i, j in pair.same:
        until = pair.until[i] if pair.until else None
        a, b = _alike(asked[i], other[j], answers, until)
        apart = difference(a, b) / max(one.spread, 1e-12)
        if apart > (worst.difference or 0):
            step = _first_step(a, b, threshold * one.spread) if answers.steps else None
            which = _place_in(answers.led, pair.first.sequences[i])
            worst = replace(worst, difference=apart, pair=pair, sequence=which, step=step)
    return worst


def _alike(a: Tensor, b: Tensor, answers: Answers, until: int | None) -> tuple[Tensor, Tensor]:
    if not answers.steps:
        if a.shape != b.shape:
            raise CannotAsk(f"outputs of {tuple(a.shape)} and of {tuple(b.shape)} a sequence.")
        return a, b
    n = min(len(a), len(b)) if until is None else min(until, len(a), len(b))
    for axis in range(len(answers.times)):
        long = min(n, a.shape[axis], b.shape[axis])
        a, b = a.narrow(axis, 0, long), b.narrow(axis, 0, long)
    return a, b


def _place_in(base: Laid, sequence: Tensor) -> int:
    return next(i for i, s in enumerate(base.sequences) if s is sequence)


def _first_step(a: Tensor, b: Tensor, threshold: float) -> int | None:
    apart = (a - b).abs().nan_to_num(torch.inf).flatten(1) if a.ndim > 1 else (a - b).abs()[:, None]
    wrong = (apart > threshold).any(1)
    return int(wrong.to(torch.uint8).argmax()) if bool(wrong.any()) else None
