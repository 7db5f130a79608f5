"""Weights with Keras's manners: added by name, in its order, with penalties and constraints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arguments import Checked
from ..ragged.batch import values_of
from ..weights import constraints, initializers, regularizers
from .weight import Weight


class Weighted(Checked, torch.nn.Module):
    """A torch module that knows its weights as Keras's layers do."""

    #: Of the weights; None is torch's default.
    dtype: torch.dtype | None
    #: A penalty on what comes out.
    activity_regularizer: Any
    _regularizers: dict[str, Any]
    _constraints: dict[str, Any]
    _activity: Tensor | None

    @property
    def who(self) -> str:
        """How it is called in an error."""
        return type(self).__name__

    def add_weight(
        self,
        name: Any = None,
        shape: Sequence[int] = (),
        initializer: Any = "glorot_uniform",
        regularizer: Any = None,
        constraint: Any = None,
        trainable: bool = True,
        dtype: str | torch.dtype | None = None,
    ) -> torch.nn.Parameter:
        """Makes a parameter of this shape, in Keras's layout, and registers it under the name.

        Args:
            name: the attribute that will hold it. Without one, assign what is given back.
            shape: of the parameter.
            initializer: a name or a callable of (shape, dtype).
            regularizer: a penalty on the weight; see `losses`.
            constraint: applied to it after every update.
            trainable: False gives a weight that no optimiser moves.
            dtype: by default the layer's.
        """
        if isinstance(name, (tuple, list)):  # Keras 3 has the shape first
            name, shape = None, name
        make = initializers.get(initializer, self.who)
        if dtype is None and self.dtype is not None and not self.dtype.is_floating_point:
            raise ValueError(
                f"{self.who}: dtype={str(self.dtype).partition('.')[2]!r} cannot hold weights that "
                "are trained. Give a floating type, as 'float32'."
            )
        values = make(tuple(shape), as_dtype(dtype) or self.dtype or torch.get_default_dtype())
        called = name or f"weight_{len(self._parameters)}"
        path = f"{getattr(self, 'name', self.who)}/{called}"
        weight = Weight.of(values, trainable, called, path)
        regularizer = regularizers.get(regularizer, self.who)
        constraint = constraints.get(constraint, self.who)
        if name is None and (regularizer is not None or constraint is not None):
            name = f"weight_{len(self._parameters)}"
        if name is not None:
            setattr(self, name, weight)
            self._regularizers |= {} if regularizer is None else {name: regularizer}
            self._constraints |= {} if constraint is None else {name: constraint}
        return weight

    @property
    def losses(self) -> list[Tensor]:
        """The penalties of this layer and those inside: of weights, and of the last outputs.

        A penalty on outputs is summed over real steps and divided by the number of sequences, as
        Keras divides by the batch.
        """
        found: list[Tensor] = []
        for module in self.modules():
            if not isinstance(module, Weighted):
                continue
            weights = module._regularizers.items()
            found += [penalty(getattr(module, name)) for name, penalty in weights]
            if module._activity is not None:
                found.append(module._activity)
        return found

    def _penalty_on(self, outputs: Any) -> Tensor:
        parts = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        assert self.activity_regularizer is not None
        return sum(
            (self.activity_regularizer(values_of(part)) / max(1, len(part)) for part in parts),
            start=torch.zeros((), device=values_of(parts[0]).device),
        )

    def constrained(self) -> list[tuple[torch.nn.Parameter, Any]]:
        """The weights, here and inside, that a constraint is applied to after every update."""
        return [
            (getattr(module, name), constraint)
            for module in self.modules()
            if isinstance(module, Weighted)
            for name, constraint in module._constraints.items()
        ]

    @property
    def weights(self) -> list[Tensor]:
        """The parameters, and statistics that are kept beside them, in Keras's order."""
        found: dict[int, Tensor] = {}
        for module in self.modules():
            saved = module._non_persistent_buffers_set
            kept = [b for name, b in module._buffers.items() if name not in saved]
            for weight in (*module._parameters.values(), *kept):
                if weight is not None:
                    found.setdefault(id(weight), weight)
        return list(found.values())

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


def as_dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """Keras's names for types ("float32") and torch's own."""
    if isinstance(dtype, str):
        found = getattr(torch, dtype, None)
        if not isinstance(found, torch.dtype):
            raise ValueError(f"unknown dtype {dtype!r}; expected one of torch's, as 'float32'.")
        return found
    return dtype
