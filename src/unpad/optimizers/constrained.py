"""Constraints after each update, whatever optimiser made it.

The constraint hangs on the weight, as its attribute `unpad_constraint`.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from ..weights.constraints import constrain


def constrained(optimizer: torch.optim.Optimizer) -> list[tuple[Tensor, Any]]:
    """The optimiser's weights that have a constraint, each with its own."""
    params = [p for group in optimizer.param_groups for p in group["params"]]
    pairs = [(p, getattr(p, "unpad_constraint", None)) for p in params]
    return [(p, constraint) for p, constraint in pairs if constraint is not None]


def apply_constraints(pairs: list[tuple[Tensor, Any]]) -> None:
    """Makes each weight that has a gradient obey its constraint."""
    for p, constraint in pairs:
        if p.grad is not None:
            constrain(p, constraint)


def watch(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Has a torch optimiser obey constraints after each of its steps; gives it back.

    It can be asked again, of a copy, whose hooks are lost, or where constraints came later.
    """
    if not constrained(optimizer):
        return optimizer
    if hasattr(optimizer, "obey"):
        cast(Any, optimizer).obey()
    elif not getattr(optimizer, "obeys_constraints", False):
        watcher = _Watcher()
        optimizer.register_step_pre_hook(watcher.before)
        optimizer.register_step_post_hook(watcher.after)
        optimizer.obeys_constraints = True  # pyright: ignore[reportAttributeAccessIssue]
    return optimizer


class _Watcher:
    """Looks at the rows that an update touched where that is the same as looking at all.

    It is where the gradient is sparse, the optimiser leaves other rows alone, the constraint looks
    at each row by itself and leaves a row as it is that obeys already, and nothing but updates has
    changed the weight since all rows obeyed: the weight's version tells.
    """

    def __init__(self) -> None:
        self._obeyed: dict[Tensor, int] = {}
        self._untouched: set[Tensor] = set()

    def before(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        self._untouched = {p for p, version in self._obeyed.items() if p._version == version}

    def after(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        for group in optimizer.param_groups:
            by_rows = _leaves_other_rows_alone(optimizer, group)
            for p in group["params"]:
                constraint = getattr(p, "unpad_constraint", None)
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
