"""A zip archive whose directory is believed only as far as the file's own size bears it out."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

from .problems import DamagedFile, FileError, RefusedFile, WrongFormat

#: What is packed may be so many times smaller, and what is small by any factor.
_MOST, _SMALL = 32, 1 << 20
_DEEPEST = 200


class Archive:
    """The members of a zip file, by name.

    Args:
        path: of the file.

    Raises:
        FileError: it is none, is damaged, or its directory lies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            if file.read(4) != b"PK\3\4":
                raise WrongFormat(path, "", "this is no archive (zip).")
        try:
            self._file = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise DamagedFile(path, "", f"{error}.".replace("..", ".")) from None
        try:
            self._members = self._checked()
        except FileError:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        room = self.path.stat().st_size
        for info in self._file.infolist():
            name = info.filename
            if name in members:
                raise DamagedFile(self.path, name, "there are two of this name.")
            if name.startswith(("/", "\\")) or ":" in name or ".." in re.split(r"[/\\]", name):
                raise RefusedFile(self.path, name, "a path that leads out of the archive.")
            if info.flag_bits & 1 or info.compress_type not in (0, zipfile.ZIP_DEFLATED):
                raise RefusedFile(self.path, name, "it is encrypted, or packed in a rare way.")
            if info.file_size > max(_SMALL, _MOST * info.compress_size):
                raise RefusedFile(
                    self.path, name,
                    f"{info.compress_size} bytes would become {info.file_size}.",
                )  # fmt: skip
            room -= info.compress_size
            members[name] = info
        if room < 0:
            raise DamagedFile(self.path, "", "its members have more bytes than the file.")
        return members

    @property
    def names(self) -> list[str]:
        """Of the members."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """A member's bytes, compared with their checksum.

        Raises:
            FileError: there is none, or it is damaged.
        """
        if name not in self._members:
            raise DamagedFile(self.path, name, "is not there.")
        info = self._members[name]
        try:
            with self._file.open(info) as file:
                data = file.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as e:
            raise DamagedFile(self.path, name, f"its bytes are not those written: {e}.") from None
        if len(data) != info.file_size:
            raise DamagedFile(self.path, name, f"expected {info.file_size} bytes, got {len(data)}.")
        return data

    def json(self, name: str) -> Any:
        """A member that is JSON."""
        return parsed(self.read(name), self.path, name)


def parsed(data: bytes | str, path: Any, place: str) -> Any:
    """JSON of a file, in which no name stands twice and nothing is nested without end.

    Raises:
        FileError: it is no such.
    """
    try:
        text = data if isinstance(data, str) else data.decode()
        depth = deepest = 0
        # Texts may hold brackets.
        for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
            depth += (mark in "[{") - (mark in "]}") if len(mark) == 1 else 0
            deepest = max(deepest, depth)
        if deepest > _DEEPEST:
            raise RefusedFile(path, place, f"it is nested {deepest} deep; {_DEEPEST} is the most.")
        return json.loads(text, object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        if isinstance(error, FileError):
            raise
        raise DamagedFile(path, place, f"no JSON: {error}.") from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(n for n in names if names.count(n) > 1)
        raise ValueError(f"the name {twice!r} stands twice")
    return found
