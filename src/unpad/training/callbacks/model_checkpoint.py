"""Saves the model, its weights or the state of the training as it goes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from ...arguments import Bound, Verbose, flag
from ...formats.checkpoint import write_state
from ...formats.writing import write_whole
from ...ranks import is_first, say
from ..state import State
from .backup import frequency
from .callback import WritesState
from .monitor import Monitor

#: Of files that torch writes, of `state_dict()`.
_OF_TORCH = (".pt", ".pth", ".weights")
_OF_WEIGHTS = (".weights.h5", ".safetensors", *_OF_TORCH)
_OF_MODEL = (".keras", ".safetensors")
_OF_STATE = ".state.safetensors"
_OTHERS = {
    True: "The whole model: leave save_weights_only out.",
    False: "The weights alone: save_weights_only=True and .weights.h5; the state of the training: "
    ".state.safetensors.",
}


class ModelCheckpoint(Monitor, WritesState):
    """Saves the model after each epoch, each best one, or each so many batches.

    What the file holds is said by its name, and by `save_weights_only`:

    * ".keras", ".safetensors": the whole model, as `model.save` writes it;
    * ".weights.h5", ".safetensors" with `save_weights_only=True`: `model.save_weights`;
    * ".pt", ".pth", ".weights" with `save_weights_only=True`: torch's file,
      `model.load_state_dict(torch.load(path))`;
    * ".state.safetensors": the state of the training, from which `fit(initial_state=path)` goes on.

    Each is written beside its place and then put there at once, so that no half of a file is ever
    found, whatever happens.

    Args:
        filepath: where; `{epoch}`, `{batch}` and the names of the logs are filled in, as in
            "{epoch:02d}-{val_loss:.2f}.keras". Folders are made.
        monitor: which number of the logs says what is best.
        verbose: 1 says so in a line.
        save_best_only: whether only an epoch that is the best so far is saved.
        save_weights_only: whether it is the weights alone.
        mode: "min" where lower is better, "max" where higher is, "auto" to go by the name.
        save_freq: "epoch", or the number of batches from one to the next.
        initial_value_threshold: what the first best one must beat.

    Raises:
        ValueError: an argument is not supported; later, the logs have no such number.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: Verbose = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: Bound | None = None,
    ) -> None:
        # What is best need not be known where everything is saved.
        super().__init__(monitor, mode if save_best_only or mode != "auto" else "min")
        self.filepath = filepath
        self.save_weights_only = flag("ModelCheckpoint", "save_weights_only", save_weights_only)
        known = _OF_WEIGHTS if save_weights_only else _OF_MODEL
        if not os.fspath(filepath).endswith(known):
            what = "weights" if save_weights_only else "model"
            raise ValueError(
                f"ModelCheckpoint: expected a filepath that ends in {', '.join(known)}, for the "
                f"{what}, got {filepath!r}. {_OTHERS[save_weights_only]}"
            )
        self.verbose, self.save_best_only = verbose, save_best_only
        self.save_freq = frequency("ModelCheckpoint", save_freq)
        self.best = initial_value_threshold
        self._epoch = self._batches = 0
        # Where the state is to be written, when all other callbacks have been told.
        self._wanted: list[tuple[Path, str]] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if isinstance(self.save_freq, int):
            self._batches += 1
            if self._batches >= self.save_freq:
                self._batches = 0
                self._consider(self._epoch, {"batch": batch + 1, **(logs or {})})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.save_freq == "epoch":
            self._consider(epoch, logs or {})

    def _consider(self, epoch: int, logs: dict[str, Any]) -> None:
        path = self._path({"epoch": epoch + 1, **logs})
        why = ""
        if self.save_best_only:
            current = self.current(logs)
            before = "nothing" if self.best is None else f"{self.best:.5f}"
            if not self.better(current, self.best):
                if self.verbose:
                    say(f"Epoch {epoch + 1}: {self.monitor} is no better than {before}")
                return
            self.best = current
            why = f"{self.monitor} went from {before} to {current:.5f}, "
        if not self.save_weights_only and path.name.endswith(_OF_STATE):
            self._wanted.append((path, f"Epoch {epoch + 1}: {why}state saved to {path}"))
            return
        if is_first():
            self._write(path)
        if self.verbose:
            what = "weights" if self.save_weights_only else "model"
            say(f"Epoch {epoch + 1}: {why}{what} saved to {path}")

    def _write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self.save_weights_only:
            self.model.save(path)
        elif path.name.endswith(_OF_TORCH):
            save(self.model.state_dict(), path)
        else:
            self.model.save_weights(path)

    def due(self, batch: int | None) -> bool:
        return bool(self._wanted)

    def write(self, state: State) -> None:
        for path, told in self._wanted:
            if is_first():
                write_state(path, state.to_data(), "ModelCheckpoint")
            if self.verbose:
                say(told)
        self._wanted.clear()

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "_epoch": self._epoch, "_batches": self._batches}

    def _path(self, values: dict[str, Any]) -> Path:
        try:
            return Path(os.fspath(self.filepath).format(**values))
        except KeyError as missing:
            raise ValueError(
                f"ModelCheckpoint: filepath {self.filepath!r} asks for {missing.args[0]}; there "
                f"are {', '.join(sorted(values))}."
            ) from None


def save(state: dict[str, torch.Tensor], path: Path) -> None:
    """Writes a state to a file of its own, on no device, and puts it in its place at once.

    Raises:
        IsADirectoryError: there is a folder of this name.
        OSError: it cannot be written; what was there before is as it was.
    """
    weights = {name: w.detach().cpu() for name, w in state.items()}
    size = sum(w.nbytes for w in weights.values())
    write_whole(path, lambda to: torch.save(weights, to), size, "ModelCheckpoint")
