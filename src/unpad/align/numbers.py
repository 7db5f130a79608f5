"""Numbers that cannot be learnt from, refused where the first of them stands."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import first_true
from ..ragged import Ragged
from ..ragged.batch import place, values_of
from .where import Where


def refuse_not_finite(
    data: Ragged | Tensor, where: Where, hint: str, hint_at_nan: Callable[[], str] | None = None
) -> None:
    """Raises for NaN and infinite values, naming the first; for NaN perhaps with another hint."""
    values = values_of(data)
    if not values.is_floating_point():
        return
    broken = first_true(~values.isfinite())
    if broken is not None:
        if hint_at_nan is not None and bool(values[broken].isnan()):
            hint = hint_at_nan()
        raise ValueError(
            f"{where}: {values[broken].item()} in {place_of(data, broken)}. {hint}".rstrip()
        )


def refuse_too_large(data: Ragged | Tensor, where: Where) -> None:
    """Raises for numbers that would become infinite in the type that is computed in."""
    values, most = values_of(data), torch.finfo(torch.get_default_dtype()).max
    if values.dtype != torch.float64 or values.dtype == torch.get_default_dtype():
        return
    if (broken := first_true(values.abs() > most)) is not None:
        raise ValueError(
            f"{where}: {values[broken].item():g} in {place_of(data, broken)} is more than "
            f"{torch.get_default_dtype()} holds. Scale the targets."
        )


def place_of(data: Ragged | Tensor, index: tuple[int, ...]) -> str:
    """Where an entry stands, its feature too."""
    rest = index[1:] if isinstance(data, Ragged) else index[2:]
    feature = f", feature {rest[0] if len(rest) == 1 else rest}" if rest else ""
    return place(data, index) + feature
