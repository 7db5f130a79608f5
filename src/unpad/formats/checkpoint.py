"""A state on the disk: named tensors and a structure around them, in one safetensors file.

The structure is JSON in the file's metadata, beside a checksum of all of it; reading runs nothing
that the file says. Any program that knows safetensors can look at the tensors.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .problems import DamagedFile, WrongFormat
from .writing import as_the_disk_s, checksum, write_whole

#: Counts up when what a state holds is no longer what this house can read.
FORMAT = "unpad state 2"


class Stored(NamedTuple):
    """What a state's file holds: a structure that JSON can hold, and tensors by name."""

    structure: Any
    tensors: dict[str, Tensor]


def write_state(path: Path, stored: Stored, who: str, before: Path | None = None) -> None:
    """Writes a state, and puts it in its place when it is whole.

    Args:
        path: of the file; its folder is made.
        stored: what is written; tensors on any device.
        who: shown in errors.
        before: where the state that stood there goes, instead of being replaced.

    Raises:
        OSError: it cannot be written; the state that was there is as it was.
        TypeError: the structure is nothing that JSON can hold.
    """
    import safetensors.torch

    tensors = _on_their_own(stored.tensors)
    structure = json.dumps(stored.structure)
    metadata = {"format": FORMAT, "structure": structure}
    metadata["checksum"] = _checksum(FORMAT, structure, tensors)

    def write(to: Path) -> None:
        with as_the_disk_s():
            safetensors.torch.save_file(tensors, to, metadata)

    size = sum(t.nbytes for t in tensors.values()) + len(structure)
    if before is None:
        write_whole(path, write, size, who)
        return
    new = path.with_name(f"{path.name}.new")
    write_whole(new, write, size, who)
    # Killed between these two, the state that was there stands under its other name.
    if path.exists():
        os.replace(path, before)
    os.replace(new, path)


def read_state(path: Path, who: str) -> Stored:
    """What `write_state` has written, on the CPU.

    Raises:
        FileNotFoundError: there is no such file.
        FileError: the file is cut short or changed, or no state, or one of another format.
    """
    import safetensors

    if not path.is_file():
        raise FileNotFoundError(f"{who}: there is no state {path}.")
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata: Mapping[str, str] = file.metadata() or {}
            # Copied out of the mapped file, which may be replaced while these are in use.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, RuntimeError, ValueError, TypeError) as error:
        if zipfile.is_zipfile(path):
            text = "holds a model, and no state of a training: keras.saving.load_model(path)."
            raise WrongFormat(path, "", text, who) from None
        text = f"is not whole: {str(error).splitlines()[0]}."
        raise DamagedFile(path, "", text, who) from None
    found = metadata.get("format", "")
    if not found.startswith(FORMAT.rpartition(" ")[0]):
        raise WrongFormat(path, "", "holds tensors, but is no state of a training.", who)
    if "structure" not in metadata or metadata.get("checksum") != _checksum(
        found, metadata["structure"], tensors
    ):
        text = "is not whole: its checksum is not that of its content."
        raise DamagedFile(path, "", text, who)
    if found != FORMAT:
        text = f"is of format {found!r}, this version reads {FORMAT!r}."
        raise WrongFormat(path, "", text, who)
    return Stored(json.loads(metadata["structure"]), tensors)


def _on_their_own(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, each with memory of its own: safetensors takes no two that share some."""
    found, seen = {}, set()
    for name, given in tensors.items():
        tensor = given.detach().as_subclass(Tensor).cpu().contiguous()
        memory = tensor.untyped_storage()
        if memory.data_ptr() in seen or memory.nbytes() != tensor.nbytes:
            tensor = tensor.clone()
        seen.add(tensor.untyped_storage().data_ptr())
        found[name] = tensor
    return found


def _checksum(kind: str, structure: str, tensors: Mapping[str, Tensor]) -> str:
    """Of everything that the file says."""
    arrays = (
        (name, f"{t.dtype} {tuple(t.shape)}", t.reshape(-1).view(torch.uint8).numpy().data)
        for name, t in tensors.items()
    )
    return checksum([kind, structure], arrays)
