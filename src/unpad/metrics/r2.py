"""R2: the share of the targets' variance that predictions explain."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from ..arguments import Count, DType
from ..errors import look_up
from .metric import Metric, divide
from .steps import Steps
from .targets import entries as by_entry

_AGGREGATIONS = {k: k for k in (None, "uniform_average", "variance_weighted_average")}


class R2Score(Metric):
    """1 - squared error / variance of the targets, feature by feature.

    Where targets do not vary it is 1 for predictions without error, else 0. No steps give 0.

    Args:
        class_aggregation: how features are brought together: "uniform_average",
            "variance_weighted_average", or None for a number each.
        num_regressors: how many numbers each prediction was made from, for the adjusted R2,
            1 - (1 - R2) (n - 1) / (n - p - 1) of n entries (each feature of a step is one, as in
            Keras); with no more than that, the plain one, and a warning.
        name: its key in logs.
        dtype: of what `result` gives.

    Example:
        >>> m = R2Score()
        >>> m.update_state([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
        >>> round(float(m.result()), 4)
        0.5714
    """

    sums: Tensor

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: Count = 0,
        name: str = "r2_score",
        dtype: DType = None,
    ) -> None:
        super().__init__(name, dtype)
        if class_aggregation not in _AGGREGATIONS:
            look_up("R2Score", "class_aggregation", str(class_aggregation), {
                k: k for k in _AGGREGATIONS if k
            })  # fmt: skip
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        if class_aggregation is None:
            self.not_in_compile = (
                "it gives a number for each output. Give class_aggregation='uniform_average'"
            )

    def build(self, size: int, labels: bool) -> None:
        # Of each feature: weights, targets, their squares, squared errors, entries of all.
        self.add_state("sums", torch.zeros(5, size, dtype=torch.float64), "sum")

    def add(self, steps: Steps) -> None:
        true = by_entry(self.name, steps.y_true, steps.y_pred).double()
        weight = true.new_ones(len(true)) if steps.weight is None else steps.weight
        apart = (steps.y_pred.double() - true).square()
        rows = torch.stack([torch.ones_like(true), true, true.square(), apart])
        sums = (rows * weight[:, None]).sum(1)
        self.sums = self.sums + torch.cat([sums, torch.full_like(sums[:1], true.numel())])

    def score(self) -> Tensor:
        if self._sizes is None:
            return torch.zeros((), dtype=torch.float64)
        count, total, squares, error, entries = self.sums
        variance = squares - total * divide(total, count)
        # What is left of rounding is no variance.
        flat = variance <= 1e-12 * squares
        scores = torch.where(flat, (error == 0).double(), 1 - error / variance.where(~flat, 1))
        scores = scores.where(count != 0, 0)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation is not None:
            variance = variance.where(~flat, 0)
            scores = divide((scores * variance).sum(), variance.sum())
        return self._adjusted(scores, float(entries[0]))

    def _adjusted(self, scores: Tensor, entries: float) -> Tensor:
        left = entries - self.num_regressors - 1
        if self.num_regressors == 0:
            return scores
        if left <= 0:
            warnings.warn(
                f"{self.name}: {entries:.0f} entries are too few for num_regressors="
                f"{self.num_regressors}, which needs more than {self.num_regressors + 1}. This is "
                "the plain R2.",
                stacklevel=2,
            )
            return scores
        return 1 - (1 - scores) * (entries - 1) / left
