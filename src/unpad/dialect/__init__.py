"""Keras's and TensorFlow's names, so that a script runs as it is."""

from . import older
from .absent import absent
from .hook import as_keras
from .places import AT_THE_TOP
from .script import run_script

__all__ = ["AT_THE_TOP", "absent", "as_keras", "older", "run_script"]
