"""Losses and metrics summed up over batches, and what stands of them in the logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..align.beside import Aligned
from ..losses.reduction import Reduced
from ..metrics import Metric, StartedMetric
from ..metrics.carried import carried, carry, merged
from .outcome import Outcome, Part
from .state import AddsUp


def logged_names(parts: list[Part]) -> list[str]:
    """Each metric's key in the logs, in their order there: Keras's names, each once.

    Of several by one name the later are told apart: a weighted one is called weighted_mae where
    mae is taken, any other recall_1, recall_2.
    """
    several = len(parts) > 1
    before = [f"{part.name}_" if several else "" for part in parts]
    taken = {"loss": 1, **{f"{part.name}_loss": 1 for part in parts if several}}

    def free(name: str) -> str:
        count = taken.get(name, 0)
        taken[name] = count + 1
        return f"{name}_{count}" if count else name

    # Names are given as in Keras: first to all metrics, then to the weighted ones.
    plain = [
        [free(f"{start}{metric.name}") for metric in part.metrics]
        for part, start in zip(parts, before, strict=True)
    ]
    found: list[str] = []
    for part, start, chosen in zip(parts, before, plain, strict=True):
        found += chosen
        for metric in part.weighted:
            name = f"{start}{metric.name}"
            found.append(free(f"{start}weighted_{metric.name}" if name in taken else name))
    return found


class Tallied(NamedTuple):
    """A metric that adds up batches, its key in the logs, and whether it is given weights."""

    name: str
    metric: StartedMetric
    weighted: bool


class Tally(AddsUp):
    """Losses and metrics summed up over batches, with one denominator.

    Args:
        parts: whose losses' reductions say what is divided by.
        metrics: of each part, started anew.
        device: where the sums are kept, so that no batch waits for its number: on a CPU, where
            none does, they are plain floats.
    """

    def __init__(
        self, parts: list[Part], metrics: list[list[Tallied]], device: torch.device
    ) -> None:
        self._parts, self._metrics = parts, metrics
        self._zero: Any = 0.0
        if device.type != "cpu":
            self._zero = torch.zeros((), dtype=torch.float64, device=device)
        self.reset()

    def reset(self) -> None:
        """Forgets every batch."""
        self._sums: list[tuple[Any, Any]] = [(self._zero, self._zero)] * len(self._parts)
        self._penalties: dict[Any, tuple[Any, Any]] = {}
        self._own = (self._zero, 0.0)
        for group in self._metrics:
            for tallied in group:
                tallied.metric.reset()

    def state_dict(self) -> dict[str, Any]:
        """All sums, as data and tensors."""
        return {
            "sums": list(self._sums),
            "penalties": dict(self._penalties),
            "own": self._own,
            "metrics": [[carried(t.metric.metric) for t in group] for group in self._metrics],
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Goes on from them."""
        self._sums = [self._here(pair) for pair in state["sums"]]
        self._penalties = {key: self._here(pair) for key, pair in state["penalties"].items()}
        self._own = self._here(state["own"])
        for group, found in zip(self._metrics, state["metrics"], strict=True):
            for tallied, states in zip(group, found, strict=True):
                carry(tallied.metric.metric, states)

    def merged(self, states: Sequence[Mapping[str, Any]], /) -> dict[str, Any]:
        """What several tallies of one model's have added up together, as one state."""
        sums = []
        for part, pairs in zip(
            self._parts, zip(*(s["sums"] for s in states), strict=True), strict=True
        ):
            total, divisor = _sum(pairs)
            # A sum is divided by 1, however many have added to it.
            only = part.loss is not None and part.loss.reduction == "sum"
            sums.append((total, max(d for _, d in pairs) if only else divisor))
        keys = dict.fromkeys(key for s in states for key in s["penalties"])
        by_key = {
            key: _sum([s["penalties"][key] for s in states if key in s["penalties"]])
            for key in keys
        }
        metrics = [
            [merged(t.metric.metric, several) for t, *several in zip(group, *found, strict=True)]
            for group, *found in zip(self._metrics, *(s["metrics"] for s in states), strict=True)
        ]
        own = _sum([s["own"] for s in states])
        return {"sums": sums, "penalties": by_key, "own": own, "metrics": metrics}

    def _here(self, pair: Any) -> Any:
        """A sum and its divisor, where the sums are kept."""
        if isinstance(self._zero, float):
            return tuple(float(v) if isinstance(v, Tensor) else v for v in pair)
        return tuple(v.to(self._zero.device) if isinstance(v, Tensor) else v for v in pair)

    def add(self, outcome: Outcome) -> None:
        """Adds a batch."""
        with torch.no_grad():
            self.add_losses(outcome)
            self.add_shown(outcome.shown)

    def add_losses(self, outcome: Outcome) -> None:
        """Adds a batch's losses alone."""
        for i, reduced in enumerate(outcome.losses):
            if reduced is not None:
                self._sums[i] = self._added(i, reduced)
        for key, given, by in outcome.penalties if outcome.rows else ():
            # What is a mean already, or of weights, counts once for each sequence.
            share = (given, by) if by is not None else (given * outcome.rows, outcome.rows)
            total, divisor = self._penalties.get(key, (self._zero, 0))
            self._penalties[key] = total + self._number(share[0]), divisor + share[1]

    def add_shown(self, shown: Sequence[Aligned | None]) -> None:
        """Adds a batch to the metrics alone."""
        for group, seen in zip(self._metrics, shown, strict=True):
            if seen is None:
                continue
            for _, metric, weighted in group:
                weight = seen.weight if weighted else None
                metric.update(seen.y_true, seen.y_pred, weight, seen.layout)

    def add_own(self, loss: Any, weight: float) -> None:
        """Adds a loss that the model has worked out by itself, and how much it counts.

        Of a batch without a step, which counts 0, the mean may be NaN.
        """
        if not weight:
            return
        total, count = self._own
        value = self._number(loss) if isinstance(loss, Tensor) else float(loss)
        self._own = (total + value * weight, count + weight)

    def _added(self, i: int, reduced: Reduced) -> tuple[Any, Any]:
        total, divisor = self._sums[i]
        loss = self._parts[i].loss
        total = total + self._number(reduced.total)
        # A sum stays a sum over batches; a mean's denominator adds up with it.
        if loss is not None and loss.reduction == "sum":
            return total, self._zero + 1
        return total, divisor + self._number(reduced.divisor)

    def _number(self, value: Tensor | float) -> Any:
        if not isinstance(value, Tensor):
            return value
        return value.item() if isinstance(self._zero, float) else value.detach()

    def _means(self) -> list[float]:
        return [float(total / divisor) if divisor else 0.0 for total, divisor in self._sums]

    @property
    def mean_loss(self) -> float:
        """The loss of all batches; 0 where there was no step."""
        total, count = self._own
        if count:
            return float(total) / count
        scaled = zip(self._parts, self._means(), strict=True)
        loss = sum(part.scale * mean for part, mean in scaled)
        return loss + sum(float(total) / by for total, by in self._penalties.values() if by)

    def logs(self) -> dict[str, Any]:
        """The loss and every metric of all batches; by output where there are several."""
        found = {"loss": self.mean_loss, **self.losses_of_outputs()}
        for group in self._metrics:
            for name, metric, _ in group:
                found[name] = metric.result()
        return found

    def losses_of_outputs(self) -> dict[str, float]:
        """The loss of each output, where there are several."""
        if len(self._parts) < 2:
            return {}
        pairs = zip(self._parts, self._means(), strict=True)
        return {f"{part.name}_loss": mean for part, mean in pairs if part.loss is not None}

    def metrics(self) -> list[Metric]:
        """The metrics themselves, each under its name in the logs."""
        for group in self._metrics:
            for name, metric, _ in group:
                metric.metric.name = name
        return [metric.metric for group in self._metrics for _, metric, _ in group]


def _sum(pairs: Iterable[tuple[Any, Any]]) -> tuple[Any, Any]:
    totals, divisors = zip(*pairs, strict=True)
    return sum(totals), sum(divisors)


class LossTracker:
    """The loss among a model's metrics, for a training step of one's own: Keras's methods.

    Args:
        tally: that it stands for.
    """

    name = "loss"

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def update_state(self, value: Any, sample_weight: Any = None) -> None:
        """Adds the loss of a batch; by default each counts alike."""
        self._tally.add_own(value, 1.0 if sample_weight is None else float(sample_weight))

    def result(self) -> float:
        """The mean of all that was added."""
        return self._tally.mean_loss

    def reset_state(self) -> None:
        """Forgets every batch."""
        self._tally.reset()
