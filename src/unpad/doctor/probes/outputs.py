"""A model's outputs, read as what it says of each sequence."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace

from torch import Tensor

from .laid import Laid
from .subject import CannotAsk, Subject


@dataclass
class Answers:
    """Asks a subject, and reads the answers by the axes that its outputs have.

    Args:
        subject: that is asked.
        base: the sequences that it is asked with.
        full: the width of the array that was given, for models that take no other.
        output: its name, where the model has several; None for the first.
        lead: the input whose steps its outputs have.
    """

    subject: Subject
    base: Laid
    full: int | None = None
    output: str | None = None
    lead: str | None = None
    batch: int = 0
    times: tuple[int, ...] = ()
    _lengths: dict[int, int] = field(default_factory=dict)

    def learn(self, first: Tensor, wide: Tensor | None) -> None:
        """Learns the axes from the outputs at two widths; at one, from sizes alone.

        Raises:
            CannotAsk: no axis of the outputs is as long as there are sequences.
        """
        n, width = len(self.base.sequences), self.base.width
        self.lead = self.base.name
        if wide is not None and first.ndim != wide.ndim:
            raise CannotAsk(f"outputs of {first.ndim} and of {wide.ndim} axes at two widths.")
        if wide is None:
            self.times = tuple(i for i, a in enumerate(first.shape) if i and a == width)
        else:
            sizes = zip(first.shape, wide.shape, strict=True)
            self.times = tuple(i for i, (a, b) in enumerate(sizes) if a != b)
        candidates = [i for i, a in enumerate(first.shape) if a == n and i not in self.times]
        if not candidates:
            raise CannotAsk(f"outputs of shape {tuple(first.shape)} for {n} sequences.")
        self.batch = candidates[0]
        if self.times:
            inputs = [part for part in self.base.inputs.values() if not part.fixed]
            long = first.shape[self.times[0]]
            self.lead = next((part.name for part in inputs if part.width == long), self.lead)

    def learn_trimmed(self, first: Tensor, shorter: Tensor) -> None:
        """Learns an axis of time that is as long as the longest sequence.

        Args:
            first: outputs for all sequences.
            shorter: for all but the longest.
        """
        lengths = self.led.lengths.tolist()
        found = [
            axis
            for axis, (a, b) in enumerate(zip(first.shape, shorter.shape, strict=True))
            if axis != self.batch and (a, b) == (lengths[0], lengths[1]) and a != b
        ]
        self.times = tuple(found)
        self._lengths.update({n: n for n in lengths} if found else {})

    @property
    def led(self) -> Laid:
        """The sequences that it is asked with, seen from the input whose steps the outputs have."""
        return self.base.led_by(self.lead)

    def of(self, outputs: dict[str, Tensor]) -> Tensor:
        """This output, of all."""
        return next(iter(outputs.values())) if self.output is None else outputs[self.output]

    @property
    def steps(self) -> bool:
        """Whether the outputs are one a step."""
        return bool(self.times)

    def ask(self, laid: Laid) -> list[Tensor]:
        """The answer for each sequence, real steps only, time first."""
        return self.read(self.of(self.subject.outputs(laid)), laid)

    def read(self, out: Tensor, laid: Laid) -> list[Tensor]:
        """What outputs say of each sequence, real steps only, time first."""
        laid = laid.led_by(self.lead)
        return [self._one(out, laid, i) for i in range(len(laid.sequences))]

    def _one(self, out: Tensor, laid: Laid, i: int) -> Tensor:
        found = out.select(self.batch, i)
        axes = [t - (t > self.batch) for t in self.times]
        for axis in axes:
            long = found.shape[axis]
            count = self._count(laid, i, long)
            start = 0 if laid.side == "post" else long - count
            found = found.narrow(axis, start, count)
        return found.movedim(axes[0], 0) if axes else found

    def _count(self, laid: Laid, i: int, long: int) -> int:
        steps = len(laid.sequences[i])
        if long == laid.width and steps not in self._lengths:
            return steps
        if steps not in self._lengths:
            self._lengths[steps] = steps * long // laid.width
        return min(long, self._lengths[steps])

    def note_alone(self, steps: int, out: Tensor) -> None:
        """Outputs of a sequence of so many steps, alone: how many it gives."""
        if self.times:
            self._lengths[steps] = out.shape[self.times[0]]


def learnt(answers: Answers) -> tuple[dict[str, Tensor], list[Answers]]:
    """The first answer, by which and by a wider one the outputs' axes are learnt.

    Args:
        answers: of the first output.

    Returns:
        What the model gives, and how each of its outputs is read; the first is the one that was
        given. Others whose axes cannot be read, as a recurrence's states, are left out.

    Raises:
        CannotAsk: the model cannot be called at all, or its first output cannot be read.
    """
    subject, wide = answers.subject, None
    try:
        first = subject.outputs(answers.base)
    except CannotAsk:
        if answers.full is None:
            raise
        # A model of one width, that of the array that was given.
        answers.base = answers.base.wide(answers.full)
        first = subject.outputs(answers.base)
    base = answers.base
    with suppress(CannotAsk):
        wide = subject.outputs(base.wide(2 * base.width + 1))
    if len(first) > 1:
        answers.output = next(iter(first))
    _learn(answers, first, wide)
    every = [answers]
    for name in list(first)[1:]:
        one = replace(answers, output=name, times=(), _lengths={})
        with suppress(CannotAsk, KeyError):
            _learn(one, first, wide)
            if one.batch == answers.batch:
                every.append(one)
    return first, every


def _learn(answers: Answers, first: dict[str, Tensor], wide: dict[str, Tensor] | None) -> None:
    own, subject, base = answers.of(first), answers.subject, answers.base
    answers.learn(own, None if wide is None else answers.of(wide))
    if not answers.times and subject.told is not None and len(base.sequences) > 1:
        # Outputs may be as wide as the longest sequence, whatever the grid's width is.
        with suppress(CannotAsk):
            shorter = subject.outputs(base.of(*range(1, len(base.sequences))))
            answers.learn_trimmed(own, answers.of(shorter))
    if answers.times and own.shape[answers.times[0]] != answers.led.width:
        # Outputs have other lengths than inputs: each sequence alone tells how many it gives.
        for i, s in enumerate(answers.led.sequences):
            answers.note_alone(len(s), answers.of(subject.outputs(base.alone(i))))
