"""Arithmetic in a graph as Keras writes it: a class a function, its options in the config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..serialization import as_function

_HOME = "keras.src.ops."
#: Python's operators by Keras's classes.
_OPERATORS = {
    "Add": "add", "Subtract": "sub", "Multiply": "mul", "TrueDivide": "truediv", "Power": "pow",
    "Matmul": "matmul", "Less": "lt", "LessEqual": "le", "Greater": "gt", "GreaterEqual": "ge",
    "Equal": "eq", "NotEqual": "ne", "GetItem": "getitem", "Negative": "neg", "Absolute": "abs",
}  # fmt: skip
_CLASSES = {f"operator.{name}": kind for kind, name in _OPERATORS.items()}


def from_keras(data: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's data, where it is one of Keras's operations as this library writes one."""
    if not str(data.get("module")).startswith(_HOME):
        return {**data}
    kind, config = data["class_name"], dict(data.get("config") or {})
    called = config.pop("name", None)
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
    name = f"operator.{_OPERATORS[kind]}" if kind in _OPERATORS else f"ops.{snake}"
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
    """A layer's data, where it is one of Python's operators as Keras writes it."""
    function = (data.get("config") or {}).get("function")
    kind = _CLASSES.get(function.get("config", "")) if isinstance(function, Mapping) else None
    if data.get("class_name") != "Operation" or kind is None:
        return data
    nodes = [{**node, "args": [_plain(a) for a in node["args"]]} for node in data["inbound_nodes"]]
    own = {"name": data["config"]["name"]}
    return {**data, "module": f"{_HOME}numpy", "class_name": kind, "config": own,
            "registered_name": kind, "inbound_nodes": nodes}  # fmt: skip


def _keys_as_tuple(kind: str, args: list[Any]) -> list[Any]:
    if kind == "GetItem" and len(args) > 1 and isinstance(args[1], list):
        args[1] = {"class_name": "__tuple__", "items": args[1]}
    return args


def _plain(value: Any) -> Any:
    tuple_ = isinstance(value, Mapping) and value.get("class_name") == "__tuple__"
    return value["items"] if tuple_ else value
