"""The state of a training in a folder, so that a run that was killed goes on."""

from __future__ import annotations

import os
from pathlib import Path

from ...arguments import flag
from ...formats.checkpoint import read_state, write_state
from ...formats.problems import FileError
from ...ranks import is_first
from ..state import State
from .callback import WritesState

_NAME, _BEFORE = "state.safetensors", "state-before.safetensors"


class BackupAndRestore(WritesState):
    """Writes the whole state of a training, and goes on from it when `fit` is called again.

    What a run ends with is then the same, bit for bit, whether it was killed on the way or not:
    weights, optimiser, history, callbacks, the order of batches, random numbers, carried states.
    A state is written beside its place, with a checksum, and put there when it is on the disk, so
    that at any moment the last whole one is there. `fit(backup="folder")` is this with
    `double_checkpoint=True`.

    Args:
        backup_dir: the folder; it is made. One run's, not several runs'.
        save_freq: "epoch", or the number of batches from one state to the next.
        double_checkpoint: whether the state before the last one is kept too.
        delete_checkpoint: whether the states go when training has ended, so that the next `fit`
            begins anew; else it finds that nothing is left to do.

    Raises:
        ValueError: an argument is not what it may be; later, the state is not whole, or of another
            model, optimiser or data: nothing has changed then, and the file is left as it is.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        self.backup_dir = backup_dir
        self.save_freq = frequency("BackupAndRestore", save_freq)
        self.double_checkpoint = flag("BackupAndRestore", "double_checkpoint", double_checkpoint)
        self.delete_checkpoint = flag("BackupAndRestore", "delete_checkpoint", delete_checkpoint)
        self._batches = 0

    @property
    def found(self) -> Path | None:
        """The file of the last state; None where there is none."""
        places = (Path(self.backup_dir) / name for name in (_NAME, _BEFORE))
        return next((place for place in places if place.exists()), None)

    @property
    def way_out(self) -> str:
        """What to do about a state that cannot be gone on from."""
        folder = Path(self.backup_dir)
        if self.found == folder / _NAME and (folder / _BEFORE).exists():
            return f"Remove it to go on from the state before, {_BEFORE}, which is still there."
        return "Remove it, or give another folder, to begin anew."

    def read(self) -> State | None:
        """The last state; None where there is none.

        Raises:
            FileError: it is not whole; the text says what to do.
        """
        folder = Path(self.backup_dir)
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(f"fit: backup: {folder} is a file; give a folder.")
        if self.found is None:
            return None
        try:
            return State.from_data(read_state(self.found, "fit: backup"))
        except FileError as error:
            text = f"{error.text} {self.way_out}"
            raise type(error)(error.path, error.place, text, error.who) from None
        except ValueError as error:
            raise ValueError(f"{error} {self.way_out}") from None

    def due(self, batch: int | None) -> bool:
        if batch is None or not isinstance(self.save_freq, int):
            return batch is None and self.save_freq == "epoch"
        self._batches = (self._batches + 1) % self.save_freq
        return self._batches == 0

    def write(self, state: State) -> None:
        if not is_first():
            return
        folder = Path(self.backup_dir)
        before = folder / _BEFORE if self.double_checkpoint else None
        write_state(folder / _NAME, state.to_data(), "fit: backup", before)

    def finished(self) -> None:
        if not self.delete_checkpoint or not is_first():
            return
        for name in (_NAME, _BEFORE):
            (Path(self.backup_dir) / name).unlink(missing_ok=True)


def frequency(who: str, save_freq: str | int) -> str | int:
    """How often something is saved.

    Raises:
        ValueError: it is neither "epoch" nor a positive number.
    """
    number = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
    if save_freq != "epoch" and not number:
        raise ValueError(
            f"{who}: expected save_freq as 'epoch' or a positive number of batches, got "
            f"{save_freq!r}."
        )
    return save_freq
