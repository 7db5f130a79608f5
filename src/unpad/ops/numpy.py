"""numpy's functions, as Keras has them."""

from __future__ import annotations

from . import (
    contractions,
    elementary,
    joining,
    making,
    order,
    pairs,
    places,
    ranks,
    reductions,
    shapes,
)
from .contractions import *  # noqa: F403
from .elementary import *  # noqa: F403
from .joining import *  # noqa: F403
from .linalg import slogdet
from .making import *  # noqa: F403
from .order import *  # noqa: F403
from .pairs import *  # noqa: F403
from .places import *  # noqa: F403
from .ranks import *  # noqa: F403
from .reductions import *  # noqa: F403
from .shapes import *  # noqa: F403

__all__ = ["slogdet"]
__all__ += contractions.__all__
__all__ += elementary.__all__
__all__ += joining.__all__
__all__ += making.__all__
__all__ += order.__all__
__all__ += pairs.__all__
__all__ += places.__all__
__all__ += ranks.__all__
__all__ += reductions.__all__
__all__ += shapes.__all__
