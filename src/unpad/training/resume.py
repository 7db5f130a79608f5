"""Where a fit begins: anew, where it was interrupted, or from a state that was written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..arguments import wrong
from ..data.seed import Seed
from ..formats.checkpoint import read_state
from ..ranks import Ranks
from .callbacks import BackupAndRestore
from .kept import seed_of
from .loop import Fitting
from .state import State
from .watchers import listed


class Beginning:
    """The callbacks of a fit, and the state that it goes on from, if there is one.

    Args:
        callbacks: as `fit` was given them.
        backup: a folder, a `BackupAndRestore`, or None.
        initial_state: a state's file, or None; what was interrupted goes before it.
        ranks: the processes that share the work: the first reads for all.

    Raises:
        ValueError: one is not what it may be, or the state is not whole.
        FileNotFoundError: there is no such file.
    """

    def __init__(self, callbacks: Any, backup: Any, initial_state: Any, ranks: Ranks) -> None:
        #: With the backup.
        self.callbacks = listed(callbacks)
        if backup is not None:
            self.callbacks.append(_backup_of(backup))
        if initial_state is not None and not isinstance(initial_state, (str, os.PathLike)):
            raise wrong("fit", "initial_state", "a file of the state of a training", initial_state)
        found = [c for c in self.callbacks if isinstance(c, BackupAndRestore)]
        if len(found) > 1:
            raise ValueError(f"fit: expected one BackupAndRestore at most, got {len(found)}.")
        self._backup = found[0] if found else None
        self._state = ranks.from_first(lambda: self._backup and self._backup.read())
        self._whence = "" if self._backup is None else f"fit: backup: {self._backup.found}"
        self._way_out = "" if self._backup is None else f" {self._backup.way_out}"
        if self._state is None and initial_state is not None:
            path = Path(initial_state)
            self._state = ranks.from_first(
                lambda: State.from_data(read_state(path, "fit: initial_state"))
            )
            self._whence, self._way_out = f"fit: initial_state: {path}", ""

    @property
    def seed(self) -> Seed | None:
        """What the orders of batches come from; None where the fit begins anew."""
        return None if self._state is None else seed_of(self._state)

    def refuse_once(self, called: str) -> None:
        """Raises where data can be read once, and could not be gone on with."""
        if self._backup is not None or self._state is not None:
            raise ValueError(
                f"fit: backup: {called} can be read once, and a training that goes on must read it "
                "from its beginning. Give the function that makes it."
            )

    def of(self, fitting: Fitting) -> None:
        """Has a fit begin there.

        Raises:
            ValueError: the state does not belong to it. Nothing has changed.
        """
        if self._state is None:
            return
        try:
            fitting.go_on_from(self._state)
        except ValueError as error:
            raise ValueError(f"{self._whence} {error}.{self._way_out}") from None


def _backup_of(given: Any) -> BackupAndRestore:
    if isinstance(given, BackupAndRestore):
        return given
    if not isinstance(given, (str, os.PathLike)):
        raise wrong("fit", "backup", "a folder, or a BackupAndRestore", given)
    return BackupAndRestore(given, double_checkpoint=True)
