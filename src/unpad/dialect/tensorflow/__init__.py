"""The functions of TensorFlow that scripts of Keras use, by its names: `tf` under `as_keras()`.

They are those of `ops` and `data.Dataset`; what is not here is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from ... import ops, random, tree
from ...core.weight import Weight as Variable
from ...data.dataset import Dataset
from ...data.source.words import are_strings
from ...ragged import Ragged
from ...utils import set_random_seed
from . import machine, ragged, strings
from .machine import executing_eagerly, get_logger
from .tables import make_csv_dataset
from .tape import GradientTape

bool = torch.bool
float16, float32, float64 = torch.float16, torch.float32, torch.float64
complex64 = torch.complex64
int32, int64, uint8 = torch.int32, torch.int64, torch.uint8
string = "string"
newaxis = None

#: TensorFlow's names of functions of `ops` that take the same arguments in the same order.
_AS_OPS = {
    "abs": "abs", "add": "add", "cast": "cast", "clip_by_value": "clip", "concat": "concatenate",
    "convert_to_tensor": "convert_to_tensor", "cumsum": "cumsum", "divide": "divide",
    "einsum": "einsum", "equal": "equal", "exp": "exp", "expand_dims": "expand_dims",
    "eye": "eye", "greater": "greater", "greater_equal": "greater_equal", "less": "less",
    "less_equal": "less_equal", "linspace": "linspace", "logical_and": "logical_and",
    "logical_not": "logical_not", "logical_or": "logical_or", "matmul": "matmul",
    "maximum": "maximum", "minimum": "minimum", "multiply": "multiply", "not_equal": "not_equal",
    "ones": "ones", "ones_like": "ones_like", "pow": "power", "reduce_all": "all",
    "reduce_any": "any", "reduce_logsumexp": "logsumexp", "reduce_max": "max",
    "reduce_mean": "mean", "reduce_min": "min", "reduce_prod": "prod", "reduce_sum": "sum",
    "repeat": "repeat", "reshape": "reshape", "round": "round", "shape": "shape", "sign": "sign",
    "sin": "sin", "cos": "cos", "log": "log", "sigmoid": "sigmoid", "sqrt": "sqrt",
    "square": "square", "squeeze": "squeeze", "stack": "stack", "stop_gradient": "stop_gradient",
    "subtract": "subtract", "tanh": "tanh", "tile": "tile", "transpose": "transpose",
    "tensordot": "tensordot", "unstack": "unstack", "where": "where", "zeros": "zeros",
    "zeros_like": "zeros_like",
}  # fmt: skip
#: What its keyword arguments are called in `ops`.
_WORDS = {
    "input": "x", "tensor": "x", "perm": "axes", "multiples": "repeats", "a": "x1", "b": "x2",
    "num": "num", "indices": "indices", "num_or_size_splits": "indices_or_sections",
}  # fmt: skip
_LISTS = {"concat": "xs", "stack": "x"}
_WORDS_OF = {"matmul": {}, "reshape": {"shape": "newshape"}}


def _named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop("name", None)
        if name != "einsum" and are_strings([*args, *kwargs.values()]):
            return strings.arranged_as(f"tf.{name}", function.__name__, *args, **kwargs)
        if "values" in kwargs:
            kwargs[_LISTS.get(name, "x")] = kwargs.pop("values")
        known = _WORDS | _WORDS_OF.get(name, {"a": "x"})
        return function(*args, **{known.get(word, word): v for word, v in kwargs.items()})

    called.__name__, called.__doc__ = name, f"`ops.{function.__name__}`."
    return called


globals().update({name: _named(name, getattr(ops, ours)) for name, ours in _AS_OPS.items()})
constant = globals()["convert_to_tensor"]


def range(
    start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = None
) -> Tensor | Ragged:
    """The numbers from `start` below `limit`; of one argument from 0."""
    first, last = (0, start) if limit is None else (start, limit)
    return ops.arange(first, last, delta, dtype)


def gather(params: Any, indices: Any, axis: int = 0, batch_dims: int = 0) -> Any:
    """What stands at these places of an axis."""
    if batch_dims:
        raise ValueError("tf.gather: batch_dims is not supported: ops.take_along_axis.")
    return ops.take(params, indices, axis)


def argmax(input: Any, axis: int = 0, output_type: Any = torch.int64) -> Any:
    """The place of the largest; along the first axis by default, as in TensorFlow."""
    return ops.cast(ops.argmax(input, axis), output_type)


def pad(
    tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: Any = None
) -> Any:
    """More entries before and behind along each axis, of strings too."""
    widths = [[int(n) for n in pair] for pair in paddings]
    if are_strings([tensor]):
        return strings.padded(tensor, widths, constant_values or "")
    value = constant_values if mode.lower() == "constant" else None
    return ops.pad(tensor, widths, mode.lower(), value)


def device(device_name: str) -> Any:
    """Where what is made in the `with` lies: "/GPU:0", "CPU:0"."""
    kind, _, index = device_name.rpartition("/")[2].removeprefix("device:").partition(":")
    where = "cuda" if kind.upper() == "GPU" else kind.lower()
    return torch.device(f"{where}:{index}" if where == "cuda" and index else where)


def _fft2d(input: Any, name: Any = None) -> Any:
    """Fourier's transform along the last two axes; of a Ragged each sequence's own."""
    if isinstance(input, Ragged):
        each = [torch.fft.fft2(sequence) for sequence in input.to_list()]
        return input.with_values(torch.cat(each) if each else input.values)
    return torch.fft.fft2(input)


def _part(name: str) -> Callable[..., Any]:
    def part(input: Any, name: Any = None) -> Any:
        return input.map(take) if isinstance(input, Ragged) else take(input)

    def take(values: Tensor) -> Tensor:
        return getattr(torch, name)(values) if values.is_complex() else ops.abs(values)

    part.__name__, part.__doc__ = name, f"The {name} part of complex numbers."
    return part


def _segment_mean(data: Any, segment_ids: Any, num_segments: Any, name: Any = None) -> Any:
    """The mean of the rows of each segment; of none 0."""
    total = ops.segment_sum(data, segment_ids, num_segments)
    rows = ops.segment_sum(ops.ones_like(data), segment_ids, num_segments)
    return total / ops.maximum(rows, 1)


def one_hot(indices: Any, depth: int, dtype: Any = torch.float32) -> Any:
    """1 at the place of each index, 0 elsewhere."""
    return ops.one_hot(indices, depth, dtype=dtype)


def split(value: Any, num_or_size_splits: Any, axis: int = 0) -> list[Any]:
    """In so many equal parts, or in parts of these sizes."""
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis)
    sizes = [int(n) for n in num_or_size_splits]
    ends = [sum(sizes[:i]) for i, _ in enumerate(sizes)][1:]
    return ops.split(value, ends, axis)


def function(func: Any = None, **options: Any) -> Any:
    """The function itself: every step runs as it is written. For torch's compiler: torch.compile.

    Args:
        func: to be called as it is.
        options: how TensorFlow would compile it; they change no number.
    """
    return func if func is not None else lambda given: given


def is_tensor(x: Any) -> Any:
    """Whether it is a tensor."""
    return isinstance(x, Tensor)


def TensorShape(dims: Any) -> tuple[Any, ...]:  # noqa: N802 - it is called like a class
    """The sizes of a tensor: torch's Size, or a tuple where one is not known."""
    sizes = tuple(dims)
    return sizes if None in sizes else torch.Size(sizes)


class TensorSpec:
    """What TensorFlow is told of a generator's types and shapes, which are read off here.

    Args:
        shape: of a tensor.
        dtype: of its numbers.
        name: what it is called.
    """

    def __init__(self, shape: Any = None, dtype: Any = torch.float32, name: Any = None) -> None:
        self.shape, self.dtype, self.name = shape, dtype, name


def _module(name: str, **parts: Any) -> ModuleType:
    made = ModuleType(f"tensorflow.{name}", f"TensorFlow's `tf.{name}`, as far as it is here.")
    made.__dict__.update(parts, __all__=sorted(parts))
    return made


def _numbers(*names: str) -> dict[str, Any]:
    return {name: globals()[name] for name in names}


def _text_lines(filenames: Any, **options: Any) -> Dataset:
    return Dataset.from_text_lines(filenames)


data = _module(
    "data", Dataset=Dataset, TextLineDataset=_text_lines, AUTOTUNE=-1,
    experimental=_module("data.experimental", AUTOTUNE=-1, make_csv_dataset=make_csv_dataset),
)  # fmt: skip
dtypes = _module("dtypes", **_numbers("bool", "float16", "float32", "float64", "int32", "int64",
                                      "string", "uint8", "complex64"))  # fmt: skip
nest = _module("nest", flatten=tree.flatten, map_structure=tree.map_structure)
signal = _module("signal", fft2d=_fft2d)
math = _module(
    "math",
    **_numbers(*(n for n in _AS_OPS if n not in ("cast", "concat", "shape", "ones", "zeros"))),
    argmax=argmax, reduce_std=_named("reduce_std", ops.std),
    reduce_variance=_named("reduce_variance", ops.var), rsqrt=ops.rsqrt, top_k=ops.top_k,
    real=_part("real"), imag=_part("imag"), unsorted_segment_sum=ops.segment_sum,
    unsorted_segment_max=ops.segment_max, unsorted_segment_min=ops.segment_min,
    unsorted_segment_mean=_segment_mean,
)  # fmt: skip
nn = _module(
    "nn", relu=ops.relu, softmax=ops.softmax, log_softmax=ops.log_softmax, sigmoid=ops.sigmoid,
    tanh=ops.tanh, gelu=ops.gelu, elu=ops.elu, selu=ops.selu, silu=ops.silu, swish=ops.silu,
)  # fmt: skip
_devices = {
    "list_physical_devices": machine.list_physical_devices,
    "set_memory_growth": machine.set_memory_growth,
}
config = _module(
    "config", **_devices, run_functions_eagerly=machine.run_functions_eagerly,
    experimental=_module("config.experimental", **_devices,
                         enable_op_determinism=machine.enable_op_determinism),
)  # fmt: skip
random = _module("random", set_seed=set_random_seed, normal=random.normal, uniform=random.uniform)

__all__ = [
    *_AS_OPS, "GradientTape", "TensorShape", "TensorSpec", "Variable", "argmax", "bool",
    "complex64", "config", "constant", "data", "device", "dtypes", "executing_eagerly", "float16",
    "float32", "float64", "function", "gather", "get_logger", "int32", "int64", "is_tensor",
    "math", "nest", "newaxis", "nn", "one_hot", "pad", "ragged", "random", "range", "signal",
    "split", "string", "strings", "uint8",
]  # fmt: skip
