"""A function drawn into a graph: arithmetic, comparisons, indexing, torch's own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..ragged import Ragged
from .layer import Layer
from .trial import tried_function


class Operation(Layer):
    """Applies a function to batches and constants: what `h * 2 + g` on symbols is made of.

    Each Ragged follows its own rules: steps are paired one to one, a row a sequence goes to that
    sequence's steps, a grid is read at the real steps.

    Args:
        function: of the inputs, as `operator.mul` or `torch.maximum`.

    Raises:
        ValueError: the function cannot be applied to such inputs, or one of them is a torch
            module's weight, which would not be trained.
    """

    one_level = False
    keeps_constants = True
    pairs_steps = True
    tried_once = True

    def __init__(self, function: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function = function
        kind = getattr(function, "__name__", type(function).__name__)
        self.name = self.given_name or kind.strip("_")

    def _as_batch(self, inputs: Any) -> Any:
        return inputs

    def _prepare(self, inputs: Any) -> Any:
        return inputs

    def output_spec(self, *specs: Any, **options: Any) -> Any:
        for value in (*specs, *options.values()):
            if isinstance(value, torch.nn.Parameter):
                raise ValueError(
                    f"{self.name}: got a weight of a torch module, which this model would not "
                    "train. Put the module into the graph: TorchModule(module)(x)."
                )
        return tried_function(self.function, specs, options, self.name)

    def forward(self, *inputs: Any, **options: Any) -> Ragged | torch.Tensor:
        """The function of the inputs."""
        return self.function(*inputs, **options)
