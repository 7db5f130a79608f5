"""Add, Subtract, Multiply, Average, Maximum, Minimum: several inputs, element by element."""

from __future__ import annotations

from functools import reduce
from typing import Any, Unpack

import torch
from torch import Tensor

from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...docstrings import complete
from ...ragged import Ragged
from .masks import joined_mask
from .pairs import broadcast, dtype_of, listed, pair, pair_specs


class Merge(Layer):
    """What the layers that join several inputs element by element have in common.

    Shapes: a list of inputs. Ragged (batch, steps*, *feature) are paired step by step and must be
    of equal lengths; a dense row a sequence (batch, *feature) goes to each of that sequence's
    steps; a dense grid (batch, time, *feature), or one for all (1, time, *feature), is read at the
    real steps of a Ragged that came from such a grid. Dense inputs alone are broadcast as in
    Keras: of different ranks, the shorter gets axes of size 1 behind the batch. Empty sequences
    stay empty.

    Raises:
        ValueError: sequences of different lengths, when the model is built where that is known,
            else naming the first sequence that differs; or features that do not fit together.
    """

    takes = "several"
    pairs_steps = True

    def merge(self, parts: list[Tensor]) -> Tensor:
        """The inputs' entries at the same steps, element by element."""
        raise NotImplementedError

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return joined_mask(self.who, inputs, mask)

    def output_spec(self, specs: list[Spec]) -> Spec:
        specs = listed(specs, self.who)
        shapes, like = pair_specs(specs, self.who)
        shape = broadcast(shapes, specs, self.who)
        spec = Spec(shape) if like is None else like.with_shape(shape)
        return spec.with_dtype(dtype_of(specs))

    def forward(self, inputs: list[Ragged | Tensor]) -> Ragged | Tensor:
        """The inputs joined, at real steps."""
        parts, like = pair(inputs, self.who)
        merged = self.merge(parts)
        return merged if like is None else like.with_values(merged)


class Add(Merge):
    """The sum of several inputs, step by step: a + b + ...

    Shapes: a list of Ragged of equal lengths, rows that go to each step of their sequence, or
    grids that the steps came from, to Ragged (batch, steps*, *feature); dense inputs as in Keras.
    Empty sequences stay empty.

    Raises:
        ValueError: sequences of different lengths, or features that do not fit together.

    Example:
        >>> sequences = Ragged.from_list([[[1.], [2.]], [[3.]]])
        >>> Add()([sequences, torch.tensor([[10.], [20.]])]).values.flatten().tolist()
        [11.0, 12.0, 23.0]
    """

    def merge(self, parts: list[Tensor]) -> Tensor:
        return reduce(torch.add, parts)


class Subtract(Merge):
    """The difference of two inputs, step by step: a - b.

    Shapes: as Add's, of two inputs. Empty sequences stay empty.

    Raises:
        ValueError: not two inputs; sequences of different lengths; features that do not fit.

    Example:
        >>> a = Ragged.from_list([[5., 4.], [3.]])
        >>> Subtract()([a, a.first()]).values.tolist()
        [0.0, -1.0, 0.0]
    """

    def output_spec(self, specs: list[Spec]) -> Spec:
        if len(listed(specs, self.who)) != 2:
            raise ValueError(f"{self.who}: expected two inputs, got {len(specs)}.")
        return super().output_spec(specs)

    def merge(self, parts: list[Tensor]) -> Tensor:
        return parts[0] - parts[1]


class Multiply(Merge):
    """The product of several inputs, step by step: a * b * ...

    Shapes: as Add's. Empty sequences stay empty.

    Raises:
        ValueError: sequences of different lengths, or features that do not fit together.

    Example:
        >>> a = Ragged.from_list([[1., 2.], [3.]])
        >>> Multiply()([a, a]).values.tolist()
        [1.0, 4.0, 9.0]
    """

    def merge(self, parts: list[Tensor]) -> Tensor:
        return reduce(torch.mul, parts)


class Average(Merge):
    """The mean of several inputs, step by step: (a + b + ...) / n.

    Shapes: as Add's. Empty sequences stay empty.

    Raises:
        ValueError: sequences of different lengths, or features that do not fit together.

    Example:
        >>> a = Ragged.from_list([[1., 2.], [3.]])
        >>> Average()([a, a * 3]).values.tolist()
        [2.0, 4.0, 6.0]
    """

    def output_spec(self, specs: list[Spec]) -> Spec:
        spec = super().output_spec(specs)
        return spec if spec.dtype.is_floating_point else spec.with_dtype(torch.get_default_dtype())

    def merge(self, parts: list[Tensor]) -> Tensor:
        return reduce(torch.add, parts) / len(parts)


class Maximum(Merge):
    """The largest of several inputs, step by step and feature by feature.

    Shapes: as Add's. Empty sequences stay empty. Where several are the largest, the gradient goes
    to them in equal parts, two by two.

    Raises:
        ValueError: sequences of different lengths, or features that do not fit together.

    Example:
        >>> a = Ragged.from_list([[1., 5.], [3.]])
        >>> Maximum()([a, a.mean()]).values.tolist()
        [3.0, 5.0, 3.0]
    """

    def merge(self, parts: list[Tensor]) -> Tensor:
        return reduce(torch.maximum, parts)


class Minimum(Merge):
    """The smallest of several inputs, step by step and feature by feature.

    Shapes: as Add's. Empty sequences stay empty. Where several are the smallest, the gradient goes
    to them in equal parts, two by two.

    Raises:
        ValueError: sequences of different lengths, or features that do not fit together.

    Example:
        >>> a = Ragged.from_list([[1., 5.], [3.]])
        >>> Minimum()([a, a.mean()]).values.tolist()
        [1.0, 3.0, 3.0]
    """

    def merge(self, parts: list[Tensor]) -> Tensor:
        return reduce(torch.minimum, parts)


def add(inputs: list[Any], **kwargs: Unpack[LayerOptions]) -> Any:
    """`Add(**kwargs)(inputs)`: see `Add`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: list[Any], **kwargs: Unpack[LayerOptions]) -> Any:
    """`Subtract(**kwargs)(inputs)`: see `Subtract`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: list[Any], **kwargs: Unpack[LayerOptions]) -> Any:
    """`Multiply(**kwargs)(inputs)`: see `Multiply`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: list[Any], **kwargs: Unpack[LayerOptions]) -> Any:
    """`Average(**kwargs)(inputs)`: see `Average`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: list[Any], **kwargs: Unpack[LayerOptions]) -> Any:
    """`Maximum(**kwargs)(inputs)`: see `Maximum`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: list[Any], **kwargs: Unpack[LayerOptions]) -> Any:
    """`Minimum(**kwargs)(inputs)`: see `Minimum`."""
    return Minimum(**kwargs)(inputs)


for _function in (add, subtract, multiply, average, maximum, minimum):
    complete(
        _function,
        {
            "inputs": "a list of tensors or of Ragged with equal lengths, or of both.",
            "kwargs": "of the layer.",
        },
    )
