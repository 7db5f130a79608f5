"""What torch does around a call that a kernel would not see: it reads numbers, and they write more.

Inside `torch.func` and with tangents only torch's own operators know what a tensor carries, under
autocast they choose the type, and a trace notes nothing else. Who hands numbers to the library asks
here first; with a plain call it costs a third of a microsecond.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._C import _are_functorch_transforms_active, _get_tracing_state, _is_any_autocast_enabled
from torch.autograd import forward_ad


def nothing() -> bool:
    """Whether this is a plain call: no transform, no type but the tensors' own."""
    return (
        not _are_functorch_transforms_active()
        and forward_ad._current_level < 0
        and not _is_any_autocast_enabled()
        and _get_tracing_state() is None
    )


def transform() -> str | None:
    """The transform of torch's that this call is made in; None for none."""
    if _are_functorch_transforms_active():
        return "torch.func"
    if forward_ad._current_level >= 0:
        return "tangents"
    if _get_tracing_state() is not None:
        return "torch.jit.trace"
    return None


def cast_to(values: Tensor) -> torch.dtype | None:
    """The type in which autocast wants these values computed; None where it is as they are."""
    if not _is_any_autocast_enabled():
        return None
    kind = values.device.type
    if not torch.is_autocast_enabled(kind):
        return None
    wanted = torch.get_autocast_dtype(kind)
    # As torch: float64 is what somebody has asked for.
    return None if values.dtype in (wanted, torch.float64) else wanted


def cast(tensor: Any, dtype: torch.dtype) -> Any:
    """A tensor of floats in this type; others, and nothing, as they are."""
    return tensor.to(dtype) if tensor is not None and tensor.is_floating_point() else tensor
