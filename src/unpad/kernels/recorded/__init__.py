"""Any cell: its step is written down once, and replayed along sequences with few operators."""

from .recorder import walk_of, why_not
from .replay import Walked, in_python
from .tape import Step

__all__ = ["Step", "Walked", "in_python", "walk_of", "why_not"]
