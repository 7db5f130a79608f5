"""Adam's update of some weights: by the library where it serves, else by torch."""

# pyright: reportPrivateImportUsage=false
# torch._foreach_*: one call for all weights; documented under torch.optim, private by name only.

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam as torch_adam

from .. import kernels


def move_by_adam(
    params: list[Tensor],
    grads: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    how: kernels.adam.Update,
    largest: Sequence[Tensor] = (),
    fused: bool = True,
) -> None:
    """Adam's update of these weights, in place: see `AdamKeras`.

    Args:
        params: what moves.
        grads: of the same shapes.
        means: the running means of the gradients.
        squares: those of their squares.
        how: the rates.
        largest: the largest second moments so far, where they count.
        fused: whether torch's fused update serves where the library's does not.
    """
    if not largest and kernels.adam.step(params, grads, means, squares, how):
        return
    grads = [g.to_dense() if g.is_sparse else g for g in grads]
    # torch's fused update would write beyond a state that is too short.
    kernels.adam.compare(params, grads, means, squares)
    if how.weight_decay:
        torch._foreach_mul_(params, 1 - how.learning_rate * how.weight_decay)
    beta_1, beta_2 = how.betas
    # torch's fused update goes by places in memory, whatever the strides say.
    every = (*params, *grads, *means, *squares, *largest)
    fused = fused and all(x.is_contiguous() for x in every)
    # torch wants the count so far as a tensor for each weight, on its device where it is fused:
    # views of one a device, so that nothing is waited for.
    at = [p.device if fused else torch.device("cpu") for p in params]
    views = {
        device: torch.full((len(at),), how.t - 1.0, dtype=torch.float32, device=device).unbind()
        for device in set(at)
    }
    counts = [views[device][i] for i, device in enumerate(at)]
    torch_adam(
        params,
        grads,
        means,
        squares,
        [*largest],
        counts,
        foreach=not fused,
        fused=fused,
        amsgrad=bool(largest),
        beta1=beta_1,
        beta2=beta_2,
        lr=how.learning_rate,
        weight_decay=0.0,
        eps=how.epsilon / (1 - beta_2**how.t) ** 0.5,
        maximize=False,
    )
