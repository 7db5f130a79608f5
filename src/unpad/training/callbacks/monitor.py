"""What one number of the logs says: whether it is there, and whether it got better."""

from __future__ import annotations

import difflib
import math

from ...errors import look_up
from .callback import Callback

# By the words of a name: which way is better.
_HIGHER = "acc accuracy auc f1 fbeta f_score iou precision r2 recall score similarity top"
_LOWER = (
    "cosh crossentropy divergence error hinge leibler logcosh loss mae mape mse msle perplexity "
    "poisson rmse"
)
_MODES = {"auto": None, "min": False, "max": True}
# How Keras 2 shortened a metric's name in the logs.
_OLDER = {"acc": "accuracy", "accuracy": "acc"}


class Monitor(Callback):
    """Watches one number of the logs; a subclass says what follows when it gets better or not.

    Args:
        monitor: its name: "loss", "val_loss", "val_accuracy", ...
        mode: "min" where lower is better, "max" where higher is, "auto" to go by the name.
        min_delta: an improvement is one by more than this.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        who = type(self).__name__
        look_up(who, "mode", mode, _MODES)
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)
        self._higher = _direction(who, monitor) if mode == "auto" else mode == "max"

    def current(self, logs: dict[str, float] | None) -> float:
        """The number that is watched.

        Raises:
            ValueError: the logs have no such name; the text says which they have.
        """
        logs = logs or {}
        if self.monitor in logs:
            return logs[self.monitor]
        before, _, last = self.monitor.rpartition("_")
        older = f"{before}_{_OLDER.get(last, last)}".removeprefix("_")
        if older in logs:
            return logs[older]
        near = difflib.get_close_matches(self.monitor, logs, n=1)
        if self.monitor.startswith("val_") and not any(name.startswith("val_") for name in logs):
            hint = "Give fit validation_data= or validation_split=, or monitor one of them."
        elif near:
            hint = f"Did you mean {near[0]!r}?"
        else:
            hint = "Give compile the metric, or monitor one of them."
        raise ValueError(
            f"{type(self).__name__}: monitor={self.monitor!r} is not in the logs, which have "
            f"{', '.join(sorted(logs)) or 'nothing'}. {hint}"
        )

    def better(self, value: float, than: float | None) -> bool:
        """Whether the value is an improvement; anything is one on nothing, NaN never is."""
        if math.isnan(value):
            return False
        if than is None:
            return True
        return value - self.min_delta > than if self._higher else value + self.min_delta < than


def _direction(who: str, name: str) -> bool:
    words = set(name.split("_"))
    higher, lower = (not words.isdisjoint(w.split()) for w in (_HIGHER, _LOWER))
    if higher == lower:
        raise ValueError(
            f"{who}: whether a higher or a lower {name!r} is better does not show in its name. "
            "Give mode='max' or mode='min'."
        )
    return higher
