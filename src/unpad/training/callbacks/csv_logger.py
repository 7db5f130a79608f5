"""Writes what each epoch gave to a table in a file."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any, TextIO

from ...arguments import wrong
from .callback import Callback


class CSVLogger(Callback):
    """Writes a line for each epoch: the epoch, counted from 0, and its logs by name.

    Args:
        filename: where; folders are made.
        separator: between two entries.
        append: whether lines are added to a file that is there.
    """

    first_alone = True

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        if len(separator) != 1:
            raise wrong("CSVLogger", "separator", "one character", separator)
        self.filename, self.separator, self.append = filename, separator, append
        self._place = 0
        self._file: TextIO | None = None
        self._writer: csv.DictWriter[str] | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._close()
        path = Path(self.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", newline="")
        # What stands behind this place goes when the first line is written: a run that was killed
        # goes on behind the lines that it had written.
        self._place = path.stat().st_size if self.append else 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        assert self._file is not None
        if self._writer is None:
            self._cut()
            names = sorted(logs)
            if not any(name.startswith("val_") for name in names):
                # As in Keras: columns for a validation that may come with a later epoch.
                names += [f"val_{name}" for name in names]
            self._writer = csv.DictWriter(
                self._file, ["epoch", *names], "NA", "ignore", delimiter=self.separator
            )
            if not self._place:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch, **logs})
        self._file.flush()
        self._place = self._file.tell()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._writer is None:
            self._cut()
        self._close()

    def _cut(self) -> None:
        assert self._file is not None
        self._place = min(self._place, Path(self.filename).stat().st_size)
        self._file.truncate(self._place)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None

    def __getstate__(self) -> dict[str, Any]:
        # An open file cannot be pickled or copied.
        return {**vars(self), "_file": None, "_writer": None}
