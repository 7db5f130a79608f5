"""Sequential: layers one after another, built and checked from specs before there is data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Unpack, overload

import numpy as np
import torch
from torch import Tensor

from ..arguments import wrong
from ..core.options import WithoutName
from ..core.rounding import handed_on
from ..core.symbol import Symbol
from ..core.tails import Tailed
from ..errors import shown
from ..layers import Input, InputLayer, Layer, Spec, TorchModule
from ..layers.text.strings import as_bytes, sizes_of
from ..ragged import Ragged
from ..serialization import as_data
from .model import Model
from .older import OlderMethods
from .summary import Row, row_of


class Sequential(OlderMethods, Model):
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

    is_drawn = one_input = True

    def __init__(
        self,
        layers: Iterable[Any] | None = None,
        name: str | None = None,
        **kwargs: Unpack[WithoutName],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._names: list[str] = []
        self._input: Input | None = None
        if not isinstance(layers, (Iterable, type(None))):
            raise ValueError(f"{self.who}: expected a list of layers, got {shown(layers)}.")
        for layer in layers or ():
            self._append(layer)
        self._build_if_known()

    if TYPE_CHECKING:

        @overload
        def predict(self, x: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray: ...
        @overload
        def predict(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor: ...
        @overload
        def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any: ...
        def predict(self, *args: Any, **kwargs: Any) -> Any: ...

    def add(self, layer: Any) -> None:
        """Puts another layer at the end.

        Args:
            layer: a layer, a torch module, or an Input at the beginning.
        """
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
        if isinstance(layer, InputLayer):
            layer = layer.entry
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
        if layer._told_shape is not None and not self._names and self._input is None:
            self._input = Input(layer._told_shape)
        if self._input is not None and not self._names:
            self._input.check_reader(layer)
        self._names.append(self._register(layer))

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without the Input."""
        modules: Any = self._modules
        return [modules[name] for name in self._names]

    @property
    def input_spec(self) -> Spec | None:
        """What the Input says, if there is one."""
        return None if self._input is None else self._input.spec

    # --- the layer that a model is ---------------------------------------------------------------

    def _build_if_known(self) -> None:
        if self._input is not None and self._names:
            self.ensure_built(self._input.spec)
            self._symbols()  # so that layer.output is there

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
            out = layer.spec_for(specs[-1], **self._also(layer, specs))
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
        self._built_for = spec
        specs = [spec]
        for layer in self.layers:
            specs.append(layer.ensure_built(specs[-1], **self._also(layer, specs)))

    def _also(self, layer: Layer, held: list[Any]) -> dict[str, Any]:
        """What a layer is called with beside what the one before it gives: the `like` it names.

        Args:
            layer: whose call it is.
            held: what the input and each layer before it gave, or will give.
        """
        # Asked by its name, torch looks for it everywhere first, at every call of every layer.
        if "like" not in vars(layer) and not hasattr(type(layer), "like"):
            return {}
        like: Any = getattr(layer, "like", None)
        if like is None:
            return {}
        names = ["input", *(other.name for other in self.layers)]
        wanted = like if isinstance(like, str) else getattr(like, "name", None)
        if wanted not in names[: len(held)] or isinstance(like, Symbol):
            known = ", ".join(names[: len(held)])
            raise ValueError(
                f"{self.who}: {layer.who}: like={wanted!r} is no layer before it. Known are: "
                f"{known}."
            )
        place = names.index(wanted)
        # The lengths of the input are those behind its door, of real steps.
        return {
            "like": held[1 if place == 0 and len(held) > 1 and self.layers[0].is_door else place]
        }

    @property
    def is_door(self) -> bool:
        return bool(self._names) and self.layers[0].is_door

    def open(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        if self._input is not None:
            self._input.check(inputs)
            if not self.is_door:
                inputs = self._input.rows(inputs)
        return self.layers[0].open(inputs) if self._names else inputs

    @property
    def entries(self) -> list[Any]:
        return [] if self._input is None else [self._input]

    def with_texts(self, parts: list[Any]) -> list[Any]:
        if self._input is None and self._names and self.layers[0].takes_texts and len(parts) == 1:
            sizes = sizes_of(parts[0])
            if sizes is None:
                return parts
            self.layers[0].reads_texts()
            return [as_bytes(parts[0], self.who, sizes)]
        return super().with_texts(parts)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Runs the layers one after another; see `Layer`."""
        return super().__call__(*self.with_texts(list(inputs)), **options)

    def open_inputs(self, inputs: list[Any]) -> list[tuple[Any, Any]]:
        opened = self.open(*inputs)
        return [(opened, opened)]

    def check_inputs(self, inputs: list[Any]) -> None:
        self.check(*inputs)

    def check(self, inputs: Ragged | Tensor) -> None:
        if self._names:
            self.layers[0].check(inputs)

    @property
    def tail(self) -> str | None:
        tails = self.tails
        return tails[0] if len(tails) == 1 else None

    @property
    def last_layers(self) -> list[Tailed | None]:
        return self.layers[-1].last_layers if self._names else []

    def before_tail(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        return self._walk(inputs, cut=True)

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The layers, one after another."""
        return self._walk(inputs, cut=False)

    def _walk(self, inputs: Ragged | Tensor, cut: bool) -> Ragged | Tensor:
        held: list[Any] = [inputs]
        layers = self.layers
        for i, layer in enumerate(layers, 1 - len(layers)):
            if i < 0:
                call = handed_on(layer, (layers[i],))
            else:
                call = layer.early if cut else layer
            also = self._also(layer, held)
            held.append(call(held[-1], **also) if also else call(held[-1]))
        return held[-1]

    @property
    def input(self) -> Any:
        """The symbol that the model begins with.

        Raises:
            AttributeError: there is no Input; what comes in is not known.
        """
        return self._symbols()[0]

    @property
    def output(self) -> Any:
        """The symbol that the model ends in; see `input`."""
        return self._symbols()[-1]

    @property
    def inputs(self) -> list[Any]:
        """The `input`, in a list."""
        return [self.input]

    @property
    def outputs(self) -> list[Any]:
        """The `output`, in a list."""
        return [self.output]

    def _symbols(self) -> list[Any]:
        """What goes into the first layer and comes out of each, as symbols."""
        if self._input is None:
            raise AttributeError(
                f"{self.who}: what comes in is not known: begin with keras.Input(shape=...)."
            )
        held: list[Any] = [self._input]
        for layer in self.layers:
            if len(layer._nodes) == 1 and layer._nodes[0].symbols()[0] is held[-1]:
                held.append(layer._nodes[0].outputs[0])
            else:
                held.append(layer(held[-1], **self._also(layer, held)))
        return held

    def readers(self, place: int) -> list[Layer]:
        """The layers that read an input: the first one.

        Args:
            place: of the input; there is one.
        """
        return self.layers[:1]

    def with_layers(self, layer_for: Callable[[Layer], Layer], inputs: Any = None) -> Sequential:
        """The same of other layers, one for each.

        Args:
            layer_for: gives the layer that stands for one.
            inputs: a symbol in the place of its input.
        """
        first = [] if self._input is None else [self._input.again()]
        if inputs is not None:
            first = [*inputs] if isinstance(inputs, (list, tuple)) else [inputs]
            if len(first) != 1 or not isinstance(first[0], Symbol):
                raise wrong(self.who, "input_tensors", "the symbol of its input", inputs)
            first = [first[0] if isinstance(first[0], Input) else Input.like(first[0])]
        return Sequential([*first, *map(layer_for, self.layers)], name=self.given_name)

    def get_config(self) -> dict[str, Any]:
        first = [] if self._input is None else [as_data(self._input)]
        return {
            "name": self.given_name,
            "trainable": self.trainable,
            "layers": first + [as_data(layer) for layer in self.layers],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A fresh model from `get_config`'s arguments; built, where Keras says what it was given.

        Args:
            config: the arguments by name.
            custom_objects: classes and functions of one's own, by name.

        Raises:
            ValueError: one of them is no argument, or not what it may be.
        """
        if custom_objects is not None:
            return super().from_config(config, custom_objects)
        shape = config.get("build_input_shape") if isinstance(config, dict) else None
        model = super().from_config({k: v for k, v in config.items() if k != "build_input_shape"})
        if shape is not None and not model.built:
            model.build(tuple(shape))
        return model

    def _table(self) -> list[Row]:
        specs = self.specs(self.input_spec or getattr(self, "_built_for", None))
        pairs = zip(self.layers, specs[:-1], specs[1:], strict=True)
        return [Row("input", str(specs[0]), "", ""), *(row_of(x, a, b) for x, a, b in pairs)]
