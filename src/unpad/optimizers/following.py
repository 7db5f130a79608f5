"""An optimiser and the weights of a model, which may have become others since it was made."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .own import OwnRule
from .rule import Rule


def follow(
    optimizer: torch.optim.Optimizer,
    named: Sequence[tuple[str, Tensor]],
    given: bool,
    who: str,
) -> torch.optim.Optimizer:
    """The optimiser, ready to move the weights that a model has now.

    Weights that came are added, those that are gone are dropped, and the others keep their state,
    in the type and on the device that they have now. A frozen weight stays where it is: without a
    gradient nothing moves it.

    Args:
        optimizer: ours or torch's.
        named: the model's weights by name, frozen ones too.
        given: whether a user made it himself, for the weights that he chose: it is left as it is.
        who: asks.

    Raises:
        ValueError: it moves other weights than the model's; nothing has changed then.
    """
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    missing = [name for name, p in named if p.requires_grad and id(p) not in held]
    if given:
        _check_given(optimizer, named, held, missing, who)
    else:
        mine = {id(p) for _, p in named}
        if missing or not held <= mine:
            _exchange(optimizer, [p for _, p in named], mine, held, who)
    for name, p in named:
        if p in optimizer.state:
            _fit_state(optimizer, name, p, who)
    return optimizer


def _check_given(
    optimizer: torch.optim.Optimizer,
    named: Sequence[tuple[str, Tensor]],
    held: set[int],
    missing: list[str],
    who: str,
) -> None:
    if not missing:
        return
    kind = type(optimizer).__name__
    first = missing[0]
    if all(id(p) not in held for _, p in named):
        raise ValueError(
            f"{who}: the {kind} that compile was given moves none of the model's weights, as "
            f"{first!r}. Make it of model.parameters(), or give compile its class."
        )
    warnings.warn(
        f"{who}: the {kind} that compile was given does not move {len(missing)} of the model's "
        f"weights that can be trained, the first of them {first!r}. Freeze them (trainable = "
        "False), or make the optimizer of all model.parameters().",
        stacklevel=4,
    )


def _exchange(
    optimizer: torch.optim.Optimizer,
    weights: list[Tensor],
    mine: set[int],
    held: set[int],
    who: str,
) -> None:
    """Drops the weights that are gone and adds those that came, in the model's order."""
    new = [p for p in weights if p.requires_grad and id(p) not in held]
    if isinstance(optimizer, OwnRule):
        raise ValueError(
            f"{who}: the optimizer has made its states for other weights than the model has now. "
            "Compile again."
        )
    for group in optimizer.param_groups:
        for gone in (p for p in group["params"] if id(p) not in mine):
            optimizer.state.pop(gone, None)
        group["params"] = [p for p in group["params"] if id(p) in mine]
    if not new:
        return
    if len(optimizer.param_groups) == 1:
        group = optimizer.param_groups[0]
        wanted = {id(p) for p in (*group["params"], *new)}
        group["params"] = [p for p in weights if id(p) in wanted]
    else:
        optimizer.add_param_group({"params": new})


def _fit_state(optimizer: torch.optim.Optimizer, name: str, p: Tensor, who: str) -> None:
    """Brings a weight's state into its type and onto its device, or begins it anew."""
    state: dict[str, Any] = optimizer.state[p]
    kept = {k: v for k, v in state.items() if isinstance(v, Tensor) and v.ndim}
    if isinstance(optimizer, Rule) and (other := _of_another(optimizer, p, kept)) is not None:
        del optimizer.state[p]
        warnings.warn(
            f"{who}: {name!r} is {tuple(p.shape)} now and was {tuple(other.shape)}: what the "
            "optimizer knew of it begins anew.",
            stacklevel=4,
        )
        return
    for key, value in kept.items():
        other = value.dtype != p.dtype or value.device != p.device
        if other and value.shape == p.shape and value.is_floating_point():
            state[key] = value.to(p)


def _of_another(rule: Rule, p: Tensor, kept: dict[str, Tensor]) -> Tensor | None:
    """The first of a weight's state that is that of a weight of another shape."""
    odd = {k: v for k, v in kept.items() if v.shape != p.shape}
    if not odd:
        return None
    group = next(g for g in rule.param_groups if any(q is p for q in g["params"]))
    # Adafactor keeps a row and a column of a matrix.
    begins = rule.start(p, group)
    return next((v for k, v in odd.items() if k not in begins or v.shape != begins[k].shape), None)
