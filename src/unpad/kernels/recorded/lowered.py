"""The walk of a program as a call of the compiled library (csrc/include/unpad_tape.h)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from torch import Tensor

from .. import library
from ..checks import like
from ..structures import FIELDS, by_name
from ..threads import threads
from .operations import SHARED, STATE, STEPS, Walk, Written


class Lowered:
    """A walk that the library takes.

    Args:
        about: of each slot its shape, its type and whether a gradient is followed.
        walk: the slots.

    Raises:
        CannotBeRecorded: the library has no operation for something.
    """

    def __init__(self, about: Sequence[tuple], walk: Walk) -> None:
        self.walk, self.written = walk, Written(about, walk)
        self._code = array("q", self.written.operations)

    def __call__(
        self,
        active: list[int],
        states: Sequence[Tensor | None],
        coming: Sequence[Tensor | None],
        fixed: Sequence[Tensor],
        cut: Sequence[Tensor],
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor | None]]:
        """Takes the walk.

        Args:
            active: the rows at each time, one time at least.
            states: (rows, ...) each, to start from, or None for zeros.
            coming: (steps, ...) each, added to what each step starts from, or None.
            fixed: what it takes that has no rows.
            cut: (steps, ...) each, what it takes of each step.

        Returns:
            what each step hands on, what is kept, what each step started from where that is asked
            for: (steps, ...) each.

        Raises:
            ValueError: something has another shape or type than the tape says.
        """
        walk, steps = self.walk, sum(active)
        values = next(t for t in (*cut, *states, *coming) if t is not None)
        if library.refuses(values) or values.dtype is not self.written.dtype:
            raise ValueError(
                f"any_cell: expected {self.written.dtype} on a CPU, got {values.dtype}."
            )
        made = {a: values.new_empty((steps, *shape)) for a, shape in self.written.outs.items()}
        shapes = [self.written.shape(slot)[0] for slot in walk.states]
        held = [
            values.new_empty((steps, *shape)) if slot in walk.held else None
            for slot, shape in zip(walk.states, shapes, strict=True)
        ]
        alive: list[Tensor] = []  # copies live as long as the call

        def at(tensor: Tensor | None, shape: tuple[int, ...]) -> int:
            if tensor is None:
                return 0
            like("any_cell", "what a walk is given", tensor, shape, values)
            alive.append(tensor.contiguous())
            return alive[-1].data_ptr()

        words: list[int] = []
        for i, shape in enumerate(shapes):
            start, more = at(states[i], (active[0], *shape)), at(coming[i], (steps, *shape))
            room = at(held[i], (steps, *shape))
            words += _array(STATE, self.written.widths[i], room, start, more, self.written.after[i])
        first = len(shapes)
        for i, (slot, tensor) in enumerate(zip(walk.fixed, fixed, strict=True), first):
            words += self._shared(i, tensor, self.written.shape(slot)[0], at)
        first += len(walk.fixed)
        for i, (slot, tensor) in enumerate(zip(walk.cut, cut, strict=True), first):
            data = at(tensor, (steps, *self.written.shape(slot)[0]))
            words += _array(STEPS, self.written.widths[i], data)
        for i in range(first + len(walk.cut), len(self.written.kinds)):
            data = made[i].data_ptr() if i in made else 0
            words += _array(self.written.kinds[i], self.written.widths[i], data)
        arrays, times = array("q", words), array("q", active)
        packed = by_name(
            "unpad_tape",
            arrays=arrays.buffer_info()[0],
            operations=self._code.buffer_info()[0],
            active=times.buffer_info()[0],
            array_count=len(self.written.kinds),
            operation_count=len(self._code) // len(FIELDS["unpad_tape_operation"]),
            times=len(active),
            steps=steps,
            back=walk.back,
        )
        library.call("unpad_tape_walk", library.DTYPES[self.written.dtype], threads(), packed)
        return [made[a] for a in self.written.after], [made[a] for a in self.written.kept], held

    def _shared(
        self, i: int, tensor: Tensor, shape: tuple[int, ...], at: Callable[..., int]
    ) -> list[int]:
        """An array of what has no rows: as it lies, where products alone read it."""
        if i not in self.written.factors:
            width = self.written.widths[i]
            return _array(SHARED, width, at(tensor, shape), rows=1, stride=width)
        rows, width = shape
        apart = i in self.written.rowwise or tensor.is_contiguous() or tensor.ndim != 2
        turned = not apart and tensor.t().is_contiguous()
        data = at(tensor.t(), (width, rows)) if turned else at(tensor, shape)
        stride = rows if turned else width
        return _array(SHARED, width, data, rows=rows, stride=stride, transposed=int(turned))


def _array(
    kind: int, width: int, data: int, start: int = 0, coming: int = 0, after: int = 0, *,
    rows: int = 0, stride: int = 0, transposed: int = 0,
) -> list[int]:  # fmt: skip
    """The fields of an `unpad_tape_array`, in order."""
    return [kind, width, data, start, coming, after, rows, stride, transposed]
