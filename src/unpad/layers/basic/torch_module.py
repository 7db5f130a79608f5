"""Any torch module as a layer: on each real step of a Ragged, on a dense batch row by row."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from ...core.layer import Layer
from ...core.naming import snake_case
from ...core.options import LayerOptions
from ...core.probing import looks_around, probed, random_rows
from ...core.spec import Spec, spec_of
from ...core.token_wise import TokenWise
from ...core.trial import remembered
from ...errors import shown
from ...ragged import Ragged

# Layers that do on sequences what these modules do.
_INSTEAD = {
    "Conv1d": "Conv1D",
    "ConvTranspose1d": "Conv1DTranspose",
    "RNN": "SimpleRNN",
    "LSTM": "LSTM",
    "GRU": "GRU",
    "MultiheadAttention": "MultiHeadAttention",
    "TransformerEncoderLayer": "TransformerEncoder",
    "TransformerEncoder": "TransformerEncoder",
    "Softmax": "Softmax",
}


class TorchModule(TokenWise):
    """Lifts a torch module: it sees values (steps, *feature), and gives one row for each.

    A model wraps a plain torch module in this by itself. What a module gives for a row must depend
    on that row alone, or one sequence would see another: it is tried with random rows when it is
    built, together, each alone and in another order. A module that looks along a sequence goes
    into `Grid` or `Varlen`.

    Shapes: Ragged (batch, steps*, *feature) to Ragged (batch, steps*, *out); a dense batch goes
    through as it is, or step by step where the module takes steps only. Empty sequences stay
    empty.

    Args:
        module: from (n, *feature) to (n, *out).

    Raises:
        ValueError: the module gives another number of rows than it takes, or looks from one at
            others.

    Example:
        >>> layer = TorchModule(torch.nn.Linear(2, 3))
        >>> layer(Ragged.from_list([[[1., 2.]], []])).lengths
        tensor([1, 0])
    """

    def __init__(self, module: torch.nn.Module, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if not isinstance(module, torch.nn.Module):
            raise ValueError(
                f"{self.who}: expected a torch module, got {shown(module)}. A function of a "
                "tensor: Activation(function)."
            )
        self.module = module
        self.name = self.given_name or snake_case(type(module).__name__)
        # Whether dense batches of so many axes go through step by step.
        self._by_step: dict[int, bool] = {}
        # Whether steps that come as floats are ids to the module: found when it is tried.
        self._of_ids = False

    def output_spec(self, spec: Spec) -> Spec | list[Spec]:
        steps = spec.shape if spec.ragged else spec.shape[1:]
        if spec.ragged:
            out = self._rows(steps, spec)
            return (
                out if isinstance(out, list) else spec.with_shape(out.shape).with_dtype(out.dtype)
            )
        if not self._takes_steps(spec):
            return self._rows(spec.shape, spec)
        out = self._rows(steps, spec)
        if isinstance(out, list):
            return out
        return spec.with_shape((*spec.shape[:1], *out.shape)).with_dtype(out.dtype)

    def _takes_steps(self, spec: Spec) -> bool:
        """Whether a grid goes through step by step; found once for grids of so many axes."""
        axes = len(spec.shape)
        if axes not in self._by_step and (axes < 2 or spec.shape[0] is not None):
            return False
        if axes not in self._by_step:
            # A grid may be sequences: it must give the same step by step as a Ragged would.
            self._rows(spec.shape[1:], spec)
            self._by_step[axes] = False
            try:
                for time in (2, 3):
                    self._rows((time, *spec.shape[1:]), spec)
            except ValueError:
                self._by_step[axes] = True
        return self._by_step[axes]

    def _rows(self, shape: tuple[int | None, ...], spec: Spec) -> Spec | list[Spec]:
        who, kinds = type(self.module).__name__, [spec.dtype]
        if spec.dtype.is_floating_point:
            # An Input says float32 where nobody says anything.
            kinds = [torch.int64] if self._of_ids else [spec.dtype, torch.int64]
        first: ValueError | None = None
        for kind in kinds:
            try:
                found = output_spec_of(self.module, Spec(shape, False, kind), who, self)
            except ValueError as error:
                first = first or error
                continue
            self._of_ids = self._of_ids or kind != spec.dtype
            return found
        assert first is not None
        raise first

    def _weights_dtype(self) -> torch.dtype | None:
        return weights_dtype_of(self.module)

    def _prepare(self, inputs: Any) -> Any:
        if self._of_ids:
            return inputs.to(dtype=torch.int64)
        # What is no float is ids, which stay as they are.
        return super()._prepare(inputs) if inputs.dtype.is_floating_point else inputs

    def on_values(self, values: Tensor) -> Tensor:
        return self.module(values)

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The module on every row."""
        if isinstance(inputs, Ragged) or not self._by_step.get(inputs.ndim - 1):
            return super().forward(inputs)
        return self.module(inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])


def weights_dtype_of(module: torch.nn.Module) -> torch.dtype | None:
    """The type of a layer's or torch module's weights; None where it has none."""
    if isinstance(module, Layer):
        return module._weights_dtype()
    return next((weight.dtype for weight in module.parameters()), None)


def output_spec_of(
    module: torch.nn.Module, spec: Spec, who: str, holder: Layer
) -> Spec | list[Spec]:
    """What a layer or any torch module gives for this spec of a dense batch.

    A torch module says nothing of itself: it is tried on random rows, once for each spec.

    Args:
        module: a layer or any torch module.
        spec: of rows.
        who: shown in errors.
        holder: the layer that holds the module and remembers what was found.

    Raises:
        ValueError: the module fails on such rows, gives another number of rows, or what it gives
            for one depends on the others.
    """
    if isinstance(module, Layer):
        return module.spec_for(spec)
    known, key = remembered(holder), ("rows", spec)
    if key not in known:
        known[key] = _tried_on_rows(module, spec, who)
    return known[key]


def _tried_on_rows(module: torch.nn.Module, spec: Spec, who: str) -> Spec:
    rows = 3
    kind = type(module).__name__
    with probed(module):
        probe = random_rows(rows, spec.shape, spec.dtype)
        for parameter in module.parameters():
            # As the inputs will be: floats in the type of the weights, ids as they are.
            probe = probe.to(parameter if probe.is_floating_point() else parameter.device)
            break
        try:
            out = module(probe)
        except Exception as error:
            text = f"fails on a batch of shape {tuple(probe.shape)}: {error}"
            if kind in _INSTEAD:
                text = f"takes sequences, but here it gets single steps, {tuple(probe.shape)}."
            raise ValueError(f"{who}: {kind} {text} {_ways_out(kind)}") from error
        if not isinstance(out, Tensor) or out.ndim == 0 or out.shape[0] != rows:
            got = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
            raise ValueError(
                f"{who}: {kind} gives {got} for {rows} steps; it must give one row for each step. "
                "For one row a sequence use a layer that reduces, as LSTM(return_sequences=False). "
                f"{_ways_out(kind)}"
            )
        seen = looks_around(module, probe, out)
    if seen is not None:
        raise ValueError(
            f"{who}: {kind} looks from one row at others, so that one sequence would see another: "
            f"{seen}. {_ways_out(kind)}"
        )
    return spec_of(out)


def _ways_out(kind: str) -> str:
    grid = "one that takes a padded grid and its mask: layers.Grid(module, mask='its_name')"
    if kind.startswith("Conv"):
        grid = "on a padded grid: layers.Grid(module, channels_first=True)"
    ours = f"On real steps: layers.{_INSTEAD[kind]}; " if kind in _INSTEAD else "Along sequences: "
    return f"{ours}{grid}; values with offsets: layers.Varlen(module)."
