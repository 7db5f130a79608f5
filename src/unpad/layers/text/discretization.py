"""Discretization: numbers as the bins that they fall into."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
import torch
from torch import Tensor

from ...arguments import AboveZero, Count
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...data.source.door import accept
from ...data.source.for_adapt import each_x
from ...errors import look_up, refuse
from ...ragged import Ragged
from ...ragged.batch import values_of, with_values_of
from .category_encoding import encode

_MODES = {mode: mode for mode in ("int", "one_hot", "multi_hot", "count")}


class Discretization(Layer):
    """The bin of each number: how many of the bounds are not above it.

    The bounds are given, or learned by `adapt` so that bins hold as many numbers as each other.

    Shapes: bins where the numbers are; "one_hot" gives each a vector, "multi_hot" and "count" each
    sequence of numbers, or last axis. Empty sequences stay empty, or give zeros.

    Args:
        bin_boundaries: the bounds, rising; there is one bin more.
        num_bins: how many bins `adapt` makes, where no bounds are given.
        epsilon: how exact they are: what a summary of the data may be off by.
        output_mode: "int", "one_hot", "multi_hot" or "count".
        sparse: refused: vectors are dense.

    Raises:
        ValueError: both bounds and a number of bins are given, or neither; there are no bounds yet.

    Example:
        >>> Discretization([0.0, 1.0])(Ragged.from_list([[-0.5, 0.0, 3.0], []])).to_list()[0]
        array([0, 1, 2], dtype=int32)
    """

    takes = "one"
    one_level = False

    not_in_keras = {"trainable": True}

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: Count | None = None,
        epsilon: AboveZero = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        refuse(self.who, sparse=sparse)
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(f"{self.who}: expected bin_boundaries or num_bins, and not both.")
        self.num_bins, self.epsilon, self.sparse = num_bins, epsilon, False
        self.output_mode = look_up(self.who, "output_mode", output_mode, _MODES)
        given = None if bin_boundaries is None else [float(b) for b in bin_boundaries]
        if given is not None and given != sorted(given):
            raise ValueError(f"{self.who}: expected bin_boundaries that rise, got {given}.")
        self.bin_boundaries = given

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Discretization:
        """A layer of these arguments; of one that has learned, with what it learned."""
        learned = config.get("bin_boundaries") if config.get("num_bins") is not None else None
        made = super().from_config({**config, **({"bin_boundaries": None} if learned else {})})
        assert isinstance(made, Discretization)
        made.bin_boundaries = learned or made.bin_boundaries
        return made

    def adapt(self, data: Any, steps: int | None = None, *, columns: Any = None) -> None:
        """Learns the bounds from data; what was learned before is forgotten.

        Args:
            data: all that `fit` takes as x: an array, a tensor, a Ragged; batches of them, in a
                list or as they come, alone or with targets beside them; a table, a data set,
                Parquet files.
            steps: how many batches to take, of what gives batches.
            columns: which column of a table is x.

        Raises:
            ValueError: the bounds were given; a batch is no numbers.
            RuntimeError: what gives the data has raised an error.
        """
        if self.num_bins is None:
            raise ValueError(f"{self.who}: adapt, but bin_boundaries were given.")
        summary = np.zeros((2, 0), dtype="float32")
        for new in each_x(data, self.who, self._summary, columns=columns, steps=steps):
            summary = _compressed(np.concatenate([summary, new], 1), self.epsilon)
        found = _compressed(summary, 1 / max(1, self.num_bins))
        self.bin_boundaries = found[0, :-1].tolist()

    def _summary(self, x: Any, whole: bool) -> np.ndarray:
        values = values_of(accept(x, self.who)[0]).detach().cpu()
        return _summary(values.numpy().astype("float32").reshape(-1), self.epsilon)

    def get_extra_state(self) -> dict[str, Any]:
        return {"bin_boundaries": self.bin_boundaries}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.bin_boundaries = state["bin_boundaries"]

    def _bounds(self) -> list[float]:
        if self.bin_boundaries is None:
            raise ValueError(
                f"{self.who}: there are no bounds yet. Learn them, layer.adapt(data), or give "
                "them: bin_boundaries=[...]."
            )
        return self.bin_boundaries

    @property
    def _depth(self) -> int:
        return len(self._bounds()) + 1 if self.bin_boundaries is not None else self.num_bins or 1

    def _weights_dtype(self) -> torch.dtype | None:
        return None

    def output_spec(self, spec: Spec) -> Spec:
        if self.output_mode == "int":
            return spec.with_dtype(torch.int32)
        spec = spec.with_dtype(self.compute_dtype)
        if self.output_mode == "one_hot":
            kept = spec.shape[:-1] if spec.shape and spec.shape[-1] == 1 else spec.shape
            return spec.with_shape((*kept, self._depth))
        if spec.ragged and not spec.shape:
            return spec.rows((self._depth,))
        return spec.with_last(self._depth)

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The bins, or vectors of them."""
        values = values_of(inputs)
        kind = values.dtype if values.is_floating_point() else torch.get_default_dtype()
        bounds = torch.tensor(self._bounds(), dtype=kind, device=values.device)
        bins = with_values_of(inputs, torch.bucketize(values.to(kind), bounds, right=True))
        if self.output_mode == "int":
            return bins.to(dtype=torch.int32)
        dtype = self.compute_dtype
        return encode(bins, self.output_mode, self._depth, dtype)


def _summary(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Numbers in rising order, each for as many as it stands for: at most 1 / epsilon of them."""
    step = max(len(values) * epsilon, 1)
    kept = np.sort(values)[int(step - 1) :: int(step)]
    return np.stack([kept, np.full_like(kept, step)])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary of at most 1 / epsilon numbers, at equal shares of all."""
    summary = summary[:, np.argsort(summary[0])]
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    sums = summary[1].cumsum()
    bounds = np.interp(shares, sums / sums[-1], summary[0])
    reached = np.interp(shares, sums / sums[-1], sums)
    weights = np.diff(reached, prepend=0)
    return np.stack([bounds, weights]).astype("float32")
