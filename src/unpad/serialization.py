"""A configuration is data: objects to what JSON can hold, and back, over one closed table of names.

An object is written as Keras 3 writes it, {"module", "class_name", "config", "registered_name"},
where "config" is its `get_config()`; tuples, arrays, slices and types have Keras's forms too. What
is read is looked up in the table of this library's own names, among what a person registered, and
in `custom_objects`: nothing is imported by a name that a file says, and nothing is pickled.

It lies at the bottom of the house, since weights' initialisers are written as layers are; the
table is handed to it from the top, by `know`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from .arguments import flag, function, text, wrong
from .errors import shown, unknown

_Named = TypeVar("_Named", bound=Callable[..., Any])

#: The names of each home, as "layers"; asked for when needed, since some take long to import.
_homes: dict[str, Callable[[], Mapping[str, Any]]] = {}
#: What people registered, by "package>name", and what `custom_object_scope` adds.
_registered: dict[str, Any] = {}
_scopes: list[Mapping[str, Any]] = []


def know(**homes: Callable[[], Mapping[str, Any]]) -> None:
    """Hands over the names of this library, by their homes."""
    _homes.update(homes)


# --- what is a person's own ----------------------------------------------------------------------


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[_Named], _Named]:
    """Has a class or function of one's own written and read by its name, as Keras's decorator.

    Args:
        package: before the name, so that two libraries' names do not meet.
        name: by default the class's own.
    """

    def register(given: _Named) -> _Named:
        own: Any = given
        if isinstance(own, type) and not hasattr(own, "get_config"):
            raise ValueError(
                f"register_keras_serializable: {own.__name__} has no get_config, which says what "
                "it is made of."
            )
        _registered[f"{package}>{name or own.__name__}"] = own
        return given

    return register


def get_registered_name(given: Any) -> str:
    """The name under which a class or function is registered; its own where it is not.

    Args:
        given: a class or a function.

    Raises:
        ValueError: it is neither.
    """
    function("get_registered_name", "given", given, "a class or a function")
    return next((n for n, v in _registered.items() if v is given), given.__name__)


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Any = None
) -> Any:
    """What is registered under this name; None where nothing is.

    Args:
        name: as `register_keras_serializable` was told it, "package>name".
        custom_objects: looked at first, by name.
        module_objects: looked at last, by name.
    """
    text("get_registered_object", "name", name)
    for table in (custom_objects or {}, *reversed(_scopes), _registered, module_objects or {}):
        if name in table:
            return table[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """What is registered, by name; what is put into it can be read by its name too."""
    return _registered


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any]) -> Iterator[None]:
    """What is read within the block may be among these, by name.

    Args:
        custom_objects: classes and functions by the names that stand in configurations.
    """
    _scopes.append(as_table("custom_object_scope", custom_objects))
    try:
        yield
    finally:
        _scopes.pop()


def as_table(who: str, given: Any) -> Mapping[str, Any]:
    """What was given as `custom_objects`.

    Raises:
        ValueError: it is no dict of classes and functions.
    """
    if not isinstance(given, Mapping) or not all(callable(v) for v in given.values()):
        raise wrong(who, "custom_objects", "a dict of classes and functions by name", given)
    return given


# --- to data -------------------------------------------------------------------------------------


def serialize(thing: Any) -> Any:
    """An object as data that `json.dumps` takes and `deserialize` makes the same of.

    Raises:
        TypeError: something in it cannot be written: a torch module, a lambda; the text says
            which argument of what, and the way out. A function or class of one's own is written
            by its name, by which `custom_objects` gives it where it is read.
    """
    return _written(thing, "serialize", True)


def as_data(value: Any) -> Any:
    """The same, but what cannot be written stays as it is, or is made anew.

    What a layer's `get_config` gives is for this process too, where a lambda can be given again.
    """
    return _written(value, "config", False)


def by_name(value: Any) -> dict[str, Any]:
    """The data of an object whose class need not be registered: read with `custom_objects`.

    Args:
        value: with a `get_config`.
    """
    data = as_data(value)
    if isinstance(data, dict):
        return data
    kind = type(value)
    return {
        "module": kind.__module__, "class_name": kind.__name__,
        "config": _written_config(kind.__name__, value.get_config(), False),
        "registered_name": get_registered_name(kind),
    }  # fmt: skip


def _written(value: Any, where: str, strictly: bool) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list):
        return [_written(v, f"{where}[{i}]", strictly) for i, v in enumerate(value)]
    if isinstance(value, tuple):
        if not strictly:
            return tuple(_written(list(value), where, strictly))
        return {"class_name": "__tuple__", "items": _written(list(value), where, strictly)}
    if isinstance(value, Mapping):
        who, config = value.get("class_name"), value.get("config")
        if isinstance(who, str) and isinstance(config, Mapping):
            value = {**value, "config": _written_config(who, config, strictly)}
        return {str(k): _written(v, f"{where}[{k!r}]", strictly) for k, v in value.items()}
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, slice):
        parts = [value.start, value.stop, value.step]
        return {"class_name": "__slice__", "config": dict(zip(_SLICE, parts, strict=True))}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, (np.ndarray, Tensor)) and not isinstance(value, torch.nn.Parameter):
        kind = "__tensor__" if isinstance(value, Tensor) else "__numpy__"
        dtype = str(value.dtype).removeprefix("torch.")
        return {"class_name": kind, "config": {"value": value.tolist(), "dtype": dtype}}
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
        found = _of_function(value)
        if found is None and strictly and value.__name__.isidentifier():
            # As a class of one's own: its name is written, and said again by `custom_objects`.
            found = as_function(get_registered_name(value))
    elif hasattr(value, "get_config") and not isinstance(value, type):
        found = _of_object(value, strictly)
    else:
        found = None
    if found is None and strictly:
        raise TypeError(f"{where}: {shown(value)} cannot be written into a file. {_way_out(value)}")
    return value if found is None else found


_SLICE = ("start", "stop", "step")
#: What this library has and Keras has not: it stands in a file under this library's name.
_OURS = {
    "AttentionPooling1D", "CRF", "FirstStep", "Grid", "LastStep", "MGU", "MGUCell", "Operation",
    "PositionEmbedding", "Recurrent", "RotaryEmbedding", "SinePositionEncoding", "TokenWise",
    "TokenAndPositionEmbedding", "TorchModule", "TransformerDecoder", "TransformerEncoder",
    "Varlen", "CustomLoss", "SequenceLoss", "AveragePrecision", "ConfusionMatrix", "Perplexity",
    "SequenceAccuracy", "SpanF1", "SpanPrecision", "SpanRecall", "StartedMetric", "StepMetric",
}  # fmt: skip
#: Where Keras keeps what it does not export.
_ELSEWHERE = {"Functional": "keras.src.models.functional"}


def _way_out(value: Any) -> str:
    if isinstance(value, torch.nn.Module):
        return (
            "Put a torch module into a keras.layers.Layer with a get_config, and register its "
            "class: @keras.saving.register_keras_serializable()."
        )
    if callable(value):
        return (
            "Give it a name: def, and @keras.saving.register_keras_serializable() before it; or "
            "write a class with a get_config."
        )
    return "Give numbers, words, lists of them, or an object with a get_config."


def as_function(name: str) -> dict[str, Any]:
    """A function by its name, as Keras writes one."""
    return {
        "module": "builtins", "class_name": "function", "config": name, "registered_name": name,
    }  # fmt: skip


def _of_function(function: Any) -> Any:
    activation = _name_in("activations", function)
    if activation is not None:
        return activation
    own = get_registered_name(function)
    if own not in _registered and get_registered_object(own) is not function:
        own = _name_in("losses", function) or _name_in("operations", function)
    return None if own is None else as_function(own)


def _of_object(value: Any, strictly: bool) -> Any:
    kind = type(value)
    home, called = _home_of(kind)
    if not home and not strictly and get_registered_object(get_registered_name(kind)) is not kind:
        # A class that cannot be looked up by name cannot be data: it becomes a fresh object.
        return kind.from_config(value.get_config()) if hasattr(kind, "from_config") else None
    config = _written_config(kind.__name__, value.get_config(), strictly)
    registered = None if home else get_registered_name(kind)
    if home:
        house = __name__.partition(".")[0] if called in _OURS else "keras"
        module = _ELSEWHERE.get(called, f"{house}.{home}")
        registered = called if called in _ELSEWHERE else None
        # Keras does not know these arguments: left out while they are at their defaults.
        for name, default in getattr(kind, "not_in_keras", {}).items():
            if name in config and config[name] == default:
                del config[name]
    else:
        module = kind.__module__
    return {
        "module": module, "class_name": called, "config": config, "registered_name": registered,
    }  # fmt: skip


def _written_config(who: str, config: Mapping[str, Any], strictly: bool) -> dict[str, Any]:
    found = config.items()
    return {k: _written(_listed(v), f"{who}: its argument {k}", strictly) for k, v in found}


def _listed(value: Any) -> Any:
    """Tuples among arguments as lists, which is how Keras writes them."""
    return [_listed(v) for v in value] if isinstance(value, (list, tuple)) else value


def _home_of(kind: type) -> tuple[str | None, str]:
    """Where a class of this library is at home, and what it is called there."""
    if kind.__module__.partition(".")[0] == __name__.partition(".")[0]:
        for home in _homes:
            name = _name_in(home, kind)
            if name is not None:
                return home, name
    return None, kind.__name__


def _name_in(home: str, thing: Any) -> str | None:
    names = _homes[home]() if home in _homes else {}
    own = getattr(thing, "__name__", None)
    if own is not None and names.get(own) is thing:
        return own
    return next((name for name, value in names.items() if value is thing), None)


# --- and back ------------------------------------------------------------------------------------


def deserialize(
    data: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    *,
    who: str = "deserialize",
) -> Any:
    """The object that data of `serialize`, or Keras's own, describe: fresh, without weights.

    Args:
        data: a dict with "class_name" and "config"; the name of an activation; or None, for none.
        custom_objects: classes and functions of one's own, by name.
        safe_mode: as in Keras; code in the data is refused, whatever is said here.
        who: named in errors.

    Raises:
        ValueError: a name is not known, or the data are none of these; the text says which.
    """
    flag(who, "safe_mode", safe_mode)
    if data is None:
        return None
    if isinstance(data, str):
        return _function(data, who)
    if not isinstance(data, Mapping) or not isinstance(data.get("class_name"), str):
        raise wrong(who, "data", 'a dict with "class_name" and "config", as serialize gives', data)
    if custom_objects is None:
        return _read(data, who)
    as_table(who, custom_objects)
    with custom_object_scope(custom_objects):
        return _read(data, who)


def read(value: Any) -> Any:
    """What data describe: objects where they stand in it, the rest as it is."""
    if isinstance(value, (list, tuple)):
        return type(value)(read(v) for v in value)
    if isinstance(value, Mapping):
        if isinstance(value.get("class_name"), str) and ("config" in value or "items" in value):
            return _read(value, "deserialize")
        return {k: read(v) for k, v in value.items()}
    return value


def _read(data: Mapping[str, Any], who: str) -> Any:
    name, config = data["class_name"], data.get("config")
    if name in _FORMS:
        return _FORMS[name](data)
    registered = data.get("registered_name")
    found = _own(registered) or _own(name if name != "function" else config)
    if name == "function":
        return found or _function(config, who)
    if found is None:
        found = _at_home(data.get("module"), name, who)
    if not isinstance(config, Mapping):
        raise wrong(f"{who}: {name}", "config", "a dict of its arguments", config)
    config = dict(config)
    code = config.get("function")
    if isinstance(code, Mapping) and code.get("class_name") == "__lambda__":
        called = config.get("name")
        config["function"] = _own(called) or _code(code, called)
    return found.from_config(config)


def _own(name: Any) -> Any:
    found = get_registered_object(name) if isinstance(name, str) else None
    if found is None and isinstance(name, str):
        # A class that was registered is found by its own name too, as Keras finds it.
        ends = [v for n, v in _registered.items() if n.rpartition(">")[2] == name]
        return ends[0] if len(ends) == 1 else None
    return found


def _at_home(module: Any, name: str, who: str) -> Any:
    """The class of this name in the home that the module names, or in any where it names none."""
    path = str(module or "").split(".")
    homes = [h for h in _homes if h in (".".join(path[-2:]), *path)]
    homes = homes or [h for h in _homes if h not in ("operations", "activations")]
    for home in homes:
        found = _homes[home]().get(name)
        if isinstance(found, type) and hasattr(found, "from_config"):
            return found
    names = {n for h in homes for n, v in _homes[h]().items() if hasattr(v, "from_config")}
    error = unknown(who, "class_name", name, names)
    text = str(error).partition(" Known are: ")[0]
    raise ValueError(
        f"{text} A class of your own: custom_objects={{{name!r}: {name}}}, or "
        "@keras.saving.register_keras_serializable()."
    )


def _function(name: Any, who: str) -> Any:
    for home in ("activations", "losses", "operations"):
        found = _homes[home]().get(name) if isinstance(name, str) and home in _homes else None
        if found is not None and not isinstance(found, type):
            return found
    raise ValueError(
        f"{who}: unknown function {name!r}. One of your own: custom_objects={{{name!r}: ...}}, or "
        "@keras.saving.register_keras_serializable()."
    )


def _code(data: Mapping[str, Any], called: Any = None) -> Any:
    named = "a layer's name" if called is None else repr(called)
    raise ValueError(
        "a lambda is code, which no file may bring, with safe_mode=False neither. Give the "
        f"function under the layer's name when loading: custom_objects={{{named}: function}}."
    )


def _tensor(data: Mapping[str, Any]) -> Tensor:
    return torch.tensor(data["config"]["value"], dtype=getattr(torch, data["config"]["dtype"]))


_FORMS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "__tuple__": lambda data: tuple(read(list(data["items"]))),
    "__slice__": lambda data: slice(*(data["config"][part] for part in _SLICE)),
    "__ellipsis__": lambda data: Ellipsis,
    "__numpy__": lambda data: np.array(data["config"]["value"], dtype=data["config"]["dtype"]),
    "__tensor__": _tensor,
    "__lambda__": _code,
    # Keras's form of a dtype, where we have a word.
    "DTypePolicy": lambda data: data["config"]["name"],
}
