"""safetensors: a model's numbers by their paths, its configuration beside them."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .archive import parsed
from .hdf5 import Group
from .problems import DamagedFile, WrongFormat
from .writing import as_the_disk_s, checksum, write_whole

#: What a file that is written here says that it is; such a one has a checksum.
_OURS = "unpad"


def write(path: Path, root: Group, model: Mapping[str, Any] | None, who: str) -> None:
    """Writes a tree of arrays.

    Args:
        path: of the file.
        root: its attributes are left out, but for a layer's own state.
        model: the model as data, where it is a whole one.
        who: shown in errors.

    Raises:
        ImportError: safetensors is not installed.
    """
    from safetensors.numpy import save_file

    arrays, states = {}, {}
    for at, group in root.walk():
        arrays |= {f"{at}/{name}".lstrip("/"): array for name, array in group.arrays.items()}
        if "unpad_state" in group.attrs:
            states[at] = group.attrs["unpad_state"]
    metadata = {"format": _OURS, "states": json.dumps(states)}
    if model is not None:
        metadata["model"] = json.dumps(model)
    metadata["sha256"] = _checksum(arrays, metadata)
    size = sum(array.nbytes for array in arrays.values())
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}

    def write(to: Path) -> None:
        with as_the_disk_s():
            save_file(whole, to, metadata)

    write_whole(path, write, size, who)


def read(path: Path) -> tuple[Group, Any]:
    """The tree of arrays, and the model as data; None where the file holds weights alone.

    Raises:
        FileError: it is no such file, or damaged.
    """
    from safetensors import SafetensorError, safe_open

    _check_header(path)
    root, arrays = Group(), {}
    try:
        with safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
            for name in file.keys():  # noqa: SIM118
                arrays[name] = file.get_tensor(name)
    except (SafetensorError, ValueError, TypeError, AttributeError, OSError) as error:
        raise DamagedFile(path, "", f"{error}.") from None
    sealed = "sha256" in metadata or metadata.get("format") == _OURS
    if sealed and metadata.get("sha256") != _checksum(arrays, metadata):
        raise DamagedFile(path, "", "its bytes are not those that were written.")
    for name, array in arrays.items():
        above, _, last = name.rpartition("/")
        root.make(above).arrays[last] = array
    states = parsed(metadata.get("states", "{}"), path, "states")
    for at, text in states.items() if isinstance(states, Mapping) else ():
        root.make(at).attrs["unpad_state"] = text
    model = metadata.get("model")
    return root, None if model is None else parsed(model, path, "model")


def _check_header(path: Path) -> None:
    """Raises where a file is none, or its header is longer than it or names something twice."""
    with path.open("rb") as file:
        start = file.read(9)
        if len(start) < 9 or start[8:] != b"{":
            raise WrongFormat(path, "", "this is no safetensors file.")
        (size,) = struct.unpack("<Q", start[:8])
        if size > path.stat().st_size - 8:
            raise DamagedFile(path, "", f"it says that its header has {size} bytes: it is cut.")
        file.seek(8)
        parsed(file.read(size), path, "header")


def _checksum(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """Of all that the file says, but the checksum itself."""
    texts = [f"{name}={metadata[name]}" for name in sorted(set(metadata) - {"sha256"})]
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    parts = (
        (name, f"{a.dtype.str} {a.shape}", a.reshape(-1).view(np.uint8).data)
        for name, a in whole.items()
    )
    return checksum(texts, parts)
