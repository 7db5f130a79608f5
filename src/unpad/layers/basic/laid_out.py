"""Sequences laid out in slots as rows of a grid that is written when somebody looks at it.

Dense, which comes after Flatten most of the time, does not look: it needs the steps alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from ... import kernels
from ...ragged import Ragged

# From this many numbers a row on, multiplying real steps alone pays for sorting them.
_WORTH = 4096


def lay_out(steps: Ragged, places: Callable[[], Tensor], slots: int) -> Tensor:
    """(batch, slots * feature): each step in its slot, 0 elsewhere.

    Where every slot of a narrow grid holds a step it is a view of the values, as torch's Flatten
    gives.

    Args:
        steps: (batch, steps*, *feature).
        places: gives (steps,) the slot of each step, all below `slots`.
        slots: the number of slots.
    """
    # By a row's width alone, so that a sequence's bits do not depend on its batch.
    if slots * steps.feature.numel() >= _WORTH and kernels.slots.serves_slots(steps.values):
        return _LaidOut.of(steps, places(), slots)
    layout = steps.layout
    # While a graph is made for any lengths, those of this batch say nothing.
    if not torch.compiler.is_compiling() and layout.steps == layout.batch * slots:
        return steps.values.reshape(layout.batch, slots * steps.feature.numel())
    return _grid(steps, places(), slots)


def linear(
    rows: Tensor, kernel: Tensor, bias: Tensor | None, half: torch.dtype | None = None
) -> Tensor:
    """Rows @ kernel + bias, of rows that `lay_out` has given or of any others."""
    if isinstance(rows, _LaidOut):
        if rows.written is None and not torch.compiler.is_compiling():
            return rows.times(kernel, bias)
        rows = rows.grid()
    return kernels.linear(rows, kernel, bias, half)


def _grid(steps: Ragged, places: Tensor, slots: int) -> Tensor:
    layout = steps.layout
    grid = steps.values.new_zeros(layout.batch * slots, *steps.feature)
    grid.index_copy_(0, layout.own.sequence_ids * slots + places, steps.values)
    return grid.reshape(layout.batch, slots * steps.feature.numel())


class _LaidOut(Tensor):
    """A tensor like any other; whatever is done with it, but `times`, writes the grid first."""

    steps: Ragged
    places: Tensor
    slots: int
    written: Tensor | None

    @staticmethod
    def of(steps: Ragged, places: Tensor, slots: int) -> _LaidOut:
        rows = _Shell.apply(steps.values, steps, places, slots)
        rows.steps, rows.places, rows.slots, rows.written = steps, places, slots, None
        return rows

    def grid(self) -> Tensor:
        """The plain tensor, differentiable; written once."""
        if self.written is None:
            with torch.enable_grad():
                self.written = _grid(self.steps, self.places, self.slots)
        return self.written

    def times(self, kernel: Tensor, bias: Tensor | None) -> Tensor:
        """The grid @ kernel + bias, from the steps alone."""
        layout = self.steps.layout
        values = self.steps.values.flatten(1) if self.steps.feature else self.steps.values[:, None]
        return kernels.slots.linear(
            values, layout.own.offsets, layout.own.sequence_ids, self.places, kernel, bias
        )

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _NEEDS_NO_GRID:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        return func(*tree_map(_plain, args), **tree_map(_plain, kwargs or {}))

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        # Reached only from a person's own autograd function, which gets this tensor itself.
        return func(*tree_map(_plain, args), **tree_map(_plain, kwargs or {}))


class _Shell(torch.autograd.Function):
    """The tensor without its numbers, tied to the steps that gradients go to."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, steps: Ragged, places: Tensor, slots: int) -> Tensor:
        ctx.save_for_backward(steps.layout.own.sequence_ids * slots + places)
        ctx.slots, ctx.feature = slots, steps.feature
        shape = (steps.layout.batch, slots * steps.feature.numel())
        return Tensor._make_wrapper_subclass(
            _LaidOut, shape, dtype=values.dtype, device=values.device
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (index,) = ctx.saved_tensors
        slots = gradients[0].reshape(len(gradients[0]) * ctx.slots, *ctx.feature)
        return slots.index_select(0, index), None, None, None


def _plain(value: Any) -> Any:
    return value.grid() if isinstance(value, _LaidOut) else value


_tensor: Any = Tensor
_NEEDS_NO_GRID = {
    *(
        getattr(_tensor, name).__get__
        for name in (
            "shape",
            "dtype",
            "device",
            "layout",
            "ndim",
            "requires_grad",
            "is_nested",
            "is_quantized",
        )
    ),
    *(getattr(_tensor, name) for name in ("size", "dim", "numel", "is_floating_point", "__len__")),
}
