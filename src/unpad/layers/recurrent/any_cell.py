"""Any recurrent cell: what one is, what it gives for a step, and the walk of one along sequences.

A cell has `state_size`, an integer or a list of them, and a method `call(inputs, states)` (of a
torch module: `forward`) that gives the output and the next states. It gets its states in a list.
It may have `get_initial_state(batch_size)`; without one it starts from zeros.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...core.layer import Layer
from ...core.spec import Spec, spec_of
from ...core.structure import arranged, flat
from ...kernels.packing import pack
from ...kernels.recorded import in_python, walk_of
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
    sizes = flat(getattr(cell, "state_size", None))
    steps = isinstance(cell, torch.nn.Module) or callable(getattr(cell, "call", None))
    if isinstance(cell, type) or not steps or not all(hasattr(n, "__index__") for n in sizes):
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


def initial_states(cell: Any, batch: int, like: Tensor) -> list[Any]:
    """The states that a cell starts from, in a list, as it gets them.

    Args:
        cell: any.
        batch: the number of sequences.
        like: gives zeros their type and device.
    """
    make = getattr(cell, "get_initial_state", None)
    if make is None:
        given = cell.state_size
        sizes = given if isinstance(given, (list, tuple)) else [given]
        zeros = [like.new_zeros(batch, n) for n in flat(sizes)]
        return arranged(iter(zeros), sizes)
    states = make(batch_size=batch)
    states = list(states) if isinstance(states, (list, tuple)) else [states]
    return arranged((in_type_of(like, s) for s in flat(states)), states)


def in_type_of(like: Tensor, state: Tensor) -> Tensor:
    """A state in the type and on the device of the steps; integers stay integers."""
    both = like.is_floating_point() and state.is_floating_point()
    return state.to(like.device, like.dtype if both else state.dtype)


def state_count(cell: Any) -> int:
    """The number of tensors among its states."""
    return cell.cell_states if is_own(cell) else len(flat(cell.state_size))


# --- one step ------------------------------------------------------------------------------------


def stepper(cell: Any) -> Callable[[Tensor, list[Any]], tuple[Tensor, Any]]:
    """One step of any cell as a function of inputs and states."""
    if not isinstance(cell, torch.nn.Module):
        return cell.call
    method = getattr(cell, "call", cell.forward)
    options = {}
    if "training" in inspect.signature(method).parameters:
        options["training"] = cell.training
    # Past Layer's own __call__: the walk has prepared the inputs, once for all steps.
    return lambda inputs, states: torch.nn.Module.__call__(cell, inputs, states, **options)


def build_cell(cell: Any, spec: Spec) -> None:
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


def step_specs(cell: Any, spec: Spec, who: str) -> tuple[Spec, list[Spec]]:
    """What comes out for a step of this spec: the output, and each state.

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
        raise ValueError(f"{who}: {name} fails on a step {spec}: {error}") from error
    if not isinstance(given, (tuple, list)) or len(given) != 2 or not isinstance(given[0], Tensor):
        raise ValueError(
            f"{who}: expected {name} to give an output and the next states, as `return output, "
            f"[state]`, got {type(given).__name__}."
        )
    output, before, after = given[0], flat(states), flat(given[1])
    if output.ndim == 0 or output.shape[0] != _ROWS:
        raise ValueError(
            f"{who}: {name} gives {tuple(output.shape)} for {_ROWS} sequences; it must give one "
            "row for each."
        )
    shapes = [[tuple(getattr(s, "shape", ())) for s in part] for part in (before, after)]
    if shapes[0] != shapes[1]:
        expected, got = (", ".join(map(str, part)) or "none" for part in shapes)
        raise ValueError(
            f"{who}: {name} starts from states {expected} and gives {got}; the next states must be "
            "as its state_size says."
        )
    return spec_of(output), [spec_of(s) for s in after]


def _on_zeros(cell: Any, spec: Spec) -> tuple[list[Any], Any]:
    """The states that it starts from, and what it gives for zeros of this spec."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        inputs = torch.zeros(_ROWS, *(2 if n is None else n for n in spec.shape), dtype=spec.dtype)
        weights = cell.parameters() if isinstance(cell, torch.nn.Module) else iter(())
        like = next(weights, inputs)
        inputs = inputs.to(like.device, like.dtype if inputs.is_floating_point() else inputs.dtype)
        states = initial_states(cell, _ROWS, inputs)
        return states, stepper(cell)(inputs, states)


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
    inputs: Ragged,
    states: list[Tensor] | None,
    backwards: bool,
    who: str,
    ends: bool = True,
) -> tuple[Ragged, Tensor | None, list[Tensor]]:
    """Any cell along each sequence.

    Args:
        cell: built.
        inputs: (batch, steps*, *feature).
        states: to start from; None for the cell's own.
        backwards: whether each sequence is walked from its own end.
        who: for errors.
        ends: whether the last outputs and the final states are wanted; else there may be none.

    Returns:
        the outputs, each at its own step; the last output of each sequence; the final states.
    """
    # Whose hooks want to see each step is walked step by step; an LSTM's see its whole call.
    seen = hooked(cell) and not hasattr(cell, "return_sequences") if is_own(cell) else True
    if not seen:
        outputs, final = walk([cell], [backwards], inputs, states, ends)
        return inputs.with_values(outputs), final[0] if final else None, final
    with _draws_held(cell, inputs):
        return _walk_steps(cell, inputs, states, backwards, who, ends)


def _walk_steps(
    cell: Any, inputs: Ragged, given: list[Tensor] | None, backwards: bool, who: str, ends: bool
) -> tuple[Ragged, Tensor | None, list[Tensor]]:
    """Time after time, all running sequences at once, longest first: none waits for another.

    As sequences end the rows grow fewer; a step is computed once, and nothing else.
    """
    first = initial_states(cell, inputs.batch, inputs.values)
    if torch.compiler.is_compiling():
        return walk_in_graph(cell, stepper(cell), inputs, first, given, backwards)
    own = inputs.layout.own
    order, back, active, *_ = packing = pack(own, [backwards])
    steps = packing.steps[0]
    states = [s.index_select(0, order) for s in (flat(first) if given is None else given)]
    if not active:
        spec = spec_of(inputs)
        out, _ = step_specs(cell, Spec(spec.shape, False, spec.dtype), who)
        none = inputs.values.new_zeros(0, *(n or 0 for n in out.shape))
        last = none.new_zeros(inputs.batch, *none.shape[1:])
        return inputs.with_values(none), last, [s.index_select(0, back) for s in states]

    def step_of(cell: Any) -> Callable[[Tensor, list[Tensor]], tuple[Tensor, list[Tensor]]]:
        step = stepper(cell)

        def taken(row: Tensor, held: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
            output, after = step(row, arranged(iter(held), first))
            return output, flat(after)

        return taken

    rows, running = inputs.values.index_select(0, steps), [s[: active[0]] for s in states]
    alone = isinstance(cell, torch.nn.Module) and any(map(_watched, cell.modules()))
    walk = partial(in_python, step_of(cell)) if alone else walk_of(cell, step_of, rows, running)
    outputs, after = walk(rows, active, running)
    places = own.derived(("packing", "inverse", backwards), lambda _: steps.argsort())
    by_step = inputs.with_values(outputs.index_select(0, places))
    if not ends:
        return by_step, None, []
    final = own.derived(("packing", "last"), packing.last)
    with_none = torch.cat([outputs.new_zeros(inputs.batch, *outputs.shape[1:]), outputs])
    after = [torch.cat([s, a]).index_select(0, final) for s, a in zip(states, after, strict=True)]
    return by_step, with_none.index_select(0, final), after


def _watched(module: torch.nn.Module) -> bool:
    """Whether somebody is told of each step that it takes, or what it draws is held for all."""
    holds = isinstance(module, Cell) and module.holds
    return holds or hooked(module) or getattr(module, "activity_regularizer", None) is not None


@contextmanager
def _draws_held(cell: Any, inputs: Ragged) -> Iterator[None]:
    """Within, cells of unpad's that this one is made of keep one dropout mask a sequence."""
    modules = cell.modules() if isinstance(cell, torch.nn.Module) else ()
    own = [m for m in modules if isinstance(m, Cell) and m.built]
    try:
        for module in own:
            module.hold(inputs.batch, inputs.values)
        yield
    finally:
        for module in own:
            module.release()
