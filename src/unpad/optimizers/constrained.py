"""Constraints after each update, whatever optimiser made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from ..weights.constraints import constrain


def obeying(
    optimizer: torch.optim.Optimizer, constraints: Sequence[tuple[Tensor, Any]]
) -> torch.optim.Optimizer:
    """Has an optimiser obey constraints after each of its steps; gives it back.

    Those that it was given before are forgotten. What moves a weight of another optimiser's is none
    of this one's business, and a copy of a torch optimiser, which has lost its hooks, is to be told
    again.

    Args:
        optimizer: ours or torch's.
        constraints: each with the weight that obeys it.
    """
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    mine = [(p, constraint) for p, constraint in constraints if id(p) in held]
    if hasattr(optimizer, "obey"):
        cast(Any, optimizer).obey(mine)
        return optimizer
    hooks = optimizer._optimizer_step_post_hooks.values()
    owners = (getattr(hook, "__self__", None) for hook in hooks)
    watcher = next((owner for owner in owners if isinstance(owner, _Watcher)), None)
    if watcher is None and mine:
        watcher = _Watcher()
        optimizer.register_step_pre_hook(watcher.before)
        optimizer.register_step_post_hook(watcher.after)
    if watcher is not None:
        watcher.obey(mine)
    return optimizer


def apply_constraints(pairs: Sequence[tuple[Tensor, Any]]) -> None:
    """Makes each weight that has a gradient obey its constraint."""
    for p, constraint in pairs:
        if p.grad is not None:
            constrain(p, constraint)


class _Watcher:
    """Looks at the rows that an update touched where that is the same as looking at all.

    It is where the gradient is sparse, the optimiser leaves other rows alone, the constraint looks
    at each row by itself and leaves a row as it is that obeys already, and nothing but updates has
    changed the weight since all rows obeyed: the weight's version tells.
    """

    def __init__(self) -> None:
        self._constraints: dict[Tensor, Any] = {}
        self._obeyed: dict[Tensor, int] = {}
        self._untouched: set[Tensor] = set()

    def obey(self, constraints: Sequence[tuple[Tensor, Any]]) -> None:
        """From now on these."""
        before, self._constraints = self._constraints, dict(constraints)
        same = {p for p, constraint in constraints if before.get(p) is constraint}
        self._obeyed = {p: version for p, version in self._obeyed.items() if p in same}

    def before(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        self._untouched = {p for p, version in self._obeyed.items() if p._version == version}

    def after(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        for group in optimizer.param_groups:
            by_rows = _leaves_other_rows_alone(optimizer, group)
            for p in group["params"]:
                constraint = self._constraints.get(p)
                if constraint is None or p.grad is None:
                    continue
                alike = getattr(constraint, "by_rows", False) and getattr(
                    constraint, "settles", False
                )
                if by_rows and alike and p.grad.is_sparse and p in self._untouched:
                    rows = p.grad.coalesce().indices()[0]
                    with torch.no_grad():
                        p.index_copy_(0, rows, constraint(p[rows]))
                else:
                    constrain(p, constraint)
                self._obeyed[p] = p._version


def _leaves_other_rows_alone(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> bool:
    if isinstance(optimizer, torch.optim.SGD):
        return not group["momentum"] and not group["weight_decay"]
    return isinstance(optimizer, (torch.optim.SparseAdam, torch.optim.Adagrad))
