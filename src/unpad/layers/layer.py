"""The base of every layer: a torch module that is built from a spec and takes Ragged or tensors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..ragged import Ragged
from .spec import Spec, spec_of


class Layer(torch.nn.Module):
    """A torch module with Keras's manners: a name, weights made on first sight of the input's spec.

    A subclass stores its constructor's arguments as attributes of the same names, makes its
    weights in `build`, says in `output_spec` what it gives, and computes in `forward`. What it
    cannot do with a spec it refuses in `output_spec`, when the model is built.

    Args:
        name: shown in summaries and errors; by default the class's, in snake case.
        trainable: False freezes the weights.
        dtype: of the weights; by default torch's default.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.given_name = name
        self.name = name or snake_case(type(self).__name__)
        self.trainable = trainable
        self.dtype = as_dtype(dtype)
        self.built = False

    # --- what a subclass says --------------------------------------------------------------------

    def build(self, spec: Spec) -> None:
        """Makes the weights for inputs of this spec."""

    def output_spec(self, spec: Spec) -> Spec | list[Spec]:
        """What comes out for inputs of this spec.

        Raises:
            ValueError: the layer cannot take such inputs; the text says why and what to use.
        """
        return spec

    def open(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The real steps of the inputs, if this layer decides which are; else the inputs as given.

        Asked once for a whole data set, so that targets and weights can be laid on the same steps
        before training starts.
        """
        return inputs

    def check(self, inputs: Ragged | Tensor) -> None:
        """Raises a ValueError for values that the layer cannot take, naming the first."""

    @property
    def tail(self) -> str | None:
        """The name of the activation that ends this layer, where `before_tail` can go without."""
        return None

    def before_tail(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The outputs before the activation that ends this layer: a softmax's logits."""
        raise NotImplementedError

    # --- what it gets ----------------------------------------------------------------------------

    def ensure_built(self, spec: Spec) -> Spec | list[Spec]:
        """Builds the layer if it is not yet built, and gives its output's spec."""
        out = self.output_spec(spec)
        if not self.built:
            self.build(spec)
            self.built = True
            self.requires_grad_(self.trainable)
        return out

    def add_weight(
        self, name: str, shape: tuple[int, ...], initializer: Callable[..., Tensor]
    ) -> torch.nn.Parameter:
        """Makes a parameter of this shape, in Keras's layout, and registers it under the name."""
        values = initializer(shape, self.dtype or torch.get_default_dtype())
        weight = torch.nn.Parameter(values)
        setattr(self, name, weight)
        return weight

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Builds the layer on its first call, then runs it."""
        inputs = self._as_batch(inputs)
        if not self.built:
            self.ensure_built(spec_of(inputs))
        inputs = self._prepare(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def _as_batch(self, inputs: Any) -> Ragged | Tensor:
        if isinstance(inputs, np.ndarray):
            inputs = torch.from_numpy(inputs)
        if not isinstance(inputs, (Ragged, Tensor)):
            raise TypeError(
                f"{self.who}: expected a Ragged or a tensor, got {type(inputs).__name__}. "
                "Sequences of different lengths: Ragged.from_list(...)."
            )
        return inputs

    def _prepare(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The inputs in the type of the weights, and whatever else `forward` relies on."""
        wanted = self._weights_dtype()
        if wanted is not None and inputs.dtype != wanted and inputs.dtype.is_floating_point:
            inputs = inputs.to(dtype=wanted)
        return inputs

    def _weights_dtype(self) -> torch.dtype | None:
        # Of weights of its own only: what a wrapper holds casts for itself. (A walk through all
        # modules' parameters took 0.1 ms of a small model's step.)
        for weight in self._parameters.values():
            if weight is not None:
                return weight.dtype
        return self.dtype

    @property
    def who(self) -> str:
        """How the layer is called in an error: its class, and its name where one was given."""
        return type(self).__name__ + (f" {self.given_name!r}" if self.given_name else "")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; `from_config` makes a fresh layer of them."""
        names = [*inspect.signature(type(self).__init__).parameters][1:]
        config = {n: getattr(self, n) for n in names if n not in ("kwargs", "name")}
        return {**config, "name": self.given_name, "trainable": self.trainable, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """A fresh, unbuilt layer from `get_config`'s arguments."""
        return cls(**config)

    @property
    def weights(self) -> list[torch.nn.Parameter]:
        """The parameters, in Keras's order."""
        return list(self.parameters())

    def get_weights(self) -> list[np.ndarray]:
        """The weights as arrays, in Keras's order and shapes."""
        return [w.detach().cpu().numpy().copy() for w in self.weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Sets the weights from arrays in Keras's order and shapes.

        Raises:
            ValueError: their number or a shape does not fit; no weight has changed then.
        """
        mine = self.weights
        if len(weights) != len(mine):
            raise ValueError(f"{self.who}: expected {len(mine)} weights, got {len(weights)}.")
        for i, (w, new) in enumerate(zip(mine, weights, strict=True)):
            if tuple(np.shape(new)) != tuple(w.shape):
                raise ValueError(
                    f"{self.who}: expected weight {i} as {tuple(w.shape)}, got {np.shape(new)}."
                )
        with torch.no_grad():
            for w, new in zip(mine, weights, strict=True):
                w.copy_(torch.as_tensor(np.asarray(new)))

    def count_params(self) -> int:
        """The number of numbers in the weights."""
        return sum(w.numel() for w in self.parameters())

    def extra_repr(self) -> str:
        return "" if self.given_name is None else repr(self.given_name)


class TokenWise(Layer):
    """A layer that treats each step alone: it runs on the values, and the layout stays."""

    def on_values(self, values: Tensor) -> Tensor:
        """(steps, *feature) to (steps, *feature); the same on a dense batch."""
        raise NotImplementedError

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The layer on every real step."""
        return lift(self.on_values, inputs)


def lift(function: Callable[[Tensor], Tensor], inputs: Ragged | Tensor) -> Ragged | Tensor:
    """A token-wise function on a Ragged's values, or on a dense tensor as it is."""
    return inputs.map(function) if isinstance(inputs, Ragged) else function(inputs)


def as_dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """Keras's names for types ("float32") and torch's own."""
    if isinstance(dtype, str):
        found = getattr(torch, dtype, None)
        if not isinstance(found, torch.dtype):
            raise ValueError(f"unknown dtype {dtype!r}; expected one of torch's, as 'float32'.")
        return found
    return dtype


def snake_case(name: str) -> str:
    """Keras's default names: TimeDistributed gives time_distributed, LSTM lstm."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
