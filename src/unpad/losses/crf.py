"""The loss of a CRF: how improbable the right path of tags is among all paths."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..arguments import Precision
from ..errors import first_true
from ..kernels import chain
from ..layers import Layer, Spec
from ..layers.tagging.tag_scores import scores_of
from ..ragged import Layout, Ragged
from ..ragged.batch import place, values_of
from .reduction import Reduced, reduce
from .sequence import SequenceLoss, with_steps


class CRF(SequenceLoss):
    """-log of the probability of a sequence's path of tags among all paths, of a `layers.CRF`.

    Shapes: y_true (steps,) or (steps, 1), numbers of tags; y_pred what the layer's `before_tail`
    gives, or (steps, tags, tags), the scores of pairs of neighbouring tags. A model that ends in
    CRF is trained from there by itself. The loss is one number a sequence, and the mean is over the
    sequences that have a step. Without a step it is 0.

    A step of the class `ignore_class` has a tag that is not known: all paths that have the tags
    that are known are summed. A sequence of which none is known does not count.

    Args:
        reduction: see `Loss`; also "mean_over_steps": the sum over sequences divided by the number
            of steps whose tag is known, as large as a softmax's cross-entropy and to be compared
            with it.
        ignore_class: the label of steps whose tag is not known.
        name: shown in logs.
        dtype: see `Loss`.

    Raises:
        ValueError: a label is no tag, or a path that the layer's scheme forbids; the text says
            where first.

    Formula: Lafferty, McCallum, Pereira (2001). With tags that are not known: Tsuboi et al. (2008).

    Example:
        >>> scores = Ragged.from_list([torch.zeros(2, 3, 3), torch.zeros(1, 3, 3)])
        >>> losses.CRF(reduction=None)(Ragged.from_list([[1, 2], [0]]), scores)
        tensor([2.1972, 1.0986])
    """

    tail = "crf"
    takes = ("crf",)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        ignore_class: int | None = None,
        name: str = "crf",
        dtype: Precision = None,
    ) -> None:
        by_steps = reduction == "mean_over_steps"
        super().__init__(name, "mean" if by_steps else reduction, dtype)
        if by_steps:  # this loss's own, which no other knows
            self._reduction = "mean_over_steps"
        self.ignore_class = ignore_class

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        size = output.shape[-1] if output.shape else None
        if size is None or len(output.shape) != (1 if output.ragged else 2):
            raise ValueError(f"{self.name}: expected a tag for each step, got {output}.")
        y = values_of(target)
        rank = len(output.shape)
        if y.ndim < rank or (y.ndim > rank and y.shape[-1] != 1):
            hint = " For one-hot labels give y.argmax(-1)." if y.ndim > rank else ""
            raise ValueError(
                f"{self.name}: got labels {tuple(y.shape)}; expected one integer a step.{hint}"
            )
        if y.is_floating_point() and (broken := first_true(y != y.round())) is not None:
            raise ValueError(
                f"{self.name}: the label in {place(target, broken)} is {y[broken].item()}; "
                "expected integers."
            )
        self._check_labels(target, size)

    def _check_labels(self, target: Ragged | Tensor, size: int) -> None:
        y = values_of(target)
        if torch.compiler.is_compiling() or not y.numel():
            return
        low, high = y.aminmax()
        if low.item() >= 0 and high.item() < size:
            return
        outside = (y < 0) | (y >= size)
        if self.ignore_class is not None:
            outside &= y != self.ignore_class
        if (broken := first_true(outside)) is None:
            return
        wrong = int(y[broken])
        hint = (
            f"If it marks steps whose tag is not known: CRF(ignore_class={wrong})."
            if wrong < 0
            else f"Labels go from 0 to {size - 1}."
        )
        raise ValueError(
            f"{self.name}: label {wrong} in {place(target, broken)}, but the model has {size} "
            f"tags. {hint}"
        )

    def check_layer(self, target: Ragged | Tensor, layer: Layer | None) -> None:
        check = getattr(layer, "check_path", None)
        if check is None or not isinstance(target, (Ragged, Tensor)):
            return
        path = self._path(target if isinstance(target, Ragged) else _rows(target))
        check(path, self._known(path.values))

    def _path(self, y_true: Ragged) -> Ragged:
        y = y_true.values
        y = y.squeeze(-1) if y.ndim == 2 and y.shape[-1] == 1 else y
        if y.ndim != 1:
            raise ValueError(
                f"{self.name}: expected one integer a step, got labels of shape "
                f"{tuple(y_true.feature)}."
            )
        return y_true.with_values(y.to(torch.int64))

    def _known(self, y: Tensor) -> Tensor | None:
        return None if self.ignore_class is None else y != self.ignore_class

    def per_sequence(self, y_true: Ragged, y_pred: Ragged) -> Tensor:
        scores = scores_of(y_pred)
        size = y_pred.feature[-1] if y_pred.feature else 0
        if scores.transitions is None and tuple(y_pred.feature) != (size, size):
            raise ValueError(
                f"{self.name}: expected the scores of pairs of tags, (steps, tags, tags), as "
                f"before_tail of a model that ends in layers.CRF gives, got "
                f"{tuple(y_pred.values.shape)}."
            )
        path = self._path(y_true)
        self._check_labels(path, size)
        known = self._known(path.values)
        tags = path.values if known is None else path.values.where(known, 0)
        losses = chain.negative_log_likelihood(scores, y_pred.layout.own, tags, known)
        # What is forbidden costs infinitely much: to look first would take as long as the rest.
        if not torch.compiler.is_compiling() and not math.isfinite(losses.detach().sum().item()):
            self._check_allowed(scores, path.with_values(tags), known)
        return losses

    def _check_allowed(self, scores: chain.Scores, path: Ragged, known: Tensor | None) -> None:
        tags, own = path.values, path.layout.own
        scores = scores.detach()
        forbidden = chain.path_scores(scores, own, tags) == -torch.inf
        first = torch.zeros_like(forbidden).index_fill(0, chain.first_steps(own), True)
        if known is not None:
            forbidden &= known & (first | known.roll(1))
        if (at := first_true(forbidden)) is None:
            return
        after = "" if bool(first[at]) else f" after tag {int(tags[at[0] - 1])}"
        if after and bool((chain.pairs_of(scores, own)[at[0], :, tags[at]] == -torch.inf).all()):
            after = " at the end"
        raise ValueError(
            f"{self.name}: tag {int(tags[at])}{after}, in {place(path, at)}, breaks the scheme of "
            "the layer's tags. Mend the targets, or leave scheme out."
        )

    def reduce(
        self, y_true: Any, y_pred: Any, weight: Tensor | None, *, layout: Layout | None = None
    ) -> Reduced:
        losses = self.unreduced(y_true, y_pred, None)
        counted, number = with_steps(y_pred), y_pred.steps
        if self.ignore_class is not None and y_pred.steps:
            known, own = self._known(self._path(y_true).values), y_pred.layout.own
            assert known is not None
            each = torch.zeros_like(own.lengths)
            each = each.index_add(0, own.sequence_ids, known.to(each.dtype))
            counted, number = each > 0, each.sum()
        if self.reduction == "mean_over_steps":
            return Reduced((losses if weight is None else losses * weight).sum(), number)
        return reduce(losses, weight, counted, self.reduction)


def _rows(target: Tensor) -> Ragged:
    return Ragged.from_padded(target, lengths=target.shape[1])
