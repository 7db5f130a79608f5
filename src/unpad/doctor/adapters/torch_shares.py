"""Where a gradient falls: on a sequence's own steps, on padding, or on other sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..probes import Laid, Reach
from .signature import Told


def shares_of(
    module: nn.Module, way: Told, laid: Laid, given: Callable[[Any], Any], causal: bool
) -> Reach | None:
    """The shares of the gradient of each sequence's output, on average.

    Args:
        module: that is asked.
        way: how it is told what is padding.
        laid: with what.
        given: how values are handed over.
        causal: whether the output is that of a step in the middle, of which later ones are future.

    Returns:
        "own", "padding", "mates" and, if causal, "future", and the slots of the shortest sequence's
        output; None where nothing can be followed: ids that no Embedding reads, packed sequences,
        outputs whose axes are unclear.
    """
    if way.how == "packed":
        return None
    grid = laid.grid
    slots: list[Tensor] = []

    def notes(part: nn.Module, inputs: Any, out: Any) -> Any:
        if isinstance(out, Tensor) and out.shape[:2] == grid.shape[:2] and not slots:
            slots.append(out.requires_grad_())
            if not out.is_leaf:
                out.retain_grad()
        return None

    hooks = []
    x = given(grid)
    if grid.is_floating_point():
        x = x.clone().requires_grad_()
        slots.append(x)
    else:
        kinds = [p for p in module.modules() if type(p).__name__ == "Embedding"]
        hooks = [part.register_forward_hook(notes) for part in kinds]
    try:
        with torch.enable_grad():
            arguments, named = way.arguments(laid, x)
            out = _first(module(*map(given, arguments), **{k: given(v) for k, v in named.items()}))
            return None if out is None or not slots else _shares(out, slots[0], laid, causal)
    except Exception:
        return None
    finally:
        for hook in hooks:
            hook.remove()


def _first(out: Any) -> Tensor | None:
    out = out.to_tuple() if hasattr(out, "to_tuple") else out
    while isinstance(out, (list, tuple)) and out:
        out = out[0]
    return out if isinstance(out, Tensor) and out.requires_grad else None


def _shares(out: Tensor, slots: Tensor, laid: Laid, causal: bool) -> Reach | None:
    n = len(laid.sequences)
    if out.shape[0] != n:
        return None
    steps = out.ndim > 1 and out.shape[1] == laid.width
    mask = laid.mask.to(slots.device)
    rng = torch.Generator().manual_seed(0)
    row, last, place = 0, torch.zeros(mask.shape), None
    sums = dict.fromkeys(("own", "padding", "mates", "future"), 0.0)
    for i in range(n):
        real = laid.slots(i)
        at = (real.start + real.stop) // 2 if causal else real.stop - 1
        answer = out[i, at] if steps else out[i]
        weights = torch.randn(answer.shape, generator=rng).to(answer)
        (found,) = torch.autograd.grad(
            (answer * weights).sum(), slots, retain_graph=True, allow_unused=True
        )
        if found is None:
            continue
        size = found.abs().flatten(2).sum(2) if found.ndim > 2 else found.abs()
        total = float(size.sum())
        if total == 0 or total != total:
            continue
        row, last, place = i, size.cpu() / total, at if steps else None
        own = size[i] * mask[i]
        later = float(own[at + 1 :].sum()) / total if causal and steps else 0.0
        sums["future"] += later / n
        sums["own"] += float(own.sum()) / total / n - later / n
        sums["padding"] += float((size[i] * ~mask[i]).sum()) / total / n
        sums["mates"] += float(size.sum() - size[i].sum()) / total / n
    if sum(sums.values()) < 0.99:
        return None
    on = {k: max(0.0, v) for k, v in sums.items() if causal or k != "future"}
    return Reach(on, row, last.tolist(), laid.mask.tolist(), place)
