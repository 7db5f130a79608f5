"""Targets brought into the form of the predictions."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import first_true
from ..spellings import warn_once


def entries(who: str, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Targets that are compared with the predictions entry by entry.

    Raises:
        ValueError: there is one target a step for several outputs.
    """
    if y_true.ndim != y_pred.ndim:
        raise ValueError(
            f"{who}: expected {y_pred.shape[-1]} targets a step, one for each output, got one. For "
            "integer labels use a sparse metric, as sparse_categorical_accuracy."
        )
    return y_true


def one_for_each(who: str, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The same, but one target a step is compared with each of several outputs, as Keras does.

    It warns once: of a class's number that says nothing.
    """
    if y_true.ndim == y_pred.ndim:
        return y_true
    warn_once(
        f"{who} of one target",
        f"{who}: there is one target a step for {y_pred.shape[-1]} outputs, and each of them is "
        "compared with it. Of integer labels that says nothing: use "
        "sparse_categorical_accuracy.",
    )
    return y_true.unsqueeze(-1).expand_as(y_pred)


def one_hot(who: str, y_true: Tensor, classes: int) -> Tensor:
    """(steps, classes) of targets, from labels or as they are.

    Raises:
        ValueError: a label is no class; the text names the first.
    """
    if y_true.ndim == 2:
        return y_true
    checked_labels(who, y_true, classes)
    return torch.nn.functional.one_hot(y_true.to(torch.int64), classes)


def checked_labels(who: str, labels: Tensor, classes: int) -> None:
    """Raises where a label is no class."""
    if (wrong := first_true((labels < 0) | (labels >= classes))) is not None:
        raise ValueError(
            f"{who}: label {int(labels[wrong])} in step {wrong[0]} of the batch, but there are "
            f"{classes} classes. If it marks steps that do not count: "
            f"ignore_class={int(labels[wrong])}."
        )
