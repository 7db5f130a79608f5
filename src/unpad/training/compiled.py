"""What was given to `compile`, and how it is arranged for the outputs of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..arguments import number
from ..data.arrange import for_outputs
from .objective import Objective
from .outcome import Part


class Compiled(NamedTuple):
    """What was given to `compile`, each leaf resolved: losses and metrics as they are arranged."""

    loss: Any
    loss_weights: Any
    metrics: Any
    weighted_metrics: Any
    #: What was given, by name or not, before it was put into anything.
    optimizer: Any
    make_optimizer: Any
    #: Whether the optimiser was made by the user, for weights of his choice.
    optimizer_given: bool
    #: The arguments as they were given, for a file.
    given: dict[str, Any]

    def objective(self, names: Sequence[str], form: Any = None) -> Objective:
        """Arranged for outputs of these names.

        Args:
            names: of the outputs.
            form: how they lie in one another, if the model says.

        Raises:
            ValueError: there are too many or too few of something, or a name is not known.
        """
        lost = _for_outputs(self.loss, names, "loss", form, spread=True)
        scales = _for_outputs(self.loss_weights, names, "loss_weights", form)
        for name, part in zip(names, lost, strict=True):
            if isinstance(part, (list, dict)):
                raise ValueError(
                    f"compile: loss: expected one loss for output {name!r}, got {len(part)}. Their "
                    "sum: a function of (y_true, y_pred)."
                )
        groups = [
            _metrics_for(given, names, what, form)
            for given, what in (
                (self.metrics, "metrics"),
                (self.weighted_metrics, "weighted_metrics"),
            )
        ]
        for scale in scales:
            if not isinstance(scale, (int, float, type(None))):
                raise ValueError(
                    f"compile: loss_weights: expected a number for each output, got {scale!r}. "
                    "Metrics are given by name: metrics=[...]."
                )
            number("compile", "loss_weights", scale, or_none=True)
        scales = [1.0 if scale is None else float(scale) for scale in scales]
        return Objective([Part(*p) for p in zip(names, lost, scales, *groups, strict=True)])


def _for_outputs(
    given: Any, names: Sequence[str], what: str, form: Any, spread: bool = False
) -> list[Any]:
    """One thing for each output, which may stand in a list of its own, as in Keras."""
    found = for_outputs(given, names, f"compile: {what}", spread=spread, named=True, form=form)
    return [
        part[0]
        if isinstance(part, (list, tuple)) and len(part) == 1 and not isinstance(part[0], str)
        else part
        for part in found
    ]


def _metrics_for(given: Any, names: Sequence[str], what: str, form: Any) -> list[list[Any]]:
    """The metrics of each output; a flat list is for the only one, or for all of several."""
    flat = isinstance(given, list) and not any(isinstance(m, (list, type(None))) for m in given)
    if flat and len(names) > 1:
        return [list(given) for _ in names]
    found = for_outputs(given, names, f"compile: {what}", spread=True, named=True, form=form)
    return [[] if m is None else list(m) if isinstance(m, (list, tuple)) else [m] for m in found]


def each(given: Any, function: Any) -> Any:
    """The function of every leaf of a list or dict; None stays None."""
    if isinstance(given, dict):
        return {key: each(value, function) for key, value in given.items()}
    if isinstance(given, (list, tuple)):
        return [each(value, function) for value in given]
    return None if given is None else function(given)


def leaves(given: Any) -> list[Any]:
    """Every leaf of a list or dict."""
    found: list[Any] = []
    each(given, found.append)
    return found
