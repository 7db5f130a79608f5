"""unpad: sequence models that never see padding.

A batch of sequences is one value, `Ragged` (values and offsets); models are written in Keras's
words and run on real steps only. `import unpad as keras` runs a Keras sequence script.
"""

from . import kernels, layers, losses, metrics, models, optimizers, testing, training, utils
from .layers import activations, constraints, initializers, regularizers
from .layers.layer import Layer
from .models import Input, Model, Sequential
from .ragged import Layout, Ragged
from .training import callbacks

__version__ = "0.1.0"

__all__ = [
    "Input",
    "Layer",
    "Layout",
    "Model",
    "Ragged",
    "Sequential",
    "activations",
    "callbacks",
    "constraints",
    "initializers",
    "kernels",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "testing",
    "training",
    "utils",
]
