"""Rows of an embedding that the data do not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from ..ragged import Ragged
from .adapters.weights import weights_of
from .facts import Case
from .findings import Finding, Where
from .probes import CannotAsk

_DEAD = 0.75
_STEPS = 500
# Where more of the steps hold an id that comes once, larger ids are still to come.
_ONCE = 0.02


def rows(case: Case, model: Any) -> Iterator[Finding]:
    """An embedding of far more rows than there are ids: made for another vocabulary.

    Raises:
        CannotAsk: the model has no single table of rows, or its input is no ids.
    """
    known = hasattr(model, "named_parameters") or hasattr(model, "trainable_variables")
    tables = [(name, w) for name, w, embeds in weights_of(model) if embeds] if known else []
    if len(tables) != 1 or len(case.inputs) != 1:
        raise CannotAsk("rows are asked of one input and one embedding.")
    (name, table), ids = tables[0], _ids(case.inputs[0].real)
    if ids is None or len(ids) < _STEPS or len(table) < 20:
        return
    counts = ids.bincount()
    dead = 1 - len(counts) / len(table)
    if dead < _DEAD or float((counts == 1).sum()) > _ONCE * len(ids):
        return
    evidence = {"share": dead, "rows": float(len(table)), "largest id": float(len(counts) - 1)}
    shown = (
        f"It has {len(table):,} rows, and the largest of {len(ids):,} ids is {len(counts) - 1:,}"
    )
    held = None if case.split is None else _ids(case.split.held_x)
    if held is not None and len(held):
        share = float((held >= len(counts)).double().mean())
        evidence["share of held-out steps that read them"] = share
        shown += f"; {share:.0%} of the held-out steps read the others"
    yield Finding(
        "dead rows",
        f"{dead:.0%} of the rows of {name} are never read.",
        f"{shown}.",
        "Make the vocabulary from the training data, and input_dim its size.",
        evidence,
        "Embedding(int(x.max()) + 1, width, mask_zero=True)",
        Where(layer=name.rpartition(".")[0] or name),
        1e-6,
    )


def _ids(real: Ragged | Tensor) -> Tensor | None:
    values = real.values if isinstance(real, Ragged) and real.levels == 1 else real
    if not isinstance(values, Tensor) or values.is_floating_point() or not values.numel():
        return None
    flat = values.detach().cpu().flatten().long()
    return None if int(flat.min()) < 0 or int(flat.max()) > 10_000_000 else flat
