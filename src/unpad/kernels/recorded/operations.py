"""What a walk's operators are for the compiled library: operations on arrays (unpad_tape.h).

Each tensor of a step is an array of a row a sequence, in which torch's views are columns. What the
library has no operation for is left to torch, with all of its walk.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import prod
from typing import Any, NamedTuple

import torch

from .. import library
from ..structures import FIELDS, bits
from .tape import CannotBeRecorded, Node, Ref, Rows, name_of

_aten: Any = torch.ops.aten
#: Kinds of arrays.
SPACE, STEPS, SHARED, STATE = range(4)
_PRODUCT, _ADD, _SUB, _MUL, _DIV, _WHERE_ABOVE, _COPY, _TANH, _SIGMOID, _RELU, _EXP, _SUM = range(
    12
)
_PAIRS = {_aten.add.Tensor: _ADD, _aten.sub.Tensor: _SUB, _aten.mul.Tensor: _MUL,
          _aten.div.Tensor: _DIV}  # fmt: skip
_SINGLE = {_aten.tanh.default: _TANH, _aten.sigmoid.default: _SIGMOID, _aten.relu.default: _RELU,
           _aten.exp.default: _EXP}  # fmt: skip
_VIEWS = {_aten.view.default, _aten._unsafe_view.default, _aten.unsqueeze.default,
          _aten.squeeze.dim}  # fmt: skip


class Place(NamedTuple):
    """Where a tensor lies: columns of an array, or a number that is the same everywhere."""

    array: int
    column: int
    shape: tuple[int, ...]  # of a row; of what has no rows, of all
    shared: bool

    @property
    def width(self) -> int:
        return prod(self.shape)


class Walk(NamedTuple):
    """What is walked: slots of a tape (see `program.Way`)."""

    states: list[int]
    after: list[int]
    fixed: list[int]
    cut: list[int]
    kept: list[int]
    held: Collection[int]  # the states of which each step's is asked for
    nodes: list[Node]
    back: bool


class Written:
    """A walk in the library's operations.

    Args:
        about: of each slot its shape, its type and whether a gradient is followed.
        walk: the slots.

    Raises:
        CannotBeRecorded: the library has no operation for something.
    """

    def __init__(self, about: Sequence[tuple], walk: Walk) -> None:
        self._about = about
        self.kinds: list[int] = []
        self.widths: list[int] = []
        self.operations: list[int] = []
        self.factors: set[int] = set()  # arrays that are read whole, by products
        self.rowwise: set[int] = set()  # and those that are read by all rows
        self._places: dict[int, Place] = {}
        if not walk.states:
            raise CannotBeRecorded("nothing is handed from step to step")
        self.dtype = about[walk.states[0]][1]
        if self.dtype not in library.DTYPES:
            raise CannotBeRecorded(f"the library knows float32 and float64, not {self.dtype}")
        for slots, kind in ((walk.states, STATE), (walk.fixed, SHARED), (walk.cut, STEPS)):
            for slot in slots:
                self._give(slot, kind)
        self._given_out: dict[int, int] = {}
        out = {*walk.after, *walk.kept}
        for node in walk.nodes:
            self._node(node, out)
        self.after = [self._whole(slot) for slot in walk.after]
        self.kept = [self._whole(slot) for slot in walk.kept]
        self.outs = {a: self.shape(slot)[0] for slot, a in self._given_out.items()}

    # --- arrays ----------------------------------------------------------------------------------

    def _array(self, kind: int, width: int) -> int:
        self.kinds.append(kind)
        self.widths.append(width)
        return len(self.kinds) - 1

    def shape(self, slot: int) -> tuple[tuple[int, ...], bool]:
        """The shape of a row of it, or of all where it has no rows, and whether that is so."""
        shape, dtype, _ = self._about[slot]
        if dtype is not self.dtype:
            raise CannotBeRecorded(f"it computes in {self.dtype} and {dtype}")
        if not any(isinstance(n, Rows) for n in shape):
            return tuple(shape), True
        if shape[0] != Rows(1) or any(isinstance(n, Rows) for n in shape[1:]):
            raise CannotBeRecorded("its rows do not lie along the first axis")
        return tuple(shape[1:]), False

    def _give(self, slot: int, kind: int) -> None:
        shape, shared = self.shape(slot)
        if shared != (kind == SHARED) or not prod(shape):
            raise CannotBeRecorded("a tensor of its has no numbers, or no row for each")
        self._places[slot] = Place(self._array(kind, prod(shape)), 0, shape, shared)

    def _new(self, slot: int, out: Collection[int]) -> Place:
        """The place that an operation fills."""
        shape, shared = self.shape(slot)
        if shared or not prod(shape):
            raise CannotBeRecorded("it makes a tensor without rows at each step")
        made = self._array(STEPS if slot in out else SPACE, prod(shape))
        if slot in out:
            self._given_out[slot] = made
        self._places[slot] = place = Place(made, 0, shape, False)
        return place

    def _whole(self, slot: int) -> int:
        """The array of what is given out: a copy of what is part of another, or was given in."""
        if slot not in self._given_out:
            from_, place = self._places[slot], self._new(slot, {slot})
            self._do(_COPY, place, self._operand(from_, place))
        return self._given_out[slot]

    # --- operations ------------------------------------------------------------------------------

    def _do(
        self, op: int, out: Place, a: tuple = (-1, 0, 0), b: tuple = (-1, 0, 0), factor: int = 0,
        number: float = 0.0, width: int | None = None,
    ) -> None:  # fmt: skip
        width = out.width if width is None else width
        words = [op, width, out.array, out.column, *a, *b, factor, bits(float(number))]
        assert len(words) == len(FIELDS["unpad_tape_operation"])
        self.operations += words

    def _operand(self, value: Any, out: Place) -> tuple[int, int, int]:
        """What an operation reads to fill a place: a number for each of its numbers, or one."""
        if not isinstance(value, Place):
            return -1, 0, 0
        width, wide = value.width, len(out.shape)
        # What has rows has as many axes as the outcome; what has none is as wide as its rows.
        fits = len(value.shape) <= wide if value.shared else len(value.shape) == wide
        if value.shared and len(value.shape) == wide + 1:
            fits = value.shape[0] == 1
        if not fits or width not in (1, out.width):
            raise CannotBeRecorded("the library spreads single numbers along a row alone")
        if value.shared:
            self.rowwise.add(value.array)
        return value.array, value.column, int(width == out.width)

    def _value(self, argument: Any) -> Any:
        if isinstance(argument, Ref):
            if argument.slot not in self._places:
                raise CannotBeRecorded("it needs what is not known there")
            return self._places[argument.slot]
        if type(argument) in (int, float):
            return argument
        raise CannotBeRecorded(f"an operator is given {type(argument).__name__}")

    def _full(self, argument: Any) -> Place:
        """A tensor that lies there number for number."""
        value = self._value(argument)
        if not isinstance(value, Place) or value.width != prod(self.shape(argument.slot)[0]):
            raise CannotBeRecorded("it reads a number that is spread along a row")
        return value

    def _node(self, node: Node, out: Collection[int]) -> None:
        function, arguments = node.function, node.arguments
        name = name_of(function)
        if any(value != 1 for key, value in node.options if key in ("alpha", "beta")) or any(
            key not in ("alpha", "beta", "memory_format") for key, _ in node.options
        ):
            raise CannotBeRecorded(f"{name} is given options")
        slots = [slot for slot in node.outs if slot is not None]
        if function in _PAIRS or function in (_aten.rsub.Scalar, _aten.rsub.Tensor):
            if len(arguments) != 2:
                raise CannotBeRecorded(f"{name} is given options")
            a, b = map(self._value, arguments)
            if function not in _PAIRS:
                a, b = b, a
            place = self._new(slots[0], out)
            numbers = [v for v in (a, b) if not isinstance(v, Place)]
            number = numbers[0] if numbers else 0.0
            op = _PAIRS.get(function, _SUB)
            self._do(op, place, self._operand(a, place), self._operand(b, place), number=number)
        elif function in _SINGLE or function is _aten.clone.default:
            a, place = self._full(arguments[0]), self._new(slots[0], out)
            self._do(_SINGLE.get(function, _COPY), place, self._operand(a, place))
        elif function is _aten.neg.default:
            a, place = self._value(arguments[0]), self._new(slots[0], out)
            self._do(_MUL, place, self._operand(a, place), number=-1.0)
        elif function is _aten.reciprocal.default:
            a, place = self._full(arguments[0]), self._new(slots[0], out)
            self._do(_DIV, place, b=self._operand(a, place), number=1.0)
        elif function is _aten.threshold_backward.default:
            d, y, bound = map(self._value, arguments)
            place = self._new(slots[0], out)
            self._do(_WHERE_ABOVE, place, self._operand(d, place), self._operand(y, place),
                     number=bound)  # fmt: skip
        elif function in (_aten.mm.default, _aten.addmm.default):
            *start, a, factor = arguments
            self._product(
                slots[0], [*map(self._value, start)], self._full(a), self._full(factor), out
            )
        elif function is _aten.sum.dim_IntList:
            self._sum(slots[0], arguments, out)
        elif function is _aten.cat.default:
            self._joined(slots[0], arguments, out)
        elif function in (_aten.slice_backward.default, _aten.select_backward.default):
            self._part_back(slots[0], arguments, out)
        else:
            self._view(node, name, slots)

    def _product(
        self, slot: int, start: list[Any], a: Place, factor: Place, out: Collection[int]
    ) -> None:
        if a.shared or not factor.shared or len(a.shape) != 1 or len(factor.shape) != 2:
            raise CannotBeRecorded("a product of it is not of rows with a matrix")
        place = self._new(slot, out)
        self.factors.add(factor.array)
        before = self._operand(start[0], place) if start else (-1, 0, 0)
        self._do(_PRODUCT, place, (a.array, a.column, 1), before, factor.array)

    def _sum(self, slot: int, arguments: tuple, out: Collection[int]) -> None:
        a, axes = self._full(arguments[0]), tuple(arguments[1] or ())
        if a.shared or len(a.shape) != 1 or axes not in ((1,), (-1,)):
            raise CannotBeRecorded("it sums over more than one axis")
        place = self._new(slot, out)
        self._do(_SUM, place, (a.array, a.column, 1), width=a.width)

    def _joined(self, slot: int, arguments: tuple, out: Collection[int]) -> None:
        parts = [*map(self._full, arguments[0])]
        axis = arguments[1] if len(arguments) > 1 else 0
        place = self._new(slot, out)
        if len(place.shape) != 1 or axis not in (1, -1) or any(p.shared for p in parts):
            raise CannotBeRecorded("it joins tensors along another axis than the last of two")
        column = 0
        for part in parts:
            self._do(
                _COPY, place._replace(column=column, shape=part.shape), (part.array, part.column, 1)
            )
            column += part.width

    def _part_back(self, slot: int, arguments: tuple, out: Collection[int]) -> None:
        d, (_, axis, start, *rest) = self._full(arguments[0]), arguments[1:]
        place = self._new(slot, out)
        if len(place.shape) != 1 or axis not in (1, -1) or d.shared or rest[1:] not in ([], [1]):
            raise CannotBeRecorded("it takes a part along another axis than the last of two")
        start = min(start + place.width if start < 0 else start, place.width)
        self._do(_ADD, place)
        self._do(_COPY, place._replace(column=start, shape=d.shape), (d.array, d.column, 1))

    def _view(self, node: Node, name: str, slots: list[int]) -> None:
        """What lies in another's columns."""
        function, arguments = node.function, node.arguments
        if not arguments or not isinstance(arguments[0], Ref):
            raise CannotBeRecorded(f"the library has no {name}")
        of = self._full(arguments[0])
        if of.shared:
            raise CannotBeRecorded(f"the library has no {name}")
        column = of.column
        splits = (_aten.split.Tensor, _aten.split_with_sizes.default)
        along = arguments[1] if function is _aten.slice.Tensor else (*arguments, 0, 0)[2]
        if function in _VIEWS or (function is _aten.expand.default and of.width == 1):
            (slot,), (shape, _) = slots, self.shape(slots[0])
            if function is _aten.expand.default and len(shape) != len(of.shape):
                raise CannotBeRecorded("it is spread along an axis of its own")
            self._places[slot] = of._replace(
                shape=of.shape if function is _aten.expand.default else shape
            )
        elif function is _aten.slice.Tensor and len(of.shape) == 1 and along in (1, -1):
            start = (*arguments, 0)[2] or 0
            if (*arguments, 0, 0, 1)[4] != 1 and len(arguments) > 4:
                raise CannotBeRecorded("it takes every other column")
            start = min(start + of.width if start < 0 else start, of.width)
            (shape, _) = self.shape(slots[0])
            self._places[slots[0]] = Place(of.array, column + start, shape, False)
        elif function is _aten.select.int and len(of.shape) == 1 and arguments[1] in (1, -1):
            index = arguments[2] + of.width if arguments[2] < 0 else arguments[2]
            self._places[slots[0]] = Place(of.array, column + index, (), False)
        elif function in splits and len(of.shape) == 1 and along in (1, -1):
            for slot in node.outs:
                if slot is not None:
                    (shape, _) = self.shape(slot)
                    self._places[slot] = Place(of.array, column, shape, False)
                    column += prod(shape)
        else:
            raise CannotBeRecorded(f"the library has no {name}")
