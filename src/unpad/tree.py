"""Keras's `tree`: lists, tuples and dicts in one another, and what is in them.

Dicts are gone through in the order of their keys, an OrderedDict in its own. Anything else, a
Ragged or None too, is a leaf.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]

Path = tuple[Any, ...]


class MAP_TO_NONE:  # noqa: N801
    """What a function of `traverse` gives to put None in the place of a part."""


def _parts(structure: Any) -> list[tuple[Any, Any]] | None:
    """(key, part) of a structure in order; None of a leaf."""
    if isinstance(structure, OrderedDict):
        return list(structure.items())
    if isinstance(structure, dict):
        return [(key, structure[key]) for key in sorted(structure)]
    if isinstance(structure, (list, tuple)):
        return list(enumerate(structure))
    return None


def _made(like: Any, parts: list[tuple[Any, Any]]) -> Any:
    """A structure of the same kind around other parts."""
    if isinstance(like, dict):
        made = like.copy()
        made.update(parts)
        return made
    values = [part for _, part in parts]
    if hasattr(like, "_fields"):
        return type(like)(*values)
    return type(like)(values)


def is_nested(structure: Any) -> bool:
    """Whether it is a list, a tuple or a dict.

    Args:
        structure: lists, tuples and dicts in one another.
    """
    return isinstance(structure, (list, tuple, dict))


def _paths(structure: Any, leaf: Callable[[Any], bool], path: Path = ()) -> Iterator[Any]:
    parts = None if leaf(structure) else _parts(structure)
    if parts is None:
        yield path, structure
        return
    for key, part in parts:
        yield from _paths(part, leaf, (*path, key))


def flatten_with_path(structure: Any) -> list[tuple[Path, Any]]:
    """The leaves in order, each with the keys and places that lead to it.

    Args:
        structure: lists, tuples and dicts in one another.
    """
    return list(_paths(structure, lambda _: False))


def flatten(structure: Any) -> list[Any]:
    """The leaves in order.

    Args:
        structure: lists, tuples and dicts in one another.

    Example:
        >>> flatten({"b": [1, (2, 3)], "a": 0})
        [0, 1, 2, 3]
    """
    return [leaf for _, leaf in flatten_with_path(structure)]


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """The structure with what a function puts in the place of its parts.

    Args:
        func: of a part; gives another, None to leave it (from the top: to go into it), or
            MAP_TO_NONE.
        structure: any.
        top_down: whether a part is asked about before what is in it, which is then left out where
            it is replaced; else after.
    """
    if top_down:
        found = func(structure)
        if found is not None:
            return None if found is MAP_TO_NONE else found
    parts = _parts(structure)
    if parts is not None:
        inside = [(key, traverse(func, part, top_down)) for key, part in parts]
        structure = _made(structure, inside)
    if not top_down:
        found = func(structure)
        if found is not None:
            return None if found is MAP_TO_NONE else found
    return structure


def _together(
    func: Callable[..., Any], shallow: Any, structures: tuple[Any, ...], types: bool
) -> Any:
    """A function of what lies at the same place of several structures, down to the first's leaves.

    Raises:
        ValueError: they differ.
    """
    parts = _parts(shallow)
    if parts is None:
        return func(*structures)
    keys = [key for key, _ in parts]
    inside = [_parts(other) for other in structures]
    for other, found in zip(structures, inside, strict=True):
        alike = isinstance(other, dict) == isinstance(shallow, dict)
        if types:
            alike = alike and type(other) is type(shallow)
        if found is None or not alike or [key for key, _ in found] != keys:
            raise ValueError(
                f"tree: expected structures that are alike, got {shallow} and {other}."
            )
    rows = [[part for _, part in found or []] for found in inside]
    made = [
        (key, _together(func, part, tuple(row[i] for row in rows), types))
        for i, (key, part) in enumerate(parts)
    ]
    return _made(shallow, made)


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """A function of the leaves at the same place of several structures.

    Args:
        func: of as many leaves as there are structures.
        structures: that are alike.
        none_is_leaf: whether it is asked about None; else None stays, which must be in all.

    Raises:
        ValueError: the structures differ, or there is none.

    Example:
        >>> map_structure(lambda a, b: a + b, {"x": 1, "y": [2]}, {"x": 10, "y": [20]})
        {'x': 11, 'y': [22]}
    """
    if not structures:
        raise ValueError("map_structure: expected a structure.")

    def of(*leaves: Any) -> Any:
        if any(map(is_nested, leaves)):
            raise ValueError("map_structure: one of the structures goes deeper than the first.")
        if none_is_leaf or leaves[0] is not None:
            return func(*leaves)
        if any(leaf is not None for leaf in leaves):
            raise ValueError("map_structure: None in the first structure, and not in another.")
        return None

    return _together(of, structures[0], structures, True)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """A function of what lies where the leaves of the first are, which may be structures.

    Args:
        shallow_structure: whose leaves say where to stop.
        func: of one part of each structure.
        structures: as deep as the first, or deeper.

    Raises:
        ValueError: there is no structure beside the first, or one of them is not like it.
    """
    if not structures:
        raise ValueError("map_structure_up_to: expected a structure beside the shallow one.")
    return _together(func, shallow_structure, structures, False)


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raises a ValueError where two structures differ.

    Args:
        a: one.
        b: the other.
        check_types: whether lists must be lists; always so, as in Keras 3.
    """
    map_structure(lambda *_: None, a, b)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raises a ValueError where the paths to the leaves of two structures differ.

    Args:
        a: a structure.
        b: another.
    """
    mine, theirs = ({path for path, _ in flatten_with_path(s)} for s in (a, b))
    if mine != theirs:
        odd = min(mine ^ theirs, key=str)
        raise ValueError(f"tree: expected the same paths, but only one has {odd}.")


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """The structure with other leaves: the inverse of `flatten`.

    Raises:
        ValueError: there are not as many.

    Args:
        structure: lists, tuples and dicts in one another.
        flat_sequence: as many leaves as the structure has.
    """
    leaves = list(flat_sequence)
    count = len(flatten(structure))
    if len(leaves) != count:
        raise ValueError(f"pack_sequence_as: expected {count} leaves, got {len(leaves)}.")
    rest = iter(leaves)
    return _together(lambda _: next(rest), structure, (structure,), False)


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples instead of lists.

    Args:
        structure: lists, tuples and dicts in one another.
    """
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, False)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """A function of the shapes in a structure: tuples and lists of sizes and None.

    Args:
        func: of one leaf, or of one of each structure.
        structure: lists, tuples and dicts in one another.
    """

    def is_shape(x: Any) -> bool:
        return isinstance(x, (list, tuple)) and all(isinstance(n, (int, type(None))) for n in x)

    def of(part: Any) -> Any:
        if is_shape(part):
            found = func(part)
            return MAP_TO_NONE if found is None else found
        return None

    return traverse(of, structure)
