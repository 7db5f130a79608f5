"""The tail: the activation that ends a layer, where a loss computes more exactly without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..weights import activations
from .building import Building
from .lifting import lift
from .passes import Pass
from .structure import flat


class Tailed(Building):
    """A layer that says which activation it ends in, and can stop before it."""

    @property
    def tail(self) -> str | None:
        """The name of the activation that ends this layer, where `before_tail` can go without."""
        return None

    def before_tail(self, inputs: Any) -> Any:
        """The outputs before the activation that ends this layer: a softmax's logits.

        Args:
            inputs: a batch, as `forward` takes it.
        """
        raise NotImplementedError

    def early(self, *inputs: Any, **options: Any) -> Any:
        """`before_tail` of inputs of any type, as a call takes them; in the weights' type."""
        return self.before_tail(*map(self._prepare, inputs), **options)

    def from_tail(self, outputs: Any) -> Any:
        """What `before_tail` gave, with the tail put on: the layer's outputs.

        Args:
            outputs: of `before_tail`.
        """
        return lift(activations.get(self.tail, self.who), outputs)

    @property
    def last_layers(self) -> list[Tailed | None]:
        """The layer that gives each output, whose tail it ends in; None where none does."""
        return [self]

    @property
    def tails(self) -> list[str | None]:
        """The `tail` of each output; None where more than the outputs is wanted of the layer."""
        return [
            None
            if layer is None
            or layer.activity_regularizer is not None
            # What somebody has set on the layer itself runs, and whole.
            or not {"forward", "call", "on_values"}.isdisjoint(vars(layer))
            else layer.tail
            for layer in self.last_layers
        ]

    def outputs_of(self, inputs: Any, cut: Sequence[bool]) -> list[Any]:
        """Every output in a list, those that are cut before their tails.

        Args:
            inputs: a batch, or a list of them.
            cut: for each output, whether it is wanted before its tail.
        """
        with Pass():
            found = [self.early(inputs)] if any(cut) else self(inputs)
        return flat(found) if isinstance(found, (list, tuple, dict)) else [found]
