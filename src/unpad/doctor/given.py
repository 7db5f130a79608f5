"""What a caller of `examine` gives, as a case."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.spec import spec_of
from ..losses import SparseCategoricalCrossentropy
from ..ragged import Ragged
from ..ragged.numbers import is_numeric, to_tensor
from .adapters import masks_of
from .facts.case import Batch, Case, Input, Target
from .facts.grid import grid_of


def case_of(x: Any, y: Any = None, model: Any = None) -> Case:
    """The case of these data and this model.

    Raises:
        ValueError: x or y are no sequences, or do not fit the model.
    """
    given = _inputs(x, model)
    masks = masks_of(model)
    opens = getattr(model, "open_inputs", None)
    real = given if opens is None else [r for _, r in opens(given)]
    value = None if masks is None else masks.value
    inputs = tuple(Input(g, r, grid_of(g, value)) for g, r in zip(given, real, strict=True))
    if y is None:
        return Case(inputs, (), masks)
    classes = _classes(model, given)
    if classes == 0:
        return Case(inputs, (), masks)
    laid = _laid(_batch(y, "examine: y"), given[0], real[0])
    return Case(inputs, (Target(y, laid, classes),), masks)


def _inputs(x: Any, model: Any) -> list[Batch]:
    names = getattr(model, "input_names", None)
    if isinstance(x, dict):
        return [_batch(x[name], f"examine: input {name!r}") for name in names or x]
    if names is not None and len(names) > 1:
        return [_batch(part, f"examine: input {n!r}") for n, part in zip(names, x, strict=True)]
    return [_batch(x, "examine: x")]


def _batch(data: Any, who: str) -> Batch:
    if isinstance(data, (Ragged, Tensor)):
        batch: Batch = data
    elif isinstance(data, (list, tuple)) and any(np.ndim(part) for part in data):
        batch = Ragged.from_list(list(data))
    else:
        array = np.asarray(data)
        if not is_numeric(array) or array.ndim == 0:
            raise ValueError(f"{who}: expected a padded array, a list of arrays or a Ragged.")
        batch = to_tensor(array, who)
    return batch.to(dtype=torch.get_default_dtype()) if batch.dtype.is_floating_point else batch


def _classes(model: Any, given: list[Batch]) -> int | None:
    """The classes of the model's output: None where no model says so, 0 where it has none."""
    if not hasattr(model, "open_inputs"):
        return None
    compiled = getattr(model, "_compiled", None)
    if compiled is not None and not isinstance(compiled.loss, SparseCategoricalCrossentropy):
        return 0
    fed = [spec_of(x) for x, _ in model.open_inputs(list(given))]
    out = model.ensure_built(*(fed if len(fed) == 1 else [fed]))
    return 0 if isinstance(out, list) or not out.shape else out.shape[-1] or 0


def _laid(y: Batch, given: Batch, real: Batch) -> Batch:
    """Labels at the real steps, where they are given for slots."""
    if not isinstance(real, Ragged) or real.levels > 1:
        return y
    layout = real.layout
    if isinstance(y, Tensor):
        on_grid = y.ndim > 1 and y.shape[:2] == (layout.batch, layout.time)
        return real.with_values(layout.steps_of(y)) if on_grid else y
    if y.layout.agrees(layout) or not isinstance(given, Ragged):
        return y
    same = y.layout.agrees(given.layout)
    return real.with_values(y.values[layout.within(given.layout)]) if same else y
