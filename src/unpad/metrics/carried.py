"""What a metric has added up so far, as data, and back: in the middle of an epoch it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from .given import torchmetrics_metric
from .metric import Metric
from .states import moved, reduced


def carried(metric: Any) -> dict[str, Any]:
    """The states of a metric, ours or torchmetrics', and of those inside, by their names."""
    return {name: _states(part) for name, part in _parts(metric)}


@torch.no_grad()
def carry(metric: Any, states: Mapping[str, Any]) -> None:
    """Goes on from what `carried` gave of a metric that was made alike."""
    for name, part in _parts(metric):
        found = states[name]
        if isinstance(part, Metric):
            part.begin_with([found["sizes"]])
            if part._sizes is not None and found["sizes"] is None:
                part.reset_state()  # that one had not begun
                continue
            for mine, value in zip(part._variables, found["variables"], strict=True):
                mine.assign(value.to(mine.device))
        for state, value in found["states"].items():
            setattr(part, state, moved(value, part.device))
        part._update_count = found["updates"]
        part._computed = None


def _parts(metric: Any) -> list[tuple[str, Any]]:
    kinds = (Metric, *torchmetrics_metric())
    return [(name, part) for name, part in metric.named_modules() if isinstance(part, kinds)]


def _states(metric: Any) -> dict[str, Any]:
    ours = isinstance(metric, Metric)
    return {
        "sizes": metric.begun_with if ours else None,
        "variables": list(metric._variables) if ours else [],
        "states": {name: getattr(metric, name) for name in metric._defaults},
        "updates": metric._update_count,
    }


def merged(metric: Any, several: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What several metrics that were made alike have added up together, as one state.

    Each state by the reduction that `add_state` was given.

    Args:
        metric: one that was made like them.
        several: what `carried` gave of each.
    """
    return {
        name: _merged(part, [states[name] for states in several]) for name, part in _parts(metric)
    }


def _merged(part: Any, several: list[Any]) -> dict[str, Any]:
    # One that has seen nothing holds no sums, and none that a mean or a maximum may count.
    begun = [s for s in several if s["sizes"] is not None or s["updates"] or s["variables"]]
    some = [s for s in begun if s["updates"] or s["variables"]] or begun or several[:1]
    sizes = next((s["sizes"] for s in some if s["sizes"] is not None), None)
    if isinstance(part, Metric):
        part.begin_with([sizes])
    return {
        "sizes": sizes,
        "variables": [sum(values) for values in zip(*(s["variables"] for s in some), strict=True)],
        "states": {
            name: reduced([s["states"][name] for s in some], part._reductions[name])
            for name in some[0]["states"]
        },
        "updates": sum(s["updates"] for s in several),
    }


@contextmanager
def apart(metrics: Iterable[Any]) -> Iterator[None]:
    """Within this block no metric asks other processes by itself when it is computed."""
    parts = [part for metric in metrics for _, part in _parts(metric)]
    before = [part.distributed_available_fn for part in parts]
    for part in parts:
        part.distributed_available_fn = _nobody
    try:
        yield
    finally:
        for part, asked in zip(parts, before, strict=True):
            part.distributed_available_fn = asked


def _nobody() -> bool:
    return False
