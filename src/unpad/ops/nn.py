"""What layers and losses are made of: activations, normalisation, cross-entropies, windows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..kernels import around, chain
from ..ragged import Layout
from . import activations
from .activations import *  # noqa: F403
from .along import along
from .kinds import dense, elementwise
from .reductions import axes_in
from .types import floats, promoted, same, tensor
from .windows import (
    adaptive_average_pool,
    adaptive_max_pool,
    average_pool,
    conv,
    depthwise_conv,
    max_pool,
    separable_conv,
)

EPSILON = 1e-7


@partial(along, new=True)
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """A row for each integer: 1 at its place, else 0; all 0 for what is no class."""
    _no_sparse("one_hot", sparse)
    x = tensor(x).long()
    classes = torch.arange(num_classes, device=x.device)
    found = (x.unsqueeze(-1) == classes).to(tensor(0, dtype).dtype if dtype else floats(0).dtype)
    return found.movedim(-1, axis)


@partial(along, fixed=(1,), rows=True)
def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None,
    sparse: bool = False,
) -> Any:  # fmt: skip
    """A row for each sequence of integers: 1 at the places of those that occur, else 0."""
    _no_sparse("multi_hot", sparse)
    x = tensor(inputs)
    found = one_hot(x, num_classes, -1, dtype).amax(1 if x.ndim > 1 else 0)
    return found if axis == -1 else found.movedim(-1, axis)


def _no_sparse(who: str, sparse: bool) -> None:
    if sparse:
        raise ValueError(f"{who}: sparse tensors are not here.")


def _log_of(output: Tensor, from_logits: bool, axis: int) -> Tensor:
    if from_logits:
        return torch.log_softmax(output, axis)
    shares = output / output.sum(axis, keepdim=True)
    return shares.clamp(EPSILON, 1 - EPSILON).log()


@partial(along, of="output", time="The classes are features: axis=-1.")
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """-sum(target log output) over the classes: a number for each step, none is averaged."""
    y, p = tensor(target), floats(output)
    if y.shape != p.shape:
        raise ValueError(
            f"categorical_crossentropy: expected target and output of one shape, got "
            f"{tuple(y.shape)} and {tuple(p.shape)}."
        )
    return -(y * _log_of(p, from_logits, axis)).sum(axis)


@partial(along, of="output", time="The classes are features: axis=-1.")
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """-log output[target], for targets that are integers."""
    y, p = tensor(target).long(), floats(output)
    y = y if y.ndim == p.ndim else y.unsqueeze(axis if axis >= 0 else y.ndim + 1 + axis)
    if y.shape[:-1] != p.shape[:-1] and axis == -1:
        raise ValueError(
            f"sparse_categorical_crossentropy: expected targets of the output's shape without the "
            f"classes, got {tuple(tensor(target).shape)} and {tuple(p.shape)}."
        )
    return -_log_of(p, from_logits, axis).gather(axis, y).squeeze(axis)


@elementwise
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-target log(output) - (1 - target) log(1 - output), number by number."""
    y, p = same(target, output, least=torch.get_default_dtype())
    if y.shape != p.shape:
        raise ValueError(
            f"binary_crossentropy: expected target and output of one shape, got {tuple(y.shape)} "
            f"and {tuple(p.shape)}."
        )
    if from_logits:
        return F.binary_cross_entropy_with_logits(p, y, reduction="none")
    return F.binary_cross_entropy(p.clamp(EPSILON, 1 - EPSILON), y, reduction="none")


@partial(along, axes=("axes",), rows=True)
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """The mean and the variance along axes."""
    if synchronized:
        raise ValueError("moments: synchronized= is not here: each process has its own.")
    x = floats(x)
    found = axes_in(axes, x.ndim)
    middle = x.mean(found, keepdim=True)
    variance = (x - middle).square().mean(found, keepdim=keepdims)
    return (middle if keepdims else middle.squeeze(found)), variance


@partial(along, time="Its channels are features: axis=-1.")
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:  # fmt: skip
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, a number of each for a channel."""
    x = floats(x)

    def along_it(v: Any) -> Tensor:
        return tensor(v, x.dtype).reshape([-1 if a == axis % x.ndim else 1 for a in range(x.ndim)])

    found = (x - along_it(mean)) * (along_it(variance) + epsilon).rsqrt()
    found = found if scale is None else found * along_it(scale)
    return found if offset is None else found + along_it(offset)


def _at_axes(v: Any, x: Tensor, axes: Sequence[int]) -> Tensor:
    """Weights of the axes beside x."""
    v = tensor(v, x.dtype)
    if v.ndim == x.ndim or list(axes) == [x.ndim - 1]:
        return v
    return v.reshape([n if a in axes else 1 for a, n in enumerate(x.shape)])


@along
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """X less its mean along axes, divided by its deviation, times gamma plus beta."""
    x = floats(x)
    axes = sorted(a % x.ndim for a in axes_in(axis, x.ndim))
    variance, middle = torch.var_mean(x, axes, correction=0, keepdim=True)
    found = (x - middle) * (variance + (EPSILON if epsilon is None else epsilon)).rsqrt()
    found = found if gamma is None else found * _at_axes(gamma, x, axes)
    return found if beta is None else found + _at_axes(beta, x, axes)


@along
def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """X divided by the root of its mean square along axes, times scale."""
    x = floats(x)
    axes = sorted(a % x.ndim for a in axes_in(axis, x.ndim))
    size = x.square().mean(axes, keepdim=True) + (EPSILON if epsilon is None else epsilon)
    found = x * size.rsqrt()
    return found if scale is None else found * _at_axes(scale, x, axes)


@along
def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """X divided by its norm of this order along an axis; 0 of zeros."""
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize: expected order as an integer from 1 on, got {order!r}.")
    x = floats(x)
    least = EPSILON if epsilon is None else epsilon
    if order == 2:
        return x * x.square().sum(axes_in(axis, x.ndim), True).rsqrt().clamp(max=1 / least)
    size = torch.linalg.vector_norm(x, order, axes_in(axis, x.ndim), True)
    return x / size.clamp(min=least)


@partial(along, fixed=(1,))
def dot_product_attention(
    query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None,
    scale: float | None = None, is_causal: bool = False, flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:  # fmt: skip
    """Scaled attention; of sequences each over its own steps.

    Args:
        query: (batch, time, heads, size), or sequences of (heads, size).
        key: likewise; a head may serve several of the queries'.
        value: likewise.
        bias: added to the scores, (batch, heads, time, time); not beside Ragged.
        mask: True where a query sees a key; not beside Ragged.
        scale: of the scores, by default 1 / sqrt(size).
        is_causal: whether a query sees no later key.
        flash_attention: torch chooses; changes no number.
        attn_logits_soft_cap: not supported.

    Raises:
        ValueError: both mask and bias, or a soft cap.
    """
    if attn_logits_soft_cap is not None or (bias is not None and mask is not None):
        raise ValueError(
            "dot_product_attention: expected one of bias and mask, and no attn_logits_soft_cap."
        )
    q, k, v = same(query, key, value)
    if not q.ndim == k.ndim == v.ndim == 4:
        raise ValueError(
            f"dot_product_attention: expected (batch, time, heads, size), got {tuple(q.shape)}."
        )
    seen = bias if bias is None else tensor(bias, q.dtype)
    if mask is not None:
        seen = tensor(mask).bool()
        if is_causal:
            seen = seen & torch.ones(q.shape[1], k.shape[1], dtype=torch.bool).tril()
    return F.scaled_dot_product_attention(
        q.swapaxes(1, 2), k.swapaxes(1, 2), v.swapaxes(1, 2), seen,
        is_causal=is_causal and mask is None, scale=scale, enable_gqa=q.shape[2] != k.shape[2],
    ).swapaxes(1, 2)  # fmt: skip


@dense("losses.CTC takes sequences.")
def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Any:
    """The loss of connectionist temporal classification, a number for each row of logits."""
    p = floats(output)
    p, labels = p.to(promoted(p, torch.float32)), tensor(target).long()
    lengths = tensor(output_length).long(), tensor(target_length).long()
    if around.recorded():  # how many steps there are is not known
        logs = torch.log_softmax(p, -1).swapaxes(0, 1)
        return F.ctc_loss(logs, labels, *lengths, blank=mask_index, reduction="none")
    for name, grid, own in (("output", p, lengths[0]), ("target", labels, lengths[1])):
        if own.shape != p.shape[:1] or (own.numel() and not _within(own, 0, grid.shape[1])):
            raise ValueError(
                f"ctc_loss: expected {name}_length as ({len(p)},) numbers from 0 to "
                f"{grid.shape[1]}, the slots of {name}, got {own.tolist()}."
            )
    classes, blank = p.shape[-1], mask_index % p.shape[-1]
    labels = labels[torch.arange(labels.shape[1], device=labels.device) < lengths[1][:, None]]
    if labels.numel() and not (_within(labels, 0, classes - 1) and bool((labels != blank).all())):
        raise ValueError(
            f"ctc_loss: expected labels from 0 to {classes - 1} but for {blank}, the blank, within "
            f"target_length, got {labels.unique().tolist()}."
        )
    steps = p[torch.arange(p.shape[1], device=p.device) < lengths[0][:, None]]
    if blank:  # the kernel's is class 0
        order = [blank, *(i for i in range(classes) if i != blank)]
        steps, labels = steps[:, order], labels + (labels < blank)
    steps_layout, labels_layout = (Layout.from_lengths(n) for n in lengths)
    return chain.ctc(steps, steps_layout.own, labels, labels_layout.own)


def _within(x: Tensor, low: int, high: int) -> bool:
    """Whether numbers, at least one, lie between these."""
    least, most = x.aminmax()
    return low <= int(least) and int(most) <= high


@dense("Each sequence by itself, as a grid of one.")
def ctc_decode(
    inputs: Any, sequence_lengths: Any, strategy: str = "greedy", beam_width: int = 100,
    top_paths: int = 1, merge_repeated: bool = True, mask_index: int | None = 0,
) -> Any:  # fmt: skip
    """The labels of the best class at each step, repetitions and blanks left out.

    Args:
        inputs: (batch, time, classes) scores.
        sequence_lengths: (batch,) how many steps count.
        strategy: "greedy".
        beam_width: of a beam search, which is not here.
        top_paths: likewise.
        merge_repeated: whether a class that is repeated counts once.
        mask_index: the blank; None is the last class.

    Returns:
        (1, batch, time) labels, filled up with -1, and (batch, 1) sums of scores times -1.

    Raises:
        ValueError: a beam search is asked for.
    """
    if strategy != "greedy":
        raise ValueError(f"ctc_decode: expected strategy 'greedy', got {strategy!r}.")
    x = floats(inputs)
    blank = x.shape[-1] - 1 if mask_index is None else mask_index
    scores, labels = x.max(-1)
    beyond = torch.arange(x.shape[1]) >= tensor(sequence_lengths).reshape(-1, 1)
    labels, scores = labels.masked_fill(beyond, blank), scores.masked_fill(beyond, 0)
    out = labels == blank
    if merge_repeated:
        out[:, 1:] |= labels[:, 1:] == labels[:, :-1]
    labels = labels.masked_fill(out, -1)
    order = torch.argsort(out.to(torch.int8), stable=True, dim=-1)
    return labels.gather(-1, order).to(torch.int32)[None], -scores.sum(1, keepdim=True)


@elementwise
def polar(abs_: Any, angle: Any) -> Any:
    """The complex number of this size and angle."""
    return torch.polar(*same(abs_, angle, least=torch.get_default_dtype()))


__all__ = [
    "adaptive_average_pool", "adaptive_max_pool", "average_pool", "batch_normalization",
    "binary_crossentropy", "categorical_crossentropy", "conv", "ctc_decode", "ctc_loss",
    "depthwise_conv", "dot_product_attention", "layer_normalization", "max_pool", "moments",
    "multi_hot", "normalize", "one_hot", "polar", "rms_normalization", "separable_conv",
    "sparse_categorical_crossentropy",
]  # fmt: skip
__all__ += activations.__all__
