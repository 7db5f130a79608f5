"""A model's numbers as a tree of arrays, and back: what `.weights.h5` and `.keras` hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..core.stored import says
from ..optimizers.rule import Rule
from ..ragged.numbers import to_numpy
from ..serialization import read, serialize
from .filling import put
from .hdf5 import Group
from .optimizer_state import can_be_kept, scale_of, set_state, state_of
from .problems import OtherModel, read_as
from .tree import Kept, kept

_OPTIMIZER = "optimizer"
#: What of Keras's is in a file and no weight here.
_NO_WEIGHTS = {"seed_generator", "optimizer", "_optimizer", "optimizer_weights"}


def as_group(model: Any) -> Group:
    """The model's numbers, and those of its optimiser where it has one of this library's."""
    root = Group()
    for part in kept(model):
        vars_ = Group(arrays=_arrays_of(part))
        if part.name is not None:
            vars_.attrs["name"] = part.name
        state = _extra(part.thing)
        if state is not None:
            vars_.attrs["unpad_state"] = json.dumps(serialize(state))
        if vars_.attrs or vars_.arrays:
            root.make(part.path).groups["vars"] = vars_
    if can_be_kept(getattr(model, "optimizer", None)):
        scale, arrays = scale_of(model.optimizer), state_of(model.optimizer, trained(model))
        name = type(model.optimizer).__name__.removesuffix("Keras").lower()
        group = root.make(_OPTIMIZER)
        group.groups["vars"] = _numbered("loss_scale_optimizer" if scale else name, scale + arrays)
        if scale:  # as Keras, which writes them once with the optimiser around it, and once alone
            group.make("inner_optimizer").groups["vars"] = _numbered(name, arrays)
    return root


def _numbered(name: str, arrays: list[np.ndarray]) -> Group:
    return Group({"name": name}, {str(i): array for i, array in enumerate(arrays)})


def trained(model: Any) -> list[Tensor]:
    """The weights that an optimiser moves, in Keras's order."""
    return [w for w in model.weights if w.requires_grad]


class Place(NamedTuple):
    """Where numbers are read from, for errors and options.

    Args:
        path: of the file.
        place: in it.
        skip_mismatch: whether what does not fit is left as it is, and told.
    """

    path: Any
    place: str = ""
    skip_mismatch: bool = False

    def at(self, path: str) -> str:
        """A place below."""
        return "/".join(part for part in (self.place, path) if part)


def set_from(model: Any, root: Group, where: Place) -> list[str]:
    """Gives a model the numbers of a tree: all of them or, after an error, none.

    Args:
        model: built.
        root: the tree.
        where: it comes from.

    Returns:
        With `skip_mismatch` what was left as it was, each with the reason.

    Raises:
        OtherModel: a weight is not there, is too many or has another shape.
    """
    ready: list[tuple[Tensor, np.ndarray]] = []
    states: list[tuple[Any, Any]] = []
    own: list[tuple[Kept, Group]] = []
    skipped: list[str] = []
    known: set[str] = set()
    for part in kept(model):
        known.add(part.path)
        group = _vars(root, part.path)
        if says(part.thing, "load_own_variables"):
            own.append((part, group))
            continue
        why = _why_not(part, group)
        if why and not where.skip_mismatch:
            raise OtherModel(where.path, where.at(part.path), why)
        if why:
            skipped.append(f"{part.path}: {why}")
        elif part.numbers:
            pairs = enumerate(part.numbers)
            ready += [(w, group.arrays[str(i)]) for i, w in pairs]
        text = group.attrs.get("unpad_state")
        if text is not None and _extra(part.thing) is not None:
            with read_as(where.path, where.at(part.path), "a layer's state"):
                states.append((part.thing, read(json.loads(text))))
    others = [name for name in _with_numbers(root) if name not in known]
    if others and not where.skip_mismatch:
        raise OtherModel(
            where.path, where.at(others[0]), "the file has weights here, and the model no layer."
        )
    skipped += [f"{name}: the model has no such layer." for name in others]
    _load_own(own, where)
    for weight, array in ready:
        put(weight, array)
    for thing, state in states:
        with read_as(where.path, where.place, "a layer's state"):
            thing.set_extra_state(state)
    return skipped


def _arrays_of(part: Kept) -> dict[str, np.ndarray]:
    """A thing's numbers by name, as a class of one's own stores them, or by their places."""
    if not says(part.thing, "save_own_variables"):
        return {str(i): to_numpy(w).copy() for i, w in enumerate(part.numbers)}
    store: dict[str, Any] = {}
    part.thing.save_own_variables(store)
    return {
        str(name): np.asarray(to_numpy(value) if isinstance(value, Tensor) else value)
        for name, value in store.items()
    }


def _load_own(own: Sequence[tuple[Kept, Group]], where: Place) -> None:
    """Lets layers of one's own take their numbers; after an error each has those of before."""
    before: list[tuple[Any, dict[str, np.ndarray]]] = []
    try:
        for part, group in own:
            before.append((part.thing, _arrays_of(part)))
            part.thing.load_own_variables(dict(group.arrays))
    except Exception as error:
        for thing, arrays in before[:-1]:
            thing.load_own_variables(arrays)
        part = own[len(before) - 1][0]
        error.add_note(f"{where.path}: {where.at(part.path)}: in load_own_variables.")
        raise


def set_optimizer_from(
    optimizer: Any, weights: Sequence[Tensor], root: Group, where: Place
) -> None:
    """Gives an optimiser the state that a tree has of one; none where it has none.

    Raises:
        OtherModel: it is that of another optimiser or of other weights.
    """
    group = root.at(f"{_OPTIMIZER}/vars")
    if group is None or not group.arrays or not isinstance(optimizer, Rule):
        return
    arrays = [group.arrays.get(str(i)) for i in range(len(group.arrays))]
    if any(a is None for a in arrays):
        raise OtherModel(where.path, where.at("optimizer/vars"), "its arrays are not numbered.")
    if len(arrays) <= 2 < 2 + len(weights) and not can_be_fresh(optimizer, weights, len(arrays)):
        return  # it was saved before its first update
    try:
        set_state(optimizer, weights, [a for a in arrays if a is not None])
    except ValueError as error:
        raise OtherModel(where.path, where.at("optimizer/vars"), str(error)) from None


def can_be_fresh(optimizer: Rule, weights: Sequence[Tensor], count: int) -> bool:
    """Whether an optimiser keeps so few arrays, as SGD without momentum does."""
    return len(state_of(optimizer, weights)) == count


def _vars(root: Group, path: str) -> Group:
    """The numbers of a thing; those of Keras 2.13's archives stand under another name."""
    found = root.at(f"{path}/vars".lstrip("/"))
    if found is None and "_layer_checkpoint_dependencies" in root.groups:
        older = path.replace("layers", "_layer_checkpoint_dependencies")
        found = root.at(f"{older}/vars".lstrip("/"))
    return found or Group()


def _why_not(part: Kept, group: Group) -> str:
    """Why these numbers are not those of a thing; "" where they are."""
    if len(group.arrays) != len(part.numbers):
        return f"expected {len(part.numbers)} weights, the file has {len(group.arrays)}."
    for i, weight in enumerate(part.numbers):
        array = group.arrays.get(str(i))
        if array is None:
            return f"weight {i} is not in the file."
        if array.shape != tuple(weight.shape):
            return f"expected weight {i} as {tuple(weight.shape)}, the file has {array.shape}."
        if array.dtype.kind not in "fiub":
            return f"expected weight {i} as numbers, the file has {array.dtype}."
    return ""


def _with_numbers(root: Group) -> list[str]:
    """The paths in a tree that have weights."""
    found = []
    for path, group in root.walk():
        above, _, last = path.rpartition("/")
        parts = set(path.split("/"))
        if last == "vars" and group.arrays and not parts & _NO_WEIGHTS:
            found.append(above.replace("_layer_checkpoint_dependencies", "layers"))
    return found


def _extra(thing: Any) -> Any:
    """A module's state beside its numbers; None where it has none."""
    if not isinstance(thing, torch.nn.Module):
        return None
    if type(thing).get_extra_state is torch.nn.Module.get_extra_state:
        return None
    return thing.get_extra_state()
