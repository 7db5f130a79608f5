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
        self.way = ways_of(function, told, names_of(laid))[0]
        try:
            self.outputs(laid)
        except CannotAsk:
            self.arrays = not arrays
            try:
                self.outputs(laid)
            except CannotAsk:
                self.arrays = arrays

    words = "torch"

    @property
    def told(self) -> str | None:
        """How it is told what is padding."""
        return self.way.how

    def outputs(self, laid: Laid) -> dict[str, Tensor]:
        """The outputs by name."""
        return answered(self.function, self.way, laid, self._given)

    def _given(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._given(part) for name, part in value.items()}
        return value.numpy() if self.arrays and isinstance(value, Tensor) else value

    def place(self, pair: Pair, threshold: float) -> Place | None:
        """The first line at which tensors part; what numpy does is not seen."""
        return parts(self.outputs, pair, threshold, Lines(), Lines())

    def shares(self, laid: Laid, causal: bool) -> Reach | None:
        """Gradients are followed in modules alone."""
        return None


def names_of(laid: Laid) -> tuple[str, ...]:
    """The names of the inputs, where there are several."""
    return () if laid.name is None else tuple(laid.inputs)


def answered(
    function: Callable[..., Any], way: Told, laid: Laid, given: Callable[[Any], Any]
) -> dict[str, Tensor]:
    """The outputs of a call, by name.

    Raises:
        CannotAsk: the call fails; with its error's first line.
    """
    try:
        given_x, named = way.arguments(laid, laid.grid)
        out = function(*map(given, given_x), **{k: given(v) for k, v in named.items()})
        return outputs_of(out, len(laid.sequences))
    except CannotAsk:
        raise
    except Exception as error:
        said = (str(error).strip().splitlines() or [""])[0]
        shapes = ", ".join(str(tuple(part.grid.shape)) for part in laid.inputs.values())
        raise CannotAsk(f"a call with {shapes} fails: {type(error).__name__}: {said}") from error


def outputs_of(out: Any, batch: int) -> dict[str, Tensor]:
    """The outputs that are batches of numbers, the first of them by any means.

    A dict's by their names. Of a tuple those whose first axis is the batch, by their places: what a
    recurrence or a cache gives beside them, in tuples of its own, is no answer to a sequence.

    Args:
        out: what a call gave.
        batch: how many sequences it was given.

    Raises:
        CannotAsk: there is none.
    """
    first = first_output(out)
    if type(out) is dict:
        named = {str(n): part for n, part in out.items() if isinstance(n, str)}
    elif type(out) in (tuple, list):
        named = {str(i): part for i, part in enumerate(out)}
    else:
        return {"": first}
    found = {
        name: first_output(part)
        for name, part in named.items()
        if _is_answer(part) and len(part) == batch
    }
    same = [name for name, part in found.items() if part.shape == first.shape]
    same = [name for name in same if bool((found[name] == first).all())]
    if len(found) < 2 or not same:
        return {"": first}
    return {name: found[name] for name in [same[0], *(n for n in found if n != same[0])]}


def _is_answer(part: Any) -> bool:
    if isinstance(part, Tensor):
        return part.is_floating_point() and part.ndim > 0
    return isinstance(part, np.ndarray) and part.dtype.kind == "f" and part.ndim > 0


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
