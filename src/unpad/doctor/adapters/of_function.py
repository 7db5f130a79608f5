"""Any function of a grid, of numpy arrays or of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..probes import CannotAsk, Laid, Pair, Place, Reach
from .signature import Told, ways_of
from .torch_lines import Lines, parts


class OfFunction:
    """A function that is asked.

    Args:
        function: grid, and lengths or a mask where it takes them, to outputs.
        laid: with what, to find out whether it takes numpy's arrays or tensors.
        arrays: whether arrays are tried first.
        told: how it is told what is padding, where its arguments' names do not say it.
    """

    def __init__(
        self, function: Callable[..., Any], laid: Laid, arrays: bool, told: str | None = None
    ) -> None:
        self.function, self.arrays = function, arrays
        self.way = ways_of(function, told)[0]
        try:
            self.answer(laid)
        except CannotAsk:
            self.arrays = not arrays
            try:
                self.answer(laid)
            except CannotAsk:
                self.arrays = arrays

    words = "torch"

    @property
    def told(self) -> str | None:
        """How it is told what is padding."""
        return self.way.how

    def answer(self, laid: Laid) -> Tensor:
        """The first output."""
        return answered(self.function, self.way, laid, self._given)

    def _given(self, value: Any) -> Any:
        return value.numpy() if self.arrays and isinstance(value, Tensor) else value

    def place(self, pair: Pair, threshold: float) -> Place | None:
        """The first line at which tensors part; what numpy does is not seen."""
        return parts(self.answer, pair, threshold, Lines(), Lines())

    def shares(self, laid: Laid, causal: bool) -> Reach | None:
        """Gradients are followed in modules alone."""
        return None


def answered(
    function: Callable[..., Any], way: Told, laid: Laid, given: Callable[[Any], Any]
) -> Tensor:
    """The first output of a call.

    Raises:
        CannotAsk: the call fails; with its error's first line.
    """
    try:
        given_x, named = way.arguments(laid, laid.grid)
        out = function(*map(given, given_x), **{k: given(v) for k, v in named.items()})
        return first_output(out)
    except CannotAsk:
        raise
    except Exception as error:
        said = (str(error).strip().splitlines() or [""])[0]
        shape = tuple(laid.grid.shape)
        raise CannotAsk(f"a call with {shape} fails: {type(error).__name__}: {said}") from error


def first_output(out: Any) -> Tensor:
    """The first of the outputs that is a batch of numbers.

    Raises:
        CannotAsk: there is none.
    """
    if isinstance(out, torch.nn.utils.rnn.PackedSequence):
        return torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True)[0].detach()
    if isinstance(out, Tensor):
        return (out if out.is_floating_point() else out.to(torch.float64)).detach().cpu()
    if isinstance(out, dict) or hasattr(out, "to_tuple"):
        named = dict(out)
        for name in ("logits", "last_hidden_state"):
            if name in named:
                return first_output(named[name])
        return first_output(next(iter(named.values())))
    if isinstance(out, (list, tuple)) and out and not np.isscalar(out[0]):
        return first_output(out[0])
    array = np.asarray(out)
    if array.ndim == 0 or array.dtype.kind not in "fiub":
        raise CannotAsk(f"it gives a {type(out).__name__}, which is no batch of numbers.")
    return torch.from_numpy(np.array(array, dtype=array.dtype if array.dtype.kind == "f" else "f8"))
