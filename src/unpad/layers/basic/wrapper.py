"""Wrapper and Pipeline: a layer that holds another, and layers one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.precision import go_by_inside


class Wrapper(Layer):
    """A layer around another, for a class of one's own to change what it does.

    As it is it does what the layer does; its weights are the layer's.

    Args:
        layer: the layer inside.

    Raises:
        ValueError: it is no layer.

    Example:
        >>> class Twice(unpad.layers.Wrapper):
        ...     def call(self, x):
        ...         return self.layer(x) * 2
        >>> Twice(unpad.layers.Rescaling(3.0))(torch.tensor([1.0]))
        tensor([6.])
    """

    one_level = False

    def __init__(self, layer: Any, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ValueError(f"{self.who}: expected a layer, got {type(layer).__name__}.")
        self.layer = layer
        go_by_inside(self, layer)

    def build(self, *specs: Any, **options: Any) -> None:
        self.layer.ensure_built(*specs, **options)

    def open(self, inputs: Any) -> Any:
        return self.layer.open(inputs)

    @property
    def is_door(self) -> bool:
        return self.layer.is_door

    def call(self, *inputs: Any, **options: Any) -> Any:
        """What the layer inside gives; a class of one's own says what else."""
        return self.layer(*inputs, **options)


class Pipeline(Layer):
    """Layers one after the other, of those that prepare data; a model of layers is a Sequential.

    Args:
        layers: called in this order.

    Example:
        >>> scale = unpad.layers.Rescaling
        >>> Pipeline([scale(2.0), scale(1.0, 1.0)])(torch.tensor([3.0]))
        tensor([7.])
    """

    one_level = False

    not_in_keras = {"trainable": True, "dtype": None}

    def __init__(self, layers: Sequence[Any], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if isinstance(layers, (str, bytes)) or not all(callable(layer) for layer in layers):
            raise ValueError(f"{self.who}: expected a list of layers, got {layers!r}.")
        self.layers = list(layers)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layers": list(self.layers)}

    def build(self, spec: Any) -> None:
        for layer in self.layers:
            spec = layer.ensure_built(spec)

    def output_spec(self, spec: Any) -> Any:
        for layer in self.layers:
            spec = layer.spec_for(spec)
        return spec

    def forward(self, inputs: Any) -> Any:
        """What the last layer gives."""
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs
