"""A model in an ONNX file, or a session of onnxruntime's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..probes import CannotAsk, Laid, Pair, Place
from .of_function import first_output, names_of
from .onnx_nodes import Inside
from .signature import Told, ways_of_names

_TYPES = {"float": "f4", "double": "f8", "float16": "f2", "bool": "?", "int64": "i8", "int32": "i4"}


class OfOnnx:
    """A session that is asked; how it is told what is padding is read from its inputs' names.

    Args:
        model: an InferenceSession, or the path of a file.
        laid: with what, to find out which way works.
        told: how it is told, where the caller says it.

    Raises:
        CannotAsk: onnxruntime is not there, the file cannot be read, or it wants more inputs.
    """

    words = "onnx"

    def __init__(self, model: Any, laid: Laid, told: str | None = None) -> None:
        self.session = model if hasattr(model, "get_inputs") else _session(model)
        first, *others = self.session.get_inputs()
        self._types = {i.name: _type(i.type) for i in (first, *others)}
        self._first = first.name
        given = names_of(laid)
        left = [i.name for i in (first, *others)] if given else [i.name for i in others]
        ways = ways_of_names([name for name in left if name not in given], told, given)
        self.way = self._settled(ways, laid)

    def _settled(self, ways: list[Told], laid: Laid) -> Told:
        why: CannotAsk | None = None
        for way in ways:
            try:
                self._call(laid, way)
            except CannotAsk as error:
                why = why or error
                continue
            return way
        raise why or CannotAsk("no call of it works.")

    @property
    def told(self) -> str | None:
        """How it is told what is padding."""
        return self.way.how

    def outputs(self, laid: Laid) -> dict[str, Tensor]:
        """The outputs by name."""
        return self._call(laid, self.way)

    def _call(self, laid: Laid, way: Told) -> dict[str, Tensor]:
        names = [out.name for out in self.session.get_outputs()]
        found = self._run(self.session, laid, way)
        first = first_output(found[0])
        n = len(laid.sequences)
        others = {
            name: first_output(x)
            for name, x in zip(names[1:], found[1:], strict=True)
            if x.dtype.kind == "f" and x.ndim and len(x) == n
        }
        return {names[0]: first, **others}

    def _run(self, session: Any, laid: Laid, way: Told | None = None) -> list[Any]:
        one = laid.name is None
        grids = {self._first if one else name: part.grid for name, part in laid.inputs.items()}
        fed = {
            name: np.asarray(value).astype(self._types[name])
            for name, value in (grids | (way or self.way).said(laid)).items()
        }
        try:
            return session.run(None, fed)
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[0]
            shapes = ", ".join(str(tuple(x.shape)) for x in grids.values())
            raise CannotAsk(f"a call with {shapes} fails: {said}") from error

    def place(self, pair: Pair, threshold: float) -> Place | None:
        """The first node of the graph whose output parts; None where the graph cannot be had."""
        try:
            inside = Inside(self.session)
        except CannotAsk:
            raise
        except Exception as error:  # a graph that onnx cannot type, or that is too large to copy
            raise CannotAsk(f"its nodes cannot be asked: {str(error).splitlines()[0]}") from error
        return inside.place(
            lambda session, laid: self._run(session, laid, self.way), pair, threshold
        )

    def shares(self, laid: Laid, causal: bool) -> None:
        """A session has no gradients."""
        return


def is_onnx(model: Any) -> bool:
    """Whether it is a session of onnxruntime's, or the name of a file in ONNX."""
    if isinstance(model, (str, Path)):
        return str(model).endswith(".onnx")
    return type(model).__module__.partition(".")[0] == "onnxruntime" and hasattr(model, "run")


def _session(path: Any) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise CannotAsk("a file in ONNX is run by onnxruntime: pip install onnxruntime.") from None
    try:
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise CannotAsk(f"{path} cannot be run: {str(error).splitlines()[0]}") from error


def _type(declared: str) -> str:
    return _TYPES.get(declared.removeprefix("tensor(").removesuffix(")"), "f4")
