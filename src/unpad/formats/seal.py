"""A checksum behind a file's end, where readers of its format do not look: HDF5 has none itself."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from . import hdf5
from .problems import DamagedFile

_MARK = b"\nunpad sha256 "
_SIZE = len(_MARK) + 64
#: The attribute of a file that says that there is one, so that it cannot be lost unseen.
_SEALED = "unpad_sealed"


def write_sealed(path: Path, root: hdf5.Group) -> None:
    """Writes a tree of arrays, and its checksum behind it."""
    hdf5.write(path, hdf5.Group({**root.attrs, _SEALED: 1}, root.arrays, root.groups))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with path.open("ab") as file:
        file.write(_MARK + digest.encode())


def read_sealed(path: Any) -> hdf5.Group:
    """The tree in a file, compared with its checksum, which a file of another library has not.

    Raises:
        FileError: it is none, or not what was written.
    """
    data = memoryview(Path(path).read_bytes())
    end = bytes(data[-_SIZE:])
    sealed = end.startswith(_MARK)
    if sealed:
        data = data[:-_SIZE]
        if hashlib.sha256(data).hexdigest().encode() != end[len(_MARK) :]:
            raise DamagedFile(path, "", "its bytes are not those that were written.")
    root = hdf5.read(data, path)
    if _SEALED in root.attrs and not sealed:
        raise DamagedFile(path, "", "the checksum behind it is gone: it is cut, or was changed.")
    return root
