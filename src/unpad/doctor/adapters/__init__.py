"""What the doctor must know of a model, for each kind of model that people have."""

from .heads import heads_of
from .masks import masks_of
from .subjects import subject_of

__all__ = ["heads_of", "masks_of", "subject_of"]
