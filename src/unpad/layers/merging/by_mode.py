"""merge: Keras 1's function for what are layers now."""

from __future__ import annotations

from typing import Any

from ...errors import look_up
from ...spellings import tell_once
from .concatenate import Concatenate
from .dot import Dot
from .elementwise import Add, Average, Maximum, Multiply

_BY_MODE = {"sum": Add, "mul": Multiply, "ave": Average, "max": Maximum}
_ALL = {**_BY_MODE, "concat": Concatenate, "dot": Dot, "cos": Dot}


def merge(
    inputs: list[Any],
    mode: str = "sum",
    dot_axes: Any = -1,
    concat_axis: int = -1,
    name: str | None = None,
) -> Any:
    """Joins several inputs, as Keras 1 wrote it.

    Args:
        inputs: as the layer takes them.
        mode: "sum", "mul", "ave", "max", "concat", "dot" or "cos".
        dot_axes: see `Dot`.
        concat_axis: see `Concatenate`.
        name: of the layer.

    Raises:
        ValueError: the mode is not known.
    """
    kind = look_up("merge", "mode", mode, _ALL)
    tell_once("merge", f"merge(x, mode={mode!r})", f"layers.{kind.__name__}()(x)")
    if kind is Concatenate:
        return Concatenate(concat_axis, name=name)(inputs)
    if kind is Dot:
        return Dot(dot_axes, normalize=mode == "cos", name=name)(inputs)
    return _BY_MODE[mode](name=name)(inputs)
