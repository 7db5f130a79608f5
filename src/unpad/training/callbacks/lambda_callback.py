"""A callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import unknown
from .callback import Callback

_HOOKS = [name for name in vars(Callback) if name.startswith("on_")]
_WITHOUT_INDEX = [
    f"on_{what}_{when}" for what in ("train", "test", "predict") for when in ("begin", "end")
]


class LambdaCallback(Callback):
    """Calls functions at the hooks of their names, with the hooks' arguments.

    Args:
        on_epoch_begin: called with (epoch, logs).
        on_epoch_end: called with (epoch, logs).
        on_train_begin: called with (logs).
        on_train_end: called with (logs).
        on_train_batch_begin: called with (batch, logs).
        on_train_batch_end: called with (batch, logs).
        hooks: functions for other hooks, by name.

    Raises:
        ValueError: there is no such hook; the text names the nearest.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **hooks: Callable[..., Any],
    ) -> None:
        for name in hooks:
            if name not in _HOOKS:
                raise unknown("LambdaCallback", "hook", name, _HOOKS)
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **hooks,
        }
        for name, function in given.items():
            if function is not None:
                setattr(self, name, _Hook(function, 1 if name in _WITHOUT_INDEX else 2))


class _Hook(NamedTuple):
    """A function that is always called with its index, where it has one, and the logs."""

    function: Callable[..., Any]
    arguments: int

    def __call__(self, *given: Any, logs: Any = None) -> None:
        self.function(*given, *[logs] * (self.arguments - len(given)))
