"""A checksum behind a file's end, where readers of its format do not look: HDF5 has none itself."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from .problems import DamagedFile

_MARK = b"\nunpad sha256 "
_SIZE = len(_MARK) + 64


def seal(path: Path) -> None:
    """Puts the checksum of a file behind it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with path.open("ab") as file:
        file.write(_MARK + digest.encode())


def unsealed(path: Any) -> memoryview:
    """What a file holds, without the checksum, which is compared; a file need not have one.

    Raises:
        DamagedFile: it is not what was written.
    """
    data = memoryview(Path(path).read_bytes())
    end = bytes(data[-_SIZE:])
    if not end.startswith(_MARK):
        return data
    data = data[:-_SIZE]
    if hashlib.sha256(data).hexdigest().encode() != end[len(_MARK) :]:
        raise DamagedFile(path, "", "its bytes are not those that were written.")
    return data
