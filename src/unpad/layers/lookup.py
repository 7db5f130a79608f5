"""Where values were read, for layers whose work on a step depends on its row of a table alone.

A text says most of its words more than once: of the 522 words in a batch of 32 sentences of UD
English EWT 283 differ, of the characters in a page hardly a hundred. A recurrent layer multiplies
each step's row by its kernel, which is half of its work and more; of rows that several steps have
read it is enough to do it once.

The values are made all the same and are what every other layer works on. What is told here may be
lost at any time, and nothing changes but the speed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .. import kernels
from ..ragged import Ragged

#: Types of ids that torch reads rows by.
INDEX = (torch.int64, torch.int32)


def can_tell(ids: Ragged, table: Tensor) -> bool:
    """Whether a layer could use it: plain ids, and the compiled kernels, which read rows."""
    plain = ids.levels == 1 and ids.values.ndim == 1 and not torch.compiler.is_compiling()
    known = type(table) is torch.nn.Parameter and not table.is_inference()
    return plain and known and kernels.serves(table) and ids.values.dtype in INDEX


class Lookup:
    """Values that are rows of a table.

    Args:
        read: ids to rows.
        ids: (steps,) int64 or int32.
        table: where they are read.
    """

    __slots__ = ("_ids", "_read", "_table", "_values", "_versions")

    def __init__(self, read: Callable[[Tensor], Tensor], ids: Tensor, table: Tensor) -> None:
        self._read, self._ids, self._table = read, ids, table
        # Values that torch.inference_mode makes do not count how often they are changed.
        if torch.is_inference_mode_enabled():
            with torch.inference_mode(False), torch.no_grad():
                self._values = read(ids)
        else:
            self._values = read(ids)
        self._versions = self._now()

    def _now(self) -> tuple[int, int]:
        return self._values._version, self._table._version

    def on(self, ids: Ragged) -> Ragged:
        """The values in the place of the ids, knowing where they were read."""
        return Ragged._trusted(self._values, ids.layout, ids._numpy, self)

    def rows(self) -> tuple[Tensor, Tensor] | None:
        """The rows that occur, (rows, feature), and which of them each step has read, (steps,).

        None where they are about as many as the steps, or where the values or the table have been
        changed in place since.
        """
        if self._now() != self._versions:
            return None
        found = kernels.distinct(self._ids)
        if found is None:
            return None
        ids, row_of = found
        return self._read(ids), row_of
