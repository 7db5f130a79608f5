"""Several inputs and outputs: what a caller gives for them, as a list in the model's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.structure import in_order
from ..errors import unknown


def inputs_of(
    x: Any, names: Sequence[str] | None, who: str, one: bool = False, form: Any = None
) -> list[Any]:
    """The inputs in the model's order: a list or tuple of them, a dict by name, or in its form.

    Args:
        x: what the caller gave.
        names: of the model's inputs; None where it does not say: then a tuple is several.
        who: what it is called in errors.
        one: whether the model takes one input, and a tuple is one of sequences.
        form: how the model's inputs lie in one another; None where it does not say.

    Raises:
        ValueError: there are too many or too few, or a name is not known.
    """
    found = _in_form(x, form)
    if found is not None:
        return found
    if isinstance(x, dict):
        return by_name(x, names or [], who, "input")
    if names is None and not one:
        return list(x) if isinstance(x, tuple) else [x]
    if names is None or len(names) == 1:
        alone = isinstance(x, tuple) and len(x) == 1
        return [x[0]] if alone else [x]
    if not isinstance(x, (list, tuple)) or len(x) != len(names):
        got = f"{len(x)} parts" if isinstance(x, (list, tuple)) else type(x).__name__
        raise ValueError(
            f"{who}: the model has {len(names)} inputs ({_shown(names)}): expected a list of as "
            f"many, or a dict by name, got {got}."
        )
    return list(x)


def _in_form(given: Any, form: Any) -> list[Any] | None:
    """What lies in a form of several levels, in order; None of any other."""
    parts = form.values() if isinstance(form, dict) else form
    nested = isinstance(form, (dict, list, tuple)) and any(
        isinstance(part, (dict, list, tuple)) for part in parts
    )
    return in_order(given, form) if nested else None


def for_outputs(
    given: Any,
    names: Sequence[str],
    who: str,
    spread: bool = False,
    named: bool = False,
    form: Any = None,
) -> list[Any]:
    """What belongs to each output: of a list, a dict by name, their form, or of the one there is.

    Args:
        given: what the caller gave; None is None for each.
        names: of the outputs.
        who: what it is called in errors.
        spread: whether one thing that is no list is for all outputs.
        named: whether a dict is by name, and nothing that one output could be given.
        form: how the outputs lie in one another; None where the model does not say.

    Raises:
        ValueError: there are too many or too few, or a name is not known.
    """
    if given is None:
        return [None] * len(names)
    found = _in_form(given, form)
    if found is not None:
        return found
    if isinstance(given, dict) and (named or len(names) > 1 or set(given) <= set(names)):
        for name in given:
            if name not in names:
                raise unknown(who, "output", name, names)
        return [given.get(name) for name in names]
    if len(names) == 1:
        return [given]
    if isinstance(given, (list, tuple)) and len(given) == len(names):
        return list(given)
    if spread and not isinstance(given, (list, tuple)):
        return [given] * len(names)
    got = f"{len(given)} parts" if isinstance(given, (list, tuple)) else type(given).__name__
    raise ValueError(
        f"{who}: the model has {len(names)} outputs ({_shown(names)}): expected a list of as many, "
        f"or a dict by name, got {got}."
    )


def by_name(given: dict[str, Any], names: Sequence[str], who: str, what: str) -> list[Any]:
    """What a dict gives for each of these names, in their order.

    Raises:
        ValueError: a name is not known, or one is missing.
    """
    if not names:
        raise ValueError(
            f"{who}: a dict needs a model whose inputs have names: Model(inputs, ...)."
        )
    for name in given:
        if name not in names:
            raise unknown(who, what, name, names)
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(f"{who}: {what} {missing[0]!r} is missing.")
    return [given[name] for name in names]


def _shown(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
