"""TimeDistributed: any layer or torch module on each step by itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..ragged import Ragged
from .layer import Layer, lift
from .spec import Spec
from .torch_module import output_spec_of, weights_dtype_of


class TimeDistributed(Layer):
    """Applies a layer, or any torch module, to each step, as if the steps were the batch.

    Shapes: Ragged (batch, steps*, *feature) to Ragged (batch, steps*, *out), on real steps only;
    dense (batch, time, *feature) likewise. Empty sequences stay empty.

    Args:
        layer: a layer or torch module from (n, *feature) to (n, *out).

    Raises:
        ValueError: the layer gives another number of rows than it takes.
    """

    takes = "one"

    def __init__(self, layer: torch.nn.Module, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, torch.nn.Module):
            raise ValueError(
                f"{self.who}: expected a layer or a torch module, got {type(layer).__name__}. "
                "For a function of a tensor use Activation(function)."
            )
        self.layer = layer

    def get_config(self) -> dict[str, Any]:
        inner = self.layer
        fresh = inner.from_config(inner.get_config()) if isinstance(inner, Layer) else inner
        return {"layer": fresh, "name": self.given_name, "trainable": self.trainable}

    def build(self, spec: Spec) -> None:
        if isinstance(self.layer, Layer):
            self.layer.ensure_built(self._inner(spec))

    def output_spec(self, spec: Spec) -> Spec:
        out = output_spec_of(self.layer, self._inner(spec), self.who)
        if isinstance(out, list):
            raise ValueError(f"{self.who}: {type(self.layer).__name__} gives several outputs.")
        if out.ragged:
            raise ValueError(
                f"{self.who}: {type(self.layer).__name__} gives sequences of its own for each "
                "step. Sequences of sequences are not supported; reduce them inside."
            )
        lead = () if spec.ragged else spec.shape[:1]
        return spec.with_shape((*lead, *out.shape)).with_dtype(out.dtype)

    def _weights_dtype(self) -> torch.dtype | None:
        return weights_dtype_of(self.layer)

    def _inner(self, spec: Spec) -> Spec:
        if spec.ragged:
            return Spec(spec.shape, False, spec.dtype)
        if not spec.shape:
            raise ValueError(f"{self.who}: expected (batch, time, ...), got {spec}.")
        return Spec(spec.shape[1:], False, spec.dtype)

    def _on_steps(self, function: Any, inputs: Ragged | Tensor) -> Ragged | Tensor:
        if isinstance(inputs, Ragged):
            return lift(function, inputs)
        out = function(inputs.flatten(0, 1))
        return out.unflatten(0, inputs.shape[:2])

    @property
    def tail(self) -> str | None:
        return self.layer.tail if isinstance(self.layer, Layer) else None

    def before_tail(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        assert isinstance(self.layer, Layer)
        return self._on_steps(self.layer.before_tail, inputs)

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The layer on every real step."""
        return self._on_steps(self.layer, inputs)
