"""Optimisers by Keras's names and defaults, over torch.optim; any torch optimiser as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor

from ..errors import look_up
from ..serialization import deserialize, serialize
from . import schedules
from .adafactor import Adafactor
from .lamb import Lamb
from .loss_scale import LossScaleOptimizer
from .muon import Muon
from .named import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lion,
    Nadam,
    RMSprop,
)
from .optimizer import Optimizer
from .schedule_free import ScheduleFreeAdamW
from .several import MultiOptimizer, OptimizerMap

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_BY_NAME: dict[str, type[Optimizer]] = {
    name.lower(): kind
    for name, kind in globals().items()
    if name in __all__
    and isinstance(kind, type)
    and kind not in (Optimizer, OptimizerMap, LossScaleOptimizer, MultiOptimizer)
}


def get(optimizer: Any) -> Any:
    """The optimiser of this name or configuration, or the one given, as Keras's `optimizers.get`.

    Args:
        optimizer: a name ("adam"), {"class_name": ..., "config": {...}}, a class, an Optimizer, a
            torch optimiser, or a callable of the weights that gives one; None is none.

    Raises:
        ValueError: there is none of this name (the text names the nearest), or it is none.
    """
    if optimizer is None:
        return None
    if isinstance(optimizer, str):
        return look_up("compile", "optimizer", optimizer.lower(), _BY_NAME)()
    if isinstance(optimizer, dict) and "module" in optimizer:
        return deserialize(optimizer)
    if isinstance(optimizer, dict) and isinstance(name := optimizer.get("class_name"), str):
        kind = look_up("compile", "optimizer", name.lower(), _BY_NAME)
        return kind.from_config(optimizer.get("config") or {})
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        return cast(Any, optimizer)()
    if isinstance(optimizer, (Optimizer, torch.optim.Optimizer)) or callable(optimizer):
        return optimizer
    raise _no_optimizer(optimizer)


def maker(optimizer: Any) -> Callable[[Iterable[Tensor]], torch.optim.Optimizer]:
    """What makes the optimiser, given the weights.

    Args:
        optimizer: as for `get`; None for a model that is not trained, which is refused then.

    Raises:
        ValueError: it is none.
    """
    found = get(optimizer)
    if found is None:
        return _none
    if isinstance(found, Optimizer):
        return found.bind
    if isinstance(found, torch.optim.Optimizer):
        return lambda parameters: found
    return cast(Any, found)


def _none(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    raise ValueError("fit: compile was given optimizer=None, so that nothing moves the weights.")


def scaled(optimizer: Any) -> Any:
    """An optimiser for a model in float16: one of this library's in a LossScaleOptimizer.

    Args:
        optimizer: as for `get`; torch's own come back as they are.
    """
    found = get(optimizer)
    if not isinstance(found, Optimizer) or isinstance(found, LossScaleOptimizer):
        return found
    if found.loss_scale_factor is not None:
        return found  # somebody has chosen the factor
    return LossScaleOptimizer(found, name="loss_scale_optimizer")


def _no_optimizer(given: Any) -> ValueError:
    return ValueError(
        f"compile: expected an optimizer's name, an optimizer or a callable, got {given!r}."
    )
