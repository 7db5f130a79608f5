"""The callbacks of a training, an evaluation or a prediction, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .callbacks import Callback
from .callbacks.logs import Logs

# What the base class calls under an older name.
_OLDER = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class Watchers:
    """Callbacks that are told together, one that is ours last, so that it holds what others add.

    Args:
        callbacks: the user's own.
        model: at work.
        params: what they are told of it: verbose, epochs, steps.
        who: is called in errors.
        last: the history that `fit` gives back.

    Raises:
        ValueError: one is no callback.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback] | Callback | None,
        model: Any,
        params: dict[str, Any],
        who: str,
        last: Callback | None = None,
    ) -> None:
        several: Any = [] if callbacks is None else callbacks
        given: list[Any] = list(several) if isinstance(several, (list, tuple)) else [several]
        for callback in given:
            if not isinstance(callback, Callback):
                raise ValueError(
                    f"{who}: expected callbacks as keras.callbacks, got {type(callback).__name__}."
                    + (" A class: put () behind it." if isinstance(callback, type) else "")
                )
        #: Whether there are any of the user's own.
        self.given = bool(given)
        self._all = [*given, *([] if last is None else [last])]
        #: Whether anybody is called between two batches of training.
        self.between = any(self.asked(hook) for hook in _OLDER)
        for callback in self._all:
            callback.set_model(model)
            callback.set_params(dict(params))

    def asked(self, hook: str) -> bool:
        """Whether anybody listens: a batch's logs are read back from the device only then."""
        names = (hook, _OLDER.get(hook, hook))
        return any(
            getattr(getattr(c, name), "__func__", None) is not getattr(Callback, name)
            for c in self._all
            for name in names
        )

    def tell(self, hook: str, *args: Any) -> None:
        """Calls this hook of all of them, with logs, if there are none an empty dict."""
        if not args or not isinstance(args[-1], dict):
            args = (*args, {})
        # What one callback puts into the logs the next one sees.
        args = (*args[:-1], args[-1] if isinstance(args[-1], Logs) else Logs(args[-1]))
        for callback in self._all:
            getattr(callback, hook)(*args)
