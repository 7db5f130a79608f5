"""What is to be computed when, of a step that is on a tape: once for all steps, or step after step.

A step treats each row by itself, so that what does not hang on the state is computed for all steps
of a batch at once: before the walk what the step needs of it, after the walk what nothing in it
needs. What is left is the walk. On the way back it is the same, the gradient of the states in the
place of the states; the gradients of the weights are what nothing in the walk needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .lowered import Lowered
from .operations import Walk
from .tape import CannotBeRecorded, Joint, Node, Ref, Rows, merged

_aten: Any = torch.ops.aten
# The same by a shorter way than through an operator's object.
_SHORT = {
    _aten.mm.default: torch.mm, _aten.addmm.default: torch.addmm, _aten.add.Tensor: torch.add,
    _aten.sub.Tensor: torch.sub, _aten.mul.Tensor: torch.mul, _aten.div.Tensor: torch.div,
    _aten.tanh.default: torch.tanh, _aten.sigmoid.default: torch.sigmoid, _aten.t.default: torch.t,
    _aten.relu.default: torch.relu, _aten.neg.default: torch.neg, _aten.cat.default: torch.cat,
    _aten.exp.default: torch.exp,
}  # fmt: skip
# Nothing is followed where a tape is replayed.
_SAME = {_aten.detach.default, _aten.alias.default, _aten.lift_fresh.default}
# Derivatives of what is known by its output y, of y and its square.
_OF_OUTPUT = {
    _aten.tanh_backward.default: lambda y, square: (_aten.rsub.Scalar, (square, 1)),
    _aten.sigmoid_backward.default: lambda y, square: (_aten.sub.Tensor, (y, square)),
}


class Part(NamedTuple):
    """Some of the nodes as a function of a number of rows and the slots that it takes."""

    run: Callable[..., tuple]
    takes: list[int]
    gives: list[int]
    nodes: list[Node]

    def __call__(self, rows: int, slots: dict[int, Tensor]) -> None:
        """Fills in what it gives."""
        found = self.run(rows, *[slots[slot] for slot in self.takes])
        slots.update(zip(self.gives, found, strict=True))


class Way(NamedTuple):
    """A walk and what is around it, there or back."""

    before: Part  # of all steps at once: `fixed`, which has no rows, and `cut`
    states: list[int]
    fixed: list[int]
    cut: list[tuple[int, int]]  # slots, and the axis along which they are cut into times
    walk: Part  # takes states, fixed, cut; gives the next states, then `kept`
    kept: list[tuple[int, int]]
    after: Part  # of all steps at once: what is asked for
    saved: list[int]  # what the way back wants of this one
    held: set[int]  # the states of which each step's is asked for
    lowered: Lowered | str  # the walk for the library, or why it has none


class Program:
    """A step, ready to be taken along sequences, and its way back.

    Args:
        few, more: tapes of it with `ROWS` rows.

    Raises:
        CannotBeRecorded: the tapes differ by more than the rows.
    """

    def __init__(self, few: Joint, more: Joint) -> None:
        nodes = merged(few.nodes, more.nodes)
        self.about: list[tuple] = list(merged(few.about, more.about))
        if few[2:] != more[2:]:
            raise CannotBeRecorded("what it does depends on the number of rows")
        self.nodes: list[Node] = []
        self.made: dict[int, Node] = {}
        self.same: dict[int, int] = {}
        for node in nodes:
            self._simplified(node)
        self._sums_ordered(few.states)
        self.inputs, self.states, self.constants = few.inputs, few.states, few.constants
        self.outputs, self.after = ([self.real(s) for s in e] for e in (few.outputs, few.after))
        self.d_outputs, self.d_inputs = few.d_outputs, [self._real(s) for s in few.d_inputs]
        self.d_after, self.d_constants = few.d_after, [self._real(s) for s in few.d_constants]
        self.d_states = [self._real(s) for s in few.d_states]
        if any(self.axis(s) != 0 for s in (*self.outputs, *self.after)):
            raise CannotBeRecorded("it gives something else than a row for each")
        # Whose gradient is handed from step to step.
        self.moving = [k for k, d in enumerate(self.d_states) if d is not None]
        if any(self.d_after[k] is None for k in self.moving):
            raise CannotBeRecorded("a state is handed on without its gradient")
        self.ways: dict[Any, Way] = {}

    def there(self, keep: bool) -> Way:
        """The way forward; with `keep` the backward pass will be asked for."""
        found = self.ways.get(keep)
        if found is None:
            given = {*self.inputs, *self.constants}
            of_back = {d for d in (*self.d_outputs, *self.d_after) if d is not None}
            asked = [*self.d_inputs, *self.d_constants, *self.d_states] if keep else []
            found = self.ways[keep] = self._way(
                self.states, self.after, given, self.outputs, [a for a in asked if a is not None],
                of_back, False,
            )  # fmt: skip
        return found

    def back(self, inputs: tuple[bool, ...], constants: tuple[bool, ...]) -> Way:
        """The way back, to the gradients that are wanted."""
        key = inputs, constants
        found = self.ways.get(key)
        if found is None:
            pairs = zip((*self.d_inputs, *self.d_constants), (*inputs, *constants), strict=True)
            later = [d for d, wanted in pairs if wanted and d is not None]
            moved = [self.d_after[k] for k in self.moving]
            given = {*self.inputs, *self.states, *self.constants, *self.there(True).saved}
            given |= {d for d in (*self.d_outputs, *self.d_after) if d is not None} - {*moved}
            after = [self.d_states[k] for k in self.moving]
            found = self.ways[key] = self._way(moved, after, given, later, [], set(), True)  # type: ignore
        return found

    def no_library(self, keep: bool) -> str | None:
        """Why the compiled library cannot walk it; None where it can.

        Args:
            keep: whether the backward pass will be asked for.
        """
        ways = [self.there(keep)]
        if keep and self.moving:
            ways.append(self.back((True,) * len(self.inputs), (True,) * len(self.constants)))
        return next((way.lowered for way in ways if isinstance(way.lowered, str)), None)

    # --- what the tape says, in fewer words ------------------------------------------------------

    def _simplified(self, node: Node) -> None:
        """Takes what copies nothing as what it is, and splits the derivatives of activations."""
        node = self._renamed(node)
        first = node.arguments[0] if node.arguments else None
        if node.function in _SAME and isinstance(first, Ref):
            (slot,) = node.outs
            assert slot is not None
            self.same[slot] = first.slot
        elif node.function in _OF_OUTPUT and len(node.arguments) == 2:
            # d * f'(y): what hangs on y alone is made for all steps at once.
            d, y = node.arguments
            square = self._new(_aten.mul.Tensor, (y, y), y.slot)
            function, arguments = _OF_OUTPUT[node.function](y, square)
            factor = self._new(function, arguments, y.slot)
            self._add(node._replace(function=_aten.mul.Tensor, arguments=(d, factor)))
        else:
            self._add(node)

    def _sums_ordered(self, states: list[int]) -> None:
        """Adds up first what does not hang on the state, and then a product in one go with it."""
        apart, uses = self._hanging(states), Counter(s for n in self.nodes for s in _refs(n))

        def terms(slot: int, top: bool) -> list[int]:
            node = self.made.get(slot)
            if node is None or not _adds(node) or slot not in apart or not (top or uses[slot] == 1):
                return [slot]
            return [t for part in _refs(node) for t in terms(part, False)]

        nodes, self.nodes = self.nodes, []
        for node in nodes:
            if not _adds(node) or node.outs[0] not in apart:
                self._add(node)
                continue
            (slot,) = node.outs
            assert slot is not None
            parts = terms(slot, True)
            whole = [p for p in parts if self.about[p][0] == self.about[slot][0]]
            free = sorted((p for p in parts if p not in apart), key=lambda p: p not in whole)
            moving = [p for p in parts if p in apart]
            if not free or free[0] not in whole or not set(moving) <= set(whole):
                self._add(node)
                continue
            total = free[0]
            for part in free[1:]:
                total = self._new(_aten.add.Tensor, (Ref(total), Ref(part)), slot).slot
            for i, part in enumerate(moving):
                product = self.made.get(part)
                function, more = _aten.add.Tensor, (Ref(part),)
                if product is not None and product.function is _aten.mm.default and uses[part] == 1:
                    function, more = _aten.addmm.default, product.arguments
                arguments = Ref(total), *more
                if i == len(moving) - 1:
                    self._add(node._replace(function=function, arguments=arguments))
                else:
                    total = self._new(function, arguments, slot).slot

    def _new(self, function: Any, arguments: tuple, like: int) -> Ref:
        self.about.append(self.about[like])
        slot = len(self.about) - 1
        self._add(Node(function, arguments, (), (slot,), True, (self.about[slot],)))
        return Ref(slot)

    def _add(self, node: Node) -> None:
        self.nodes.append(node)
        self.made |= {slot: node for slot in node.outs if slot is not None}

    def real(self, slot: int) -> int:
        """The slot whose tensor this is."""
        return self.same.get(slot, slot)

    def _real(self, slot: int | None) -> int | None:
        return None if slot is None else self.real(slot)

    def _renamed(self, node: Node) -> Node:
        def named(value: Any) -> Any:
            if isinstance(value, Ref):
                return Ref(self.real(value.slot))
            return tuple(map(named, value)) if type(value) is tuple else value

        options = tuple((k, named(v)) for k, v in node.options)
        return node._replace(arguments=named(node.arguments), options=options)

    # --- what hangs on what ----------------------------------------------------------------------

    def _hanging(self, roots: Iterable[int | None]) -> set[int]:
        """The slots that hang on these."""
        found = {slot for slot in roots if slot is not None}
        for node in self.nodes:
            if any(slot in found for slot in _refs(node)):
                found |= {slot for slot in node.outs if slot is not None}
        return found

    def needed(self, wanted: Iterable[int], given: set[int]) -> set[int]:
        """The slots that have to be known or made for these, down to what is given."""
        found: set[int] = set()
        open_ = list(wanted)
        while open_:
            slot = open_.pop()
            if slot in found:
                continue
            found.add(slot)
            if slot not in given:
                if slot not in self.made:
                    raise CannotBeRecorded("something on the tape is not known where it is needed")
                open_ += _refs(self.made[slot])
        return found

    def axis(self, slot: int) -> int | None:
        """Along which the rows lie, one each; None where they do not."""
        shape = self.about[slot][0]
        with_rows = [i for i, n in enumerate(shape) if isinstance(n, Rows)]
        return with_rows[0] if len(with_rows) == 1 and shape[with_rows[0]].times == 1 else None

    def rowless(self, slot: int) -> bool:
        """Whether it is the same for any number of rows."""
        return not any(isinstance(n, Rows) for n in self.about[slot][0])

    # --- functions -------------------------------------------------------------------------------

    def part(
        self, wanted: Sequence[int], given: set[int], takes: Sequence[int] | None = None
    ) -> Part:
        """The function that makes what is wanted of what is given."""
        need = self.needed(wanted, given)
        takes = sorted(need & given) if takes is None else takes
        # As a text: an interpreter of nodes would cost as much as the operators.
        names: dict[str, Any] = {}

        def said(value: Any) -> str:
            if isinstance(value, Ref):
                return f"t{value.slot}"
            if isinstance(value, Rows):
                return f"rows * {value.times}"
            if type(value) is tuple:
                return f"[{', '.join(map(said, value))}]"
            return held(value)

        def held(value: Any) -> str:
            names[f"c{len(names)}"] = value
            return f"c{len(names) - 1}"

        lines = [f"def run({', '.join(['rows', *(f't{slot}' for slot in takes)])}):"]
        nodes = [n for n in self.nodes if any(s in need and s not in given for s in n.outs)]
        for node in nodes:
            given_ = [*map(said, node.arguments), *(f"{k}={said(v)}" for k, v in node.options)]
            outs = ", ".join("_" if slot is None else f"t{slot}" for slot in node.outs)
            function = held(_SHORT.get(node.function, node.function))
            comma = "" if node.alone else ","
            lines.append(f"    {outs}{comma} = {function}({', '.join(given_)})")
        lines.append(f"    return ({''.join(f't{slot}, ' for slot in wanted)})")
        exec("\n".join(lines), names)
        return Part(names["run"], list(takes), list(wanted), nodes)

    def _way(
        self, states: list[int], after: list[int], given: set[int], later: list[int],
        of_back: list[int], with_back: set[int], back: bool,
    ) -> Way:  # fmt: skip
        """A walk and what is around it.

        Args:
            states: what each step starts from.
            after: what it hands on.
            given: what is known of all steps before the walk.
            later: what is asked for of all steps after it.
            of_back: what the way back will be asked for.
            with_back: what it is given.
            back: whether it is the way back.
        """
        apart = self._hanging(states)
        # The step goes down to what can be known before it, and cut into times.
        boundary = set(states)
        for slot in self.needed(after, given | boundary):
            if slot not in apart and (self.rowless(slot) or self.axis(slot) is not None):
                boundary.add(slot)
        inside = self.needed(after, boundary)
        taken = sorted((inside & boundary) - set(states))
        fixed = [s for s in taken if self.rowless(s)]
        cut = [s for s in taken if s not in fixed]
        # What is made once is kept for whoever asks later, but for views, which cost nothing.
        made = inside - boundary
        walked = {s for s in made if self._keeps(s) and self.axis(s) is not None}
        known = given | set(states) | {s for s in taken if self._keeps(s)} | walked
        late = {s for s in self.needed(later, known) if s not in known and self._keeps(s)}
        asked = self.needed(of_back, known | late | with_back) & (known | late)
        kept = sorted((self.needed(later, known) | asked) & walked)
        known = known - walked | set(kept)
        late_kept = sorted(asked & late)
        walk = self.part([*after, *kept], boundary, [*states, *fixed, *cut])
        ending = self.part([*later, *late_kept], known)
        held = {*ending.takes, *asked} & {*states}
        return Way(
            before=self.part(fixed + cut, given),
            states=states,
            fixed=fixed,
            cut=[(s, self.axis(s) or 0) for s in cut],
            walk=walk,
            kept=[(s, self.axis(s) or 0) for s in kept],
            after=ending,
            saved=sorted(asked),
            held=held,
            lowered=self._lowered(Walk(states, after, fixed, cut, kept, held, walk.nodes, back)),
        )

    def _lowered(self, walk: Walk) -> Lowered | str:
        try:
            return Lowered(self.about, walk)
        except CannotBeRecorded as reason:
            return str(reason)

    def _keeps(self, slot: int) -> bool:
        node = self.made.get(slot)
        if node is None or (self.axis(slot) is None and not self.rowless(slot)):
            return False
        return not any(given.alias_info for given in node.function._schema.returns)


def _adds(node: Node) -> bool:
    """Whether it adds two tensors."""
    return (
        node.function is _aten.add.Tensor
        and not node.options
        and len(node.arguments) == len(_refs(node)) == 2
    )


def _refs(node: Node) -> list[int]:
    """The slots that a node takes."""

    def walk(value: Any) -> Iterable[int]:
        if isinstance(value, Ref):
            yield value.slot
        elif type(value) is tuple:
            for part in value:
                yield from walk(part)

    return [*walk(node.arguments), *(s for _, v in node.options for s in walk(v))]
