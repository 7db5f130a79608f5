"""Circle: vectors of one class near each other, of two classes apart."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import AboveZero, NotNegative, Precision, flag
from ..layers import Spec
from ..ragged import Layout, Ragged
from ..ragged.batch import values_of
from ..signatures import of_numbers
from .loss import Loss, of_each_step


class Circle(Loss):
    """softplus(log sum exp of the pairs of one class + the same of pairs of two), for each step.

    With d = max(1 - cosine, 0) a pair of one class gives gamma (m + d) (d - m), one of two classes
    gamma (1 + m - d)+ (1 - m - d). A step's pairs are those with the steps of its own sequence, so
    that what a sequence loses does not depend on its company; a row of predictions without time is
    paired with all rows of the batch, as in Keras. A step without a pair of both kinds does not
    count, neither in the sum nor in the number: a sequence of one step or of one class adds
    nothing.

    Shapes: y_true (steps,) or (steps, 1) integers; y_pred (steps, feature), vectors of length 1, as
    UnitNormalization gives them. No steps give 0. Costs a product of a sequence with itself for
    each sequence.

    Source of the formula: Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity
    Optimization", 2020.

    Args:
        gamma: how much the hardest pairs count before the others.
        margin: m: pairs of one class shall be nearer, those of two classes further than 1 - m.
        remove_diagonal: whether a step makes no pair with itself.
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.

    Raises:
        ValueError: labels and vectors are not as many, or vectors have no feature axis.

    Example:
        >>> vectors = Ragged.from_list([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0]]])
        >>> labels = Ragged.from_list([[5, 5, 7], [5]])
        >>> Circle(gamma=1.0)(labels, vectors)
        tensor(0.5459, dtype=torch.float64)
    """

    def __init__(
        self,
        gamma: AboveZero = 80.0,
        margin: NotNegative = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "circle",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.gamma, self.margin = gamma, margin
        self.remove_diagonal = flag(type(self).__name__, "remove_diagonal", remove_diagonal)

    def each(self, y_true: Tensor, y_pred: Tensor, layout: Layout | None) -> Tensor:
        labels = y_true.reshape(-1).to(torch.int64)
        shape = y_pred.shape[:-1]
        if y_pred.ndim < 2 or len(labels) != shape.numel():
            raise ValueError(
                f"{self.name}: expected a label for each row of (steps, feature), got labels "
                f"{tuple(y_true.shape)} and predictions {tuple(y_pred.shape)}."
            )
        # Without a layout a grid's rows are sequences, and a matrix is one.
        lengths = [shape[-1]] * shape[:-1].numel() if layout is None else layout.own.counts
        parts = zip(labels.split(lengths), y_pred.flatten(0, -2).split(lengths), strict=True)
        found = [self._among(*part, *part) for part in parts]
        return torch.cat(found).view(shape) if found else y_pred.sum(-1)

    def _among(self, labels: Tensor, x: Tensor, others: Tensor, vectors: Tensor) -> Tensor:
        """What each of these loses by its pairs with the others, (n,); 0 without both kinds."""
        alike = labels[:, None] == others
        differ = ~alike
        if self.remove_diagonal:
            alike = alike & ~torch.eye(*alike.shape, dtype=torch.bool, device=alike.device)
        m, d = self.margin, (1 - x @ vectors.mT).clamp(min=0)
        near = torch.where(alike, self.gamma * (m + d) * (d - m), -torch.inf)
        far = torch.where(differ, self.gamma * (1 + m - d).clamp(min=0) * (1 - m - d), -torch.inf)
        both = alike.any(1) & differ.any(1)
        # The sum of nothing has no derivative: such rows are left out before it is taken.
        known = torch.logsumexp(near[both], 1) + torch.logsumexp(far[both], 1)
        return x.new_zeros(len(x)).index_put((both.nonzero().squeeze(1),), F.softplus(known))

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.each(y_true, y_pred, None)

    def counted_among(self, y_true: Tensor, losses: Tensor) -> Tensor | None:
        return losses.detach() > 0

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        if not output.shape:
            raise ValueError(f"{self.name}: expected vectors, got {output}.")
        y = values_of(target)
        if y.ndim > 1 and y.shape[-1] != 1:
            raise ValueError(
                f"{self.name}: got labels {tuple(y.shape)}; expected one integer a step. For "
                "one-hot labels give y.argmax(-1)."
            )


@of_numbers
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """What each step loses by its pairs: see `Circle`.

    Args:
        y_true: labels.
        y_pred: vectors beside them.
        ref_labels: of other vectors, with which pairs are made instead.
        ref_embeddings: those vectors; both are rows without time.
        remove_diagonal: see `Circle`.
        gamma: see `Circle`.
        margin: see `Circle`.

    Raises:
        ValueError: there are pairs with others for sequences.
    """
    loss = Circle(gamma, margin, remove_diagonal)
    if ref_labels is None and ref_embeddings is None:
        return of_each_step(loss, y_true, y_pred)
    if isinstance(y_pred, Ragged):
        raise ValueError(
            "circle: ref_embeddings are rows, and steps make pairs with those of their own "
            "sequence. Give y_pred.values and y_true.values."
        )
    labels = y_true.reshape(-1)
    others = labels if ref_labels is None else torch.as_tensor(ref_labels).reshape(-1)
    vectors = y_pred if ref_embeddings is None else torch.as_tensor(ref_embeddings)
    return loss._among(labels, y_pred, others, vectors.to(y_pred.dtype))
