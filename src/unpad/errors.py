"""How unpad words its errors: who, what was expected, what came, where first, what to do."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def shown(value: object) -> str:
    """What came, as an error shows it: short, and an array by its shape."""
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim:
        kind = "a tensor" if isinstance(value, Tensor) else "an array"
        return f"{kind} of shape {tuple(value.shape)}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{type(value).__name__} {text[:76]}..."


def unknown(who: str, what: str, name: object, options: Iterable[str]) -> ValueError:
    """The error for a name that is not known, with the nearest ones that are."""
    options = sorted(options)
    by_lower = {o.lower(): o for o in options}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=3)
    hint = f"did you mean {' or '.join(repr(by_lower[o]) for o in near)}? " if near else ""
    return ValueError(f"{who}: unknown {what} {name!r}; {hint}Known are: {', '.join(options)}.")


def unexpected(who: str, name: str, kind: type) -> TypeError:
    """The error for an argument that a class's constructor has not, with the nearest that it has.

    Args:
        who: shown first.
        name: of the argument.
        kind: the class; what it hands on by `**kwargs` is looked for in those above it.
    """
    takers = [vars(c)["__init__"] for c in kind.__mro__ if "__init__" in vars(c)]
    has = {p for taker in takers for p in inspect.signature(taker).parameters}
    near = difflib.get_close_matches(name, sorted(has - {"self", "args", "kwargs"}), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return TypeError(f"{who}: got an unexpected keyword argument {name!r}.{hint}")


def refuse(who: str, **options: Any) -> None:
    """Raises for options that are not supported: nothing is accepted and then ignored."""
    for name, value in options.items():
        if value is not None and value is not False:
            raise ValueError(f"{who}: {name}={value!r} is not supported. Leave it out.")


def look_up(who: str, what: str, name: str, table: Mapping[str, Any]) -> Any:
    """The table's entry for the name, or the error that names the nearest ones."""
    try:
        return table[name]
    except (KeyError, TypeError):  # no word at all
        raise unknown(who, what, name, table) from None


def first_true(flags: Tensor) -> tuple[int, ...] | None:
    """The index of the first True, or None where there is none, or none can be seen.

    While a graph is made there are no numbers: what is checked here is checked before, by a call
    outside of the graph.
    """
    if torch.compiler.is_compiling():
        return None
    flat = flags.reshape(-1)
    if not bool(flat.any()):
        return None
    index = int(flat.to(torch.uint8).argmax())
    return tuple(int(i) for i in torch.unravel_index(torch.tensor(index), flags.shape))
