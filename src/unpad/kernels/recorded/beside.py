"""Whether a step of a cell does something beside computing: then a tape of it would be too little.

What a step calls in Python is read, once for each tape: code that keeps something, prints, counts,
or asks the time, a file or a generator is run at each step as it stands.
"""

from __future__ import annotations

import dis
import gc
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from .tape import CannotBeRecorded

#: Whose own code keeps nothing from step to step that matters.
_TRUSTED = tuple(
    str(Path(str(m.__file__)).parent) for m in (torch, sys.modules[__name__.split(".")[0]])
)
_PYTHON = str(Path(dis.__file__).parent)
_WRITES = {
    "STORE_ATTR", "DELETE_ATTR", "STORE_SUBSCR", "DELETE_SUBSCR", "STORE_GLOBAL", "DELETE_GLOBAL",
    "IMPORT_NAME", "YIELD_VALUE", "SEND", "STORE_SLICE",
}  # fmt: skip
# The last is Python 3.12's own for what is looked up in `super()`.
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR")
#: Methods that change what they are called on, or read numbers out of tensors.
_CHANGES = {
    "__dict__", "__next__", "__setattr__", "__setitem__", "add_loss", "add_metric", "append",
    "appendleft", "clear", "data", "data_ptr", "extend", "insert", "item", "numpy", "pop",
    "popitem", "popleft", "register_hook", "remove", "send", "setdefault", "tolist", "update",
    "write",
}  # fmt: skip
_BUILTINS = {
    "NotImplementedError", "RuntimeError", "TypeError", "ValueError", "AssertionError", "abs",
    "all", "any", "bool", "callable", "dict", "divmod", "enumerate", "float", "getattr", "hasattr",
    "int", "isinstance", "issubclass", "len", "list", "max", "min", "pow", "range", "reversed",
    "round", "set", "slice", "sorted", "str", "sum", "super", "tuple", "type", "zip",
}  # fmt: skip
_PLAIN = (
    type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Tensor,
    torch.nn.Module, type, types.FunctionType, types.MethodType, types.BuiltinFunctionType,
    torch.Size,
)  # fmt: skip
# What is no more than names for other people's functions.
_MODULES = {"torch", __name__.split(".")[0], "math", "operator", "functools", "typing"}


def look(step: Callable[[], Any]) -> None:
    """Takes a step, and reads the code that it runs through.

    Raises:
        CannotBeRecorded: there is something beside.
    """
    frames: dict[types.CodeType, types.FrameType] = {}

    def seen(frame: types.FrameType, event: str, argument: Any) -> None:
        if event == "call" and not _is_of(_TRUSTED, frame):
            frames.setdefault(frame.f_code, frame)

    before = sys.getprofile()
    if before is not None:
        raise CannotBeRecorded("a profiler watches")
    mine, collects = sys._getframe(), gc.isenabled()
    gc.disable()  # what is collected now may have code of its own to run
    sys.setprofile(seen)
    try:
        step()
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()
    for code, frame in frames.items():
        if frame is not mine:
            for reason in _beside(code, frame):
                raise CannotBeRecorded(f"{code.co_name} {reason}")


def _is_of(folders: tuple[str, ...], frame: types.FrameType | None) -> bool:
    """Whether code lies in these folders, or Python's own is called from there."""
    while frame is not None and frame.f_code.co_filename.startswith((_PYTHON, "<frozen")):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(folders)


def _beside(code: types.CodeType, frame: types.FrameType) -> Iterator[str]:
    """What code does beside computing."""
    for at in dis.get_instructions(code):
        name = at.argval
        if at.opname in _WRITES:
            yield f"keeps something ({at.opname.lower()})"
        elif at.opname == "STORE_DEREF" and name in code.co_freevars:
            yield f"keeps something ({name})"
        elif at.opname in _ATTRIBUTES:
            if name in _CHANGES:
                yield f"calls {name}"
            for held in frame.f_locals.values():
                yield from _of(name, getattr(held, "__dict__", {}).get(name))
        elif at.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            if name in frame.f_globals:
                yield from _of(name, frame.f_globals[name])
            elif name not in _BUILTINS:
                yield f"calls {name}"
        elif at.opname in ("LOAD_DEREF", "LOAD_CLASSDEREF") and name in code.co_freevars:
            yield from _of(name, frame.f_locals.get(name))
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            if inner.co_flags & 0x20:  # a generator: its yields are its own affair
                continue
            yield from _beside(inner, frame)


def _of(name: str, value: Any) -> Iterator[str]:
    """Why a value that is looked up by name could be another at the next step."""
    if isinstance(value, types.ModuleType):
        if value.__name__.split(".")[0] not in _MODULES:
            yield f"asks {value.__name__}"
    elif isinstance(value, (tuple, list, set, frozenset, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _of(name, part)
    elif isinstance(value, types.BuiltinFunctionType):
        if str(value.__module__).split(".")[0] not in {*_MODULES, "None", "_operator", "builtins"}:
            yield f"calls {name}"
    elif not isinstance(value, _PLAIN) and not all(map(_in_python, type(value).__mro__)):
        yield f"looks at {name}, which may change"


def _in_python(kind: type) -> bool:
    """Whether a class is written in Python, whose methods are read where they are called."""
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    return kind is object or kind.__module__ == "__main__" or str(file).endswith(".py")
