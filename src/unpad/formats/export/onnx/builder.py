"""The nodes of an ONNX graph while they are written: names, constants, sizes, graphs within."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import sympy
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

#: ONNX's number of each type of torch's that both have.
TYPES = {
    torch.float32: TensorProto.FLOAT,
    torch.float64: TensorProto.DOUBLE,
    torch.float16: TensorProto.FLOAT16,
    torch.bfloat16: TensorProto.BFLOAT16,
    torch.int64: TensorProto.INT64,
    torch.int32: TensorProto.INT32,
    torch.int16: TensorProto.INT16,
    torch.int8: TensorProto.INT8,
    torch.uint8: TensorProto.UINT8,
    torch.bool: TensorProto.BOOL,
}


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor that flows through the graph: its name, and torch's tensor of its type and shape.

    The shape's sizes are numbers, or torch's symbols where they follow the batch.
    """

    name: str
    like: Tensor

    @property
    def dtype(self) -> torch.dtype:
        """Of its numbers."""
        return self.like.dtype

    @property
    def shape(self) -> torch.Size:
        """With symbols where it follows the batch."""
        return self.like.shape


#: A tensor by name or as a Value, a number, or a size.
Operand = Any


class Builder:
    """Writes nodes one after another; what would be computed twice stands there once.

    Args:
        outer: of the graph that this one lies within, whose values it may read.
    """

    def __init__(self, outer: Builder | None = None) -> None:
        self.outer = outer
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[TensorProto] = [] if outer is None else outer.initializers
        self._taken: set[str] = set() if outer is None else outer._taken
        self._known: dict[Any, Any] = {}
        self._sizes: dict[sympy.Symbol, Any] = {}

    # --- nodes -----------------------------------------------------------------------------------

    def op(self, kind: str, *inputs: Operand, **attributes: Any) -> str:
        """A node of one output, by its ONNX name; gives the output's name."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, count: int, *inputs: Operand, **attributes: Any) -> list[str]:
        """A node of several outputs."""
        names = self._names(inputs)
        shown = tuple((k, repr(v)) for k, v in sorted(attributes.items()))
        key = (kind, count, tuple(names), shown)
        found = self._found(key)
        if found is None:
            found = [self.fresh(kind.lower()) for _ in range(count)]
            self.nodes.append(helper.make_node(kind, names, found, **attributes))
            self._known[key] = found
        return found

    def body(self, kind: str, count: int, *inputs: Operand, **attributes: Any) -> list[str]:
        """A node that holds a graph, which nothing else is the same as."""
        found = [self.fresh(kind.lower()) for _ in range(count)]
        self.nodes.append(helper.make_node(kind, self._names(inputs), found, **attributes))
        return found

    def _names(self, inputs: Sequence[Operand]) -> list[str]:
        """Of a node's inputs: one that is left out is "", and at the end not there.

        onnxruntime's LayerNormalization ends the process where its last input is "".
        """
        names = ["" if x is None else self.name_of(x) for x in inputs]
        while names and not names[-1]:
            names.pop()
        return names

    def _found(self, key: Any) -> Any:
        """What this graph, or one around it, has already."""
        if key in self._known:
            return self._known[key]
        return None if self.outer is None else self.outer._found(key)

    def fresh(self, wanted: str) -> str:
        """A name that nothing has."""
        name, count = wanted, 1
        while name in self._taken:
            name, count = f"{wanted}_{count}", count + 1
        self._taken.add(name)
        return name

    # --- operands --------------------------------------------------------------------------------

    def name_of(self, x: Operand) -> str:
        """Of what a node takes: a name, a Value, integers as int64, one or a vector of them."""
        if isinstance(x, str):
            return x
        if isinstance(x, Value):
            return x.name
        if isinstance(x, (torch.SymInt, sympy.Expr)):
            return self.op("Squeeze", self.size(x))
        return self.constant(np.asarray(x, dtype=np.int64))

    def constant(self, array: np.ndarray) -> str:
        """Numbers that do not change, by the name under which the model holds them."""
        key = (array.dtype.str, array.shape, array.tobytes())
        root = self._root
        if key not in root._known:
            root._known[key] = self.weight("constant", array)
        return root._known[key]

    def weight(self, name: str, array: np.ndarray | Tensor) -> str:
        """Numbers under a name of their own."""
        name = self.fresh(name)
        if isinstance(array, Tensor):
            self.initializers.append(_proto(array, name))
        else:
            self.initializers.append(numpy_helper.from_array(array, name))
        return name

    @property
    def _root(self) -> Builder:
        return self if self.outer is None else self.outer._root

    def number(self, x: Any, dtype: torch.dtype) -> str:
        """A number, a size or a Value as a tensor of this type."""
        if isinstance(x, Value):
            return self.cast(x, dtype)
        if isinstance(x, (torch.SymInt, sympy.Expr)):
            found = self.op("Squeeze", self.size(x))
            return found if dtype == torch.int64 else self.op("Cast", found, to=TYPES[dtype])
        key = ("number", dtype, repr(x))
        root = self._root
        if key not in root._known:
            root._known[key] = self.weight("number", torch.tensor(x, dtype=dtype))
        return root._known[key]

    def cast(self, x: Value, dtype: torch.dtype) -> str:
        """The same in this type."""
        return x.name if x.dtype == dtype else self.op("Cast", x, to=TYPES[dtype])

    # --- sizes -----------------------------------------------------------------------------------

    def meet(self, value: Value) -> None:
        """Notes which sizes can be read off a tensor."""
        for axis, size in enumerate(value.shape):
            expression = _expression(size)
            if isinstance(expression, sympy.Symbol) and not self._has(expression):
                self._sizes[expression] = (value.name, axis)

    def means(self, symbol: torch.SymInt, name: str) -> None:
        """Notes that a size stands in a tensor of one number."""
        expression = _expression(symbol)
        if isinstance(expression, sympy.Symbol) and not self._has(expression):
            self._sizes[expression] = self.op("Reshape", name, [1])

    def _has(self, symbol: sympy.Symbol) -> bool:
        return symbol in self._sizes or (self.outer is not None and self.outer._has(symbol))

    def size(self, x: Any) -> str:
        """A size as a vector of one number."""
        expression = _expression(x)
        if isinstance(expression, (int, sympy.Integer)):
            return self.name_of([int(expression)])
        if isinstance(expression, sympy.Symbol):
            return self._of_symbol(expression)
        kind = _KINDS.get(type(expression).__name__)
        if kind is None:
            raise NotImplementedError(f"the size {expression}")
        first, *rest = [self.size(part) for part in expression.args]
        for part in rest:
            first = self.op(kind, first, part)
        return first

    def _of_symbol(self, symbol: sympy.Symbol) -> str:
        if symbol not in self._sizes:
            if self.outer is None:
                raise NotImplementedError(f"the size {symbol}, which no tensor has")
            return self.outer._of_symbol(symbol)
        found = self._sizes[symbol]
        if isinstance(found, str):
            return found
        name, axis = found
        return self.op("Shape", name, start=axis, end=axis + 1)

    def sizes(self, shape: Sequence[Any]) -> str:
        """A shape as a vector."""
        if all(is_fixed(n) for n in shape):
            return self.name_of([int(n) for n in shape])
        return self.op("Concat", *map(self.size, shape), axis=0)

    def reshape(self, x: Operand, shape: Sequence[Any]) -> str:
        """The same numbers in another shape."""
        loose = [i for i, n in enumerate(shape) if not is_fixed(n)]
        if len(loose) <= 1 and all(int(n) for n in shape if is_fixed(n)):
            return self.op(
                "Reshape", x, [-1 if i in loose else int(n) for i, n in enumerate(shape)]
            )
        return self.op("Reshape", x, self.sizes(shape), allowzero=1)

    def filled(self, shape: Sequence[Any], number: Any, dtype: torch.dtype) -> str:
        """One number everywhere."""
        if not isinstance(number, (Value, torch.SymInt)):
            value = _proto(torch.tensor([number], dtype=dtype), "")
            return self.op("ConstantOfShape", self.sizes(shape), value=value)
        return self.op("Expand", self.number(number, dtype), self.sizes(shape))

    # --- vectors ---------------------------------------------------------------------------------

    def slice(self, x: Operand, start: Any, end: Any, axis: int = 0, step: int = 1) -> str:
        """Of one axis the places from a start to before an end."""
        vectors = [self.size(n) if isinstance(n, torch.SymInt) else [n] for n in (start, end)]
        return self.op("Slice", x, *vectors, [axis], [step])

    def count(self, size: Operand) -> str:
        """0, 1, 2, ... to before a size."""
        return self.op("Range", 0, size, 1)


def is_fixed(size: Any) -> bool:
    """Whether a size is the same for every batch."""
    return isinstance(_expression(size), (int, sympy.Integer))


def _expression(size: Any) -> Any:
    return size.node.expr if isinstance(size, torch.SymInt) else size


def _proto(tensor: Tensor, name: str) -> TensorProto:
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        data = tensor.view(torch.int16).numpy().tobytes()
        return helper.make_tensor(name, TYPES[tensor.dtype], tensor.shape, data, raw=True)
    return numpy_helper.from_array(tensor.numpy(), name)


#: sympy's and torch's operations on sizes; none of these is negative.
_KINDS = {
    "Add": "Add",
    "Mul": "Mul",
    "FloorDiv": "Div",
    "CleanDiv": "Div",
    "Mod": "Mod",
    "PythonMod": "Mod",
    "Max": "Max",
    "Min": "Min",
}
