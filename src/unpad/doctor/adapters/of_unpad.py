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

    def answer(self, laid: Laid) -> Tensor:
        """The output in the grid that was given."""
        grid = laid.grid
        grid = grid.to(torch.get_default_dtype()) if grid.is_floating_point() else grid
        try:
            with asked(self.model, self.training), torch.no_grad():
                out = self.model(self._fed(grid, laid))
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[0]
            raise CannotAsk(f"a call with {tuple(grid.shape)} fails: {said}") from error
        out = out[0] if isinstance(out, (list, tuple)) else out
        if not isinstance(out, Ragged):
            return out.detach().cpu()
        # Outputs of other lengths than the inputs', laid where inputs would be.
        laid_anew = out.layout.time != laid.width and out.layout.longest <= laid.width
        fits = {"length": laid.width, "padding": laid.side} if laid_anew else {}
        return torch.as_tensor(out.to_padded(**fits)).detach().cpu()

    def _fed(self, grid: Tensor, laid: Laid) -> Any:
        if not self.as_grid:
            return Ragged.from_padded(grid, mask=laid.mask)
        inputs = getattr(self.model, "open_inputs", None)
        return self.model.open(grid) if inputs is None else inputs([grid])[0][0]

    def place(self, pair: Pair, threshold: float) -> Place | None:
        """Unpad's layers keep the laws: what breaks them is a module of somebody's own."""
        return None

    def shares(self, laid: Laid, causal: bool) -> Reach | None:
        """Which share of the gradient falls on what, where padding is taken for steps."""
        if not self.as_grid or isinstance(self._fed(laid.grid, laid), Ragged):
            return None  # what is no step has no gradient
        with asked(self.model, self.training):
            return shares_of(self.model, Told(None), laid, lambda value: value, causal)
