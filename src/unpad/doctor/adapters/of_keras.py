"""A Keras model, on any of Keras's backends."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..findings import Where
from ..probes import CannotAsk, Laid, Pair, Place, Reach
from ..probes.align import apart


class OfKeras:
    """A model that is asked; it finds its mask itself, in the values.

    Args:
        model: that is asked.
        training: whether it is asked as it is in training.
    """

    told = None
    words = "keras"

    def __init__(self, model: Any, training: bool = False) -> None:
        self.model, self.training = model, training

    def answer(self, laid: Laid) -> Tensor:
        """The first output."""
        return self._outputs(self.model, laid)[0]

    def _outputs(self, model: Any, laid: Laid) -> list[Tensor]:
        import keras

        grid = laid.grid.numpy()
        if grid.dtype.kind == "f":
            grid = grid.astype(keras.config.floatx())
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they are told when the model is used
                out = model(keras.ops.convert_to_tensor(grid), training=self.training)
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[0]
            raise CannotAsk(
                f"a call with {grid.shape} fails: {type(error).__name__}: {said}"
            ) from error
        found = list(out.values()) if isinstance(out, dict) else out
        found = found if isinstance(found, (list, tuple)) else [found]
        return [_tensor(part, keras.ops.convert_to_numpy) for part in found]

    def place(self, pair: Pair, threshold: float) -> Place | None:
        """The first layer of the model's graph whose outputs part."""
        import keras

        try:
            layers = [x for x in self.model.layers if not isinstance(x, keras.layers.InputLayer)]
            inside = keras.Model(self.model.inputs, [layer.output for layer in layers])
        except (AttributeError, ValueError):
            return None  # no graph: a subclass, or layers with several outputs
        a, b = self._outputs(inside, pair.first), self._outputs(inside, pair.second)
        for layer, x, y in zip(layers, a, b, strict=False):
            found = apart(x, y, pair)
            if found is not None and found > threshold:
                return Place(Where(layer=layer.name), type(layer).__name__, found)
        return None

    def shares(self, laid: Laid, causal: bool) -> Reach | None:
        """Gradients are followed in PyTorch alone."""
        return None


def _tensor(part: Any, to_numpy: Callable[[Any], Any]) -> Tensor:
    if isinstance(part, Tensor):
        return part.detach().cpu().to(part.dtype if part.is_floating_point() else torch.float64)
    array = np.array(to_numpy(part))
    return torch.from_numpy(array if array.dtype.kind == "f" else array.astype("f8"))
