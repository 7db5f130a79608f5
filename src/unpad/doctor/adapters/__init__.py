"""What the doctor must know of a model, for each kind of model that people have."""

from .heads import heads_of
from .masks import masks_of
from .reported import OfCallables, OfCompiled, labelled
from .subjects import subject_of

__all__ = ["OfCallables", "OfCompiled", "heads_of", "labelled", "masks_of", "subject_of"]
