"""Input: the shape of what a model is given."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..layers import Spec
from ..layers.layer import as_dtype
from ..ragged import Ragged


class Input:
    """The shape of one sample, without the batch; None is any size, as of time.

    Sequences may come as a padded array or as a Ragged; the shape is that of the array.

    Args:
        shape: as (None,) for ids, (None, 5) for sequences of 5 features, (5,) for rows.
        dtype: of the values; by default torch's default.
        name: shown in errors.

    Example:
        >>> Input(shape=(None, 5)).spec
        Spec(shape=(None, 5), ragged=False, dtype=torch.float32)
    """

    def __init__(
        self,
        shape: Sequence[int | None],
        dtype: str | torch.dtype | None = None,
        name: str | None = None,
    ) -> None:
        sizes = tuple(shape) if isinstance(shape, (tuple, list)) else None
        if sizes is None or not all(n is None or (isinstance(n, int) and n > 0) for n in sizes):
            raise ValueError(
                f"Input: expected shape as a tuple of sizes, None for any, got {shape!r}. Without "
                "the batch: Input(shape=(None,)) for ids."
            )
        self.name = name
        self.spec = Spec(sizes, False, as_dtype(dtype) or torch.get_default_dtype())

    @property
    def who(self) -> str:
        """How it is called in an error."""
        return f"Input {self.name!r}" if self.name else "Input"

    def check(self, given: Ragged | Tensor) -> None:
        """Raises a ValueError where the data have another shape."""
        want = self.spec.shape
        if isinstance(given, Ragged):
            if len(want) < 1 or tuple(given.feature) != want[1:]:
                raise ValueError(
                    f"{self.who}: expected {self.spec}, got sequences whose steps have shape "
                    f"{tuple(given.feature)}."
                )
            if want[0] is not None and given.layout.longest > want[0]:
                first = int(given.lengths.argmax())
                raise ValueError(
                    f"{self.who}: expected at most {want[0]} steps, but sequence {first} has "
                    f"{given.layout.longest}. For any length: shape=(None, ...)."
                )
            return
        got = tuple(given.shape[1:])
        if len(got) != len(want) or any(w not in (None, g) for w, g in zip(want, got, strict=True)):
            shown = ", ".join(["batch", *(str(n) for n in got)])
            raise ValueError(f"{self.who}: expected {self.spec}, got ({shown}).")

    def __repr__(self) -> str:
        return f"Input(shape={self.spec.shape})"
