"""What can be wrong with a file: a closed list, each naming the file and the place in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


class FileError(ValueError):
    """A file cannot be read as what it should be. Its kinds are the classes below, and no others.

    Args:
        path: of the file.
        place: where in it, as "config.json" or "layers/dense/vars/0"; "" for the whole.
        text: what was expected and what is there.
        who: reads it, where that is no function of files; then the text goes on from the path, as
            "is not whole".
    """

    def __init__(self, path: str | os.PathLike[str], place: str, text: str, who: str = "") -> None:
        self.path, self.place, self.text, self.who = os.fspath(path), place, text, who
        parts = [part for part in (self.path, place, text) if part]
        super().__init__(f"{who}: {' '.join(parts)}" if who else ": ".join(parts))

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str]]:
        return type(self), (self.path, self.place, self.text, self.who)


class WrongFormat(FileError):
    """It is a file of another kind."""


class DamagedFile(FileError):
    """It was such a file, and is cut, or its bytes have changed, or its numbers contradict."""


class RefusedFile(FileError):
    """It asks for what no file may: code, links to other files, more memory than it has bytes."""


class OtherModel(FileError):
    """Its weights are not those of this model."""


@contextmanager
def read_as(path: str | os.PathLike[str], place: str, what: str) -> Iterator[None]:
    """Whatever goes wrong while data of a file are made something of is told as the file's.

    Args:
        path: of the file.
        place: where the data stand in it.
        what: what they are made, for the error: "the model".

    Raises:
        FileError: one of the closed list.
    """
    try:
        yield
    except FileError:
        raise
    except RecursionError:
        raise RefusedFile(path, place, f"{what} is nested too deeply.") from None
    except MemoryError:
        raise RefusedFile(path, place, f"{what} needs more memory than there is.") from None
    except Exception as error:  # whatever a constructor makes of what a file says
        told = str(error) if isinstance(error, (ValueError, TypeError)) else repr(error)
        raise DamagedFile(path, place, told) from error
