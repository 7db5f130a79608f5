"""Keras's regularisers, by name or as objects: called with a weight, they give a penalty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from ..arguments import NotNegative
from ..configured import Configured, from_dict
from ..errors import look_up

_Penalty = Callable[[Tensor], Tensor]


class Regularizer(Configured):
    """A penalty on a weight: called with the tensor, it gives a number to add to the loss.

    Attributes are the arguments, so that one can be pickled, shown and made again.
    """

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty, a tensor without axes; 0 of a tensor without entries."""
        raise NotImplementedError


class L1(Regularizer):
    """`l1` times the sum of the absolute values.

    Args:
        l1: how much an entry of 1 costs.

    Example:
        >>> import torch, unpad
        >>> unpad.regularizers.L1(0.5)(torch.tensor([1.0, -3.0]))
        tensor(2.)
    """

    def __init__(self, l1: NotNegative | None = 0.01) -> None:
        self.l1 = 0.01 if l1 is None else l1

    def __call__(self, x: Tensor) -> Tensor:
        return self.l1 * x.abs().sum()


class L2(Regularizer):
    """`l2` times the sum of the squares.

    Args:
        l2: how much an entry of 1 costs.

    Example:
        >>> import torch, unpad
        >>> unpad.regularizers.L2(0.5)(torch.tensor([1.0, -3.0]))
        tensor(5.)
    """

    def __init__(self, l2: NotNegative | None = 0.01) -> None:
        self.l2 = 0.01 if l2 is None else l2

    def __call__(self, x: Tensor) -> Tensor:
        return self.l2 * x.square().sum()


class L1L2(Regularizer):
    """`l1` times the sum of the absolute values, and `l2` times that of the squares.

    Args:
        l1: how much an entry of 1 costs in the first sum.
        l2: how much an entry of 1 costs in the second.
    """

    def __init__(self, l1: NotNegative | None = 0.0, l2: NotNegative | None = 0.0) -> None:
        self.l1 = l1 or 0.0
        self.l2 = l2 or 0.0

    def __call__(self, x: Tensor) -> Tensor:
        # A factor of 0 is left out: 0 times an infinite weight would be NaN.
        penalty = x.new_zeros(())
        if self.l1:
            penalty = penalty + self.l1 * x.abs().sum()
        if self.l2:
            penalty = penalty + self.l2 * x.square().sum()
        return penalty


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean of |cosine| over all pairs of a matrix's rows, or columns.

    Args:
        factor: how much a pair that points the same way costs, were it the only pair.
        mode: "rows" or "columns".

    Raises:
        ValueError: called with what is no matrix.
    """

    def __init__(self, factor: NotNegative = 0.01, mode: str = "rows") -> None:
        self.factor = factor
        self.mode = mode
        look_up("OrthogonalRegularizer", "mode", mode, {"rows": 1, "columns": 0})

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim != 2:
            raise ValueError(
                f"OrthogonalRegularizer: expected a matrix, got a weight of shape "
                f"{tuple(x.shape)}. Use it on a kernel of two axes."
            )
        vectors = x if self.mode == "rows" else x.T
        n = len(vectors)
        if n < 2:
            return x.new_zeros(())
        unit = torch.nn.functional.normalize(vectors, dim=1, eps=1e-7)
        cosines = (unit @ unit.T).abs()
        # Both halves without the diagonal: each pair is counted twice.
        return self.factor * (cosines.sum() - cosines.diagonal().sum()) / (n * (n - 1))


#: Keras's names in lower case.
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_BY_NAME: dict[str, Callable[[], Regularizer]] = {
    "l1": L1,
    "l2": L2,
    # As Keras documents the name; its code gives both factors 0, a penalty that is none.
    "l1_l2": lambda: L1L2(0.01, 0.01),
    "l1l2": lambda: L1L2(0.01, 0.01),
    "orthogonal_regularizer": OrthogonalRegularizer,
    "L1": L1,
    "L2": L2,
    "L1L2": lambda: L1L2(0.01, 0.01),
    "OrthogonalRegularizer": OrthogonalRegularizer,
}


def get(regularizer: Any, who: str = "regularizers.get") -> _Penalty | None:
    """The regulariser of this name, or the one given: any callable of a tensor; None stays None.

    Raises:
        ValueError: there is none of this name; the text names the nearest.
    """
    if regularizer is None:
        return None
    if (described := from_dict(who, "regularizer", regularizer, _BY_NAME)) is not None:
        return described
    if isinstance(regularizer, str):
        return look_up(who, "regularizer", regularizer, _BY_NAME)()
    if isinstance(regularizer, type) and issubclass(regularizer, Regularizer):
        return regularizer()
    if not callable(regularizer):
        raise ValueError(
            f"{who}: expected a regularizer's name, a callable or None, got {regularizer!r}."
        )
    return cast(_Penalty, regularizer)
