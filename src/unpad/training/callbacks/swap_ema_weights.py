"""Evaluates with the running averages of the weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .callback import Callback
from .learning_rate import parts_of


class SwapEMAWeights(Callback):
    """Puts the averages that an optimiser keeps in the weights' place, to evaluate and predict.

    The weights that are trained come back afterwards. The optimiser is compiled with
    `use_ema=True`; before its first update there is no average, and the weights stay.

    Args:
        swap_on_epoch: whether the averages stand there from an epoch's end to the next one's
            beginning, so that callbacks behind this one save them.

    Raises:
        ValueError: the optimiser keeps no averages.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch
        # The weights that are trained, by name, while the averages stand in their place.
        self._trained: dict[str, Tensor] = {}

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._give_back()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.swap_on_epoch:
            self._swap()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        self._swap()

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        self._give_back()

    def on_predict_begin(self, logs: dict[str, float] | None = None) -> None:
        self._swap()

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._give_back()

    @torch.no_grad()
    def _swap(self) -> None:
        optimizer = self.model.optimizer
        arounds = [getattr(part, "around", None) for part in parts_of(optimizer)]
        if all(getattr(around, "ema_momentum", None) is None for around in arounds):
            raise ValueError(
                "SwapEMAWeights: the optimizer keeps no averages. Compile it with use_ema=True: "
                "Adam(use_ema=True)."
            )
        if self._trained:
            return
        for name, weight in self.model.named_parameters():
            average = optimizer.state[weight].get("average") if weight in optimizer.state else None
            if average is not None:
                self._trained[name] = weight.detach().clone()
                weight.copy_(average)

    @torch.no_grad()
    def _give_back(self) -> None:
        for name, weight in self.model.named_parameters():
            if name in self._trained:
                weight.copy_(self._trained[name])
        self._trained.clear()
