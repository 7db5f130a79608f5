"""`save_weights` and `load_weights`: which format a file has, and what goes into it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import flag, wrong
from ..core.layer import Layer
from ..spellings import depth_of_caller
from . import hdf5, tensors_file
from .archive import Archive
from .keras_file import weights_in
from .older_weights import is_older_weights, set_from_layers
from .problems import WrongFormat
from .seal import read_sealed, write_sealed
from .weights import Place, as_group, set_from, set_optimizer_from, trained
from .writing import write_whole

_ENDINGS = "'.weights.h5' (Keras 3's) or '.safetensors'"
_READ = "'.weights.h5', '.keras', '.h5' (older Keras's) or '.safetensors'"


def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Writes a model's weights into a file; see `Model.save_weights`.

    Args:
        model: built.
        filepath: ends in ".weights.h5" or ".safetensors".
        overwrite: False raises a FileExistsError where there is a file.

    Raises:
        ValueError: the model is not built, or the name ends in something else.
        OSError: the file cannot be written.
    """
    path = path_of("save_weights", filepath)
    check_overwrite("save_weights", path, overwrite)
    check_built("save_weights", model)
    if path.suffix == ".safetensors":
        tensors_file.write(path, as_group(model), None, "save_weights")
    elif path.name.endswith(".weights.h5"):
        write_tree(path, as_group(model), "save_weights")
    else:
        raise wrong("save_weights", "filepath", f"a path that ends in {_ENDINGS}", filepath)


def load_weights(
    model: Any, filepath: Any, skip_mismatch: bool = False, by_name: bool = False
) -> None:
    """Takes a model's weights from a file; see `Model.load_weights`.

    Args:
        model: built.
        filepath: ends in ".weights.h5", ".keras", ".safetensors", or older Keras's ".h5".
        skip_mismatch: whether weights that do not fit stay as they are, and a warning tells which.
        by_name: of older Keras's ".h5": whether layers are found by their names.

    Raises:
        unpad.saving.FileError: the file is damaged, of another kind, or of another model.
        ValueError: the model is not built.
    """
    path = path_of("load_weights", filepath)
    skip = flag("load_weights", "skip_mismatch", skip_mismatch)
    by_names = flag("load_weights", "by_name", by_name)
    check_built("load_weights", model)
    if path.suffix == ".safetensors":
        root = tensors_file.read(path)[0]
    elif path.suffix in (".h5", ".hdf5"):
        root = read_sealed(path)
    elif path.suffix == ".keras":
        with Archive(path) as archive:
            root = weights_in(archive)
    else:
        raise wrong("load_weights", "filepath", f"a path that ends in {_READ}", filepath)
    where = Place(path, "", bool(skip))
    if is_older_weights(root):
        tell_skipped(path, set_from_layers(model, root, where, bool(by_names)))
        return
    if by_names:
        raise WrongFormat(
            path, "", "its weights are found by their place in the model. by_name=True is for "
            "older Keras's .h5, which has them by layers' names.",
        )  # fmt: skip
    tell_skipped(path, set_from(model, root, where))
    if model.compiled and not skip:
        set_optimizer_from(model.optimizer, trained(model), root, where)


def arrays_alone(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file that holds weights and no model, by their places; else none.

    Raises:
        FileError: it is none, or is refused.
    """
    whole = {"model_config", "training_config"}
    if path.suffix == ".safetensors":
        root, model = tensors_file.read(path)
        if model is not None:
            return {}
    elif path.suffix in (".h5", ".hdf5"):
        root = read_sealed(path)
        if whole & root.attrs.keys():
            return {}
    else:
        return {}
    return {
        f"{at}/{name}".lstrip("/"): array
        for at, group in root.walk() for name, array in group.arrays.items()
    }  # fmt: skip


def write_tree(path: Path, root: hdf5.Group, who: str) -> None:
    """Writes a tree of arrays into a file of its own, with a checksum behind it."""
    size = sum(array.nbytes for _, group in root.walk() for array in group.arrays.values())
    write_whole(path, lambda to: write_sealed(to, root), size, who)


def path_of(who: str, filepath: Any) -> Path:
    """A path that was given."""
    if not isinstance(filepath, (str, os.PathLike)):
        raise wrong(who, "filepath", "a path", filepath)
    return Path(filepath)


def check_overwrite(who: str, path: Path, overwrite: bool) -> None:
    """Raises a FileExistsError where there is a file that shall stay."""
    if not flag(who, "overwrite", overwrite) and path.exists():
        raise FileExistsError(f"{who}: {path} is there, and overwrite is False.")


def check_built(who: str, model: Any) -> None:
    """Raises where a model has no weights yet."""
    if not isinstance(model, Layer):
        raise wrong(who, "model", "a model or a layer", model)
    if not model.built:
        raise ValueError(
            f"{who}: {model.who} is not built, so that it has no weights yet. Begin it with "
            "keras.Input(shape=...), or show it data once, as model.predict(x)."
        )


def tell_skipped(path: Path, skipped: list[str]) -> None:
    """Warns of what `skip_mismatch` has left as it was."""
    if skipped:
        listed = "\n  ".join(skipped)
        text = f"load_weights: {path}: left as it was, since it does not fit:\n  {listed}"
        warnings.warn(text, UserWarning, stacklevel=depth_of_caller())
