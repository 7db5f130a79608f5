"""Any recurrent cell: what one is, what it gives for a step, and the walk of one along sequences.

A cell has `state_size`, an integer or a list of them, and a method `call(inputs, states)` (of a
torch module: `forward`) that gives the output and the next states. It gets its states in a list.
It may have `get_initial_state(batch_size)`; without one it starts from zeros. Inputs, outputs and
states may be trees: lists, tuples and dicts in one another.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ...core.layer import Layer
from ...core.spec import Spec, spec_of
from ...core.structure import arranged, flat, in_order, listed, mapped
from ...kernels.packing import pack
from ...kernels.recorded import Step, walk_of
from ...ragged import Ragged
from .cell import Cell
from .in_graph import walk_in_graph
from .walk import walk

# Rows of the zeros that a cell is tried on: as few features count, or one could pass for the other.
_ROWS = 7


def check_cell(cell: Any, who: str) -> None:
    """Raises unless it is a cell; the text says what is missing."""
    kind = type(cell).__name__
    if hasattr(cell, "return_sequences"):
        instead = f"{kind}Cell" if isinstance(cell, Cell) else "as LSTMCell(4)"
        raise ValueError(
            f"{who}: {kind} walks sequences itself; expected a cell, which takes one step: "
            f"{instead}."
        )
    sizes = getattr(cell, "state_size", None)
    steps = isinstance(cell, torch.nn.Module) or callable(getattr(cell, "call", None))
    if isinstance(cell, type) or not steps or not _are_sizes(sizes):
        raise ValueError(
            f"{who}: expected a cell, with state_size (an integer, or a list of them) and "
            f"call(inputs, states), got {kind}."
            + (" A class: put () behind it." * (kind == "type"))
        )
    if getattr(cell, "activity_regularizer", None) is not None:
        raise ValueError(
            f"{who}: {kind} has an activity_regularizer, which would see single steps. Give it to "
            "the layer that walks."
        )


def fresh_cell(cell: Any) -> Any:
    """The same cell without what it has learned."""
    if isinstance(cell, Layer):
        return type(cell).from_config(cell.get_config())
    fresh = copy.deepcopy(cell)
    for module in fresh.modules() if isinstance(fresh, torch.nn.Module) else ():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
    return fresh


# --- states ----------------------------------------------


def _are_sizes(sizes: Any) -> bool:
    """Whether it may be a `state_size`: sizes and shapes, in lists, tuples and dicts."""
    return all(hasattr(n, "__index__") or hasattr(n, "as_list") for n in flat(sizes))


def _zeros(sizes: Any, batch: int, like: Tensor) -> Any:
    """Zeros for each size, a number or a shape: torch's Size, or what TensorFlow has for it."""
    if isinstance(sizes, torch.Size) or hasattr(sizes, "as_list"):
        return like.new_zeros(batch, *sizes)
    if isinstance(sizes, dict):
        return {key: _zeros(part, batch, like) for key, part in sizes.items()}
    if isinstance(sizes, (list, tuple)):
        return listed([_zeros(part, batch, like) for part in sizes], sizes)
    return like.new_zeros(batch, sizes)


def initial_states(cell: Any, batch: int, like: Tensor) -> Any:
    """The states that a cell starts from: a tensor, or as they lie in its `state_size`.

    Args:
        cell: any.
        batch: the number of sequences.
        like: gives zeros their type and device.
    """
    make = getattr(cell, "get_initial_state", None)
    if make is None:
        return _zeros(cell.state_size, batch, like)
    return mapped(lambda s: in_type_of(like, s), make(batch_size=batch))


def together(states: Any) -> Any:
    """States as a cell gets them: one alone and those of a tuple in a list."""
    if isinstance(states, dict) or hasattr(states, "_fields"):
        return states
    return list(states) if isinstance(states, (list, tuple)) else [states]


def leaves_of(states: Any, like: Any) -> list[Any]:
    """The tensors among states, in the order of others that lie as these may: or lie flat."""
    found = in_order(states, like)
    if found is None or any(isinstance(s, (list, tuple, dict)) for s in found):
        return flat(states)
    return found


def in_type_of(like: Tensor, state: Tensor) -> Tensor:
    """A state in the type and on the device of the steps; integers stay integers."""
    both = like.is_floating_point() and state.is_floating_point()
    return state.to(like.device, like.dtype if both else state.dtype)


def state_count(cell: Any) -> int:
    """The number of tensors among its states."""
    return cell.cell_states if is_own(cell) else len(flat(initial_states(cell, 1, torch.zeros(0))))


# --- one step ------------------------------------------------------------------------------------


def stepper(cell: Any) -> Callable[[Any, Any], tuple[Any, Any]]:
    """One step of any cell as a function of inputs and states."""
    if not isinstance(cell, torch.nn.Module):
        return cell.call
    method = getattr(cell, "call", cell.forward)
    options = {}
    if _takes_training(method):
        options["training"] = cell.training
    # Past Layer's own __call__: the walk has prepared the inputs, once for all steps.
    return lambda inputs, states: torch.nn.Module.__call__(cell, inputs, states, **options)


# Of functions, for as long as each is there: to look at one takes .1 ms, at each walk.
_TAKE_TRAINING: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def _takes_training(method: Any) -> bool:
    """Whether a method has an argument `training`."""
    function = getattr(method, "__func__", method)
    found = _TAKE_TRAINING.get(function) if isinstance(function, FunctionType) else None
    if found is None:
        found = "training" in inspect.signature(method).parameters
        if isinstance(function, FunctionType):
            _TAKE_TRAINING[function] = found
    return found


def build_cell(cell: Any, spec: Any) -> None:
    """Makes the weights of a cell that is a layer, and of layers inside, unless it has them."""
    if isinstance(cell, Layer) and not cell.built:
        cell.build(spec)
        cell.built = True
    if not isinstance(cell, torch.nn.Module):
        return
    if any(isinstance(m, Layer) and not m.built for m in cell.modules()):
        was_training = cell.training
        try:
            _on_zeros(cell.eval(), spec)
        finally:
            cell.train(was_training)
    if isinstance(cell, Layer) and not cell.trainable:
        cell.trainable = False


def step_specs(cell: Any, spec: Any, who: str) -> tuple[Any, Any]:
    """What comes out for a step of this spec: the output, and the states, in their arrangements.

    A cell that is not unpad's own says nothing of itself: a copy of it is tried on zeros.

    Raises:
        ValueError: it fails, or gives what is no output with states; the text says how.
    """
    if is_own(cell):
        out = spec.with_last(cell.units)
        return out, [out] * cell.cell_states
    name = type(cell).__name__
    cell = copy.deepcopy(cell)
    if isinstance(cell, torch.nn.Module):
        cell.eval()
    try:
        build_cell(cell, spec)
        states, given = _on_zeros(cell, spec)
    except Exception as error:
        raise ValueError(f"{who}: {name} fails on a step {_shown(spec)}: {error}") from error
    pair = isinstance(given, (tuple, list)) and len(given) == 2
    if not pair or not all(isinstance(output, Tensor) for output in flat(given[0])):
        raise ValueError(
            f"{who}: expected {name} to give an output and the next states, as `return output, "
            f"[state]`, got {type(given).__name__}."
        )
    before, after = flat(states), leaves_of(given[1], together(states))
    for output in flat(given[0]):
        if output.ndim == 0 or output.shape[0] != _ROWS:
            raise ValueError(
                f"{who}: {name} gives {tuple(output.shape)} for {_ROWS} sequences; it must give "
                "one row for each."
            )
    shapes = [[tuple(getattr(s, "shape", ())) for s in part] for part in (before, after)]
    if shapes[0] != shapes[1]:
        expected, got = (", ".join(map(str, part)) or "none" for part in shapes)
        raise ValueError(
            f"{who}: {name} starts from states {expected} and gives {got}; the next states must be "
            "as its state_size says."
        )
    return mapped(spec_of, given[0]), arranged(map(spec_of, after), states)


def _shown(spec: Any) -> str:
    return str(spec) if isinstance(spec, Spec) else ", ".join(map(str, flat(spec)))


def like_of(tensors: list[Tensor]) -> Tensor:
    """The one whose type states have: the first of floats."""
    return next((t for t in tensors if t.is_floating_point()), tensors[0])


def _on_zeros(cell: Any, spec: Any) -> tuple[Any, Any]:
    """The states that it starts from, and what it gives for zeros of this spec."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        weight = next(cell.parameters(), None) if isinstance(cell, torch.nn.Module) else None

        def zeros(spec: Spec) -> Tensor:
            made = torch.zeros(
                _ROWS, *(2 if n is None else n for n in spec.shape), dtype=spec.dtype
            )
            return made if weight is None else in_type_of(weight, made)

        inputs = mapped(zeros, spec)
        states = initial_states(cell, _ROWS, like_of(flat(inputs)))
        return states, stepper(cell)(inputs, together(states))


# --- the walk ------------------------------------------------------------------------------------


def is_own(cell: Any) -> bool:
    """Whether the operator computes it: a cell of unpad's whose step is as unpad wrote it."""
    kind = type(cell)
    if not isinstance(cell, Cell) or kind.call is not kind.forward:
        return False
    return kind.forward is Cell.forward or hasattr(cell, "return_sequences")


def hooked(module: torch.nn.Module) -> bool:
    """Whether a hook wants to see the module's own call."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )


def walk_any(
    cell: Any,
    inputs: Any,
    states: list[Tensor] | None,
    backwards: bool,
    who: str,
    ends: bool = True,
) -> tuple[Any, Any, Any]:
    """Any cell along each sequence.

    Args:
        cell: built.
        inputs: (batch, steps*, *feature), or a tree of such on one layout.
        states: to start from, flat; None for the cell's own.
        backwards: whether each sequence is walked from its own end.
        who: for errors.
        ends: whether the last outputs and the final states are wanted; else there may be none.

    Returns:
        the outputs, each at its own step; the last output of each sequence; the final states, as
        the cell has them.
    """
    # Whose hooks want to see each step is walked step by step; an LSTM's see its whole call.
    seen = hooked(cell) and not hasattr(cell, "return_sequences") if is_own(cell) else True
    if not seen:
        outputs, final = walk([cell], [backwards], inputs, states, ends)
        return inputs.with_values(outputs), final[0] if final else None, final
    with _draws_held(cell, inputs):
        return _walk_steps(cell, inputs, states, backwards, who, ends)


def _walk_steps(
    cell: Any, inputs: Any, given: list[Tensor] | None, backwards: bool, who: str, ends: bool
) -> tuple[Any, Any, Any]:
    """Time after time, all running sequences at once, longest first: none waits for another.

    As sequences end the rows grow fewer; a step is computed once, and nothing else.
    """
    parts: list[Ragged] = flat(inputs)
    batch, own = parts[0].batch, parts[0].layout.own
    form = initial_states(cell, batch, like_of([part.values for part in parts]))
    first = together(form)
    if torch.compiler.is_compiling():
        *outputs, ended = walk_in_graph(cell, stepper(cell), inputs, first, given, backwards)
        return *outputs, arranged(iter(ended), form)
    order, back, active, *_ = packing = pack(own, [backwards])
    steps = packing.steps[0]
    states = [s.index_select(0, order) for s in (flat(first) if given is None else given)]
    if not active:
        out, _ = step_specs(cell, mapped(_step_of, inputs), who)
        empty = parts[0].values

        def none(spec: Spec, rows: int) -> Tensor:
            return empty.new_zeros(rows, *(n or 0 for n in spec.shape), dtype=spec.dtype)

        last = mapped(lambda spec: none(spec, batch), out)
        ended = arranged((s.index_select(0, back) for s in states), form)
        return mapped(lambda spec: parts[0].with_values(none(spec, 0)), out), last, ended
    given_as: list[Any] = []  # the arrangement of the outputs

    def step_of(cell: Any) -> Step:
        step = stepper(cell)

        def taken(rows: list[Tensor], held: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
            output, after = step(arranged(iter(rows), inputs), arranged(iter(held), first))
            given_as[:] = [output]
            return flat(output), leaves_of(after, first)

        return taken

    rows = [part.values.index_select(0, steps) for part in parts]
    running = [s[: active[0]] for s in states]
    alone = isinstance(cell, torch.nn.Module) and any(map(_watched, cell.modules()))
    watched = "somebody is told of each of its steps, or holds its draws" if alone else None
    outputs, after = walk_of(cell, step_of, rows, running, watched)(rows, active, running)
    gives = mapped(lambda _: None, given_as.pop())
    places = own.derived(("packing", "inverse", backwards), lambda _: _inverse(steps))
    by_step = arranged((parts[0].with_values(o.index_select(0, places)) for o in outputs), gives)
    if not ends:
        return by_step, None, []
    final = own.derived(("packing", "last"), packing.last)
    last = [
        torch.cat([o.new_zeros(batch, *o.shape[1:]), o]).index_select(0, final) for o in outputs
    ]
    ended = [torch.cat([s, a]).index_select(0, final) for s, a in zip(states, after, strict=True)]
    return by_step, arranged(iter(last), gives), arranged(iter(ended), form)


def _inverse(places: Tensor) -> Tensor:
    """Of a permutation."""
    found = torch.empty_like(places)
    found[places] = torch.arange(len(places), device=places.device)
    return found


def _step_of(sequences: Ragged) -> Spec:
    spec = spec_of(sequences)
    return Spec(spec.shape, False, spec.dtype)


def _watched(module: torch.nn.Module) -> bool:
    """Whether somebody is told of each step that it takes, or what it draws is held for all."""
    holds = isinstance(module, Cell) and module.holds
    return holds or hooked(module) or getattr(module, "activity_regularizer", None) is not None


@contextmanager
def _draws_held(cell: Any, inputs: Any) -> Iterator[None]:
    """Within, cells of unpad's that this one is made of keep one dropout mask a sequence."""
    modules = cell.modules() if isinstance(cell, torch.nn.Module) else ()
    own = [m for m in modules if isinstance(m, Cell) and m.built]
    parts: list[Ragged] = flat(inputs)
    try:
        for module in own:
            module.hold(parts[0].batch, like_of([part.values for part in parts]))
        yield
    finally:
        for module in own:
            module.release()
