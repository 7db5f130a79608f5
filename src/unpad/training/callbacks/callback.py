"""What can watch and steer training: Keras's hooks, and the history."""

from __future__ import annotations

import os
from typing import Any

from ...docstrings import complete
from ...signatures import Checked
from ..state import State, attributes_kept, give_back_attributes
from .curves import drawn
from .logs import Logs


class Callback(Checked):
    """Keras's hooks; override those that matter. `self.model` is the model at work.

    Every hook gets a dict of logs, empty where there is nothing yet.
    """

    #: Whether of several processes that work on one model only the first calls it: it writes files.
    first_alone = False
    model: Any = None
    #: What is known beforehand: "verbose", "epochs" and "steps", the number of batches.
    params: dict[str, Any] | None = None

    def set_model(self, model: Any) -> None:
        """Called first, with the model."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called next, with what is known beforehand."""
        self.params = params

    def state_dict(self) -> dict[str, Any]:
        """What a killed run must not lose of it: see `fit(backup=)`.

        Its attributes that are data: numbers, words, tensors, lists and dicts of them, and the
        states of what has a `state_dict`. Not what its constructor is given, nor what is neither,
        as a file that is open: that is made anew.
        """
        return attributes_kept(self, ("model", "params"))

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Goes on from it: called after the hooks that begin a training, and an epoch."""
        give_back_attributes(self, state_dict)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """After an epoch, with its loss and metrics, those of validation as `val_...`."""

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Before a batch, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """After a batch, with the loss of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """The older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """The older name of `on_train_batch_end`."""

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Before an evaluation, that of `fit`'s validation data too."""

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """After an evaluation, with its loss and metrics."""

    def on_test_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """After a batch of an evaluation, with the numbers so far."""

    def on_predict_begin(self, logs: dict[str, float] | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: dict[str, float] | None = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a batch of a prediction, with its `outputs`."""


class WritesState(Callback):
    """A callback that writes the state of the training, when all others have been told."""

    def due(self, batch: int | None) -> bool:
        """Whether the state is wanted now.

        Args:
            batch: after this batch of an epoch, counted from 0; None: after a whole epoch.
        """
        raise NotImplementedError

    def write(self, state: State) -> None:
        """Writes it."""
        raise NotImplementedError

    def finished(self) -> None:
        """Told when training has ended, and everybody else was told."""


class History(Callback):
    """What each finished epoch gave: `history["loss"]`, `history["val_accuracy"]`, ..."""

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = Logs()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Any:
        """Draws each number over the epochs, that of held-out data beside it.

        Args:
            to_file: where the picture goes, its kind by the ending: .png, .svg, .pdf.

        Returns:
            Matplotlib's figure, which a notebook shows.

        Raises:
            ValueError: no epoch is finished.
            ImportError: matplotlib is not installed.
        """
        return drawn(self.epoch, self.history, to_file)

    def __repr__(self) -> str:
        last = ", ".join(f"{k} {v[-1]:.4f}" for k, v in self.history.items())
        return f"History({len(self.epoch)} epochs{': ' + last if last else ''})"


_ARGUMENTS = {
    "epoch": "from 0.",
    "batch": "from 0 in each epoch.",
    "logs": "numbers by name; what a callback changes in them, those after it see.",
    "model": "that is trained, evaluated or asked.",
    "params": '"verbose", "epochs" and "steps", which is None where nobody knows.',
    "state_dict": "what `state_dict` gave.",
}

for _hook in [h for h in vars(Callback).values() if getattr(h, "__module__", None) == __name__]:
    complete(_hook, _ARGUMENTS)
