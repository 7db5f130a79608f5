"""The cross-entropies as Keras 2's backend has them: a number for each step, none is averaged."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .batches import of_batches
from .elementwise import together
from .numbers import epsilon


def _log_of(output: Tensor, from_logits: bool) -> Tensor:
    if from_logits:
        return torch.log_softmax(output, -1)
    shares = output / output.sum(-1, keepdim=True)
    return shares.clamp(epsilon(), 1 - epsilon()).log()


@of_batches
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-sum(target log output) over the classes, the last axis."""

    def losses(y: Tensor, p: Tensor) -> Tensor:
        return -(y * _log_of(p, from_logits)).sum(-1)

    return together(losses, [target, output], "categorical_crossentropy")


@of_batches
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-log output[target], for targets that are integers."""

    def losses(y: Tensor, p: Tensor) -> Tensor:
        index = y.long() if y.ndim == p.ndim else y.long().unsqueeze(-1)
        return -_log_of(p, from_logits).gather(-1, index).squeeze(-1)

    return together(losses, [target, output], "sparse_categorical_crossentropy")


@of_batches
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-target log(output) - (1 - target) log(1 - output), number by number."""

    def losses(y: Tensor, p: Tensor) -> Tensor:
        p = torch.sigmoid(p) if from_logits else p
        p = p.clamp(epsilon(), 1 - epsilon())
        return -(y * p.log() + (1 - y) * (1 - p).log())

    return together(losses, [target, output], "binary_crossentropy")
