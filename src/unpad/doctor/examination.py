"""A data set examined: every check that can be asked of it, and the warnings of `fit`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from ..core.operation import Operation
from ..core.spec import spec_of
from ..layers import Embedding, Flatten, Lambda, Layer, Masking, Permute, Reshape
from ..losses import SparseCategoricalCrossentropy
from ..ragged import Ragged
from ..ragged.arrays import is_numeric, to_tensor
from ..spellings import depth_of_caller
from .axes import reshaped, turned
from .finding import DataWarning, Finding
from .grid import Grid, grid_of
from .labels import class_never_seen
from .padding import constant_ends, not_masked

Batch = Ragged | Tensor

# What each model's person was told: once a model, however often it is fitted.
_told: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def examine(x: Any, y: Any = None, model: Any = None) -> list[Finding]:
    """What is almost surely wrong with a data set, though it can be trained on.

    `fit` asks the same, and tells each finding in one warning. Only mistakes with a clear sign and
    a clear cure are named; data that are in order give none. Looks at some hundreds of sequences:
    milliseconds.

    Args:
        x: padded array, list of arrays or Ragged; a list or dict of them where the model has
            several inputs.
        y: labels of classes, if there are any, for each step or each sequence.
        model: says what is masked, and how many classes there are. Without it only what shows in
            the data alone is found.

    Returns:
        The findings, none if x holds no padded array.

    Raises:
        ValueError: x or y are no sequences, or do not fit the model.

    Example:
        >>> steps = np.random.default_rng(0).normal(size=(6, 7, 3))
        >>> for i in range(6):
        ...     steps[i, 2 + i:] = 0
        >>> examine(steps)
        []
        >>> wrong = steps.transpose(0, 2, 1).reshape(6, 7, 3)
        >>> [finding.kind for finding in examine(wrong)]
        ['reshaped']
    """
    given = _inputs(x, model)
    real = given
    if model is not None:
        real = [r for _, r in model.open_inputs(given)]
    found = _of_inputs(model, given, real)
    classes = None if y is None else _classes(model, given)
    if y is None or classes == 0:
        return found
    laid = _laid(_batch(y, "examine: y"), given[0], real[0])
    if classes is None:
        classes = int(_values(laid).max()) + 1 if _values(laid).numel() else 0
    seen = class_never_seen(laid, classes, y, real[0])
    return found if seen is None else [*found, seen]


def tell(
    model: Any,
    given: Sequence[Batch],
    real: Sequence[Batch],
    targets: Sequence[tuple[Any, Batch | None, Any, Any]],
) -> None:
    """Warns of each finding, once a model and kind.

    Args:
        model: that is about to be trained.
        given: its inputs as the caller gave them.
        real: their real steps.
        targets: for each output what the caller gave, the same at real steps, the loss, and the
            output's spec.
    """
    if quiet.kept:
        return
    found = _of_inputs(model, given, real)
    for y, laid, loss, spec in targets:
        if laid is None or not isinstance(loss, SparseCategoricalCrossentropy):
            continue
        classes = (spec.shape[-1] or 0) if spec.shape else 0
        # Labels that follow an input's steps follow the first's, or say nothing of slots.
        found.append(class_never_seen(laid, classes, y, real[0]))
    told = _told.setdefault(model, set())
    for finding in found:
        if finding is not None and finding.kind not in told:
            told.add(finding.kind)
            warnings.warn(f"fit: {finding}", DataWarning, stacklevel=depth_of_caller())


class quiet:  # noqa: N801
    """Keeps `fit` from examining its data: from the call on, or for a `with` block.

    `examine` still answers. To silence only the warnings: `warnings.simplefilter("ignore",
    unpad.doctor.DataWarning)`.

    Example:
        >>> with unpad.doctor.quiet():
        ...     pass  # model.fit(...)
    """

    #: Whether it is, now.
    kept = False

    def __init__(self) -> None:
        self._before = quiet.kept
        quiet.kept = True

    def __enter__(self) -> quiet:
        return self

    def __exit__(self, *error: object) -> None:
        quiet.kept = self._before


def _of_inputs(model: Any, given: Sequence[Batch], real: Sequence[Batch]) -> list[Any]:
    layers = _layers(model)
    masking = [layer for layer in layers if isinstance(layer, Masking)]
    mask_value = float(masking[0].mask_value) if masking else None
    found: list[Any] = []
    for x, opened in zip(given, real, strict=True):
        grid = grid_of(x, mask_value)
        if grid is None:
            continue
        if grid.values.ndim == 3:
            found.append(_first(grid, (reshaped, turned, constant_ends)))
        is_open = isinstance(opened, Ragged)
        if found[-1:] in ([], [None]) and not is_open and model is not None:
            found.append(not_masked(grid) if _takes_steps(layers, grid) else None)
    return [finding for finding in found if finding is not None]


def _first(grid: Grid, checks: Iterable[Any]) -> Finding | None:
    return next((finding for check in checks if (finding := check(grid)) is not None), None)


def _layers(model: Any) -> list[Layer]:
    modules = () if model is None else model.modules()
    return [module for module in modules if isinstance(module, Layer)]


def _takes_steps(layers: Sequence[Layer], grid: Grid) -> bool:
    """Whether zeros are taken for steps, and nobody sees to them by hand."""
    by_hand = (Flatten, Lambda, Masking, Operation, Permute, Reshape)
    if any(isinstance(layer, by_hand) for layer in layers):
        return False
    embeddings = [layer for layer in layers if isinstance(layer, Embedding)]
    if grid.values.ndim == 3:
        return not embeddings
    return bool(embeddings) and not any(layer.mask_zero for layer in embeddings)


# --- what a caller of `examine` gives ----------------------------------------------------------


def _inputs(x: Any, model: Any) -> list[Batch]:
    names = None if model is None else model.input_names
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
        batch = to_tensor(array)
    return batch.to(dtype=torch.get_default_dtype()) if batch.dtype.is_floating_point else batch


def _classes(model: Any, given: Sequence[Batch]) -> int | None:
    """The classes of the model's output: None where there is no model, 0 where it has none."""
    if model is None:
        return None
    compiled = getattr(model, "_compiled_with", None)
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


def _values(batch: Batch) -> Any:
    return batch.values if isinstance(batch, Ragged) else batch
