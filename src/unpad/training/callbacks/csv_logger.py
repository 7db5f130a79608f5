"""Writes what each epoch gave to a table in a file."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TextIO

from ...arguments import wrong
from ...formats.writing import written_in_place
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
        self._columns: list[str] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        path = Path(self.filename)
        with written_in_place(path, "CSVLogger"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a").close()
        # What stands behind this place goes when the next line is written: a run that was killed
        # goes on behind the lines that it had written.
        self._place = path.stat().st_size if self.append else 0
        self._columns = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        begins = not self._columns
        if begins:
            names = sorted(logs)
            if not any(name.startswith("val_") for name in names):
                # As in Keras: columns for a validation that may come with a later epoch.
                names += [f"val_{name}" for name in names]
            self._columns = ["epoch", *names]
        # Opened for each line, so that nothing stays open where training ends in an error.
        with (
            written_in_place(self.filename, "CSVLogger"),
            Path(self.filename).open("a", newline="") as file,
        ):
            self._cut(file)
            writer = csv.DictWriter(file, self._columns, "NA", "ignore", delimiter=self.separator)
            if begins and not self._place:
                writer.writeheader()
            writer.writerow({"epoch": epoch, **logs})
            file.flush()
            self._place = file.tell()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        with written_in_place(self.filename, "CSVLogger"), Path(self.filename).open("a") as file:
            self._cut(file)

    def _cut(self, file: TextIO) -> None:
        self._place = min(self._place, Path(self.filename).stat().st_size)
        file.truncate(self._place)
