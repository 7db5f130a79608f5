"""Normalization: data brought to mean 0 and variance 1 by what was seen beforehand."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
import torch
from torch import Tensor

from ... import arguments
from ...core.calls import Keeps
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.precision import written
from ...core.spec import Spec, spec_of
from ...data.source.door import accept
from ...data.source.for_adapt import each_x
from ...ragged import Ragged
from ...ragged.batch import values_of
from ...ragged.numbers import as_tensor
from ...serialization import as_data

# Keras's epsilon: no deviation is taken to be smaller.
_EPSILON = 1e-7


class Normalization(Keeps, Layer):
    """Brings data to mean 0 and variance 1: (x - mean) / sqrt(variance).

    The mean and variance are given, or learned before training by `adapt`, over real steps only;
    no optimiser moves them. Before either they are 0 and 1, as in Keras. It has nothing to do with
    LayerNormalization or BatchNormalization, whose statistics are of the step or of the batch.

    Shapes stay as they are: Ragged (batch, steps*, *feature), dense (batch, ...). Empty sequences
    stay empty. Whole numbers become floating.

    Args:
        axis: the axes, counted with the batch and time, that have statistics of their own; None
            for one mean and variance of all.
        mean: given instead of learned; a number, or one for each feature.
        variance: likewise.
        invert: whether the way back is taken: x * sqrt(variance) + mean.

    Raises:
        ValueError: only one of mean and variance, or of different shapes; an axis whose size is
            not known, or that is the batch or the time of sequences.

    Example:
        >>> layer = Normalization()
        >>> layer.adapt(Ragged.from_list([[[1., 10.], [3., 30.]], [], [[5., 50.]]]))
        >>> layer.mean.numpy()
        array([ 3., 30.], dtype=float32)
    """

    takes = "one"

    def __init__(
        self,
        axis: int | tuple[int, ...] | list[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.axis = arguments.axes(self.who, "axis", axis, or_none=True)
        axes = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(f"{self.who}: expected both mean and variance, or none of them.")
        if np.shape(mean) != np.shape(variance) or np.ndim(mean) > len(axes):
            raise ValueError(
                f"{self.who}: expected mean and variance of one shape, with {len(axes)} axes at "
                f"most, got {np.shape(mean)} and {np.shape(variance)}."
            )
        self._axes = axes
        self.input_mean, self.input_variance = mean, variance
        self.invert = invert

    def get_config(self) -> dict[str, Any]:
        own = {"axis": self.axis, "mean": self.input_mean, "variance": self.input_variance}
        dtype = written(self.given_policy)
        rest = {"name": self.given_name, "trainable": self.trainable, "dtype": dtype}
        return as_data({**own, "invert": self.invert, **rest})

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A fresh layer from `get_config`'s arguments; Keras writes no axis as an empty list."""
        return super().from_config({**config, "axis": _axis_in(config)})

    def _kept(self, spec: Spec) -> list[int]:
        """The axes with statistics of their own, from 1 on."""
        rank = len(spec)
        for axis in self._axes:
            if not -rank <= axis < rank:
                raise ValueError(f"{self.who}: axis {axis} of {spec}, which has {rank} axes.")
            kept = axis % rank
            if kept == 0 or (spec.ragged and kept == 1):
                what = "the batch" if kept == 0 else "the time of sequences"
                raise ValueError(
                    f"{self.who}: axis {axis} of {spec} is {what}, which has no statistics of its "
                    "own. Features: axis=-1; one mean and variance of all: axis=None."
                )
            if spec[kept] is None:
                raise ValueError(f"{self.who}: axis {axis} of {spec} has no known size.")
        return sorted(axis % rank for axis in self._axes)

    def build(self, spec: Spec) -> None:
        shape = tuple(spec[axis] for axis in self._kept(spec))
        dtype = self.dtype or torch.get_default_dtype()
        if self.input_mean is None:
            self.register_buffer("adapt_mean", torch.zeros(shape, dtype=dtype))
            self.register_buffer("adapt_variance", torch.ones(shape, dtype=dtype))
            self.register_buffer("count", torch.zeros((), dtype=torch.int64))
            return
        for name in ("mean", "variance"):
            given = as_tensor(getattr(self, f"input_{name}"), f"{self.who}: {name}").to(dtype)
            given = given.broadcast_to(shape).clone()
            self.register_buffer(f"given_{name}", given, persistent=False)

    @property
    def mean(self) -> Tensor | None:
        """The mean along the axes that have one; None before the layer is built."""
        return self._statistic("mean")

    @property
    def variance(self) -> Tensor | None:
        """The variance along the axes that have one; None before the layer is built."""
        return self._statistic("variance")

    def _statistic(self, name: str) -> Tensor | None:
        if not self.built:
            return None
        return getattr(self, f"{'adapt' if self.input_mean is None else 'given'}_{name}")

    def output_spec(self, spec: Spec) -> Spec:
        kept = self._kept(spec)
        if self.built:
            mean = self._statistic("mean")
            assert mean is not None
            if tuple(mean.shape) != tuple(spec[axis] for axis in kept):
                raise ValueError(f"{self.who}: built for {tuple(mean.shape)} features, got {spec}.")
        floating = self._floating()
        if not spec.dtype.is_floating_point:
            return spec.with_dtype(floating)
        return spec.with_dtype(self.dtype or torch.promote_types(spec.dtype, floating))

    def _floating(self) -> torch.dtype:
        return self.dtype or torch.get_default_dtype()

    def _prepare(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        wanted = inputs.dtype if inputs.dtype.is_floating_point else self._floating()
        return inputs.to(dtype=self.dtype or wanted)

    def adapt(self, data: Any, steps: int | None = None, *, columns: Any = None) -> None:
        """Takes the mean and variance of data, at real steps; what was learned before is forgotten.

        Computed in float64. Costs two passes over each batch.

        Args:
            data: all that `fit` takes as x: a Ragged, an array or tensor (batch, ...) without
                padding; batches of them, in a list or as they come, alone or with targets beside
                them; a table, a data set, Parquet files.
            steps: how many batches to take, of what gives batches.
            columns: which column of a table is x.

        Raises:
            ValueError: no step at all; features of another shape than before, with the batch that
                has them; the layer was given its mean.
            RuntimeError: what gives the data has raised an error.
        """
        if self.input_mean is not None:
            raise ValueError(f"{self.who}: adapt, but mean and variance were given.")
        count, mean, squares = 0, torch.zeros(()), torch.zeros(())
        seen = each_x(data, self.who, self._moments, columns=columns, steps=steps)
        for n, mean_n, squares_n in seen:
            if not n:
                continue
            # Chan, Golub & LeVeque 1979: the squares of two parts, and of their means' distance.
            apart = mean_n - mean
            squares = squares + squares_n + apart.square() * (count * n / (count + n))
            mean = mean + apart * (n / (count + n))
            count += n
        if not count:
            raise ValueError(f"{self.who}: adapt got no step.")
        self.get_buffer("adapt_mean").copy_(mean)
        self.get_buffer("adapt_variance").copy_(squares / count)
        self.get_buffer("count").fill_(count)

    def _moments(self, x: Any, whole: bool) -> tuple[int, Tensor, Tensor]:
        """How many entries each statistic is over, their mean and squared distances from it."""
        batch = self._as_batch(accept(x, self.who)[0])
        spec = spec_of(batch)
        self.ensure_built(spec)
        values = values_of(batch).detach().to(torch.float64)
        ahead = int(spec.ragged)
        over = [d for d in range(values.ndim) if d + ahead not in self._kept(spec)]
        n = int(np.prod([values.shape[d] for d in over]))
        if not n:
            return 0, torch.zeros(()), torch.zeros(())
        mean = values.mean(over, keepdim=True)
        squares = (values - mean).square().sum(over, keepdim=True)
        shape = tuple(spec[axis] for axis in self._kept(spec))
        return n, mean.reshape(shape), squares.reshape(shape)

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The inputs, normalised at real steps."""
        spec = spec_of(inputs)
        kept = self._kept(spec)
        shape = [spec[d] if d in kept else 1 for d in range(int(spec.ragged), len(spec))]
        mean, variance = self.mean, self.variance
        assert mean is not None
        assert variance is not None
        mean = mean.reshape(shape)
        deviation = variance.reshape(shape).sqrt().clamp(min=_EPSILON)
        values = values_of(inputs)
        values = values * deviation + mean if self.invert else (values - mean) / deviation
        return inputs.with_values(values) if isinstance(inputs, Ragged) else values


def _axis_in(config: dict[str, Any]) -> Any:
    axis = config.get("axis", -1)
    return None if isinstance(axis, (list, tuple)) and not axis else axis
