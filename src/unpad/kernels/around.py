"""What torch does around a call that a kernel would not see: it reads numbers, and they write more.

Inside `torch.func` and with tangents only torch's own operators know what a tensor carries, under
autocast they choose the type, and a trace notes nothing else. Who hands numbers to the library asks
here first; with a plain call it costs a third of a microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch._C import (
    _are_functorch_transforms_active,
    _get_dispatch_mode,
    _get_tracing_state,
    _is_any_autocast_enabled,
    _len_torch_dispatch_stack,
    _TorchDispatchModeKey,
)
from torch._C._functorch import unwrap_if_dead
from torch.autograd import forward_ad

from ..ragged.numbers import HALF
from . import library

#: A block in which a Weight's fields are read as a tensor's. It is a subclass, of which torch asks
#: at each access whether it has a word of its own to say: .25 us more, 150 times in a small model's
#: step. Nothing of a user's may run within.
as_tensors = torch._C.DisableTorchFunctionSubclass

#: Tensors without a word of their own to say.
PLAIN = (Tensor, torch.nn.Parameter)

# Fake tensors and tracers. What merely counts or watches operators is no reason for anything.
_RECORDS = (
    _TorchDispatchModeKey.FAKE,
    _TorchDispatchModeKey.PROXY,
    _TorchDispatchModeKey.FUNCTIONAL,
)


class Direct(torch.autograd.Function):
    """A derivative for plain calls, `nothing()`, with no `setup_context`.

    torch's own `apply` asks for both again, argument by argument: 4 us, three times a small model's
    step. What has leaked out of a transform that is over is unwrapped here too.
    """

    @classmethod
    def apply(cls, *arguments: Any) -> Any:
        given = [unwrap_if_dead(a) if type(a) is Tensor else a for a in arguments]
        whole: Any = super(torch.autograd.Function, cls)
        return whole.apply(*given)


def recorded() -> bool:
    """Whether a graph is made of this call: it is compiled, exported or traced."""
    if torch.compiler.is_compiling():
        return True
    if not _len_torch_dispatch_stack():
        return False
    return any(_get_dispatch_mode(key) is not None for key in _RECORDS)


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
        return "forward-mode tangents"
    if _get_tracing_state() is not None:
        return "torch.jit.trace"
    return None


def refuses() -> str | None:
    """Why no kernel of our own can compute a call made here, whatever its numbers; else None."""
    if nothing():
        return None
    made_in = transform()
    if made_in is None:
        return "under autocast torch chooses the type of each operator"
    return within(made_in)


def values_refused(values: Tensor) -> str | None:
    """Why the library cannot compute a call on these values, made here; None where it can."""
    if type(values) not in PLAIN:
        return f"the values are {type(values).__name__}, which may have a word of its own to say"
    return library.refuses(values) or refuses()


def within(transform: str) -> str:
    """Why a kernel of our own cannot compute a call made in this transform of torch's."""
    return f"within {transform} only torch's own operators know what a tensor carries"


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


def products_in(dtype: torch.dtype, device: str) -> torch.dtype:
    """The type of the factors of products of values of this type, on a kind of device.

    On a CPU what is half a type is computed in float32, whichever path does it, but for the factors
    of Dense and recurrent layers' products where the processor has an instruction for bfloat16. On
    others torch's half products take longer than those of float32.
    """
    if dtype is torch.bfloat16 and device == "cpu" and library.rounds():
        return dtype
    return torch.float32 if dtype in HALF and device == "cpu" else dtype


def types(values: Tensor) -> tuple[torch.dtype, torch.dtype]:
    """The type to compute these values in, and that of what comes out."""
    out = values.dtype if recorded() else cast_to(values) or values.dtype
    return torch.float32 if out in HALF and values.is_cpu else out, out


def rounded(values: Tensor, half: torch.dtype | None) -> bool:
    """Whether factors of products of these values may be rounded to bfloat16.

    Args:
        values: in the type to compute in.
        half: what somebody has asked for: a policy, autocast or the values that were given.
    """
    return half is torch.bfloat16 and values.dtype is torch.float32 and values.is_cpu


def brought(tensors: Iterable[Any], dtype: torch.dtype) -> list[Any]:
    """Tensors of float32 and half types in this one; others, and nothing, as they are."""
    return [
        t.to(dtype) if t is not None and (t.dtype is torch.float32 or t.dtype in HALF) else t
        for t in tensors
    ]
