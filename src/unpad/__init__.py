"""unpad: sequence models that never see padding.

A batch of sequences is one value, `Ragged` (values and offsets); models are written in Keras's
words and run on real steps only. `import unpad as keras` runs a Keras sequence script.
"""

import sys as _sys
from typing import Any as _Any

from . import (
    backend,
    doctor,
    kernels,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    preprocessing,
    scaling,
    testing,
    training,
    utils,
)
from .core.layer import Layer
from .dialect import absent as _absent
from .dialect import as_keras
from .doctor import DataWarning
from .models import Input, Model, Sequential
from .ragged import Layout, Ragged
from .scaling import Scaler
from .training import callbacks
from .weights import activations, constraints, initializers, regularizers

__version__ = "0.1.0"

__all__ = [
    "DataWarning",
    "Input",
    "Layer",
    "Layout",
    "Model",
    "Ragged",
    "Scaler",
    "Sequential",
    "activations",
    "as_keras",
    "backend",
    "callbacks",
    "constraints",
    "doctor",
    "initializers",
    "kernels",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "preprocessing",
    "regularizers",
    "scaling",
    "testing",
    "training",
    "utils",
]

# Keras's homes of these: `from unpad.initializers import RandomUniform`.
for _part in (activations, callbacks, constraints, initializers, regularizers):
    _sys.modules[f"{__name__}.{_part.__name__.rpartition('.')[2]}"] = _part


def __getattr__(name: str) -> _Any:
    raise AttributeError(_absent(name, __all__, f"{__name__}.{name}"))
