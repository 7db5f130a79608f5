"""Arithmetic in a graph as Keras writes it: a class a function, its options in the config."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from .. import ops
from ..serialization import as_function

_HOME = "keras.src.ops."
#: Python's operators by Keras's classes.
_OPERATORS = {
    "Add": "add", "Subtract": "sub", "Multiply": "mul", "TrueDivide": "truediv", "Power": "pow",
    "Matmul": "matmul", "Less": "lt", "LessEqual": "le", "Greater": "gt", "GreaterEqual": "ge",
    "Equal": "eq", "NotEqual": "ne", "GetItem": "getitem", "Negative": "neg", "Absolute": "abs",
}  # fmt: skip
#: Read as the function, which takes all that the operator does, and two Ragged of matrices.
_FUNCTIONS = {"Matmul"}
_CLASSES = {f"operator.{name}": kind for kind, name in _OPERATORS.items()}
#: Functions of `ops` whose classes Keras has, by the module that these are in. What they are called
#: with are their first arguments, of these names; the others are the class's own.
_WORDS = {
    "numpy": (
        "abs absolute add all amax amin any append arccos arccosh arcsin arcsinh arctan arctan2 "
        "arctanh argmax argmin argsort broadcast_to cbrt ceil clip concatenate copy cos cosh "
        "count_nonzero cumprod cumsum deg2rad diff divide divide_no_nan equal exp exp2 expand_dims "
        "expm1 fabs flip floor floor_divide fmax fmin fmod greater greater_equal heaviside hypot "
        "isfinite isinf isnan less less_equal log log10 log1p log2 logaddexp logical_and "
        "logical_not logical_or logical_xor matmul max maximum mean median min minimum mod "
        "moveaxis multiply nan_to_num nanmax nanmean nanmin nansum negative not_equal ones_like "
        "outer power prod rad2deg reciprocal repeat reshape roll round sign sin sinc sinh sort "
        "split sqrt square squeeze stack std subtract sum swapaxes take take_along_axis tan tanh "
        "tensordot tile transpose tril triu true_divide trunc var where zeros_like"
    ),
    "nn": (
        "celu elu gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid "
        "log_softmax normalize one_hot relu relu6 selu sigmoid silu soft_shrink softmax softplus "
        "softsign sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink threshold"
    ),
    "math": "erf erfc erfinv logsumexp rsqrt top_k",
}  # fmt: skip
HOMES = {module: names.split() for module, names in _WORDS.items()}
CALLED_WITH = {"a", "condition", "indices", "x", "x1", "x2", "xs"}
_MODULES = {name: module for module, names in HOMES.items() for name in names}


def from_keras(data: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's data, where it is one of Keras's operations as this library writes one."""
    if not str(data.get("module")).startswith(_HOME):
        return {**data}
    kind, config = data["class_name"], dict(data.get("config") or {})
    called = config.pop("name", None)
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
    of_python = kind in _OPERATORS and kind not in _FUNCTIONS
    name = f"operator.{_OPERATORS[kind]}" if of_python else f"ops.{snake}"
    nodes = [
        {
            "args": _keys_as_tuple(kind, list(node.get("args", []))),
            "kwargs": {**config, **node.get("kwargs", {})},
        }
        for node in data.get("inbound_nodes") or []
    ]
    own = {"name": called, "function": as_function(name)}
    return {**data, "module": "unpad.layers", "class_name": "Operation", "config": own,
            "registered_name": None, "inbound_nodes": nodes}  # fmt: skip


def to_keras(data: dict[str, Any]) -> dict[str, Any]:
    """A layer's data; an operator of Python's or a function of `ops` as Keras writes it."""
    function = (data.get("config") or {}).get("function")
    if data.get("class_name") != "Operation" or not isinstance(function, Mapping):
        return data
    called = str(function.get("config", ""))
    name = called.removeprefix("ops.")
    if called.startswith("ops.") and name in _MODULES:
        return _function_to_keras(data, name)
    kind = _CLASSES.get(called)
    if kind is None:
        return data
    nodes = [{**node, "args": [_plain(a) for a in node["args"]]} for node in data["inbound_nodes"]]
    own = {"name": data["config"]["name"]}
    return {**data, "module": f"{_HOME}numpy", "class_name": kind, "config": own,
            "registered_name": kind, "inbound_nodes": nodes}  # fmt: skip


def _function_to_keras(data: dict[str, Any], name: str) -> dict[str, Any]:
    """A call of a function of `ops`: its options are those of Keras's class of that name."""
    (node,) = data["inbound_nodes"]
    arguments = inspect.signature(getattr(ops, name)).bind(*node["args"], **node["kwargs"])
    given = arguments.arguments
    own = {n: value for n, value in given.items() if n not in CALLED_WITH}
    nodes = [{"args": [_plain(v) for n, v in given.items() if n in CALLED_WITH], "kwargs": {}}]
    kind = "".join(part[0].upper() + part[1:] for part in name.split("_"))
    return {**data, "module": f"{_HOME}{_MODULES[name]}", "class_name": kind,
            "config": {"name": data["config"]["name"], **own}, "registered_name": kind,
            "inbound_nodes": nodes}  # fmt: skip


def _keys_as_tuple(kind: str, args: list[Any]) -> list[Any]:
    if kind == "GetItem" and len(args) > 1 and isinstance(args[1], list):
        args[1] = {"class_name": "__tuple__", "items": args[1]}
    return args


def _plain(value: Any) -> Any:
    tuple_ = isinstance(value, Mapping) and value.get("class_name") == "__tuple__"
    return value["items"] if tuple_ else value
