"""A model's outputs, read as what it says of each sequence."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    """

    subject: Subject
    base: Laid
    full: int | None = None
    batch: int = 0
    times: tuple[int, ...] = ()
    _lengths: dict[int, int] = field(default_factory=dict)

    def learn(self, first: Tensor, wide: Tensor | None) -> None:
        """Learns the axes from the outputs at two widths; at one, from sizes alone.

        Raises:
            CannotAsk: no axis of the outputs is as long as there are sequences.
        """
        n, width = len(self.base.sequences), self.base.width
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

    def learn_trimmed(self, first: Tensor, shorter: Tensor) -> None:
        """Learns an axis of time that is as long as the longest sequence.

        Args:
            first: outputs for all sequences.
            shorter: for all but the longest.
        """
        lengths = self.base.lengths.tolist()
        found = [
            axis
            for axis, (a, b) in enumerate(zip(first.shape, shorter.shape, strict=True))
            if axis != self.batch and (a, b) == (lengths[0], lengths[1]) and a != b
        ]
        self.times = tuple(found)
        self._lengths.update({n: n for n in lengths} if found else {})

    @property
    def steps(self) -> bool:
        """Whether the outputs are one a step."""
        return bool(self.times)

    def ask(self, laid: Laid) -> list[Tensor]:
        """The answer for each sequence, real steps only, time first."""
        return self.read(self.subject.answer(laid), laid)

    def read(self, out: Tensor, laid: Laid) -> list[Tensor]:
        """What outputs say of each sequence, real steps only, time first."""
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
