"""Optimisers by Keras's names and defaults, over torch.optim; any torch optimiser as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor

from ..errors import look_up
from ..serialization import deserialize, serialize
from . import schedules
from .constrained import watch
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

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_BY_NAME: dict[str, type[Optimizer]] = {
    cls.__name__.lower(): cls
    for cls in (SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Ftrl, Lion, Nadam, RMSprop)
}


def get(optimizer: Any) -> Callable[[Iterable[Tensor]], torch.optim.Optimizer]:
    """What makes the optimiser, given the weights. After each of its steps constraints hold.

    Args:
        optimizer: a name, an Optimizer, a torch optimiser or its class, or a callable of the
            weights that gives one.

    Raises:
        ValueError: there is none of this name; the text names the nearest.
    """
    if isinstance(optimizer, str):
        return look_up("compile", "optimizer", optimizer.lower(), _BY_NAME)().bind
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        return cast(Any, optimizer)().bind
    if isinstance(optimizer, Optimizer):
        return optimizer.bind
    if isinstance(optimizer, torch.optim.Optimizer):
        return lambda parameters: watch(optimizer)
    if callable(optimizer):
        return lambda parameters: watch(cast(Any, optimizer)(parameters))
    raise ValueError(
        f"compile: expected an optimizer's name, an optimizer or a callable, got {optimizer!r}."
    )
