"""Grid: a module that is written for padded grids and masks, on sequences without padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from ...core.grids import laid_out, taken_back
from ...core.options import LayerOptions
from ...ragged import Ragged
from .held import Held


class Grid(Held):
    """Hands a module the padded grid and its mask, under its own names, and takes its grid back.

    The door to what others have written: Transformers' models, `nn.TransformerEncoder`,
    `nn.Conv1d`, a block of Keras's kind. The grid is as narrow as the batch allows, its steps to
    the left and zeros behind. When the layer is built it is tried with random sequences: what the
    module gives at a step must be the same for a sequence alone and beside longer ones, or its
    outputs depend on padding, which is said with the evidence.

    Shapes: Ragged (batch, steps*, *feature) to Ragged (batch, steps*, *out) where the module gives
    (batch, time, *out), to (batch, *out) where it gives a row a sequence; dense (batch, time,
    *feature) likewise, each slot a step. The module sees no empty sequence: it stays empty, or its
    row is 0. It computes padding, and costs what that costs.

    Args:
        module: takes the grid first, or under the names in `inputs`.
        mask: the name of its argument for the mask (batch, time); None for one that takes none.
        real: what the module's mask says of a real step: True, as Transformers' attention_mask, or
            False, as torch's key_padding_mask, whose True is padding.
        inputs: the argument or arguments that get the grid, as "inputs_embeds" or
            ("query", "key", "value"); by default the first.
        take: which of several outputs is taken, a name or a place; by default
            last_hidden_state, else the first.
        channels_first: whether the module takes and gives (batch, feature, time).
        arguments: further arguments by name, as {"need_weights": False}.

    Raises:
        ValueError: the module fails; it gives another number of steps than it takes; its outputs
            depend on padding or on other sequences; it holds a BatchNorm, whose statistics would
            count padding.

    Example:
        >>> block = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        >>> layer = Grid(block, mask="src_key_padding_mask", real=False)
        >>> layer(Ragged.from_list([torch.ones(3, 4), torch.ones(1, 4)])).lengths
        tensor([3, 1])
    """

    def __init__(
        self,
        module: torch.nn.Module,
        mask: str | None = None,
        real: bool = True,
        inputs: str | Sequence[str] | None = None,
        take: str | int | None = None,
        channels_first: bool = False,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(module, inputs, take, arguments, **kwargs)
        for part in module.modules():
            if isinstance(part, _BatchNorm):
                raise ValueError(
                    f"{self.who}: {type(module).__name__} holds a {type(part).__name__}, whose "
                    "statistics would count padding. Put layers.BatchNormalization, which sees "
                    "real steps only, between two Grids."
                )
        self.mask, self.real, self.channels_first = mask, real, channels_first

    def on_sequences(self, sequences: Ragged) -> Tensor:
        grid, mask = laid_out(sequences)
        named = {} if self.mask is None else {self.mask: mask if self.real else ~mask}
        out = self._called(grid.movedim(-1, 1) if self.channels_first else grid, named)
        if out.ndim == 0 or out.shape[0] != sequences.batch:
            raise ValueError(
                f"{self.who}: {self._kind_of} gives {tuple(out.shape)} for a grid "
                f"{tuple(grid.shape)}; it must give one row for each of the {len(grid)} sequences. "
                "One of torch's that has the time first: batch_first=True."
            )
        return out.movedim(1, -1) if self.channels_first and out.ndim > 2 else out

    def gives_steps(self, sequences: Ragged) -> bool:
        # An axis is time if its size changes with that of the grid.
        given = [(self.on_sequences(x), x.layout.longest) for x in (sequences, sequences[1:])]
        (wide, time), (narrow, less) = given
        if wide.ndim < 2 or wide.shape[1] == narrow.shape[1]:
            return False
        if (wide.shape[1], narrow.shape[1]) != (time, less):
            raise ValueError(
                f"{self.who}: {self._kind_of} gives {wide.shape[1]} steps for {time}; which are "
                "real is not known then. Keep the length (padding='same'), or use a layer of "
                "unpad's, as layers.Conv1D, which knows the new lengths."
            )
        return True

    def taken_back(self, given: Tensor, sequences: Ragged) -> Ragged:
        return taken_back(given, sequences)

    @property
    def advice(self) -> str:
        if self.mask is None:
            return (
                "It reads padding: tell it which slots are steps, by the name of its argument, as "
                "Grid(module, mask='src_key_padding_mask', real=False)."
            )
        return (
            f"It reads padding in spite of {self.mask}={'real' if self.real else 'padding'}: does "
            f"True in its mask mean a step (real=True) or padding (real=False)? If it heeds no "
            "mask, a layer of unpad's does the same on real steps."
        )
