"""What a Scaler noted: scaled twice by one fit, or on both sides of a split by two."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...notes import Scaled, noted
from ..facts import Case, Split
from ..findings import Finding

# Of a deviation, and of the ratio of two: two fits that differ by less do no harm.
_MOVED = 0.2
_WIDER = 1.25


def scaled(case: Case) -> Iterator[Finding]:
    """Of each input."""
    for x in case.inputs:
        found = noted(x.called, Scaled)
        if found is not None and found.times > 1:
            yield Finding(
                "scaled twice",
                f"x was scaled {found.times} times by one and the same Scaler.",
                f"{found.steps:,} real steps by {found.fitted.by}: the second time takes away a "
                "mean that is not there any more.",
                "Transform once: keep what is scaled under a name of its own.",
                {"times": found.times, "steps": found.steps},
                "scaled = scaler.transform(x)",
            )


def scaled_otherwise(parts: Split) -> Finding | None:
    """The two sides scaled by two fits that differ; None where that is not known."""
    a, b = (noted(given, Scaled) for given in parts.called)
    if a is None or b is None:
        return None
    if a.fitted is b.fitted:
        return _of_all(a, b)
    one, other = a.fitted, b.fitted
    if one.mean is None or other.mean is None or one.mean.shape != other.mean.shape:
        return None
    assert one.deviation is not None
    assert other.deviation is not None
    spread = np.maximum(np.maximum(one.deviation, other.deviation), 1e-12)
    moved = np.abs(one.mean - other.mean) / spread
    wider = spread / np.maximum(np.minimum(one.deviation, other.deviation), 1e-12)
    if moved.max() < _MOVED and wider.max() < _WIDER:
        return None
    worst = int((moved / _MOVED + wider / _WIDER).argmax())
    return Finding(
        "other scale",
        "The held-out part was scaled by a fit of its own.",
        f"{one.by} was fitted on {one.steps:,} steps for training and {other.by} on "
        f"{other.steps:,} for the held-out part: of feature {worst} mean and deviation were "
        f"{one.mean[worst]:.3g} +- {one.deviation[worst]:.3g} and {other.mean[worst]:.3g} +- "
        f"{other.deviation[worst]:.3g}.",
        "Fit the scaler on the training part, and apply that one to both.",
        {"deviations moved": float(moved.max()), "ratio of deviations": float(wider.max())},
        "scaler = Scaler(StandardScaler()).fit(x); xv = scaler.transform(xv)",
    )


def _of_all(a: Scaled, b: Scaled) -> Finding | None:
    """Both sides of one array that the scaler was fitted on, and cut afterwards."""
    if a is not b or a.steps != a.fitted.steps:
        return None
    return Finding(
        "scaled on all",
        "The scaler was fitted on the held-out part too.",
        f"{a.fitted.by} was fitted on {a.fitted.steps:,} steps at once; what is trained on and "
        "what is held out were cut from these afterwards.",
        "Cut first; fit the scaler on the training part, and apply that one to both.",
        {"steps": a.fitted.steps},
        "scaler = Scaler(StandardScaler()).fit(x); xv = scaler.transform(xv)",
    )
