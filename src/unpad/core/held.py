"""The weights that a layer holds: as a list in Keras's order, as arrays, as a state dict."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..ragged.numbers import is_numeric, to_numpy, to_tensor


class Holding(torch.nn.Module):
    """A torch module whose weights are read and written as those of Keras's layers."""

    @property
    def who(self) -> str:
        """How it is called in an error."""
        return type(self).__name__

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

    @property
    def trainable_weights(self) -> list[Tensor]:
        """The weights that an optimiser moves."""
        return [w for w in self.weights if w.requires_grad]

    @property
    def non_trainable_weights(self) -> list[Tensor]:
        """The weights that it does not move, and statistics that are kept beside them."""
        return [w for w in self.weights if not w.requires_grad]

    @property
    def variables(self) -> list[Tensor]:
        """Keras's other name of `weights`."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Tensor]:
        """Keras's other name of `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Tensor]:
        """Keras's other name of `non_trainable_weights`."""
        return self.non_trainable_weights

    def get_weights(self) -> list[np.ndarray]:
        """The weights as arrays, in Keras's order and shapes; bfloat16 as float32."""
        return [to_numpy(w).copy() for w in self.weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Sets the weights from arrays in Keras's order and shapes.

        Args:
            weights: an array for each of `weights`, of its shape.

        Raises:
            ValueError: their number or a shape does not fit, or one holds no numbers; no weight has
                changed then.
        """
        mine = self.weights
        if not hasattr(weights, "__len__"):
            raise ValueError(
                f"{self.who}: expected a list of {len(mine)} arrays, got {type(weights).__name__}."
            )
        if len(weights) != len(mine):
            raise ValueError(f"{self.who}: expected {len(mine)} weights, got {len(weights)}.")
        for i, (w, new) in enumerate(zip(mine, weights, strict=True)):
            if tuple(np.shape(new)) != tuple(w.shape):
                raise ValueError(
                    f"{self.who}: expected weight {i} as {tuple(w.shape)}, got {np.shape(new)}."
                )
        ready = [
            _as_numbers(new, f"{self.who}: expected weight {i}") for i, new in enumerate(weights)
        ]
        with torch.no_grad():
            for w, new in zip(mine, ready, strict=True):
                w.copy_(new)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """As torch's, but all of it or nothing: after an error every weight is what it was.

        Args:
            state_dict: weights by name.
            strict: whether every name must be there, and no other.
            assign: whether the tensors themselves become the weights.

        Raises:
            RuntimeError: it does not fit; or it has weights of layers that are not built and have
                none yet, which `strict=False` would pass over without a word.
        """
        unbuilt = self._without_a_place(state_dict)
        if unbuilt is not None:
            raise RuntimeError(
                f"{self.who}: {unbuilt!r} has no place yet: the model is not built. Begin it with "
                "keras.Input(shape=...), or show it data once, as model.predict(x), and load then."
            )
        # A layer's extra state, as a vocabulary, need not be a tensor.
        before = {
            name: w.detach().clone() if isinstance(w, Tensor) else copy.deepcopy(w)
            for name, w in self.state_dict().items()
        }
        try:
            return super().load_state_dict(state_dict, strict, assign)
        except BaseException:
            super().load_state_dict(before, strict=False, assign=assign)
            raise

    def _without_a_place(self, state: Mapping[str, Any]) -> str | None:
        """The first weight that belongs to a layer that has none, since it is not built."""
        mine = self.state_dict()
        unbuilt = [
            f"{name}." if name else ""
            for name, module in self.named_modules()
            if isinstance(module, Holding) and not getattr(module, "built", True)
        ]
        others = (name for name in state if name not in mine)
        return next((name for name in others if name.startswith(tuple(unbuilt))), None)

    def count_params(self) -> int:
        """The number of numbers in the weights."""
        return sum(w.numel() for w in self.parameters())


def _as_numbers(array: Any, who: str) -> Tensor:
    """An array's numbers, of any type that torch can copy into a weight."""
    if isinstance(array, Tensor):
        found = array.detach()
    else:
        array = np.asarray(array)
        if not is_numeric(array):
            raise ValueError(f"{who} as numbers, got an array of {array.dtype}.")
        found = to_tensor(array, who)
    if found.is_complex():
        raise ValueError(f"{who} as real numbers, got complex ones.")
    return found
