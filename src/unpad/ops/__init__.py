"""Keras's `ops`: its functions on tensors, arrays, Ragged and symbols.

On a Ragged a function of numbers treats each step, one along axis 1 each sequence by itself; what
would need a grid says so, and what to do. On symbols it becomes a part of the graph.
"""

from __future__ import annotations

from typing import Any

from . import core, linalg, math, nn, numpy
from .absent import NOT_HERE
from .core import *  # noqa: F403
from .documented import document
from .linalg import *  # noqa: F403
from .math import *  # noqa: F403
from .nn import *  # noqa: F403
from .numpy import *  # noqa: F403

__all__ = ["linalg", "nn", "numpy"]
__all__ += core.__all__
__all__ += linalg.__all__
__all__ += math.__all__
__all__ += nn.__all__
__all__ += numpy.__all__

document(globals()[name] for name in __all__)


def __getattr__(name: str) -> Any:
    instead = NOT_HERE.get(name, "Use torch's function of that kind.")
    raise AttributeError(f"keras.ops.{name}: not here. {instead}")
