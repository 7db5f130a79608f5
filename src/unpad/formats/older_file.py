"""Keras 1's and 2's `.h5`: a whole model in the attributes and groups of one HDF5 file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from ..spellings import depth_of_caller
from ..training import Trainer
from . import hdf5
from .archive import parsed
from .keras_file import compile_as, count, made
from .mask_differences import tell_differences
from .older.configuration import modern
from .older_training import modern_training, set_older_state
from .older_weights import is_older_weights, set_from_layers, writer_of
from .optimizer_state import can_be_kept
from .problems import FileError, WrongFormat, read_as
from .seal import read_sealed
from .weights import Place, trained

_MODEL, _TRAINING = "model_config", "training_config"


def load(path: Path, custom_objects: Any, compile: bool, who: str) -> Any:
    """The model of a file.

    Raises:
        FileError: it is none, or is refused.
    """
    root = read_sealed(path)
    if _MODEL not in root.attrs:
        way_out = ": model.load_weights(path)" if is_older_weights(root) else ""
        raise WrongFormat(path, "", f"it holds weights and no model{way_out}.")
    writer, where = writer_of(root), Place(path, _MODEL)
    config = _text(root, _MODEL, path)
    with read_as(path, _MODEL, "the model"):
        data = modern(config, writer.version)
    model = made(data, custom_objects, count(root), where, who)
    set_from_layers(model, root, Place(path, "model_weights"), False)
    if compile and _TRAINING in root.attrs:
        with read_as(path, _TRAINING, "what the model is trained with"):
            training = modern_training(_text(root, _TRAINING, path), writer.version)
        compile_as(model, training, custom_objects, hdf5.Group(), Place(path, _TRAINING), who)
        _go_on(model, root, path, who)
    tell_differences(model, path, who)
    return model


def _go_on(model: Any, root: hdf5.Group, path: Path, who: str) -> None:
    """Gives the optimiser its state; one that cannot be read is begun anew, and that is told."""
    if not (model.compiled and trained(model)) or "optimizer_weights" not in root.groups:
        return
    optimizer = Trainer(model).update(who).optimizer
    if not can_be_kept(optimizer):
        return
    try:
        set_older_state(optimizer, trained(model), root, Place(path, "optimizer_weights"))
    except FileError:
        raise
    except ValueError as error:
        text = f"{who}: {path}: optimizer_weights: {error} The optimizer begins anew."
        warnings.warn(text, UserWarning, stacklevel=depth_of_caller())


def _text(root: hdf5.Group, name: str, path: Path) -> Any:
    value = root.attrs[name]
    return parsed(value if isinstance(value, (str, bytes)) else str(value), path, name)
