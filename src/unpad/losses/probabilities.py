"""Probabilities on their way to a logarithm."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import arguments

# Keras clips probabilities to [1e-7, 1 - 1e-7] before the logarithm.
EPSILON = 1e-7


def clipped(p: Tensor) -> Tensor:
    """The probabilities, kept from 0 and 1."""
    return p.clamp(EPSILON, 1 - EPSILON)


def normalised(p: Tensor) -> Tensor:
    """Probabilities of classes: what does not sum to 1 is made to, as Keras does it, then clipped.

    A step whose probabilities are all 0 gives the smallest ones.
    """
    total = p.sum(-1, keepdim=True).clamp(min=torch.finfo(p.dtype).tiny)
    return clipped(p / total)


def smoothed(y: Tensor, share: float, towards: float) -> Tensor:
    """Labels of which a share is replaced with the same number everywhere."""
    return y * (1 - share) + share * towards if share else y


def smoothing(who: str, share: float) -> float:
    """A share of label smoothing.

    Raises:
        ValueError: it is not from 0 to 1.
    """
    return arguments.share(who, "label_smoothing", share)


def last_axis(axis: int) -> int | None:
    """What `refuse` is asked: None for the last axis, which is where features are."""
    return None if axis == -1 else axis
