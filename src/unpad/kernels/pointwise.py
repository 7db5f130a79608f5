"""Activations, each number by itself: tanh, silu, elu and selu on the library's threads.

Within `fit` torch's own operators have one thread (`own_threads`), and its tanh takes long. A
training step of an Activation on 1,024 steps that no cache holds, over that with torch's function
on one thread (two cores with AVX-512, quiet; of 512 that stay in the cache .14, .24 and .49):

    features   tanh   elu    silu
    64         .50    1.21   1.08
    128        .39    1.12   .92
    256        .31    .71    .75
    512        .28    .97    .82

Of sigmoid it was 1.09 to .99, which is torch's therefore. Far out silu is the smallest number below
0 that it can be, and its slope 0 or 1; torch's is NaN at -infinity, and its slope at both ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from . import around, checks
from .library import DTYPES, call
from .paths import Operator, Path
from .structures import bits, words
from .threads import threads


class _Kind(NamedTuple):
    """What is known of an activation.

    `least`: a derivative of one's own costs 20 us of Python, so that rows of fewer features are
    torch's. The number of rows decides nothing, as a row has the same bits alone.
    """

    number: int  # of the library's
    torch: Callable[[Tensor, float], Tensor]
    least: int
    of_out: bool = False  # its slope is known from its outcome
    scale: float = 1.0


_KINDS = {
    "tanh": _Kind(0, lambda x, _: torch.tanh(x), 64, of_out=True),
    "silu": _Kind(5, lambda x, _: F.silu(x), 128),
    "elu": _Kind(6, F.elu, 256),
    "selu": _Kind(6, lambda x, _: F.selu(x), 256, scale=1.0507009873554805),
}
#: Klambauer et al. (2017), as the scale above.
_SELU_ALPHA = 1.6732632423543772


def activate(x: Any, kind: str, alpha: float = 1.0) -> Any:
    """The activation of this name, of each number; differentiable, twice too.

    Whatever is no plain tensor on a CPU, or has few features, is torch's: of a row the bits do not
    depend on the others either way.

    Args:
        x: (..., feature); or what torch's functions take in its place.
        kind: "tanh", "silu", "elu" or "selu".
        alpha: of elu.

    Returns:
        In the shape of x.
    """
    checks.activation(kind, _KINDS)
    plain = type(x) is Tensor and x.ndim > 1 and x.shape[-1] >= _KINDS[kind].least
    if plain and x.is_cpu and x.dtype in DTYPES and not around.recorded():
        return ACTIVATE.choose(x).direct(x, kind, alpha)
    return _torch(x, kind, alpha)


def _called(way: str, values: Tensor, kind: str, alpha: float, *tensors: Tensor | None) -> None:
    """`tensors`: what is read and written beside `x`, in the structure's order."""
    known = _KINDS[kind]
    alpha = _SELU_ALPHA if kind == "selu" else alpha
    addresses = [0 if t is None else t.data_ptr() for t in tensors]
    packed = words((*addresses, values.numel(), known.number, bits(alpha), bits(known.scale)))
    call(f"unpad_pointwise_{way}", DTYPES[values.dtype], threads(), packed)


def _forward(values: Tensor, kind: str, alpha: float) -> Tensor:
    with around.as_tensors():
        values = values.contiguous()
        out = torch.empty_like(values)
        _called("forward", values, kind, alpha, values, out, None, None)
    return out


def _backward(d_out: Tensor, kept: Tensor, kind: str, alpha: float) -> Tensor:
    """`kept`: the outcome, or the values, as the kind has it."""
    with around.as_tensors():
        checks.like("activate", "gradients", d_out, tuple(kept.shape), kept)
        kept, d_out = kept.contiguous(), d_out.contiguous()
        found = torch.empty_like(kept)
        ends = (None, kept) if _KINDS[kind].of_out else (kept, None)
        _called("backward", kept, kind, alpha, *ends, d_out, found)
    return found


class _Activated(around.Direct):
    # No setup_context: see `operator._Eager`.
    @staticmethod
    def forward(ctx: Any, values: Tensor, kind: str, alpha: float) -> Tensor:
        out = _forward(values, kind, alpha)
        ctx.kind, ctx.alpha = kind, alpha
        ctx.save_for_backward(out if _KINDS[kind].of_out else values)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (d_out,), (kept,) = gradients, ctx.saved_tensors
        if not torch.is_grad_enabled():
            return _backward(d_out, kept, ctx.kind, ctx.alpha), None, None
        if ctx.kind == "tanh":  # somebody differentiates it again
            return d_out * (1 - kept * kept), None, None
        again = _torch(kept, ctx.kind, ctx.alpha)
        (found,) = torch.autograd.grad(again, kept, d_out, create_graph=True)
        return found, None, None


def _compiled(values: Tensor, kind: str, alpha: float) -> Tensor:
    return (_Activated.apply if torch.is_grad_enabled() else _forward)(values, kind, alpha)


def _back(gradients: Any, arguments: Any, results: Any, wanted: Any) -> tuple[Tensor | None]:
    """See `paths.Operator.backward`."""
    (d_out,), (values, kind, alpha) = gradients, arguments
    if d_out is None:
        return (None,)
    kept = _forward(values, kind, alpha) if _KINDS[kind].of_out else values
    return (_backward(d_out, kept, kind, alpha),)


def _torch(values: Tensor, kind: str, alpha: float) -> Tensor:
    return _KINDS[kind].torch(values, alpha)


def _reference(values: Tensor, kind: str, alpha: float) -> Tensor:
    """By its formula."""
    if kind == "tanh":
        return values.sinh() / values.cosh()
    if kind == "silu":
        return values / (1 + torch.exp(-values))
    alpha, scale = _SELU_ALPHA if kind == "selu" else alpha, _KINDS[kind].scale
    return scale * torch.where(values > 0, values, alpha * torch.expm1(values.clamp(max=0)))


ACTIVATE = Operator(
    "activate",
    [
        Path("compiled", around.values_refused, _forward, _back, direct=_compiled),
        Path("torch", lambda values: None, _torch),
        Path("reference", lambda values: None, _reference),
    ],
    takes="Tensor values, str kind, float alpha",
    gives="Tensor",
    shapes=lambda values, *_: values.new_empty(values.shape),
    check=lambda values, kind, *_: checks.activation(kind, _KINDS),
    followed=("values",),
)
