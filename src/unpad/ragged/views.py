"""Views of where the steps are: our names for them, and those that other libraries use."""

from __future__ import annotations

import torch
from torch import Tensor

from .sequences import Sequences


class Views(Sequences):
    """What follows from the offsets; each tensor is the caller's own copy."""

    __slots__ = ()

    @property
    def offsets(self) -> Tensor:
        """(batch + 1,) int64: sequence `i` owns the steps `offsets[i]` to `offsets[i + 1]`."""
        return self._layout.offsets

    @property
    def lengths(self) -> Tensor:
        """(batch,) the number of steps of each sequence."""
        return self._layout.lengths

    @property
    def positions(self) -> Tensor:
        """(steps,) the place of each step within its sequence."""
        return self._layout.positions

    @property
    def sequence_ids(self) -> Tensor:
        """(steps,) the sequence that each step belongs to."""
        return self._layout.sequence_ids

    @property
    def mask(self) -> Tensor:
        """(batch, time) bool: True where a step is real, in the grid that `to_padded` makes."""
        return self._layout.mask

    @property
    def _keras_mask(self) -> Tensor:
        """`mask`, by the name that Keras's programs look for it on what a layer gives."""
        return self.mask

    @property
    def cu_seqlens(self) -> Tensor:
        """(batch + 1,) int32: the offsets, as flash-attention's functions of packed batches take.

        `flash_attn_varlen_func(q, k, v, r.cu_seqlens, r.cu_seqlens, r.max_seqlen, r.max_seqlen)`.

        Raises:
            ValueError: there are more steps than int32 counts.
        """
        if self.steps >= 2**31:
            raise ValueError(f"Ragged.cu_seqlens: int32 does not count {self.steps} steps.")
        return self._layout.own.offsets.to(torch.int32)

    @property
    def max_seqlen(self) -> int:
        """The number of steps of the longest sequence; 0 for an empty batch. Goes with it."""
        return self._layout.longest

    @property
    def seq_idx(self) -> Tensor:
        """(1, steps) int32: the sequence of each step, as Mamba's kernels take (`seq_idx=`).

        Goes with values that have the batch in front: `r.values[None]`.
        """
        return self._layout.own.sequence_ids.to(torch.int32)[None]

    @property
    def position_ids(self) -> Tensor:
        """(1, steps) int64: the place of each step in its sequence, as models of Transformers take.

        Each start at 0 begins a sequence, by which they tell sequences that are laid end to end
        apart. Goes with `input_ids=r.values[None]`.
        """
        return self._layout.positions[None]
