"""TimeDistributed: any layer or torch module on each step by itself."""

from __future__ import annotations

from functools import partial
from typing import Any, Unpack

import torch
from torch import Tensor

from ...core.calls import Keeps
from ...core.layer import Layer
from ...core.lifting import lift
from ...core.options import LayerOptions
from ...core.precision import go_by_inside
from ...core.spec import Spec
from ...ragged import Ragged
from ...ragged.doors.padded import take_real
from ...serialization import as_data
from .torch_module import output_spec_of, weights_dtype_of


class TimeDistributed(Keeps, Layer):
    """Applies a layer, or any torch module, to each step, as if the steps were the batch.

    Shapes: Ragged (batch, steps*, *feature) to Ragged (batch, steps*, *out), on real steps only;
    dense (batch, time, *feature) likewise. Empty sequences stay empty.

    Of sequences of sequences the layer sees every inner one: a document's sentences. It may reduce
    them, and the document is a sequence of vectors, or keep them. A grid (batch, time, inner time)
    of ids becomes such where the layer begins with Embedding(mask_zero=True); an inner sequence
    without a step does not exist then. Of steps (time, feature) each is a dense sequence.

    Args:
        layer: a layer, a model or a torch module from (n, *feature) to (n, *out).

    Raises:
        ValueError: the layer gives another number of rows than it takes, several outputs, or
            sequences for each slot of a grid of which it is not known which are steps.

    Example:
        >>> import torch
        >>> layer = TimeDistributed(torch.nn.Linear(2, 3))
        >>> layer(Ragged.from_list([[[1., 2.]], [], [[3., 4.], [5., 6.]]])).lengths
        tensor([1, 0, 2])
    """

    takes = "one"
    one_level = False

    def __init__(self, layer: torch.nn.Module, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, torch.nn.Module):
            raise ValueError(
                f"{self.who}: expected a layer or a torch module, got {type(layer).__name__}. "
                "For a function of a tensor use Activation(function)."
            )
        self.layer = layer
        go_by_inside(self, layer)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": as_data(self.layer)}

    def build(self, spec: Spec) -> None:
        if isinstance(self.layer, Layer):
            self.layer.ensure_built(self._inner(spec))

    def output_spec(self, spec: Spec) -> Spec:
        inner = self._inner(spec)
        lifted = inner.ragged and not isinstance(self.layer, Layer)
        asked = Spec(inner.shape, False, inner.dtype) if lifted else inner
        out = output_spec_of(self.layer, asked, self.who, self)
        if isinstance(out, list):
            raise ValueError(f"{self.who}: {type(self.layer).__name__} gives several outputs.")
        opens = self.is_door and not spec.ragged
        if out.ragged and not (opens or spec.ragged):
            raise ValueError(
                f"{self.who}: {type(self.layer).__name__} gives sequences of its own for each slot "
                "of a grid, of which it is not known which are steps. Let the layer begin with "
                "Embedding(mask_zero=True), or reduce the sequences inside."
            )
        if not opens and not spec.ragged:
            return spec.with_shape((*spec.shape[:1], *out.shape)).with_dtype(out.dtype)
        width = spec.width if spec.ragged else spec.shape[0]
        levels = 2 if out.ragged or lifted else 1
        return Spec(out.shape, True, out.dtype, spec.lengths, width, levels)

    @property
    def is_door(self) -> bool:
        return isinstance(self.layer, Layer) and self.layer.is_door

    def open(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """Sequences of sequences, where the layer says which of the inner steps are real.

        Of a grid (batch, time, inner time), an inner sequence without a step does not exist.
        """
        if not self.is_door:
            return inputs
        assert isinstance(self.layer, Layer)
        if isinstance(inputs, Ragged):
            return inputs.map(self.layer.open)
        inner = self.layer.open(inputs.flatten(0, 1))
        assert isinstance(inner, Ragged)
        exists = inner.lengths > 0
        layout = take_real(inputs[..., :1], exists.unflatten(0, inputs.shape[:2]), False).layout
        return Ragged(inner[exists], layout)

    def _weights_dtype(self) -> torch.dtype | None:
        return weights_dtype_of(self.layer)

    def _inner(self, spec: Spec) -> Spec:
        if not spec.ragged and not spec.shape:
            raise ValueError(f"{self.who}: expected (batch, time, ...), got {spec}.")
        return spec.inner

    def check(self, inputs: Ragged | Tensor) -> None:
        if isinstance(self.layer, Layer):
            self.layer.check(inputs)

    def _on_steps(self, function: Any, inputs: Ragged | Tensor) -> Ragged | Tensor:
        if not isinstance(inputs, Ragged):
            inputs = self.open(inputs)
        try:
            if isinstance(inputs, Ragged):
                return inputs.map(function)
            out = function(inputs.flatten(0, 1))
        except ValueError:
            # The layer has counted steps for sequences; asked again, it names the right place.
            self.check(inputs)
            raise
        return out.view(*inputs.shape[:2], *out.shape[1:])

    @property
    def tail(self) -> str | None:
        return self.layer.tail if isinstance(self.layer, Layer) else None

    def before_tail(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        assert isinstance(self.layer, Layer)
        return self._on_steps(self.layer.early, inputs)

    def from_tail(self, outputs: Ragged | Tensor) -> Ragged | Tensor:
        assert isinstance(self.layer, Layer)
        return self._on_steps(self.layer.from_tail, outputs)

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The layer on every real step."""
        layer = self.layer
        return self._on_steps(layer if isinstance(layer, Layer) else partial(lift, layer), inputs)
