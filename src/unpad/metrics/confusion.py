"""The confusion matrix: which class was taken for which."""

from __future__ import annotations

import torch
from torch import Tensor

from ..arguments import DType, Positive
from ..errors import look_up
from .accuracy import labels_of
from .metric import Metric, divide
from .steps import Steps
from .targets import checked_labels

_NORMALIZE = {"true": 1, "pred": 0}


class ConfusionMatrix(Metric):
    """(classes, classes) weights of steps by class (row) and by what it was taken for (column).

    The highest output of a step is what it was taken for; one output says yes above the threshold.
    Outputs may be labels already: integers. It is no single number, so `compile` refuses it. No
    steps give zeros.

    Args:
        num_classes: how many; by default the number of outputs.
        normalize: "true" (each row sums to 1), "pred" (each column) or None.
        threshold: for one output; for logits 0.
        name: its name.
        dtype: of what `result` gives.
        ignore_class: steps of this label do not count.

    Example:
        >>> m = ConfusionMatrix(num_classes=2)
        >>> m.update_state(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]))
        >>> m.result()
        tensor([[1., 0.],
                [1., 1.]], dtype=torch.float64)
    """

    takes_labels = True
    not_in_compile = (
        "it gives a matrix. Use it by itself, on Ragged targets and predictions: "
        "m.update_state(y, model.predict(x)); m.result()"
    )
    matrix: Tensor

    def __init__(
        self,
        num_classes: Positive | None = None,
        normalize: str | None = None,
        threshold: float = 0.5,
        name: str = "confusion_matrix",
        dtype: DType = None,
        *,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(name, dtype, ignore_class)
        if normalize is not None:
            look_up("ConfusionMatrix", "normalize", normalize, _NORMALIZE)
        self.num_classes, self.normalize, self.threshold = num_classes, normalize, threshold
        if num_classes is not None:
            self._make(num_classes)

    def _make(self, classes: int) -> None:
        self.num_classes = classes
        self.add_state("matrix", torch.zeros(classes, classes, dtype=torch.float64), "sum")

    def build(self, size: int, labels: bool) -> None:
        classes = max(2, size)
        if self.num_classes is None:
            self._make(classes)
        elif classes > self.num_classes:
            raise ValueError(
                f"{self.name}: num_classes={self.num_classes}, but {size} outputs came."
            )

    def add(self, steps: Steps) -> None:
        true, pred = steps.y_true, steps.y_pred
        if pred.ndim == 2:
            true = labels_of(true, pred)
            yes = pred[:, 0] > self.threshold
            pred = pred.argmax(-1) if pred.shape[1] > 1 else yes
        if self.num_classes is None:
            raise ValueError(
                f"{self.name}: the predictions are labels, so that the number of classes is not "
                "known. Give num_classes."
            )
        n = self.num_classes
        checked_labels(self.name, true, n)
        checked_labels(self.name, pred, n)
        cell = true.long() * n + pred.long()
        counts = torch.bincount(cell, steps.weight, minlength=n * n)
        self.matrix = self.matrix + counts.view(n, n)

    def score(self) -> Tensor:
        if self.num_classes is None:
            return torch.zeros((), dtype=torch.float64)
        if self.normalize is None:
            return self.matrix
        return divide(self.matrix, self.matrix.sum(_NORMALIZE[self.normalize], keepdim=True))

    def result(self) -> Tensor:
        """The matrix; zeros where there was no step."""
        return self.score()
