"""Gradients of a scaled loss: in a narrow type small ones would become 0 on the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

#: Weights and their gradients.
Work = tuple[list[Tensor], list[Tensor]]


@dataclass(frozen=True)
class Scaling:
    """What a loss is multiplied by before the backward pass, and its gradients divided by after.

    Args:
        initial: the factor, or that of the first batch.
        growth_steps: after so many batches in a row with finite gradients the factor doubles; with
            one that is not finite it halves, and no weight moves. None: it stays, and nobody looks.
    """

    initial: float
    growth_steps: int | None = None

    def now(self, group: dict[str, Any]) -> float:
        """The factor of the next batch.

        Args:
            group: the optimiser's first group, which holds what changes, so that it is saved.
        """
        return self.initial if self.growth_steps is None else group.get("loss_scale", self.initial)

    def unscaled(self, group: dict[str, Any], work: list[Work]) -> list[Work] | None:
        """The gradients of the loss itself; None where one is not finite and no weight may move.

        Costs one wait for the device where the factor follows the gradients.

        Args:
            group: as for `now`.
            work: weights and gradients, which stay as they are.
        """
        scale = self.now(group)
        if self.growth_steps is not None:
            if not _finite([grad for _, grads in work for grad in grads]):
                group["loss_scale"], group["finite_steps"] = scale / 2, 0
                return None
            good = group.get("finite_steps", 0) + 1
            grown = good == self.growth_steps
            group["loss_scale"] = scale * 2 if grown else scale
            group["finite_steps"] = 0 if grown else good
        return [(params, [grad / scale for grad in grads]) for params, grads in work]


def _finite(grads: Sequence[Tensor]) -> bool:
    found = [(g._values() if g.is_sparse else g).isfinite().all() for g in grads]
    return not found or bool(torch.stack(found).all())
