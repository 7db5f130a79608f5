"""A function drawn into a graph: arithmetic, comparisons, indexing, torch's own functions."""

from __future__ import annotations

import operator
import types
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.overrides

from ..ragged import Ragged
from ..serialization import as_function
from .layer import Layer
from .older import steps_that_are
from .symbol import Symbol
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

    def get_config(self) -> dict[str, Any]:
        name = next((n for n, f in known().items() if f is self.function), None)
        config = super().get_config()
        return config if name is None else {**config, "function": as_function(name)}

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
        # A function that fails on ones, as of matrices, brings a form that is tried on others.
        function = getattr(self.function, "tried", self.function)
        return tried_function(function, specs, options, self.name)

    def forward(self, *inputs: Any, **options: Any) -> Ragged | torch.Tensor:
        """The function of the inputs."""
        return self.function(*inputs, **options)


Symbol.operation = Operation


_OPERATORS = ("add", "sub", "mul", "truediv", "pow", "matmul", "lt", "le", "gt", "ge", "eq", "ne")
_OPERATORS += ("getitem", "neg", "abs")


@cache
def known() -> dict[str, Callable[..., Any]]:
    """The functions that a graph may hold, by name: Python's operators and torch's of tensors."""
    found: dict[str, Callable[..., Any]] = {
        f"operator.{n}": getattr(operator, n) for n in _OPERATORS
    }
    for home, functions in torch.overrides.get_overridable_functions().items():
        if isinstance(home, types.ModuleType):
            names = [getattr(f, "__name__", "") for f in functions]
            mine = {f"{home.__name__}.{n}": getattr(home, n, None) for n in names}
            found |= {n: f for n, f in mine.items() if callable(f)}
    for name, method in vars(Ragged).items():
        if isinstance(method, types.FunctionType) and not name.startswith("_"):
            found[f"Ragged.{name}"] = method
    return found | {"Ragged.mask": steps_that_are}
