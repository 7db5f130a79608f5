"""The laws, asked of any model that can be called."""

from .laid import Laid, drawn, together
from .laws import LAWS, Verdict, probed
from .outputs import learnt
from .subject import CannotAsk, Pair, Place, Reach, Subject

__all__ = [
    "LAWS",
    "CannotAsk",
    "Laid",
    "Pair",
    "Place",
    "Reach",
    "Subject",
    "Verdict",
    "drawn",
    "learnt",
    "probed",
    "together",
]
