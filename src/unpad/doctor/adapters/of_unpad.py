"""A model of unpad's: fed through its door where it has one, else with real steps alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...ragged import Ragged
from ..probes import CannotAsk, Laid, Pair, Place, Reach
from .of_torch import asked
from .signature import Told
from .torch_shares import shares_of


class OfUnpad:
    """A layer or model that is asked.

    Args:
        model: that is asked.
        as_grid: whether it is fed with grids; else with a Ragged.
        training: whether it is asked as it is in training.
    """

    words = "unpad"

    def __init__(self, model: Any, as_grid: bool, training: bool = False) -> None:
        self.model, self.as_grid, self.training = model, as_grid, training
        self.told = None if as_grid else "real steps"

    def outputs(self, laid: Laid) -> dict[str, Tensor]:
        """The outputs by name, in the grids that were given."""
        try:
            with asked(self.model, self.training), torch.no_grad():
                out = self.model(self.fed(laid))
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[0]
            shapes = ", ".join(str(tuple(part.grid.shape)) for part in laid.inputs.values())
            raise CannotAsk(f"a call with {shapes} fails: {said}") from error
        if isinstance(out, dict):
            return {str(name): _laid(part, laid) for name, part in out.items()}
        parts = list(out) if isinstance(out, (list, tuple)) else [out]
        names = getattr(self.model, "output_names", None) or ()
        # Of a layer that gives its states too, the outputs.
        parts = parts if len(names) == len(parts) else parts[:1]
        named = names if len(names) == len(parts) else [""]
        return {name: _laid(part, laid) for name, part in zip(named, parts, strict=True)}

    def fed(self, laid: Laid) -> Any:
        """What the model is called with: grids, through its doors, or real steps."""
        given = [_as_given(part, self.as_grid) for part in laid.inputs.values()]
        inputs = getattr(self.model, "open_inputs", None)
        if laid.name is not None:
            named = dict(zip(laid.inputs, given, strict=True))
            order = getattr(self.model, "input_names", None) or list(named)
            fed = [named[name] for name in order]
            return [value for value, _ in inputs(fed)] if inputs and self.as_grid else fed
        if not self.as_grid:
            return given[0]
        return self.model.open(given[0]) if inputs is None else inputs(given)[0][0]

    def place(self, pair: Pair, threshold: float) -> Place | None:
        """Unpad's layers keep the laws: what breaks them is a module of somebody's own."""
        return None

    def shares(self, laid: Laid, causal: bool) -> Reach | None:
        """Which share of the gradient falls on what, where padding is taken for steps."""
        if not self.as_grid or laid.name or isinstance(self.fed(laid), Ragged):
            return None  # what is no step has no gradient
        with asked(self.model, self.training):
            return shares_of(self.model, Told(None), laid, lambda value: value, causal)


def _as_given(one: Laid, as_grid: bool) -> Any:
    grid = one.grid
    grid = grid.to(torch.get_default_dtype()) if grid.is_floating_point() else grid
    return grid if as_grid or one.fixed else Ragged.from_padded(grid, mask=one.mask)


def _laid(out: Any, laid: Laid) -> Tensor:
    if not isinstance(out, Ragged):
        return out.detach().cpu()
    # Of the input whose lengths the outputs have, if there is one.
    parts = [part for part in laid.inputs.values() if not part.fixed]
    own = out.lengths.tolist()
    one = next((part for part in parts if part.lengths.tolist() == own), parts[0])
    # Outputs of other lengths than the inputs', laid where inputs would be.
    laid_anew = out.layout.time != one.width and out.layout.longest <= one.width
    fits = {"length": one.width, "padding": one.side} if laid_anew else {}
    return torch.as_tensor(out.to_padded(**fits)).detach().cpu()
