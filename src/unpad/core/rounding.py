"""In which type a call's outputs come out: a policy's, or that of torch's autocast.

On a CPU layers of ours compute in float32, so what one of them gives another would be rounded to
half a type and widened again at once, each way: a pass over the values and a node of the graph for
each, for which a small model's step took up to a tenth longer than in float32. So bfloat16 that a
layer of ours would give another goes on as it was computed; it is rounded where it comes out of the
outermost of them: of a layer that a person calls, and of a model's last ones. float16 is rounded
everywhere, since it is narrower: what overflows on a GPU does so here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch._C import _is_any_autocast_enabled

from ..ragged import Ragged
from ..ragged.numbers import HALF
from .spec import Spec
from .structure import flat, mapped
from .symbol import is_symbolic
from .written import is_ours

#: Whether the autocast that is on was opened here, for a layer's own policy, and not by a person.
_opened: ContextVar[bool] = ContextVar("autocast for a policy", default=False)

any_autocast = _is_any_autocast_enabled


class _Thread(threading.local):
    #: Whether what is called gives its outputs to a layer of ours, on a CPU.
    within = False


_thread = _Thread()


def goes_on(layer: Any) -> bool:
    """Whether a call's outputs are left as they were computed.

    Args:
        layer: whose call it is; of a model its last layers decide.
    """
    within = _thread.within and layer.half_type is torch.bfloat16
    return (within or layer.is_model) and not any_autocast() and is_ours(type(layer))


def handed_on(layer: Any, readers: Iterable[Any]) -> Any:
    """What calls a layer for a model whose layers read what it gives, and nobody else does.

    Args:
        layer: of the model.
        readers: the layers that read it, one at least; looked at where that matters.
    """
    if layer.half_type is not torch.bfloat16 and not (layer.is_model and is_ours(type(layer))):
        return layer
    # One that has no type to bring its inputs into goes by theirs, and so does what comes out.
    brings = all(r.half_type is not None or r._weights_dtype() is not None for r in readers)
    return _HandedOn(layer) if brings else layer


class _HandedOn:
    """A layer, as a model calls it that hands on what it gives."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        before, _thread.within = _thread.within, _device_of(inputs) == "cpu"
        try:
            return self.layer(*inputs, **options)
        finally:
            _thread.within = before


def called(layer: Any, run: Callable[..., Any], inputs: Sequence[Any], options: Any) -> Any:
    """What `run(inputs, options)` gives, in the type that the layer's outputs are to have.

    Args:
        layer: whose call it is; of its own policy, or within somebody's autocast.
        run: the rest of the call.
        inputs: of the layer.
        options: further arguments.
    """
    if any(map(is_symbolic, (*inputs, *options.values()))):
        return run(inputs, options)
    device = _device_of(inputs)
    wanted = computed_in(layer, device)
    # Layers that a person's class calls give to that person.
    ours = device == "cpu" and is_ours(type(layer)) and not layer.is_model
    before, _thread.within = _thread.within, ours and not _is_any_autocast_enabled()
    try:
        if wanted is None or layer.is_model:
            return run(inputs, options)
        with _around(layer, wanted, device):
            outputs = run(inputs, options)
    finally:
        _thread.within = before
    found = cast(outputs, wanted)
    stand_in = layer.__dict__.get("forward")
    if stand_in is not None and found is not outputs and hasattr(stand_in, "given_as"):
        stand_in.given_as(outputs, found)
    return found


def _device_of(inputs: Sequence[Any]) -> str:
    if inputs and isinstance(inputs[0], (Ragged, Tensor)):
        return inputs[0].device.type
    return next((p.device.type for p in flat(list(inputs)) if hasattr(p, "device")), "cpu")


def computed_in(layer: Any, device: str) -> torch.dtype | None:
    """The type that the layer's outputs are to have; None where nothing asks for another."""
    own = layer.half_type
    if own is not None:
        return own
    if not torch.is_autocast_enabled(device):
        return None
    policy = layer.given_policy
    if policy is not None and policy.compute is not torch.float32:
        return None  # as torch, which leaves float64 alone
    if policy is not None and _opened.get():
        return torch.float32
    return torch.get_autocast_dtype(device)


def _around(layer: Any, wanted: torch.dtype, device: str) -> AbstractContextManager[Any]:
    """What torch's own operators choose their types by while the layer computes."""
    if not is_ours(type(layer)):
        # A layer of a person's own may multiply values of one type and weights of another.
        return _Opened(device, wanted) if layer.half_type is not None else nullcontext()
    if any(isinstance(part, torch.nn.Module) for part in layer._modules.values()):
        return nullcontext()  # each layer inside arranges its own
    if wanted in HALF and device != "cpu":
        return torch.autocast(device, wanted)
    if torch.is_autocast_enabled(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()


class _Opened:
    """Autocast for a layer's policy: layers inside go by policies of their own."""

    def __init__(self, device: str, wanted: torch.dtype) -> None:
        self._autocast = torch.autocast(device, wanted)

    def __enter__(self) -> None:
        self._token = _opened.set(True)
        self._autocast.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._autocast.__exit__(*error)
        _opened.reset(self._token)


def cast(outputs: Any, wanted: torch.dtype) -> Any:
    """Outputs of float32 or half a type in the wanted one; float64, ids and masks as they are."""
    if isinstance(outputs, (Ragged, Tensor)):
        kind = outputs.dtype
        if kind is wanted or not (kind is torch.float32 or kind in HALF):
            return outputs
        return outputs.to(dtype=wanted)
    if type(outputs) in (dict, list, tuple) or hasattr(outputs, "_fields"):
        return mapped(lambda part: cast(part, wanted), outputs)
    return outputs


def in_spec(outputs: Any, wanted: torch.dtype) -> Any:
    """What `cast` makes of outputs, of their specs."""
    if isinstance(outputs, Spec):
        floats = outputs.dtype is torch.float32 or outputs.dtype in HALF
        return outputs.with_dtype(wanted) if floats else outputs
    if isinstance(outputs, (dict, list, tuple)):
        return mapped(lambda part: in_spec(part, wanted), outputs)
    return outputs
