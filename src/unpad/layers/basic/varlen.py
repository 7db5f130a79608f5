"""Varlen: a module that takes values and offsets, as flash attention and its like do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from ...core.options import LayerOptions
from ...ragged import Ragged
from .held import Held


class Varlen(Held):
    """Hands a module the values of all sequences end to end, and the offsets where each starts.

    What a Ragged is already, under the names that the module has for it: `cu_seqlens` and
    `max_seqlen` of flash-attention and of libraries of linear attention. No padding is made. When
    the layer is built it is tried with random sequences: what the module gives must be the same
    for a sequence alone and in company.

    Shapes: Ragged (batch, steps*, *feature) to Ragged (batch, steps*, *out) where the module gives
    a row for each step, to (batch, *out) where it gives one for each sequence; dense (batch, time,
    *feature) likewise. An empty sequence is not handed on: it stays empty, or its row is 0.

    Args:
        module: takes the values (steps, *feature) first, or under the names in `inputs`.
        offsets: the argument or arguments for the offsets, (batch + 1,) int32.
        longest: the argument or arguments for the longest length, a number; None for none.
        inputs: the argument or arguments that get the values; by default the first.
        take: which of several outputs is taken, a name or a place; by default the first.
        lead: whether values have an axis of size 1 in front, as (1, steps, *feature).
        arguments: further arguments by name.

    Raises:
        ValueError: the module fails, gives another number of rows, or mixes sequences.

    Example:
        >>> class Centred(torch.nn.Module):
        ...     def forward(self, x, cu_seqlens, max_seqlen):
        ...         parts = [p - p.mean(0) for p in x.tensor_split(cu_seqlens[1:-1].long())]
        ...         return torch.cat(parts)
        >>> Varlen(Centred())(Ragged.from_list([[[1.], [3.]], [[5.]]])).values.flatten().tolist()
        [-1.0, 1.0, 0.0]
    """

    def __init__(
        self,
        module: torch.nn.Module,
        offsets: str | Sequence[str] = "cu_seqlens",
        longest: str | Sequence[str] | None = "max_seqlen",
        inputs: str | Sequence[str] | None = None,
        take: str | int | None = None,
        lead: bool = False,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(module, inputs, take, arguments, **kwargs)
        self.offsets, self.longest, self.lead = offsets, longest, lead

    def on_sequences(self, sequences: Ragged) -> Tensor:
        layout = sequences.layout
        named: dict[str, Any] = dict.fromkeys(_names(self.offsets), layout.own.offsets.int())
        named |= dict.fromkeys(_names(self.longest), layout.longest)
        values = sequences.values
        out = self._called(values[None] if self.lead else values, named)
        if self.lead and out.ndim and len(out) == 1:
            out = out[0]
        if out.ndim and len(out) in (layout.steps, layout.batch):
            return out
        raise ValueError(
            f"{self.who}: {self._kind_of} gives {tuple(out.shape)} for {layout.steps} steps of "
            f"{layout.batch} sequences; it must give a row for each step, or one for each sequence."
        )

    def gives_steps(self, sequences: Ragged) -> bool:
        return len(self.on_sequences(sequences)) == sequences.layout.steps

    def taken_back(self, given: Tensor, sequences: Ragged) -> Ragged:
        return sequences.with_values(given)

    @property
    def advice(self) -> str:
        return (
            f"One sequence would see another: does it heed {' and '.join(_names(self.offsets))}? A "
            "module that takes a padded grid and its mask: layers.Grid(module, mask='its_name')."
        )


def _names(given: str | Sequence[str] | None) -> list[str]:
    return [] if given is None else [given] if isinstance(given, str) else list(given)
