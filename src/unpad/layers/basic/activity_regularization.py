"""ActivityRegularization: a penalty on what passes."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor

from ...arguments import NotNegative
from ...core.options import WithoutPenalty
from ...core.token_wise import TokenWise
from ...weights.regularizers import L1L2


class ActivityRegularization(TokenWise):
    """Lets its inputs through, and adds a penalty on them to the loss.

    The penalty is summed over real steps and divided by the number of sequences.

    Args:
        l1: times the sum of sizes.
        l2: times the sum of squares.

    Example:
        >>> layer = ActivityRegularization(l2=0.5)
        >>> _ = layer(Ragged.from_list([[2.0], []]))
        >>> [float(loss) for loss in layer.losses]
        [1.0]
    """

    def __init__(
        self, l1: NotNegative = 0.0, l2: NotNegative = 0.0, **kwargs: Unpack[WithoutPenalty]
    ) -> None:
        super().__init__(activity_regularizer=L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return config

    def on_values(self, values: Tensor) -> Tensor:
        return values
