"""The callbacks of a training, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .callbacks import Callback, History

_EACH_BATCH = ("on_train_batch_end", "on_batch_end")


class Watchers:
    """Callbacks that are told together, the history last, so that it holds what others add.

    Args:
        callbacks: the user's own.
        history: what `fit` gives back.
    """

    def __init__(self, callbacks: Sequence[Callback] | Callback | None, history: History) -> None:
        given = [] if callbacks is None else callbacks
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        for callback in given:
            if not isinstance(callback, Callback):
                raise ValueError(
                    f"fit: expected callbacks as keras.callbacks, got {type(callback).__name__}."
                    + (" A class: put () behind it." if isinstance(callback, type) else "")
                )
        self._all = [*given, history]
        # A batch's logs are read back from the device: only for who looks at them.
        self.each_batch = any(
            getattr(getattr(c, hook), "__func__", None) is not getattr(Callback, hook)
            for c in given
            for hook in _EACH_BATCH
        )

    def set_model(self, model: Any) -> None:
        """Tells all of them the model."""
        for callback in self._all:
            callback.set_model(model)

    def tell(self, hook: str, *args: Any) -> None:
        """Calls this hook of all of them."""
        for callback in self._all:
            getattr(callback, hook)(*args)
