"""Stops training where the loss is no number."""

from __future__ import annotations

import math

from ...ranks import say
from .callback import Callback


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite.

    Args:
        raise_error: whether that is an error, instead of the end.

    Raises:
        RuntimeError: the loss is NaN or infinite, and `raise_error`.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"TerminateOnNaN: the loss is {loss} after batch {batch}. A smaller learning rate "
                "or clipnorm=1.0 often helps."
            )
        say(f"Batch {batch}: the loss is {loss}, training stops")
        self.model.stop_training = True
