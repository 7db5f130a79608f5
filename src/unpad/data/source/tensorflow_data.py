"""TensorFlow's own data sets, where TensorFlow is what they come from."""

from __future__ import annotations

from typing import Any

from .forms import Asked, Batches, Whole
from .iterables import Iterated
from .tensors import is_of_tensorflow, read_out


class FromTensorFlow(Iterated):
    """The batches of a `tf.data.Dataset`, as arrays and Ragged."""

    def as_batch(self, item: Any) -> Whole:
        """An item as inputs, targets and weights."""
        return super().as_batch(read_out(item))


def dataset(x: Any, asked: Asked) -> Batches | None:
    """A `tf.data.Dataset`."""
    if not is_of_tensorflow(x) or not hasattr(x, "element_spec"):
        return None
    count = int(x.cardinality())
    name = f"the {type(x).__name__.lstrip('_')}"
    known = count if count >= 0 else None
    return FromTensorFlow(lambda: x, name, False, asked, known, endless=count == -1)
