"""Keras 3's `.keras`: an archive of a configuration, weights, and vocabularies."""

from __future__ import annotations

import datetime
import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import optimizers
from ..core.room import room_for
from ..core.shapes import shapes_of_specs
from ..core.spec import Spec
from ..core.stored import says
from ..core.written import is_ours
from ..ragged.numbers import as_dtype, type_name
from ..serialization import custom_object_scope, deserialize, read, serialize
from ..training import Trainer
from . import hdf5, tensors_file
from .archive import Archive
from .mask_differences import tell_differences
from .older.configuration import modern, version_of
from .older_training import modern_training
from .optimizer_state import can_be_kept
from .problems import DamagedFile, RefusedFile, WrongFormat, read_as
from .tree import kept
from .weights import Place, as_group, set_from, set_optimizer_from, trained
from .writing import write_whole

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
#: Whose format it is.
KERAS = "3.15.1"
#: What is told of the data that a model was trained on.
_COUNTS = ("sequences", "steps", "shortest", "longest")
#: What tells Keras how fast to go, and is nothing here.
_NOTHING = {"run_eagerly", "steps_per_execution", "jit_compile"}


# --- what a model is, as data ---------------------------------------------------------------------


def described(model: Any, compiled: bool = True) -> dict[str, Any]:
    """A model as data: its configuration, what it was built for, what it is trained with.

    Args:
        model: any.
        compiled: whether what it is trained with is part of it.

    Raises:
        TypeError: a part cannot be written; the text says which, and the way out.
    """
    data = serialize(model)
    specs = model.built_for
    drawn_whole = model.is_drawn and getattr(model, "_input", model) is not None
    if specs and not drawn_whole:
        data["build_config"] = {"input_shape": _shape(specs)}
        data["unpad_built_for"] = [_of_spec(s) for s in specs if isinstance(s, Spec)]
    if model.trained_on:
        data["unpad_trained_on"] = dict(model.trained_on)
    if compiled and model.compiled:
        config = model.get_compile_config()
        if config:
            data["compile_config"] = config
    return data


def made(
    data: Any, custom_objects: Mapping[str, Any] | None, numbers: int, where: Place, who: str
) -> Any:
    """The model that data describe, built, with weights that are yet to be set.

    Args:
        data: of `described`, or Keras's.
        custom_objects: classes and functions of one's own, by name.
        numbers: how many the file has for its weights.
        where: the data stand.
        who: shown in errors.

    Raises:
        FileError: they describe no model.
    """
    if not isinstance(data, Mapping):
        raise DamagedFile(where.path, where.place, "expected a model's configuration.")
    with read_as(where.path, where.place, "the model"), room_for(numbers):
        model = deserialize(data, custom_objects, who=who)
        if not getattr(model, "is_model", False):
            raise ValueError(f"expected a model, got a {type(model).__name__}.")
        if not model.built:
            _build(model, data)
        known = data.get("unpad_trained_on")
        if isinstance(known, Mapping):
            kinds = {"stream": str, **dict.fromkeys(_COUNTS, int)}
            model.trained_on = {n: known[n] for n, k in kinds.items() if type(known.get(n)) is k}
    return model


def _build(model: Any, data: Mapping[str, Any]) -> None:
    specs, shapes = data.get("unpad_built_for"), data.get("build_config") or {}
    if specs:
        model.ensure_built(*[_spec(s) for s in specs])
        return
    shape = shapes.get("input_shape")
    if shape is None:
        raise ValueError(f"{model.who} does not say what it was built for.")
    model.build(_as_tuples(shape))


def _of_spec(spec: Spec) -> dict[str, Any]:
    return {"shape": list(spec.shape), "ragged": spec.ragged, "dtype": type_name(spec.dtype)}


def _spec(data: Mapping[str, Any]) -> Spec:
    dtype = as_dtype(data["dtype"], "a spec")
    assert dtype is not None
    return Spec(tuple(data["shape"]), bool(data["ragged"]), dtype)


def _shape(specs: Any) -> Any:
    shapes = [shapes_of_specs(spec, None) for spec in specs]
    return shapes[0] if len(shapes) == 1 else shapes


def _as_tuples(shape: Any) -> Any:
    deep = isinstance(shape, list) and any(isinstance(s, list) for s in shape)
    return [_as_tuples(s) for s in shape] if deep else tuple(shape)


# --- what it is trained with ----------------------------------------------------------------------


def compile_config(model: Any) -> dict[str, Any]:
    """See `Model.get_compile_config`."""
    if not model.compiled:
        return {}
    compiled = model.as_compiled("save")
    if not isinstance(compiled.optimizer, optimizers.Optimizer):
        return {}
    return serialize({"optimizer": compiled.optimizer, **compiled.given})


def compile_from(model: Any, config: Mapping[str, Any]) -> None:
    """See `Model.compile_from_config`."""
    known = {name: read(value) for name, value in config.items() if name not in _NOTHING}
    model.compile(**known)


# --- files ----------------------------------------------------------------------------------------


def state_and_data(model: Any, compiled: bool, who: str) -> tuple[dict[str, Any], hdf5.Group]:
    """A model as data, and its numbers with those of its optimiser.

    Args:
        model: built.
        compiled: whether what it is trained with is part of it.
        who: shown in errors.
    """
    data = described(model, compiled)
    if compiled and model.compiled and model.made_optimizer is None and trained(model):
        maker = getattr(model.as_compiled(who).make_optimizer, "__self__", None)
        if isinstance(maker, optimizers.Optimizer):
            Trainer(model).update(who)  # so that what it gathers has its places
    root = as_group(model)
    if not compiled:
        root.groups.pop("optimizer", None)
    return data, root


def save(model: Any, path: Path, include_optimizer: bool, who: str) -> None:
    """Writes a model into an archive."""
    data, root = state_and_data(model, include_optimizer, who)
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS, "date_saved": now, "written_by": "unpad"}
    assets = _assets(model)
    weights = io.BytesIO()
    hdf5.write(weights, root)

    def write(to: Path) -> None:
        with zipfile.ZipFile(to, "w") as file:
            file.writestr(METADATA, json.dumps(metadata))
            file.writestr(CONFIG, json.dumps(data))
            file.writestr(WEIGHTS, weights.getbuffer())
            for name, content in assets.items():
                file.writestr(name, content)

    write_whole(path, write, weights.getbuffer().nbytes, who)


def load(path: Path, custom_objects: Any, compile: bool, who: str) -> Any:
    """The model of an archive.

    Raises:
        FileError: it is none, or is refused.
    """
    with Archive(path) as archive:
        data, metadata = archive.json(CONFIG), archive.json(METADATA)
        with read_as(path, CONFIG, "the model"):
            data = _in_our_words(data, metadata)
        root = weights_in(archive)
        model = made(data, custom_objects, count(root), Place(path, CONFIG), who)
        set_from(model, root, Place(path, WEIGHTS))
        _load_assets(model, archive)
    if compile and isinstance(data.get("compile_config"), Mapping) and data["compile_config"]:
        compile_as(model, data["compile_config"], custom_objects, root, Place(path, CONFIG), who)
    if isinstance(metadata, Mapping) and metadata.get("written_by") != "unpad":
        tell_differences(model, path, who)
    return model


def _in_our_words(data: Any, metadata: Any) -> Any:
    """A model's data; those of Keras 2.12 to 2.15's archives are put into Keras 3's words."""
    said = metadata.get("keras_version") if isinstance(metadata, Mapping) else None
    version = version_of("3" if said is None else said)
    if version[0] >= 3 or not isinstance(data, Mapping):
        return data
    data = modern(data, version)
    if isinstance(data.get("compile_config"), Mapping):
        data["compile_config"] = modern_training(data["compile_config"], version)
    return data


def load_tensors(path: Path, custom_objects: Any, compile: bool, who: str) -> Any:
    """The model of a safetensors file.

    Raises:
        FileError: it is none, or is refused.
    """
    root, data = tensors_file.read(path)
    if data is None:
        raise WrongFormat(path, "", "it holds weights and no model: model.load_weights(path).")
    model = made(data, custom_objects, count(root), Place(path, "model"), who)
    set_from(model, root, Place(path))
    if compile and isinstance(data.get("compile_config"), Mapping):
        compile_as(model, data["compile_config"], custom_objects, root, Place(path), who)
    return model


def count(root: hdf5.Group) -> int:
    """How many numbers a tree has."""
    return sum(a.size for _, group in root.walk() for a in group.arrays.values())


def compile_as(
    model: Any, config: Any, custom_objects: Any, root: hdf5.Group, where: Place, who: str
) -> None:
    """Compiles a model as a file says, and gives its optimiser the state in a tree."""
    with read_as(where.path, where.place, "what the model is trained with"):
        with custom_object_scope(custom_objects or {}):
            model.compile_from_config(config)
        if not (model.compiled and trained(model)) or root.at("optimizer/vars") is None:
            return
        optimizer = Trainer(model).update(who).optimizer
        if can_be_kept(optimizer):
            place = Place(where.path, WEIGHTS)
            set_optimizer_from(optimizer, trained(model), root, place)


def weights_in(archive: Archive) -> hdf5.Group:
    """The tree of arrays in an archive."""
    if WEIGHTS not in archive.names:
        if "model.weights.npz" in archive.names:
            raise RefusedFile(
                archive.path, "model.weights.npz",
                "weights are read as HDF5: save with weights_format='h5', Keras's default.",
            )  # fmt: skip
        raise WrongFormat(archive.path, "", f"there is no {WEIGHTS} in it.")
    return hdf5.read(archive.read(WEIGHTS), archive.path, WEIGHTS)


def _assets(model: Any) -> dict[str, bytes]:
    """The files that layers keep beside their numbers, by their names in an archive."""
    found: dict[str, bytes] = {}
    for part in kept(model):
        if not says(part.thing, "save_assets"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            part.thing.save_assets(folder)
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file():
                    inside = file.relative_to(folder).as_posix()
                    found["/".join(p for p in ("assets", part.path, inside) if p)] = (
                        file.read_bytes()
                    )
    return found


def _load_assets(model: Any, archive: Archive) -> None:
    for part in kept(model):
        front = f"assets/{part.path}".rstrip("/") + "/"
        names = [n for n in archive.names if n.startswith(front) and not n.endswith("/")]
        if not names or not says(part.thing, "load_assets"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                file = Path(folder, name.removeprefix(front))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(name))
            with read_as(archive.path, front, "a layer's files"):
                part.thing.load_assets(folder)


def check_assets(model: Any, who: str) -> None:
    """Raises where layers keep files of their own, which numbers alone do not hold."""
    for part in kept(model):
        if says(part.thing, "save_assets") and not is_ours(type(part.thing)):
            raise ValueError(
                f"{who}: {part.thing.who} has files beside its weights (save_assets), which go "
                "into an archive: give a name that ends in .keras."
            )
