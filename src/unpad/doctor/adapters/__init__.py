"""What the doctor must know of a model, for each kind of model that people have."""

from .masks import masks_of

__all__ = ["masks_of"]
