"""A file by the name under which Keras downloads it: Keras's `get_file`, without a network."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from ..arguments import wrong


def cache_folder(cache_dir: Any = None) -> Path:
    """Where Keras keeps what it has downloaded: `cache_dir`, `$KERAS_HOME`, or `~/.keras`.

    Args:
        cache_dir: another folder.
    """
    return Path(cache_dir or os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """The path of a file that is here already: where it was put, or where Keras has kept it.

    Nothing is downloaded and nothing is unpacked.

    Args:
        fname: the file's name, or a path; by default that of `origin`.
        origin: where Keras would get it from, as a "file://" address or any other.
        untar: whether the unpacked folder of that name is wanted.
        md5_hash: older word for `file_hash`.
        file_hash: the file's sum by md5 or sha256, which is compared.
        cache_subdir: of the folder of what was downloaded.
        hash_algorithm: "md5", "sha256", or "auto" to go by the sum's length.
        extract: whether the unpacked folder of that name is wanted.
        archive_format: says nothing: nothing is unpacked.
        cache_dir: where to look instead of `~/.keras`.
        force_download: refused.

    Raises:
        FileNotFoundError: it is not here; the text says where to put it.
        ValueError: its sum is another, or a download was asked for.
    """
    if force_download:
        raise ValueError("get_file: force_download=True: nothing is downloaded. Leave it out.")
    if not isinstance(fname, (str, os.PathLike, type(None))):
        raise wrong("get_file", "fname", "a file's name or path", fname)
    address = urlparse(origin or "")
    name = str(fname or Path(address.path).name)
    if not name:
        raise ValueError("get_file: expected fname, or an origin that ends in a file's name.")
    folder = cache_folder(cache_dir) / cache_subdir
    places = [Path(address.path)] if address.scheme == "file" else []
    places += [Path(name), folder / Path(name).name]
    if untar or extract:
        bare = Path(name).name.split(".")[0]
        places = [folder / f"{bare}_extracted", folder / bare, Path(bare), *places]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise FileNotFoundError(
            f"get_file: {name} is not here, and nothing is downloaded. Get it"
            f"{f' from {origin}' if origin else ''} and put it at {folder / Path(name).name}."
        )
    wanted = file_hash or md5_hash
    if wanted and found.is_file():
        kind = hash_algorithm
        if kind == "auto":
            kind = "sha256" if len(wanted) == 64 else "md5"
        with found.open("rb") as file:
            got = hashlib.file_digest(file, kind).hexdigest()
        if got != wanted:
            raise ValueError(f"get_file: {found}: its {kind} is {got}, expected {wanted}.")
    return str(found)
