"""Which weights are trained, and what goes on from batch to batch beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from .. import arguments
from .held import Holding


class Freezing(Holding):
    """A torch module whose weights are frozen and freed as those of Keras's layers."""

    #: The weights that `trainable` has frozen, by name.
    _frozen: set[str]
    _trainable: bool

    @property
    def trainable(self) -> bool:
        """Whether the weights here and inside are trained: set at any time, and obeyed at once.

        Setting it sets that of every layer inside, as in Keras. Weights that are never trained
        (`add_weight(trainable=False)`, or whose `requires_grad` was taken by hand) stay so.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(arguments.flag(self.who, "trainable", value))
        self._train(self, "", self._trainable)

    def _train(self, module: torch.nn.Module, prefix: str, value: bool) -> None:
        """Frees or freezes the weights of this layer and of modules inside that are no layers."""
        for name, weight in module._parameters.items():
            if weight is None:
                continue
            if not value and weight.requires_grad:
                weight.requires_grad_(False)
                self._frozen.add(prefix + name)
            elif value and prefix + name in self._frozen:
                weight.requires_grad_(True)
                self._frozen.discard(prefix + name)
        for name, child in module._modules.items():
            if isinstance(child, Freezing):
                child.trainable = value
            elif child is not None:
                self._train(child, f"{prefix}{name}.", value)

    def carried(self) -> dict[str, Any]:
        """What this layer carries from batch to batch beside weights and buffers, as data.

        Which weights are frozen, and what attributes carry that have a `carried` and a `carry`, as
        streams of random numbers. A layer of one's own that carries more gives that too.
        """
        found = {n: v.carried() for n, v in vars(self).items() if hasattr(v, "carry")}
        return {"trainable": self._trainable, "frozen": sorted(self._frozen), **found}

    def carry(self, carried: Mapping[str, Any]) -> None:
        """Goes on from what `carried` gave.

        Args:
            carried: of the same layer, or of one that is built like it.
        """
        self._trainable, self._frozen = carried["trainable"], set(carried["frozen"])
        for name, value in vars(self).items():
            if hasattr(value, "carry"):
                value.carry(carried[name])
