"""Metrics that are a mean: of a number a step, of a function's values, of values as they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..arguments import DType
from ..losses.shapes import one_by_one
from ..ragged import Ragged
from ..ragged.numbers import as_tensor
from ..serialization import as_data
from ..signatures import of_numbers
from .metric import Metric, divide
from .steps import Steps


class MeanOverSteps(Metric):
    """The mean over steps of `per_step`, weighted: the sum of value times weight by the weights'.

    Args:
        name: its key in logs and history.
        dtype: of what `result` gives.
        ignore_class: steps of this label do not count.
    """

    sized = False
    total: Tensor
    count: Tensor

    def __init__(
        self, name: str | None = None, dtype: DType = None, ignore_class: int | None = None
    ) -> None:
        super().__init__(name, dtype, ignore_class)
        self.add_state("total", torch.zeros((), dtype=torch.float64), "sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), "sum")

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """(steps,) the number of each step.

        Args:
            y_true: targets, (steps, feature) or labels (steps,).
            y_pred: outputs, (steps, feature).
        """
        raise NotImplementedError

    def add(self, steps: Steps) -> None:
        self.add_values(self.per_step(steps.y_true, steps.y_pred), steps.weight)

    def add_values(self, values: Tensor, weight: Tensor | None) -> None:
        """Adds numbers, each with its weight.

        Args:
            values: of any shape; none change nothing.
            weight: of the same shape; None for 1 each.
        """
        if weight is None:
            self.total = self.total + values.sum(dtype=torch.float64)
            self.count = self.count + values.numel()
        else:
            self.total = self.total + (values * weight).sum()
            self.count = self.count + weight.sum()

    def score(self) -> Tensor:
        return divide(self.total, self.count)


class MeanMetricWrapper(MeanOverSteps):
    """The mean of a function's values: called with (y_true, y_pred), values at the real steps.

    One number a step comes as (steps, 1) beside outputs of one unit, as in a loss.
    Further axes of what it gives are averaged where steps are weighed. A single number is taken
    for the mean over the batch's steps.

    Args:
        fn: gives a number for each step.
        name: its key in logs; by default the function's name.
        dtype: of what `result` gives.
        kwargs: given to the function.

    Example:
        >>> m = MeanMetricWrapper(lambda y_true, y_pred: (y_true - y_pred).abs(), name="apart")
        >>> m.update_state(torch.tensor([1.0, 2.0]), torch.tensor([1.5, 2.0]))
        >>> float(m.result())
        0.25
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: DType = None, **kwargs: Any
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), dtype=dtype)
        self.fn, self._kwargs = fn, kwargs

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, those of the function among them."""
        return as_data({"fn": self.fn, "name": self.name, **self._kwargs})

    def update(
        self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None = None, layout: Any = None
    ) -> None:
        """Adds values at real steps: the function gets them as they are.

        Args:
            y_true: targets beside the outputs.
            y_pred: outputs, (steps, feature).
            weight: one a step; None for 1 each.
            layout: which steps make a sequence; not needed.
        """
        for label in self.ignored:
            y_true, y_pred, weight = without(label, y_true, y_pred, weight)
        if not len(y_pred):
            return
        fn = partial(self.fn, **self._kwargs)
        values = as_tensor(one_by_one(self.name, fn, y_true, y_pred), self.name)
        if values.ndim == 0:
            if weight is not None:
                raise ValueError(
                    f"{self.name}: it gives one number for the whole batch, so that weights have "
                    "nothing to weigh. Let it give one for each step."
                )
            self.total = self.total + values.double() * len(y_pred)
            self.count = self.count + len(y_pred)
            return
        if weight is not None:
            if values.ndim < weight.ndim or values.shape[: weight.ndim] != torch.broadcast_shapes(
                weight.shape, values.shape[: weight.ndim]
            ):
                raise ValueError(
                    f"{self.name}: expected a value for each weight of {tuple(weight.shape)}, got "
                    f"{tuple(values.shape)}."
                )
            if values.ndim > weight.ndim:
                values = values.double().flatten(weight.ndim).mean(-1)
            weight = weight.double().expand(values.shape)
        self.add_values(values, weight)


class Mean(MeanOverSteps):
    """The mean of values that it is given, weighted.

    Args:
        name: its name.
        dtype: of what `result` gives.

    Example:
        >>> m = Mean()
        >>> m.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
        >>> float(m.result())
        2.0
    """

    not_in_compile = (
        "it averages values, not targets and predictions. Give a function of (y_true, y_pred) that "
        "gives a number for each step: its mean is the metric"
    )

    def __init__(self, name: str = "mean", dtype: DType = None) -> None:
        super().__init__(name, dtype)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "update_state" in vars(cls):  # of targets and predictions, as Keras's metrics are made
            cls.not_in_compile = None

    @of_numbers
    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, values: Any, sample_weight: Any = None
    ) -> None:
        """Adds values: Ragged, an array or a number; weights of sequences or of steps."""
        # Every value is a step of one feature, so that weights go with any leading axes.
        if isinstance(values, Ragged):
            values = values.map(lambda v: v.unsqueeze(-1))
        else:
            values = torch.atleast_1d(as_tensor(values, f"{self.name}: values")).unsqueeze(-1)
        super().update_state(values, values, sample_weight)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return y_pred.squeeze(-1)


class Sum(Mean):
    """The sum of values that it is given, each times its weight; of none it is 0.

    Args:
        name: its name.
        dtype: of what `result` gives.

    Example:
        >>> m = Sum()
        >>> m.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
        >>> float(m.result())
        4.0
    """

    not_in_compile = "it adds up values, not targets and predictions. Give a metric of both"

    def __init__(self, name: str = "sum", dtype: DType = None) -> None:
        super().__init__(name, dtype)

    def score(self) -> Tensor:
        return self.total


def without(
    label: int, y_true: Tensor, y_pred: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Targets, predictions and weights without the steps of a label, where targets are labels.

    Targets are labels where there is one a step for several outputs, or for an integer.
    """
    labels = y_true
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1 != y_pred.shape[-1]:
        labels = labels.squeeze(-1)
    decided = labels.shape == y_pred.shape and not y_pred.is_floating_point()
    if labels.shape != y_pred.shape[:-1] and not decided:
        return y_true, y_pred, weight
    keep = labels != label
    if weight is not None:
        weight = weight.expand(keep.shape)[keep]
    return y_true[keep], y_pred[keep], weight
