"""A data set examined: every check that can be asked of it, and the warnings of `fit`."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from ..losses import SparseCategoricalCrossentropy
from ..spellings import depth_of_caller
from .adapters import masks_of
from .checks import CHEAP, CHECKS, Check
from .facts import Case, Input, Target, grid_of
from .facts.case import Batch
from .findings import DataWarning, Finding
from .given import case_of
from .report import Asked, Report

# What each model's person was told: once a model, however often it is fitted.
_told: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def examine(x: Any, y: Any = None, model: Any = None) -> Report:
    """What is almost surely wrong with a data set, though it can be trained on.

    `fit` asks the cheap ones of the same checks, and tells each finding in one warning. Only
    mistakes with a clear sign and a clear cure are named; data that are in order give none. Looks
    at some hundreds of sequences: milliseconds.

    Args:
        x: padded array, list of arrays or Ragged; a list or dict of them where the model has
            several inputs.
        y: labels of classes, if there are any, for each step or each sequence.
        model: says what is masked, and how many classes there are. Without it only what shows in
            the data alone is found.

    Returns:
        The findings, roots first; none if x holds no padded array.

    Raises:
        ValueError: x or y are no sequences, or do not fit the model.

    Example:
        >>> steps = np.random.default_rng(0).normal(size=(6, 7, 3))
        >>> for i in range(6):
        ...     steps[i, 2 + i:] = 0
        >>> len(examine(steps))
        0
        >>> wrong = steps.transpose(0, 2, 1).reshape(6, 7, 3)
        >>> examine(wrong).kinds
        ['reshaped']
    """
    start = time.perf_counter()
    case = case_of(x, y, model)
    findings, asked = ask(case, CHECKS)
    return Report.of(findings, asked, time.perf_counter() - start)


def ask(case: Case, checks: Mapping[str, Check]) -> tuple[list[Finding], list[Asked]]:
    """What the checks find, and what each answered."""
    findings: list[Finding] = []
    asked: list[Asked] = []
    for name, check in checks.items():
        found = list(check(case))
        findings += found
        asked.append(Asked(name, ", ".join(f.kind for f in found) or "nothing"))
    return findings, asked


def tell(
    model: Any,
    given: Sequence[Batch],
    real: Sequence[Batch],
    targets: Sequence[tuple[Any, Batch | None, Any, Any]],
) -> None:
    """Warns of each finding that is no note, once a model and kind.

    Args:
        model: that is about to be trained.
        given: its inputs as the caller gave them.
        real: their real steps.
        targets: for each output what the caller gave, the same at real steps, the loss, and the
            output's spec.
    """
    if quiet.kept:
        return
    masks = masks_of(model)
    inputs = [
        Input(g, r, grid_of(g, masks.value if masks else None))
        for g, r in zip(given, real, strict=True)
    ]
    laid = [
        Target(y, at, (spec.shape[-1] or 0) if spec.shape else 0)
        for y, at, loss, spec in targets
        if at is not None and isinstance(loss, SparseCategoricalCrossentropy)
    ]
    report = Report.of(ask(Case(tuple(inputs), tuple(laid), masks), CHEAP)[0])
    told = _told.setdefault(model, set())
    for finding in report.roots:
        if finding.severity != "note" and finding.kind not in told:
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
