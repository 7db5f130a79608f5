"""Keras's and TensorFlow's names, so that a script runs as it is."""

from .absent import absent
from .hook import as_keras
from .script import run_script

__all__ = ["absent", "as_keras", "run_script"]
