"""The callbacks of a training, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .callbacks import Callback, History
from .callbacks.logs import Logs

_EACH_BATCH = ("on_train_batch_end", "on_batch_end")
_BEFORE_BATCH = ("on_train_batch_begin", "on_batch_begin")


class Watchers:
    """Callbacks that are told together, the history last, so that it holds what others add.

    Args:
        callbacks: the user's own.
        history: what `fit` gives back.
    """

    def __init__(self, callbacks: Sequence[Callback] | Callback | None, history: History) -> None:
        several: Any = [] if callbacks is None else callbacks
        given: list[Any] = list(several) if isinstance(several, (list, tuple)) else [several]
        for callback in given:
            if not isinstance(callback, Callback):
                raise ValueError(
                    f"fit: expected callbacks as keras.callbacks, got {type(callback).__name__}."
                    + (" A class: put () behind it." if isinstance(callback, type) else "")
                )
        self._all = [*given, history]
        #: Whether there are any of the user's own.
        self.given = bool(given)
        # A batch's logs are read back from the device: only for who looks at them.
        self.each_batch = _asks_for(given, _EACH_BATCH)
        #: Whether anybody is called between two batches.
        self.between = self.each_batch or _asks_for(given, _BEFORE_BATCH)

    def set_model(self, model: Any) -> None:
        """Tells all of them the model."""
        for callback in self._all:
            callback.set_model(model)

    def tell(self, hook: str, *args: Any) -> None:
        """Calls this hook of all of them."""
        # What one callback puts into the logs the next one sees.
        args = tuple(Logs(a) if isinstance(a, dict) else a for a in args)
        for callback in self._all:
            getattr(callback, hook)(*args)


def _asks_for(callbacks: Sequence[Callback], hooks: Sequence[str]) -> bool:
    return any(
        getattr(getattr(c, hook), "__func__", None) is not getattr(Callback, hook)
        for c in callbacks
        for hook in hooks
    )
