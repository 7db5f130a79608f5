"""What a metric has added up so far, as data, and back: in the middle of an epoch it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torchmetrics
from torch import Tensor

from .metric import Metric


def carried(metric: torchmetrics.Metric) -> dict[str, Any]:
    """The states of a metric, ours or torchmetrics', and of those inside, by their names."""
    return {name: _states(part) for name, part in _parts(metric)}


@torch.no_grad()
def carry(metric: torchmetrics.Metric, states: Mapping[str, Any]) -> None:
    """Goes on from what `carried` gave of a metric that was made alike."""
    for name, part in _parts(metric):
        found = states[name]
        if isinstance(part, Metric):
            if part._sizes is None and found["sizes"] is not None:
                part._begin(*found["sizes"])
            for mine, value in zip(part._variables, found["variables"], strict=True):
                mine.assign(value.to(mine.device))
        for state, value in found["states"].items():
            setattr(part, state, _moved(value, part.device))
        part._update_count = found["updates"]
        part._computed = None


def _parts(metric: torchmetrics.Metric) -> list[tuple[str, torchmetrics.Metric]]:
    return [(n, m) for n, m in metric.named_modules() if isinstance(m, torchmetrics.Metric)]


def _states(metric: torchmetrics.Metric) -> dict[str, Any]:
    ours = isinstance(metric, Metric)
    return {
        "sizes": metric._sizes if ours else None,
        "variables": list(metric._variables) if ours else [],
        "states": {name: getattr(metric, name) for name in metric._defaults},
        "updates": metric._update_count,
    }


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    return [_moved(v, device) for v in value]
