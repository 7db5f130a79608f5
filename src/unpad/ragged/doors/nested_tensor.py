"""torch's nested tensors of jagged layout, in and out."""

from __future__ import annotations

import torch
from torch import Tensor

from ..fitting import refuse_others
from ..layout import Layout
from ..levels import refuse_levels
from ..numbers import as_values
from ..parts import Parts


def from_nested(nested: Tensor) -> Parts:
    """See `Ragged.from_nested`."""
    if not (isinstance(nested, Tensor) and nested.is_nested and nested.layout == torch.jagged):
        raise ValueError(
            "Ragged.from_nested: expected a nested tensor of jagged layout, got "
            f"{type(nested).__name__}. Make one with torch.nested.nested_tensor(..., "
            "layout=torch.jagged)."
        )
    if getattr(nested, "_ragged_idx", 1) != 1:
        raise ValueError(
            "Ragged.from_nested: expected the jagged axis right after the batch, got it at axis "
            f"{nested._ragged_idx}. Transpose it back first."  # pyright: ignore[reportAttributeAccessIssue]
        )
    values = as_values(nested.values(), "Ragged.from_nested")
    offsets = nested.offsets().to(torch.int64)  # pyright: ignore[reportAttributeAccessIssue]
    lengths = nested.lengths()  # pyright: ignore[reportAttributeAccessIssue]
    if lengths is None:
        layout = Layout(offsets)
        refuse_others(values, layout)
        return Parts(values, layout)
    # Views made by narrow() share values and leave gaps between the sequences.
    lengths = lengths.to(torch.int64)
    starts = offsets[:-1]
    outside = ((lengths < 0) | (starts < 0) | (starts + lengths > len(values))).nonzero()
    if len(outside):
        first = int(outside[0])
        raise ValueError(
            f"Ragged.from_nested: sequence {first} of the nested tensor has {int(lengths[first])} "
            f"steps from {int(starts[first])} on, but it holds {len(values)}."
        )
    layout = Layout._of_lengths(lengths)
    index = offsets[:-1][layout.own.sequence_ids] + layout.own.positions
    return Parts(values.index_select(0, index), layout)


def to_nested(values: Tensor, layout: Layout) -> Tensor:
    """See `Ragged.to_nested`."""
    refuse_levels(values, "Ragged.to_nested")
    return torch.nested.nested_tensor_from_jagged(values, layout.offsets)
