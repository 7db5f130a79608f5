"""Operators on (values, offsets): a reference that specifies them, and the paths that serve."""

from . import adam, slots
from .activations import KNOWN
from .cells import GATES
from .contract import contract
from .library import serves
from .normal import normalize
from .operator import recurrent, trusted
from .paths import force, info, why
from .pointwise import activate
from .pooling import pool
from .products import linear
from .threads import own_threads

__all__ = [
    "GATES",
    "KNOWN",
    "activate",
    "adam",
    "contract",
    "force",
    "info",
    "linear",
    "normalize",
    "own_threads",
    "pool",
    "recurrent",
    "serves",
    "slots",
    "trusted",
    "why",
]
