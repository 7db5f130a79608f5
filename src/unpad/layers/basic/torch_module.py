"""Any torch module as a layer: on each real step of a Ragged, on a dense batch as it is."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from ...core.layer import Layer, TokenWise, snake_case
from ...core.options import LayerOptions
from ...core.spec import Spec, spec_of


class TorchModule(TokenWise):
    """Lifts a torch module: it sees values (steps, *feature), and gives one row for each.

    A model wraps a plain torch module in this by itself. A module that needs to see the sequences
    is written as a Layer instead, whose `forward` gets the Ragged.

    Shapes: Ragged (batch, steps*, *feature) to Ragged (batch, steps*, *out); a dense batch goes
    through as it is. Empty sequences stay empty.

    Args:
        module: from (n, *feature) to (n, *out).

    Raises:
        ValueError: the module gives another number of rows than it takes.

    Example:
        >>> layer = TorchModule(torch.nn.Linear(2, 3))
        >>> layer(Ragged.from_list([[[1., 2.]], []])).lengths
        tensor([1, 0])
    """

    def __init__(self, module: torch.nn.Module, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.module = module
        self.name = self.given_name or snake_case(type(module).__name__)

    def output_spec(self, spec: Spec) -> Spec | list[Spec]:
        out = output_spec_of(
            self.module, Spec(spec.shape, False, spec.dtype), type(self.module).__name__
        )
        if not isinstance(out, Spec):
            return out
        return spec.with_shape(out.shape).with_dtype(out.dtype)

    def _weights_dtype(self) -> torch.dtype | None:
        return weights_dtype_of(self.module)

    def on_values(self, values: Tensor) -> Tensor:
        return self.module(values)


def weights_dtype_of(module: torch.nn.Module) -> torch.dtype | None:
    """The type of a layer's or torch module's weights; None where it has none."""
    if isinstance(module, Layer):
        return module._weights_dtype()
    return next((weight.dtype for weight in module.parameters()), None)


def output_spec_of(module: torch.nn.Module, spec: Spec, who: str) -> Spec | list[Spec]:
    """What a layer or any torch module gives for this spec of a dense batch.

    A torch module says nothing of itself: it is tried on three rows of zeros.

    Raises:
        ValueError: the module fails on such rows, or gives another number of rows.
    """
    if isinstance(module, Layer):
        return module.spec_for(spec)
    rows = 3
    probe = torch.zeros(rows, *(2 if n is None else n for n in spec.shape), dtype=spec.dtype)
    for parameter in module.parameters():
        # As the inputs will be: floats in the type of the weights, ids as they are.
        probe = probe.to(parameter if probe.is_floating_point() else parameter.device)
        break
    was_training = module.training
    try:
        with torch.no_grad():
            out = module.eval()(probe)
    except Exception as error:
        raise ValueError(
            f"{who}: {type(module).__name__} fails on a batch of shape {tuple(probe.shape)}: "
            f"{error}"
        ) from error
    finally:
        module.train(was_training)
    if not isinstance(out, Tensor) or out.ndim == 0 or len(out) != rows:
        got = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
        raise ValueError(
            f"{who}: {type(module).__name__} gives {got} for {rows} steps; it must give one row "
            "for each step. For one row a sequence use a layer that reduces, as "
            "LSTM(return_sequences=False)."
        )
    return spec_of(out)
