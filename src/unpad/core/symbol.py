"""Symbols: what will flow along the edges of a model, before there is data."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from .. import arguments
from ..ragged import Ragged
from ..ragged.numbers import as_dtype
from .spec import Spec, spec_of
from .structure import arranged, flat, listed


class Node:
    """A layer drawn into a graph: what it is called with, and the symbols that come out.

    Args:
        layer: called when the graph runs.
        inputs: positional arguments, symbols or lists of them among them.
        options: further arguments.
    """

    def __init__(self, layer: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.layer, self.inputs, self.options = layer, inputs, options
        self.outputs: list[Symbol] = []

    def symbols(self) -> list[Symbol]:
        """The symbols that the layer is called with, in order."""
        return [s for x in (*self.inputs, *self.options.values()) for s in symbols_in(x)]


def _binary(name: str, reflected: bool = False) -> Callable[[Symbol, Any], Symbol]:
    function = getattr(operator, name)

    def method(self: Symbol, other: Any) -> Symbol:
        return self._draw(function, *((other, self) if reflected else (self, other)))

    method.__doc__ = f"Draws operator.{name}."
    return method


class Symbol:
    """An edge of a model: the type of what will flow there, and the node that gives it.

    Arithmetic, comparisons, indexing and torch functions draw on: `h * 2 + g`, `h[:, -1]`. What
    cannot be done with a batch of this type is refused there.

    Args:
        spec: Ragged or dense, feature shape, dtype, whose lengths; or a grid's shape, the batch in
            front, as `keras.KerasTensor((None, 3))` is made.
        node: what it comes out of; None for an input. Beside a shape the type of the values.
        name: shown in errors.
        dtype: of the values, beside a shape; by default torch's default.
    """

    def __init__(
        self,
        spec: Spec | Sequence[int | None],
        node: Node | str | torch.dtype | None = None,
        name: str | None = None,
        *,
        dtype: Any = None,
    ) -> None:
        if not isinstance(spec, Spec):
            sizes = arguments.sizes("KerasTensor", "shape", spec, unknown=True, least=0)
            kind = as_dtype(node if dtype is None else dtype, "KerasTensor: dtype")
            node, spec = None, Spec(tuple(sizes[1:]), False, kind or torch.get_default_dtype())
        self.spec: Spec = spec
        self.node: Any = node
        self.name = name

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Keras's shape: the batch, the time of sequences, the features; None is any size."""
        return self.spec.full_shape

    @property
    def ndim(self) -> int:
        """The number of axes, the batch and time included."""
        return len(self.spec)

    @property
    def dtype(self) -> torch.dtype:
        """Of the values."""
        return self.spec.dtype

    @property
    def _keras_mask(self) -> Symbol | None:
        """Which steps will be real, by Keras's name: `mask` of a Ragged; None of rows."""
        return self._draw(operator.attrgetter("mask"), self) if self.spec.ragged else None

    #: Makes the layer that applies a function. A layer knows symbols, so this cannot import it: it
    #: makes itself known, where it is defined (core/operation.py).
    operation: ClassVar[Callable[[Any], Any]]

    def check_reader(self, layer: Any) -> None:
        """Raises a ValueError for a layer that cannot take what flows here, whatever its spec.

        Args:
            layer: that is drawn behind it.
        """

    def _draw(self, function: Any, *inputs: Any) -> Any:
        return type(self).operation(function)(*inputs)

    __add__, __radd__ = _binary("add"), _binary("add", True)
    __sub__, __rsub__ = _binary("sub"), _binary("sub", True)
    __mul__, __rmul__ = _binary("mul"), _binary("mul", True)
    __truediv__, __rtruediv__ = _binary("truediv"), _binary("truediv", True)
    __pow__, __rpow__ = _binary("pow"), _binary("pow", True)
    __matmul__, __rmatmul__ = _binary("matmul"), _binary("matmul", True)
    __lt__ = _binary("lt")
    __le__ = _binary("le")
    __gt__ = _binary("gt")
    __ge__ = _binary("ge")
    __eq__ = _binary("eq")  # pyright: ignore[reportAssignmentType]
    __ne__ = _binary("ne")  # pyright: ignore[reportAssignmentType]

    def __getitem__(self, index: Any) -> Symbol:
        return self._draw(operator.getitem, self, index)

    def __neg__(self) -> Symbol:
        return self._draw(operator.neg, self)

    def __abs__(self) -> Symbol:
        return self._draw(operator.abs, self)

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self!r} has no value yet: it stands for what will flow through the model. A choice "
            "that depends on values belongs into a layer's forward."
        )

    def __iter__(self) -> Any:
        raise TypeError(f"{self!r} cannot be iterated over: it has no value yet.")

    __hash__ = object.__hash__
    # numpy must not take `array * symbol` apart element by element.
    __array_ufunc__ = None

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """A torch function of symbols becomes a node."""
        return cls.operation(function)(*args, **(kwargs or {}))

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<Symbol{name} {self.spec}>"


def is_symbolic(value: Any) -> bool:
    """Whether it is a symbol, or a list or dict that holds one."""
    if isinstance(value, (list, tuple, dict)):
        return any(isinstance(v, Symbol) for v in flat(value))
    return isinstance(value, Symbol)


def symbols_in(value: Any) -> list[Symbol]:
    """The symbols in an argument, in order."""
    return [v for v in flat(value) if isinstance(v, Symbol)]


def specs_of(value: Any, shown: bool = False) -> Any:
    """The same argument with a spec wherever a batch or a symbol stands.

    Args:
        value: an argument of a layer.
        shown: whether the spec of a tensor shows in an error how many rows there are.
    """
    if isinstance(value, Symbol):
        return value.spec
    if isinstance(value, (Ragged, Tensor)):
        if isinstance(value, Tensor) and not value.ndim:
            return value
        spec = spec_of(value)
        return replace(spec, batch=len(value)) if shown and not spec.ragged else spec
    if isinstance(value, (list, tuple, dict)) and any(
        isinstance(v, (Symbol, Ragged, Tensor)) for v in flat(value)
    ):
        if isinstance(value, dict):
            return {key: specs_of(v, shown) for key, v in value.items()}
        return listed([specs_of(v, shown) for v in value], value)
    return value


def _specs_of_symbols(value: Any) -> Any:
    """The same argument with a spec wherever a symbol stands; tensors stay what they are."""
    if isinstance(value, dict) and symbols_in(value):
        return {key: _specs_of_symbols(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)) and symbols_in(value):
        return listed([_specs_of_symbols(v) for v in value], value)
    return value.spec if isinstance(value, Symbol) else value


def draw(layer: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Checks the layer against its inputs' specs, builds it, and gives symbols for its outputs."""
    node = Node(layer, inputs, options)
    for symbol in node.symbols():
        symbol.check_reader(layer)
    known = _specs_of_symbols if layer.keeps_constants else specs_of
    specs = {name: known(value) for name, value in options.items()}
    out = layer.ensure_built(*map(known, inputs), **specs)
    layer._nodes.append(node)
    node.outputs = [Symbol(spec, node) for spec in flat(out)]
    if isinstance(out, list) and not any(isinstance(part, (dict, list, tuple)) for part in out):
        return layer.arranged(node.outputs)
    return arranged(iter(node.outputs), out)
