"""A Keras model, on any of Keras's backends."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
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

    def outputs(self, laid: Laid) -> dict[str, Tensor]:
        """The outputs by name."""
        names = getattr(self.model, "output_names", None)
        return self._outputs(self.model, laid, names)

    def _outputs(
        self, model: Any, laid: Laid, names: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        import keras

        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they are told when the model is used
                out = model(self._fed(laid), training=self.training)
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[0]
            shapes = ", ".join(str(tuple(part.grid.shape)) for part in laid.inputs.values())
            raise CannotAsk(
                f"a call with {shapes} fails: {type(error).__name__}: {said}"
            ) from error
        found = dict(out) if isinstance(out, dict) else None
        if found is None:
            parts = list(out) if isinstance(out, (list, tuple)) else [out]
            named = names if names is not None and len(names) == len(parts) else range(len(parts))
            found = {str(name): part for name, part in zip(named, parts, strict=True)}
        return {name: _tensor(x, keras.ops.convert_to_numpy) for name, x in found.items()}

    def _fed(self, laid: Laid) -> Any:
        import keras

        def tensor(part: Laid) -> Any:
            grid = part.grid.numpy()
            grid = grid.astype(keras.config.floatx()) if grid.dtype.kind == "f" else grid
            return keras.ops.convert_to_tensor(grid)

        if laid.name is None:
            return tensor(laid)
        fed = {name: tensor(part) for name, part in laid.inputs.items()}
        struct = getattr(self.model, "_inputs_struct", None)
        if isinstance(struct, dict):
            names = {key: getattr(x, "name", key) for key, x in struct.items()}
            return {key: fed[key if key in fed else name] for key, name in names.items()}
        order = [x.name for x in getattr(self.model, "inputs", None) or ()]
        return [fed[name] for name in order] if set(order) == set(fed) else fed

    def place(self, pair: Pair, threshold: float) -> Place | None:
        """The first layer of the model's graph whose outputs part."""
        import keras

        try:
            layers = [x for x in self.model.layers if not isinstance(x, keras.layers.InputLayer)]
            struct = getattr(self.model, "_inputs_struct", None)
            given = self.model.inputs if struct is None else struct
            inside = keras.Model(given, [layer.output for layer in layers])
        except (AttributeError, ValueError):
            return None  # no graph: a subclass, or layers with several outputs
        names = [layer.name for layer in layers]
        a, b = (self._outputs(inside, x, names) for x in (pair.first, pair.second))
        for layer, x, y in zip(layers, a.values(), b.values(), strict=False):
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
