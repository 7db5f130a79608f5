"""Which steps have the same values: those that an Embedding has read from one row of its table.

A text says most of its words more than once: of the 522 words in a batch of 32 sentences of UD
English EWT 283 differ, of the characters in a page hardly a hundred. A recurrent layer multiplies
each step's values by its kernel, which is half of its work and more; of steps that have the same it
is enough to do it once, as `kernels.recurrent` does where it is told their ids.

The values are what they are, and every layer works on them. What is told here may be lost at any
time, and nothing changes but the speed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ... import kernels
from ...core.weight import Weight
from ...ragged import Ragged


def read(table: Callable[[Tensor], Tensor], ids: Ragged) -> Ragged:
    """The rows of the ids, and with them whose they are.

    Args:
        table: ids to rows.
        ids: (batch, steps*), integers.
    """
    # Values that torch.inference_mode makes do not count how often they are changed in place.
    if torch.is_inference_mode_enabled():
        with torch.inference_mode(False), torch.no_grad():
            values = table(ids.values)
    else:
        values = table(ids.values)
    known = ids.values.to(torch.int64, copy=True)  # whatever becomes of those that were given
    return Ragged._trusted(values, ids.layout, ids._numpy, (known, values._version))


def ids_of(steps: Ragged) -> Tensor | None:
    """(steps,) int64: steps of one id have the same values. None where it is not known.

    It no longer is where the values have been changed in place.
    """
    if steps._read_by is None:
        return None
    ids, version = steps._read_by
    return ids if steps.values._version == version else None


def can_tell(ids: Ragged, table: Tensor) -> bool:
    """Whether anybody could use it: the compiled kernels do."""
    plain = ids.levels == 1 and ids.values.ndim == 1 and not torch.compiler.is_compiling()
    return plain and type(table) in (Weight, torch.nn.Parameter) and kernels.serves(table)
