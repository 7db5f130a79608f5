"""Weights as Keras 1 and 2 kept them in HDF5: a group for each layer, by its name.

A group says in "layer_names" which it holds, in their order, and each of these in "weight_names"
its arrays. Layers with weights are met in order, or by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from .filling import put
from .hdf5 import Group
from .older.arrays import Arrays, Writer, fitted, weights_of
from .older.configuration import version_of
from .problems import DamagedFile, OtherModel
from .tree import own_numbers
from .weights import Place

_TOP = "top_level_model_weights"


class Saved(NamedTuple):
    """What a file has for a layer."""

    name: str
    arrays: list[np.ndarray]


def is_older_weights(root: Group) -> bool:
    """Whether a file's weights are of this kind."""
    return bool(_names(root, "layer_names")) or "model_weights" in root.groups


def writer_of(root: Group) -> Writer:
    """Who wrote a file; before Keras 2 nobody said."""
    inside = root.groups.get("model_weights", root)
    said = {**root.attrs, **inside.attrs}
    return Writer(version_of(said.get("keras_version", "1")), _text(said.get("backend", "")))


def saved_in(root: Group, where: Place) -> list[Saved]:
    """Every layer's arrays, in the order of the file.

    Raises:
        DamagedFile: a name stands for nothing.
    """
    group = root.groups.get("model_weights", root)
    found = []
    for name in _names(group, "layer_names"):
        inner = group.at(name)
        if inner is None:
            raise DamagedFile(where.path, where.at(name), "is not there.")
        found.append(Saved(name, arrays_in(inner, where, name)))
    top = group.groups.get(_TOP)
    if top is not None:
        found.append(Saved(_TOP, arrays_in(top, where, _TOP)))
    return found


def arrays_in(group: Group, where: Place, name: str) -> list[np.ndarray]:
    """The arrays of a group, in the order of its "weight_names"."""
    found = []
    for each in _names(group, "weight_names"):
        array = group.array(each)
        if array is None:
            raise DamagedFile(where.path, where.at(f"{name}/{each}"), "is not there.")
        found.append(array)
    return found


def names_in(group: Group) -> list[str]:
    """What the arrays of a group are called."""
    return _names(group, "weight_names")


def _names(group: Group, attribute: str) -> list[str]:
    """A list of names, which stands in pieces where it is long."""
    said: Mapping[str, Any] = group.attrs
    pieces = [said[attribute]] if attribute in said else []
    while (name := f"{attribute}{len(pieces)}") in said:
        pieces.append(said[name])
    return [_text(name) for piece in pieces for name in np.atleast_1d(np.asarray(piece, object))]


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


# --- into a model ---------------------------------------------------------------------------------


def set_from_layers(model: Any, root: Group, where: Place, by_name: bool) -> list[str]:
    """Gives a model the weights of such a file: all of them or, after an error, none.

    Args:
        model: built.
        root: of the file.
        where: it comes from.
        by_name: layers whose names the file has not stay as they are; else layers that have weights
            are met in order, or by their names where both have the same.

    Returns:
        With `skip_mismatch` what was left as it was, each with the reason.

    Raises:
        OtherModel: the weights are not this model's.
    """
    writer, saved = writer_of(root), saved_in(root, where)
    ready: list[tuple[Tensor, np.ndarray]] = []
    skipped: list[str] = []
    for layer, each in _pairs(model, saved, where, by_name):
        own = each.name == _TOP
        weights = own_numbers(model) if own else weights_of(layer)
        arrays = each.arrays if own else fitted(layer, each.arrays, writer)
        why = _why_not(weights, arrays)
        if why and not where.skip_mismatch:
            raise OtherModel(where.path, where.at(each.name), why)
        if why:
            skipped.append(f"{each.name}: {why}")
        else:
            ready += zip(weights, arrays, strict=True)
    for weight, array in ready:
        put(weight, array)
    return skipped


def _pairs(model: Any, saved: list[Saved], where: Place, by_name: bool) -> list[tuple[Any, Saved]]:
    mine = [layer for layer in model.layers if weights_of(layer)]
    theirs = [each for each in saved if each.arrays and each.name != _TOP]
    top = [(model, each) for each in saved if each.arrays and each.name == _TOP]
    by_names = {layer.name: layer for layer in mine}
    known = {each.name for each in theirs}
    if by_name:
        found = [(by_names[each.name], each) for each in theirs if each.name in by_names]
        if not found and not top:
            listed = ", ".join(sorted(known)) or "none"
            raise OtherModel(
                where.path, where.place, f"no layer has a name of the file's: {listed}."
            )
        return found + top
    if known == by_names.keys() and len(known) == len(theirs) == len(mine):
        return [(by_names[each.name], each) for each in theirs] + top
    if len(mine) != len(theirs):
        raise OtherModel(
            where.path, where.place,
            f"expected weights of {len(mine)} layers ({_listed(by_names)}), the file has those of "
            f"{len(theirs)} ({_listed(known)}). by_name=True takes those of equal names.",
        )  # fmt: skip
    return list(zip(mine, theirs, strict=True)) + top


def _listed(names: Any) -> str:
    first = sorted(names)
    return ", ".join(first[:8]) + (", ..." if len(first) > 8 else "")


def _why_not(weights: list[Tensor], arrays: Arrays) -> str:
    if len(weights) != len(arrays):
        return f"expected {len(weights)} weights, the file has {len(arrays)}."
    for i, (weight, array) in enumerate(zip(weights, arrays, strict=True)):
        if array.shape != tuple(weight.shape):
            return f"expected weight {i} as {tuple(weight.shape)}, the file has {array.shape}."
        if array.dtype.kind not in "fiub":
            return f"expected weight {i} as numbers, the file has {array.dtype}."
    return ""
