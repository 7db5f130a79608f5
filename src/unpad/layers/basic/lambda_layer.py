"""Lambda: any function of a batch as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Unpack

import numpy as np
from torch import Tensor

from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...core.trial import tried_function
from ...errors import refuse
from ...ragged import Ragged
from ...ragged.batch import rows_of
from ...ragged.numbers import to_tensor


class Lambda(Layer):
    """Applies a function to the batch: `lambda x: x * 2`, `lambda x: x[:, -1]`.

    Shapes: the function gets what the layer gets, a Ragged as a Ragged, and gives a Ragged, or one
    row a sequence. Empty sequences give what the function makes of them.

    When it is built the function is tried on ones. A function of values, which knows no
    sequences, is given as `lambda x: x.map(torch.erf)`.

    A lambda cannot be pickled, nor saved with a model; a function of a module can. Weights inside
    the function are not trained: write a Layer for them.

    Args:
        function: of the batch, or of a list of batches; with an argument `training` it is told the
            mode.
        output_shape: of what comes out of dense inputs, without the batch, where the function
            cannot be tried; or a function of the input's shape with the batch. For sequences what
            comes out is checked against it.
        mask: not supported; a Ragged has the real steps only.
        arguments: further arguments of the function, by name.

    Raises:
        ValueError: the function fails, or gives something else than a Ragged or one row for each
            sequence.

    Example:
        >>> Lambda(lambda x: x[:, -1])(Ragged.from_list([[1., 2.], [3.]])).tolist()
        [2.0, 3.0]
    """

    tried_once = True

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: None = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        refuse(self.who, mask=mask)
        names = _arguments_of(function)
        if "mask" in names:
            raise ValueError(
                f"{self.who}: the function takes a mask, and there is none: a Ragged holds the "
                "real steps only. Per-sequence results: x.mean(), x.max(), x.softmax()."
            )
        self.function = function
        self.output_shape = output_shape
        self.mask = None
        self.arguments = arguments or {}
        self._told = "training" in names

    def _run(self, inputs: Any) -> Any:
        told = {"training": self.training} if self._told else {}
        out: Any = self.function(inputs, **self.arguments, **told)
        if isinstance(out, (list, tuple)):
            return [_as_tensor(part, self.who) for part in out]
        return _as_tensor(out, self.who)

    def output_spec(self, specs: Spec | list[Spec]) -> Spec | list[Spec]:
        ragged = any(s.ragged for s in (specs if isinstance(specs, list) else [specs]))
        if self.output_shape is not None and not ragged:
            first = specs[0] if isinstance(specs, list) else specs
            return Spec(self._declared(specs), dtype=first.dtype)
        spec = tried_function(self._run, (specs,), {}, self.who)
        if self.output_shape is None or isinstance(spec, list):
            return spec
        declared = self._declared(specs)
        came = spec.full_shape[1:]
        fits = len(came) == len(declared) and all(
            a is None or b is None or a == b for a, b in zip(came, declared, strict=True)
        )
        if not fits:
            raise ValueError(
                f"{self.who}: output_shape says (batch, {', '.join(map(str, declared))}), but the "
                f"function gives {spec}."
            )
        return spec

    def _declared(self, specs: Spec | list[Spec]) -> tuple[int | None, ...]:
        declared: Any = self.output_shape
        if callable(declared):
            several = isinstance(specs, list)
            shapes = [s.full_shape for s in specs] if several else specs.full_shape
            return tuple(declared(shapes))[1:]  # pyright: ignore[reportArgumentType]
        return tuple(declared)

    def forward(self, inputs: Any) -> Any:
        """What the function gives."""
        out = self._run(inputs)
        batch = rows_of(inputs[0] if isinstance(inputs, list) else inputs)
        for part in out if isinstance(out, list) else [out]:
            if not isinstance(part, (Ragged, Tensor)):
                raise ValueError(
                    f"{self.who}: expected the function to give a Ragged or a tensor, got "
                    f"{type(part).__name__}."
                )
            if (isinstance(part, Tensor) and not part.ndim) or rows_of(part) != batch:
                got = rows_of(part) if isinstance(part, Ragged) or part.ndim else "a single number"
                raise ValueError(
                    f"{self.who}: expected a Ragged, or one row for each of the {batch} sequences, "
                    f"got {got}. For values without sequences: x.map(function)."
                )
        return out


def _as_tensor(out: Any, who: str) -> Any:
    # What a Ragged made from numpy hands out.
    return to_tensor(out, who) if isinstance(out, np.ndarray) else out


def _arguments_of(function: Callable[..., Any]) -> set[str]:
    try:
        return set(inspect.signature(function).parameters)
    except ValueError:
        return set()  # written in C, without a signature
