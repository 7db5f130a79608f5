"""Scaler: an estimator of scikit-learn's kind, fitted on and applied to real steps only."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .notes import Fitted, Scaled, note, noted
from .ragged import Ragged
from .ragged.numbers import as_tensor

__all__ = ["Scaler"]


class Scaler:
    """Fits and applies an estimator to the real steps of sequences, features as its columns.

    Scale, then pad, or never pad: an estimator that is fitted on a padded array learns from
    padding, and makes of it a row that no mask value meets. Here padding stays what it was.

    Shapes: Ragged (batch, steps*, feature), a list of (time, feature) arrays, or a padded array
    (batch, time, feature); the same form comes back. Steps without a feature axis are one column.
    Two levels work alike. Copies the real steps once. No steps at all: nothing can be fitted, and
    nothing is to be transformed.

    Args:
        estimator: anything with `fit(rows)`, `transform(rows)` and, to go back,
            `inverse_transform(rows)`: sklearn.preprocessing's StandardScaler, MinMaxScaler,
            RobustScaler, a PCA, a pipeline of them.
        mask_value: a slot of a padded array whose features all equal it is no step; NaN works.

    Raises:
        ValueError: there are no steps to fit, the data are no sequences, or a real step would hold
            the mask value in every feature once it is scaled.

    Example:
        >>> class Halves:
        ...     def fit(self, rows): pass
        ...     def transform(self, rows): return rows / 2
        >>> Scaler(Halves()).transform(np.array([[[4., 2.], [8., 6.]], [[2., 2.], [0., 0.]]]))
        array([[[2., 1.], [4., 3.]],
               [[1., 1.], [0., 0.]]])
    """

    def __init__(self, estimator: Any, mask_value: float = 0.0) -> None:
        for wanted in ("fit", "transform"):
            if not callable(getattr(estimator, wanted, None)) or isinstance(estimator, type):
                raise ValueError(
                    f"Scaler: expected an estimator with fit and transform, as StandardScaler(), "
                    f"got {estimator!r}."
                    + (" A class: put () behind it." if isinstance(estimator, type) else "")
                )
        self.estimator = estimator
        self.mask_value = float(mask_value)
        self._fitted = Fitted(type(estimator).__name__)

    def fit(self, x: Any) -> Scaler:
        """Fits the estimator on the real steps.

        Raises:
            ValueError: there are none.
        """
        steps = _rows(self._opened(x, "fit"))
        if len(steps) == 0:
            raise ValueError("Scaler.fit: x has no steps: every sequence is empty or masked.")
        self.estimator.fit(steps)
        rows = np.asarray(steps, dtype="f8")
        self._fitted = Fitted(type(self.estimator).__name__, len(rows), rows.mean(0), rows.std(0))
        return self

    def transform(self, x: Any) -> Any:
        """The scaled steps, in the form in which x came; padding holds the mask value still."""
        made = self._applied(x, "transform")
        if made is not x:
            before = noted(x, Scaled)
            again = before is not None and before.fitted is self._fitted
            times = before.times + 1 if again and before is not None else 1
            note(made, Scaled(self._fitted, len(_rows(self._opened(x, "transform"))), times))
        return made

    def fit_transform(self, x: Any) -> Any:
        """`fit(x)`, then `transform(x)`."""
        return self.fit(x).transform(x)

    def inverse_transform(self, x: Any) -> Any:
        """The steps as they were before they were scaled, in the form in which x comes."""
        return self._applied(x, "inverse_transform")

    def _applied(self, x: Any, what: str) -> Any:
        ragged = self._opened(x, what)
        rows = _rows(ragged)
        if len(rows) == 0:
            return x
        values = as_tensor(getattr(self.estimator, what)(rows), f"Scaler.{what}")
        if values.ndim == 1:
            values = values[:, None]
        kind = ragged.dtype if ragged.dtype.is_floating_point else torch.get_default_dtype()
        values = values.to(kind)
        if len(values) != len(rows):
            raise ValueError(
                f"Scaler.{what}: expected one row for each of the {len(rows)} steps, got "
                f"{len(values)}."
            )
        if not ragged.feature and values.shape[1] == 1:
            values = values[:, 0]
        result = _with_values(ragged, values.to(ragged.device))
        if isinstance(x, Ragged):
            return result
        if not isinstance(x, (Tensor, np.ndarray)):
            return result.to_list()
        self._refuse_lost_steps(result, what)
        return result.to_padded(self.mask_value)

    def _opened(self, x: Any, what: str) -> Ragged:
        if isinstance(x, Ragged):
            return x
        if isinstance(x, (list, tuple)):
            return Ragged.from_list(list(x))
        if not isinstance(x, (Tensor, np.ndarray)) or x.ndim != 3:
            got = tuple(x.shape) if isinstance(x, (Tensor, np.ndarray)) else type(x).__name__
            raise ValueError(
                f"Scaler.{what}: expected a Ragged, a list of arrays or a padded array (batch, "
                f"time, feature), got {got}."
            )
        return Ragged.from_padded(x, padding=self.mask_value)

    def _refuse_lost_steps(self, made: Ragged, what: str) -> None:
        """A real step that came to be the mask value would be taken for padding."""
        values, value = made.values, self.mask_value
        lost = (values.isnan() if value != value else values == value).flatten(1).all(1).nonzero()
        if len(lost):
            raise ValueError(
                f"Scaler.{what}: {made.layout.where(int(lost[0]))} has become {value:g} in every "
                "feature, the value of padding. Give the sequences as a list or a Ragged, which "
                "need no padding, or pad with another value: mask_value=-1000."
            )


def _rows(ragged: Ragged) -> np.ndarray:
    """(steps, columns) of every level."""
    values: Any = ragged.values
    while isinstance(values, Ragged):
        values = values.values
    rows = values.detach().cpu()
    return rows.reshape(len(rows), rows.shape[1:].numel()).numpy()


def _with_values(ragged: Ragged, values: Tensor) -> Ragged:
    if isinstance(ragged.values, Ragged):
        return ragged.with_values(_with_values(ragged.values, values))
    same = values.shape[1:].numel() == ragged.feature.numel()
    return ragged.with_values(values.reshape(-1, *ragged.feature) if same else values)
