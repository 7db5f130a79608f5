"""Classes as one-hot rows, and rows of norm 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arguments import Positive, wrong
from ..core.lifting import lift
from ..errors import first_true
from ..ragged import Ragged
from ..ragged.batch import place, values_of
from ..ragged.numbers import read_whole, to_numpy, to_tensor
from ..signatures import checked, of_numbers


@of_numbers
@checked
def to_categorical(x: Any, num_classes: Positive | None = None) -> Any:
    """Classes as rows: 1 at the class's place, else 0.

    Shapes: integers (...) or (..., 1) to floats (..., num_classes), an array for an array or list,
    a tensor for a tensor; Ragged (batch, steps*) to Ragged (batch, steps*, num_classes). The loss
    `sparse_categorical_crossentropy` takes the classes as they are.

    Args:
        x: classes from 0 on.
        num_classes: by default the largest and one.

    Raises:
        ValueError: a class is negative or not below num_classes; the text says which. Keras counts
            a label of -1, which marks padding, as the last class.

    Example:
        >>> to_categorical([0, 2])
        array([[1., 0., 0.],
               [0., 0., 1.]])
    """
    batch = x if isinstance(x, (Ragged, Tensor)) else _classes(x)
    labels = values_of(batch)
    if labels.is_floating_point() and (at := first_true(labels != labels.round())) is not None:
        raise ValueError(
            f"to_categorical: the class in {place(batch, at) if at else 'x'} is "
            f"{labels[at].item():g}; expected integers."
        )
    if labels.ndim > 1 and labels.shape[-1] == 1:
        batch = lift(lambda v: v.squeeze(-1), batch)
        labels = values_of(batch)
    classes = num_classes or (int(labels.max()) + 1 if labels.numel() else 0)
    outside = ((labels < 0) | (labels >= classes)).nonzero()
    if len(outside):
        where = tuple(int(i) for i in outside[0])
        at = place(batch, where) if where else "x"
        hint = (
            "Steps without a label: leave them out, as Ragged, or use "
            "sparse_categorical_crossentropy with ignore_class."
            if int(labels[where]) < 0
            else f"Give num_classes={int(labels.max()) + 1}."
        )
        raise ValueError(
            f"to_categorical: class {int(labels[where])} in {at} is none of {classes}. {hint}"
        )

    def rows(values: Tensor) -> Tensor:
        # Floats as wide as numpy's, as Keras gives them; a tensor's as torch has them by default.
        wide = torch.get_default_dtype() if isinstance(x, (Ragged, Tensor)) else torch.float64
        return (values.long().unsqueeze(-1) == torch.arange(classes, device=values.device)).to(wide)

    found: Any = lift(rows, batch)
    return found if isinstance(x, (Ragged, Tensor)) else found.numpy()


def _classes(x: Any) -> Tensor:
    array = np.asarray(read_whole(x, "to_categorical: x"))
    if array.dtype.kind not in "biufc":
        raise wrong("to_categorical", "x", "integers", x)
    return to_tensor(array, "to_categorical: x")


@of_numbers
@checked
def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """An array or tensor divided by its norms along an axis; zeros stay zeros.

    Args:
        x: an array or list.
        axis: along which the norm is taken.
        order: 2 for the Euclidean norm, 1 for the sum of absolute values.

    Example:
        >>> normalize([[3., 4.], [0., 0.]])
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    if isinstance(x, Tensor):
        lengths = torch.linalg.vector_norm(x, order, axis, keepdim=True)
        return x / torch.where(lengths == 0, 1, lengths)
    x = to_numpy(to_tensor(np.asarray(x), "normalize: x"))
    norms = np.atleast_1d(np.linalg.norm(x, order, axis))
    norms[norms == 0] = 1
    return x / np.expand_dims(norms, axis)
