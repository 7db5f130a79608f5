"""Metrics of probabilities: cross-entropies, divergence, perplexity."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import losses
from ..arguments import DType, Share
from .of_loss import OfLoss
from .targets import checked_labels


class BinaryCrossentropy(OfLoss):
    """The loss of this name as a metric: its mean over steps; no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether y_pred are logits rather than probabilities.
        label_smoothing: how far labels are drawn towards one half.
    """

    takes_sparse = False

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: DType = None,
        *,
        from_logits: bool = False,
        label_smoothing: Share = 0,
    ) -> None:
        loss = losses.BinaryCrossentropy(from_logits=from_logits, label_smoothing=label_smoothing)
        super().__init__(loss, name, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing


class CategoricalCrossentropy(OfLoss):
    """The loss of this name as a metric: its mean over steps; no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether y_pred are logits rather than probabilities.
        label_smoothing: share of the label that is spread evenly over all classes.
    """

    takes_sparse = False

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: DType = None,
        *,
        from_logits: bool = False,
        label_smoothing: Share = 0,
    ) -> None:
        loss = losses.CategoricalCrossentropy(
            from_logits=from_logits, label_smoothing=label_smoothing
        )
        super().__init__(loss, name, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing


class SparseCategoricalCrossentropy(OfLoss):
    """The loss of this name as a metric: its mean over steps; no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether y_pred are logits rather than probabilities.
        ignore_class: steps of this label do not count.
    """

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: DType = None,
        *,
        from_logits: bool = False,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(
            losses.SparseCategoricalCrossentropy(from_logits=from_logits), name, dtype=dtype
        )
        self.from_logits, self.ignore_class = from_logits, ignore_class
        self.ignore(ignore_class)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if y_true.ndim == 2:
            y_true = y_true.argmax(-1) if y_true.shape[-1] > 1 else y_true.squeeze(-1)
        checked_labels(self.name, y_true, y_pred.shape[-1])
        return super().per_step(y_true, y_pred)


class Perplexity(SparseCategoricalCrossentropy):
    """exp of the mean of -log p[label]: how many words a model of language is torn between.

    Shapes: y_true (steps,) labels; y_pred (steps, classes). No steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether y_pred are logits rather than probabilities.
        ignore_class: steps of this label do not count.

    Example:
        >>> m = Perplexity()
        >>> m.update_state([0, 1], [[0.25, 0.25, 0.25, 0.25]] * 2)
        >>> round(float(m.result()), 4)
        4.0
    """

    def __init__(
        self,
        name: str = "perplexity",
        dtype: DType = None,
        *,
        from_logits: bool = False,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(name, from_logits=from_logits, ignore_class=ignore_class, dtype=dtype)

    def score(self) -> Tensor:
        return torch.where(self.count != 0, super().score().exp(), 0)


class KLDivergence(OfLoss):
    """The mean of sum(y_true log(y_true / y_pred)) of a step; no steps give 0.

    Probabilities below 1e-7 count as 1e-7, as in Keras.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
    """

    takes_sparse = False

    def __init__(self, name: str = "kl_divergence", dtype: DType = None) -> None:
        super().__init__(losses.KLDivergence(), name, dtype)
