"""A file that is there whole or not at all, whatever happens while it is written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_FULL = "the disk is full"
_UNFINISHED = re.compile(r"\..+\.(?P<host>[^.]+)-(?P<process>\d+)\.unfinished")


def write_whole(path: Path, write: Callable[[Path], object], size: int, who: str) -> None:
    """Has a file written beside its place, and puts it there at once.

    What was written is on the disk before it takes the place of what was there, so that a machine
    that stops then has one or the other. What a writer that was killed has left is cleared away
    first.

    Args:
        path: of the file; its folder is made.
        write: is given the path to write to.
        size: bytes that it will have, about, for the error.
        who: shown in errors.

    Raises:
        IsADirectoryError: there is a folder of this name.
        OSError: it cannot be written; what was there before is as it was.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{who}: {path} is a folder; give the path of a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{who}: {path} could not be written: {error.filename}: {error.strerror}."
        ) from error
    _clear(path.parent)
    unfinished = path.with_name(f".{path.name}.{_host()}-{os.getpid()}.unfinished")
    try:
        write(unfinished)
        _onto_disk(unfinished)
        os.replace(unfinished, path)
        _onto_disk(path.parent)
    except (OSError, RuntimeError) as error:  # torch's own writer raises the latter
        written = unfinished.stat().st_size if unfinished.exists() else 0
        free = shutil.disk_usage(path.parent).free + written
        why = str(error).splitlines()[0]
        if free < size:
            why = f"{_FULL}: {_shown(size)} are needed, {_shown(free)} are free"
        raise OSError(
            f"{who}: {path} could not be written: {why}. What was there before is as it was."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def written_in_place(path: str | os.PathLike[str], who: str) -> Iterator[None]:
    """Of a log or a picture, which is no loss, what the system says is told with its name.

    Args:
        path: of the file or folder.
        who: shown in errors.

    Raises:
        OSError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        why = _FULL if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise OSError(f"{who}: {os.fspath(path)} could not be written: {why}.") from error


@contextlib.contextmanager
def as_the_disk_s() -> Iterator[None]:
    """What safetensors raises while it writes is told as what the system said."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        raise OSError(str(error)) from None


def write_text(path: Path, text: str, who: str) -> None:
    """Writes a text as `write_whole` does."""
    data = text.encode()
    write_whole(path, lambda to: to.write_bytes(data), len(data), who)


def checksum(texts: Iterable[str], arrays: Iterable[tuple[str, str, memoryview]]) -> str:
    """SHA-256 of all that a file says.

    Args:
        texts: in their order.
        arrays: the name of each, its type and shape, its bytes; in any order.
    """
    found = hashlib.sha256()
    for text in texts:
        found.update(f"{len(text)}|{text}|".encode())
    for name, kind, data in sorted(arrays, key=lambda array: array[0]):
        found.update(f"{len(name)}|{name}|{kind}|".encode())
        found.update(data)
    return found.hexdigest()


def _onto_disk(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    if os.name != "posix" and path.is_dir():
        return  # Windows cannot open a folder
    place = os.open(path, os.O_RDWR if os.name != "posix" else os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _clear(folder: Path) -> None:
    """Removes what writers of this machine have left that run no more."""
    for found in folder.glob(".*.unfinished"):
        parts = _UNFINISHED.fullmatch(found.name)
        if parts and parts["host"] == _host() and not _runs(int(parts["process"])):
            found.unlink(missing_ok=True)


def _host() -> str:
    return re.sub(r"[^\w-]", "_", socket.gethostname())


def _runs(process: int) -> bool:
    """Whether there is such a process; where that cannot be asked without harm it is supposed."""
    if os.name != "posix":
        return True
    with contextlib.suppress(PermissionError):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return True


def _shown(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
