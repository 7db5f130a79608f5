"""The laws: pairs of calls whose answers at real steps should agree, and how far they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
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
    """

    law: Law
    difference: float | None = None
    threshold: float = THRESHOLD
    pair: Pair | None = None
    sequence: int = 0
    step: int | None = None
    why: str = ""
    could: bool = True

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
        mixed = [base.sequences[i] if i in kept else drawn[i] for i in range(n)]
        yield Pair(base, base.with_sequences(mixed), [(i, i) for i in kept])
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
    changed = [
        torch.cat([s[:t], d[t:]]) for s, d, t in zip(base.sequences, drawn, until, strict=True)
    ]
    yield Pair(base, base.with_sequences(changed), _all(n), until)


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
    answers: Answers, first: Tensor, laws: tuple[Law, ...], seed: int = 0
) -> Iterator[Verdict]:
    """The verdict on each law; after a model that gives other answers twice nothing is asked.

    Args:
        answers: that are read.
        first: the outputs for the sequences as they are laid, from `learnt`.
        laws: that are asked.
        seed: of what is drawn.
    """
    asked = answers.read(first, answers.base)
    spread = spread_of(asked)
    noise = _floor(asked, spread)
    for law in laws:
        why = law.needs(answers)
        if why is not None:
            yield Verdict(law, why=why)
            continue
        generator = torch.Generator().manual_seed(seed)
        verdict = _verdict(answers, law, asked, spread, noise, generator)
        yield verdict
        if law is TWICE and verdict.broken:
            return
        if law is ORDER and verdict.difference is not None and not verdict.broken:
            noise = max(noise, verdict.difference)  # what rounding really makes


def learnt(answers: Answers) -> Tensor:
    """The first answer, by which and by a wider one the outputs' axes are learnt.

    Raises:
        CannotAsk: the model cannot be called at all, or its outputs cannot be read.
    """
    subject, wide = answers.subject, None
    try:
        first = subject.answer(answers.base)
    except CannotAsk:
        if answers.full is None:
            raise
        # A model of one width, that of the array that was given.
        answers.base = answers.base.wide(answers.full)
        first = subject.answer(answers.base)
    base = answers.base
    with suppress(CannotAsk):
        wide = subject.answer(base.wide(2 * base.width + 1))
    answers.learn(first, wide)
    if not answers.times and subject.told is not None and len(base.sequences) > 1:
        # Outputs may be as wide as the longest sequence, whatever the grid's width is.
        with suppress(CannotAsk):
            answers.learn_trimmed(first, subject.answer(base.of(*range(1, len(base.sequences)))))
    if answers.times and first.shape[answers.times[0]] != base.width:
        # Outputs have other lengths than inputs: each sequence alone tells how many it gives.
        for i, s in enumerate(base.sequences):
            answers.note_alone(len(s), subject.answer(base.alone(i)))
    return first


def _floor(asked: list[Tensor], spread: float) -> float:
    largest = max((float(x.abs().nan_to_num(0, 0, 0).max()) for x in asked if x.numel()), default=0)
    eps = max(torch.finfo(x.dtype).eps for x in asked)
    return eps * largest / max(spread, 1e-12)


def _verdict(
    answers: Answers,
    law: Law,
    asked: list[Tensor],
    spread: float,
    noise: float,
    generator: torch.Generator,
) -> Verdict:
    threshold = max(THRESHOLD, _NOISE * noise)
    worst = Verdict(law, 0.0, threshold)
    answered = 0
    why = ""
    for pair in law.pairs(answers.base, generator):
        try:
            found = answers.ask(pair.second)
            before = asked if pair.first is answers.base else answers.ask(pair.first)
            alike = [
                (i, *_alike(before[i], found[j], answers, pair.until[i] if pair.until else None))
                for i, j in pair.same
            ]
        except CannotAsk as error:
            why = str(error)
            continue
        answered += 1
        for i, a, b in alike:
            apart = difference(a, b) / max(spread, 1e-12)
            if apart > (worst.difference or 0):
                step = _first_step(a, b, threshold * spread) if answers.steps else None
                which = _place_in(answers.base, pair.first.sequences[i])
                worst = Verdict(law, apart, threshold, pair, which, step)
    return worst if answered else Verdict(law, why=why, could=False)


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
