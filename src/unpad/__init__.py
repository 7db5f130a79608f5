"""unpad: sequence models that never see padding.

A batch of sequences is one value, `Ragged` (values and offsets); models are written in Keras's
words and run on real steps only. `import unpad as keras` runs a Keras sequence script.
"""

from functools import cache as _cache
from functools import partial as _partial
from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

from . import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    doctor,
    dtype_policies,
    initializers,
    kernels,
    layers,
    losses,
    metrics,
    mixed_precision,
    models,
    ops,
    optimizers,
    preprocessing,
    random,
    regularizers,
    saving,
    scaling,
    testing,
    training,
    tree,
    utils,
)
from .core import operation as _operation
from .core.layer import Layer
from .core.operation import Operation
from .core.precision import DTypePolicy
from .core.symbol import Symbol as KerasTensor
from .core.weight import Weight as Variable
from .core.weight import name_scope
from .dialect import AT_THE_TOP as _AT_THE_TOP
from .dialect import absent as _absent
from .dialect import as_keras
from .doctor import DataWarning
from .formats.model_file import load_model as load
from .formats.model_file import save_model as save
from .models import Input, Model, Sequential
from .ragged import Layout, Ragged
from .scaling import Scaler
from .serialization import know as _know

if TYPE_CHECKING:
    from . import wrappers

__version__ = "0.1.0"

__all__ = [
    "DTypePolicy",
    "DataWarning",
    "Input",
    "KerasTensor",
    "Layer",
    "Layout",
    "Model",
    "Operation",
    "Ragged",
    "Scaler",
    "Sequential",
    "Variable",
    "activations",
    "as_keras",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "doctor",
    "dtype_policies",
    "initializers",
    "kernels",
    "layers",
    "load",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "save",
    "saving",
    "scaling",
    "testing",
    "training",
    "tree",
    "utils",
    "version",
    "wrappers",
]


@_cache
def _names_in(home: str) -> _Any:
    """The public names of a home, as a configuration may say them."""
    part = _import_module(f".{home}", __name__)
    ours = [name for name in part.__all__ if name not in ("deserialize", "get", "serialize")]
    return {name: getattr(part, name) for name in ours}


@_cache
def _layers() -> dict[str, _Any]:
    names = {name: layer for name, layer in _names_in("layers").items() if name != "Input"}
    return {**names, "InputLayer": Input, "Operation": _operation.Operation}


def _operations() -> dict[str, _Any]:
    parts = {"ops": ops, "random": random}
    drawn = {f"{h}.{n}": getattr(part, n) for h, part in parts.items() for n in part.__all__}
    return _operation.known() | drawn


def version() -> str:
    """The version of this library."""
    return __version__


_HOMES = ["models", "losses", "optimizers", "optimizers.schedules", "initializers", "regularizers"]
_HOMES += ["constraints", "activations", "metrics"]
_know(
    layers=_layers,
    operations=_operations,
    **{home: _partial(_names_in, home) for home in _HOMES},
)


def __getattr__(name: str) -> _Any:
    if name == "wrappers":  # stands on scikit-learn, which need not be there
        return _import_module(f".{name}", __name__)
    if name in _AT_THE_TOP:
        return getattr(_import_module(f".{_AT_THE_TOP[name]}", __name__), name)
    raise AttributeError(_absent(name, __all__, f"{__name__}.{name}"))
