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
from .adapters import heads_of, masks_of
from .facts import Case, Input, Split, Target, as_ids, grid_of, groups_of
from .facts.case import Batch
from .sampling import names_of


def case_of(
    x: Any,
    y: Any = None,
    model: Any = None,
    validation: tuple[Any, Any] | None = None,
    validation_split: float = 0.0,
    groups: Any = None,
    validation_groups: Any = None,
) -> Case:
    """The case of these data and this model.

    Raises:
        ValueError: x or y are no sequences, or do not fit the model; groups are not one a sequence.
    """
    if validation_groups is not None and (groups is None or validation is None):
        raise ValueError("examine: validation_groups goes with groups and with validation=(x, y).")
    given, called = _inputs(x, model)
    masks = masks_of(model)
    real = _real(given, model)
    if masks is not None and masks.embeds:
        given, real = [as_ids(x) for x in given], [as_ids(x) for x in real]
    value = None if masks is None else masks.value
    inputs = tuple(
        Input(g, r, grid_of(g, value), c) for g, r, c in zip(given, real, called, strict=True)
    )
    targets: tuple[Target, ...] = ()
    if y is not None:
        laid = _laid(_batch(y, "examine: y"), given[0], real[0])
        width, classes = _classes(model, given)
        targets = (Target(y, laid, classes, heads_of(model, [width])[0]),)
    parts, at, held_count = None, None, 0
    laid_y = targets[0].laid if targets else None
    if validation is not None:
        held, own = _inputs(validation[0], model)
        held_real = _real(held, model)[0]
        held_count = len(held_real)
        held_y = None
        if len(validation) > 1 and validation[1] is not None:
            held_y = _laid(_batch(validation[1], "examine: validation y"), held[0], held_real)
        parts = Split(real[0], laid_y, held_real, held_y, False, (called[0], own[0]))
    elif validation_split:
        n = len(real[0])
        at = n - int(n * validation_split)
        cut = (None, None) if laid_y is None else (laid_y[:at], laid_y[at:])
        own = called[0], called[0]
        parts = Split(real[0][:at], cut[0], real[0][at:], cut[1], True, own)
    sources = None
    if groups is not None:
        sources = groups_of(groups, len(real[0]), validation_groups, held_count, at)
    return Case(inputs, targets, masks, parts, groups=sources)


def _real(given: list[Batch], model: Any) -> list[Batch]:
    """Real steps, where the model's doors tell them; a Keras model's first layer does too."""
    opens = getattr(model, "open_inputs", None)
    if opens is not None:
        return [r for _, r in opens(given)]
    masks = masks_of(model)
    if masks is None or (not masks.zero and masks.value is None):
        return given
    return [_opened(x, masks.zero, masks.value) for x in given]


def _opened(x: Batch, zero: bool, value: float | None) -> Batch:
    if isinstance(x, Ragged):
        return x
    if x.ndim == 2 and zero and not x.is_floating_point():
        return Ragged.from_padded(x, mask=x != 0)
    if x.ndim == 3 and value is not None:
        return Ragged.from_padded(x, padding=value)
    return x


def _inputs(x: Any, model: Any) -> tuple[list[Batch], list[Any]]:
    """The inputs, and the same as the caller's own objects."""
    names = names_of(model)
    if isinstance(x, dict):
        order = [name for name in names if name in x] or list(x)
        return [_batch(x[n], f"examine: input {n!r}") for n in order], [x[n] for n in order]
    if len(names) > 1:
        named = zip(names, x, strict=True)
        return [_batch(part, f"examine: input {n!r}") for n, part in named], list(x)
    return [_batch(x, "examine: x")], [x]


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


def _classes(model: Any, given: list[Batch]) -> tuple[int | None, int | None]:
    """The width of the model's output; its classes, None where no model says so, 0 where none."""
    if not hasattr(model, "open_inputs"):
        return None, None
    fed = [spec_of(x) for x, _ in model.open_inputs(list(given))]
    out = model.ensure_built(*(fed if len(fed) == 1 else [fed]))
    width = 0 if isinstance(out, list) or not out.shape else out.shape[-1] or 0
    compiled = getattr(model, "_compiled", None)
    if compiled is not None and not isinstance(compiled.loss, SparseCategoricalCrossentropy):
        return width, 0
    return width, width


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
