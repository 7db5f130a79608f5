"""Sequential: layers one after another, built and checked from specs before there is data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ..layers import Layer, Spec, TorchModule
from ..ragged import Ragged
from ..training import Trainer
from .input import Input
from .summary import summary


class Sequential(Trainer):
    """A model of layers, each fed with what the one before gives.

    With an Input in front it is built at once, else with the first data. Building checks every
    layer against what it will get; a layer that cannot keep the sequences' structure is refused
    there. Any torch module can stand among the layers: it runs on each real step by itself.

    Args:
        layers: an Input, layers, torch modules.
        name: shown in summaries.

    Raises:
        ValueError: a layer cannot take what it would get; the text says why and what to use.

    Example:
        >>> import unpad as keras
        >>> model = keras.Sequential([
        ...     keras.Input(shape=(None,)),
        ...     keras.layers.Embedding(10, 4, mask_zero=True),
        ...     keras.layers.LSTM(8),
        ... ])
        >>> model(torch.tensor([[3, 5, 0]])).shape
        torch.Size([1, 8])
    """

    def __init__(
        self, layers: Iterable[Any] | None = None, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._names: list[str] = []
        self._input: Input | None = None
        for layer in layers or ():
            self._append(layer)
        self._build_if_known()

    def add(self, layer: Any) -> None:
        """Puts another layer at the end."""
        names, given, built = list(self._names), self._input, self.built
        self._append(layer)
        self.built = False
        try:
            self._build_if_known()
        except ValueError:
            for name in self._names[len(names) :]:
                delattr(self, name)
            self._names, self._input, self.built = names, given, built
            raise

    def pop(self) -> Layer:
        """Takes the last layer off."""
        if not self._names:
            raise ValueError(f"{self.who}: there is no layer to take off.")
        layer = self.layers[-1]
        delattr(self, self._names.pop())
        return layer

    def _append(self, layer: Any) -> None:
        if isinstance(layer, Input):
            if self._names or self._input is not None:
                raise ValueError(f"{self.who}: Input comes first, and once.")
            self._input = layer
            return
        if not isinstance(layer, torch.nn.Module):
            raise ValueError(
                f"{self.who}: expected layers or torch modules, got {type(layer).__name__}."
                + (" A class: put () behind it." if isinstance(layer, type) else "")
            )
        if not isinstance(layer, Layer):
            layer = TorchModule(layer)
        if any(layer is other for other in self.layers):
            raise ValueError(
                f"{self.who}: the layer {layer.name!r} stands there twice; Sequential shares none."
            )
        layer.name = self._free_name(layer)
        self.add_module(layer.name, layer)
        self._names.append(layer.name)

    def _free_name(self, layer: Layer) -> str:
        name = layer.given_name or layer.name
        if layer.given_name is not None:
            if hasattr(self, name) or "." in name:
                raise ValueError(f"{self.who}: the name {name!r} is taken; give the layer another.")
            return name
        count = 0
        while hasattr(self, name if not count else f"{name}_{count}"):
            count += 1
        return name if not count else f"{name}_{count}"

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without the Input."""
        return [getattr(self, name) for name in self._names]

    @property
    def input_spec(self) -> Spec | None:
        """What the Input says, if there is one."""
        return None if self._input is None else self._input.spec

    # --- the layer that a model is ---------------------------------------------------------------

    def _build_if_known(self) -> None:
        if self._input is not None and self._names:
            self.ensure_built(self._input.spec)

    def specs(self, spec: Spec | None = None) -> list[Spec]:
        """What goes into the first layer, and what comes out of each.

        Args:
            spec: of the input; by default the Input's.
        """
        spec = spec or self.input_spec
        if spec is None:
            raise ValueError(
                f"{self.who}: not built yet: begin with keras.Input(shape=...), or train first."
            )
        specs = [spec]
        for layer in self.layers:
            out = layer.output_spec(specs[-1])
            if isinstance(out, list):
                raise ValueError(
                    f"{self.who}: {layer.who} gives {len(out)} outputs; in Sequential each layer "
                    "gives one. Leave out return_state or merge_mode=None."
                )
            specs.append(out)
        return specs

    def output_spec(self, spec: Spec) -> Spec:
        return self.specs(spec)[-1]

    def build(self, spec: Spec) -> None:
        for layer in self.layers:
            out = layer.ensure_built(spec)
            assert isinstance(out, Spec)
            spec = out

    def ensure_built(self, spec: Spec) -> Spec:
        # All specs first: a refused layer must not leave those before it built.
        out = self.output_spec(spec)
        if not self.built:
            self.build(spec)
            self.built = True
            if not self.trainable:
                self.requires_grad_(False)
            self._built_for = spec
        return out

    def open(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        if self._input is not None:
            self._input.check(inputs)
        return self.layers[0].open(inputs) if self._names else inputs

    def check(self, inputs: Ragged | Tensor) -> None:
        if self._names:
            self.layers[0].check(inputs)

    @property
    def tail(self) -> str | None:
        return self.layers[-1].tail if self._names else None

    def before_tail(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        *first, last = self.layers
        for layer in first:
            inputs = layer(inputs)
        return last.before_tail(inputs)

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The layers, one after another."""
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """Runs the model; `training` overrides the mode for this call."""
        if training is None or training == self.training:
            return super().__call__(inputs)
        self.train(training)
        try:
            return super().__call__(inputs)
        finally:
            self.train(not training)

    def get_config(self) -> dict[str, Any]:
        fresh = [layer.from_config(layer.get_config()) for layer in self.layers]
        return {
            "layers": [*([] if self._input is None else [self._input]), *fresh],
            "name": self.given_name,
        }

    def summary(self, print_fn: Any = None) -> None:
        """Prints each layer: what comes out, its weights, and what it does with the sequences.

        `steps*` is an axis of real steps; `keeps`, `reduces` and `opens` say what becomes of it.
        """
        summary(self, print_fn)
