"""`save` and `load_model`: which format a file has, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..arguments import flag, wrong
from ..serialization import as_table
from . import keras_file, older_file, tensors_file
from .weights_file import check_built, check_overwrite, path_of

_ENDINGS = "a path that ends in '.keras' or '.safetensors'"
_READ = "a path that ends in '.keras', '.safetensors' or '.h5'"


def save_model(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    include_optimizer: bool = True,
    save_format: str | None = None,
) -> None:
    """Writes a whole model into a file; see `Model.save`.

    Args:
        model: built.
        filepath: ends in ".keras" or ".safetensors".
        overwrite: False raises a FileExistsError where there is a file.
        include_optimizer: whether what it is trained with is part of it.
        save_format: Keras 2's "keras", which the name's ending says now.

    Raises:
        TypeError: a part of it cannot be written: a lambda, a torch module.
        ValueError: the model is not built, or the name ends in something else.
        OSError: the file cannot be written.
    """
    path = path_of("save", filepath)
    if save_format not in (None, path.suffix.removeprefix(".")):
        raise ValueError(
            f"save: save_format={save_format!r}: The `save_format` argument is deprecated: the "
            f"name's ending says the format. Give {_ENDINGS}."
        )
    check_overwrite("save", path, overwrite)
    with_optimizer = bool(flag("save", "include_optimizer", include_optimizer))
    if not getattr(model, "is_model", False):
        raise wrong("save", "model", "a model", model)
    check_built("save", model)
    if path.suffix == ".keras":
        keras_file.save(model, path, with_optimizer, "save")
    elif path.suffix == ".safetensors":
        keras_file.check_assets(model, "save")
        data, root = keras_file.state_and_data(model, with_optimizer, "save")
        tensors_file.write(path, root, data, "save")
    elif path.suffix in (".h5", ".hdf5"):
        raise ValueError(
            f"save: {path}: '.h5' was the format of Keras 1 and 2, which have other layers; it is "
            "read here, not written. Save as '.keras', which Keras 3 reads, and weights alone as "
            "'.weights.h5': model.save_weights(path)."
        )
    else:
        raise wrong("save", "filepath", _ENDINGS, filepath)


def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model in a file that `save` wrote, here or in Keras: ready to predict and to train on.

    Nothing in the file is executed; what is promised says docs/files.md.

    Args:
        filepath: ends in ".keras" or ".safetensors"; or in ".h5", as Keras 1 and 2 wrote it.
        custom_objects: classes and functions of one's own, by name.
        compile: whether the model is compiled as it was, its optimiser's state included.
        safe_mode: as in Keras; code in a file is refused, whatever is said here.

    Raises:
        unpad.saving.FileError: the file is damaged, of another kind, or asks for what none may.
        FileNotFoundError: there is none.
    """
    path = path_of("load_model", filepath)
    compiled = bool(flag("load_model", "compile", compile))
    flag("load_model", "safe_mode", safe_mode)
    as_table("load_model", custom_objects or {})
    if path.suffix == ".keras":
        return keras_file.load(path, custom_objects, compiled, "load_model")
    if path.suffix == ".safetensors":
        return keras_file.load_tensors(path, custom_objects, compiled, "load_model")
    if path.suffix in (".h5", ".hdf5"):
        return older_file.load(path, custom_objects, compiled, "load_model")
    raise wrong("load_model", "filepath", _READ, filepath)
