"""Reshape and Permute: the axes of a step's features; a sequence's time stays where it is."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Unpack

from torch import Tensor

from ... import arguments
from ...core.calls import Keeps
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...ragged import Ragged


class Reshape(Layer):
    """Gives each step's features, or each row of a dense batch, another shape.

    Shapes: Ragged (batch, steps*, *feature) to Ragged (batch, steps*, *target_shape[1:]): the
    first axis of `target_shape` is time, as in Keras, and keeps its steps; -1 stands for any
    number. Dense (batch, ...) to (batch, *target_shape). Empty sequences stay empty. Nothing is
    copied where torch's reshape need not.

    Args:
        target_shape: without the batch; one size may be -1.

    Raises:
        ValueError: the shape would mix the steps of a sequence with their features, or does not
            hold as many numbers.

    Example:
        >>> steps = Ragged.from_list([[[1., 2., 3., 4.]], []])
        >>> Reshape((-1, 2, 2))(steps).feature
        torch.Size([2, 2])
    """

    takes = "one"

    def __init__(self, target_shape: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        given: Any = target_shape if isinstance(target_shape, (tuple, list)) else [None]
        sizes = [n for n in given if n != -1]
        wrong = [n for n in sizes if isinstance(n, bool) or not isinstance(n, int) or n < 1]
        if wrong or len(given) - len(sizes) > 1:
            what = "sizes, one of them -1 at most"
            raise arguments.wrong(self.who, "target_shape", what, target_shape)
        self.target_shape: tuple[int, ...] = tuple(given)

    def output_spec(self, spec: Spec) -> Spec:
        if spec.ragged:
            return spec.with_shape(self._feature(spec))
        if None in spec.shape:
            return Spec(tuple(None if n == -1 else n for n in self.target_shape), dtype=spec.dtype)
        shape = _filled(self.target_shape, prod([n or 0 for n in spec.shape]))
        if shape is None:
            raise ValueError(f"{self.who}: {spec} has no shape (batch, {self._shown()}).")
        return Spec(shape, dtype=spec.dtype)

    def _feature(self, spec: Spec) -> tuple[int, ...]:
        """A step's new shape, where time stays the first axis."""
        target, size = self.target_shape, prod([n or 0 for n in spec.shape])
        # A number of slots that is not known to be the grid's keeps time first only where it is the
        # one number that may follow from the others.
        first = target[0] if target else None
        keeps = first in (-1, spec.width) or (spec.width is None and -1 not in target)
        keeps = keeps and first is not None
        feature = _filled(target[1:], size) if keeps else None
        if feature is None:
            raise ValueError(
                f"{self.who}: ({self._shown()}) would mix the steps of {spec} with their features. "
                f"A step has {size} numbers and keeps them: target_shape=(-1, ...) with {size} "
                "numbers behind -1, which stands for time. A row a sequence: Flatten(length=...)."
            )
        return feature

    def _shown(self) -> str:
        return ", ".join(map(str, self.target_shape))

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The same numbers in another shape."""
        if isinstance(inputs, Ragged):
            width = inputs.layout.width
            feature = self._feature(Spec(tuple(inputs.feature), True, width=width))
            return inputs.with_values(inputs.values.reshape(inputs.steps, *feature))
        shape = _filled(self.target_shape, prod(inputs.shape[1:]))
        if shape is None:
            raise ValueError(
                f"{self.who}: {tuple(inputs.shape)} has no shape (batch, {self._shown()})."
            )
        return inputs.reshape(inputs.shape[0], *shape)


def _filled(target: tuple[int, ...], size: int) -> tuple[int, ...] | None:
    """The target with its -1 filled in, if it then holds as many numbers."""
    known = prod([n for n in target if n != -1])
    shape = tuple(size // known if n == -1 else n for n in target)
    return shape if prod(shape) == size else None


class Permute(Keeps, Layer):
    """Puts the axes of each step's features, or of a dense batch, in another order.

    Shapes: Ragged (batch, steps*, *feature) to Ragged of permuted features; time is axis 1 and
    stays first. Dense (batch, ...) likewise, any order. Empty sequences stay empty. Nothing is
    copied.

    Args:
        dims: the axes in their new order, counted from 1, without the batch.

    Raises:
        ValueError: the order moves the time of sequences, or is of another number of axes.

    Example:
        >>> steps = Ragged.from_list([[[[1., 2., 3.]]]])
        >>> Permute((1, 3, 2))(steps).feature
        torch.Size([3, 1])
    """

    takes = "one"

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        axes = arguments.axes(self.who, "dims", dims)
        self.dims = tuple(axes) if isinstance(axes, (list, tuple)) else (axes,)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            what = f"the axes 1 to {len(self.dims)} in another order"
            raise arguments.wrong(self.who, "dims", what, dims)

    def output_spec(self, spec: Spec) -> Spec:
        if len(self.dims) != len(spec) - 1:
            raise ValueError(
                f"{self.who}: expected {len(self.dims)} axes behind the batch for dims="
                f"{self.dims}, got {spec}."
            )
        shape = tuple(spec[d] for d in self.dims)
        if not spec.ragged:
            return Spec(shape, dtype=spec.dtype)
        if self.dims[0] != 1:
            raise ValueError(
                f"{self.who}: dims={self.dims} would move the time of {spec}, and every sequence "
                "has a time of its own. Features only: dims that begin with 1. A softmax over each "
                "sequence's steps: Lambda(Ragged.softmax); a weighted sum of them: "
                "AttentionPooling1D()."
            )
        return spec.with_shape(shape[1:])

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The same numbers with their axes in another order."""
        if isinstance(inputs, Ragged):
            return inputs.with_values(inputs.values.permute([d - 1 for d in self.dims]))
        return inputs.permute(0, *self.dims)
