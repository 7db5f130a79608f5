"""A trained model's score: as it is reported, on real steps, by length, by class, by nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .adapters.learners import is_compiled, taken
from .checks.padding import not_masked
from .facts import Case
from .facts.chance import SURE, beyond
from .findings import Finding
from .probes import CannotAsk
from .probes.outputs import Answers
from .trying import are_classes, labels_of, steps_of

# Points between the reported and the honest score that are worth a word.
_MUCH = 0.02
# Of an error that is reported smaller than it is.
_SMALLER = 0.05
_SEQUENCES = 128


class Scores(NamedTuple):
    """Of some sequences.

    Args:
        honest: the share of real steps, or of sequences, that are told right.
        reported: the accuracy that the model's `evaluate` gives for the same; None without one.
        nothing: the share of the most frequent class.
        counted: how many were told.
        by_length: of the shortest third to the longest.
        by_class: of each class that occurs ten times or more, its share that is told right.
    """

    honest: float
    reported: float | None
    nothing: float
    counted: int
    by_length: tuple[float, ...]
    by_class: dict[int, float]

    def __str__(self) -> str:
        reported = "" if self.reported is None else f"reported {self.reported:.3f}, "
        lengths = ", ".join(f"{s:.2f}" for s in self.by_length)
        worst = sorted(self.by_class.items(), key=lambda item: item[1])[:3]
        classes = ", ".join(f"{k}: {s:.2f}" for k, s in worst)
        return (
            f"{reported}on real steps {self.honest:.3f}, most frequent class {self.nothing:.3f}; "
            f"short to long {lengths}; worst classes {classes}"
        )


class Errors(NamedTuple):
    """Of some sequences, where numbers are told and no classes.

    Args:
        honest: the mean absolute error at real steps, or of sequences.
        reported: the one that the model's `evaluate` gives for the same; None without one.
        nothing: that of always saying the median.
        counted: how many sequences.
        by_length: of the shortest third to the longest.
    """

    honest: float
    reported: float | None
    nothing: float
    counted: int
    by_length: tuple[float, ...]

    def __str__(self) -> str:
        reported = "" if self.reported is None else f"reported {self.reported:.4g}, "
        lengths = ", ".join(f"{s:.3g}" for s in self.by_length)
        return (
            f"mean absolute error: {reported}at real steps {self.honest:.4g}, of the median "
            f"{self.nothing:.4g}; short to long {lengths}"
        )


def scored(case: Case, model: Any, answers: Answers | None, x: Any, y: Any) -> Scores | Errors:
    """The scores of a model on its data; of numbers its errors.

    Raises:
        CannotAsk: there is no single input, or outputs do not fit the labels.
    """
    if answers is None or len(case.targets) != 1 or len(case.inputs[0].real) < 2:
        raise CannotAsk("scores are asked of one input and one output.")
    n = len(case.inputs[0].real)
    count = min(n, _SEQUENCES)
    places = [i * n // count for i in range(count)]
    every, labels = _real(case, steps_of(case), labels_of(case))
    places = [i for i in places if len(every[i])]
    first = answers.base
    laid = first.__class__(
        tuple(every[i] for i in places),
        answers.full or max(len(every[i]) for i in places), first.side, first.pad,
    )  # fmt: skip
    said = answers.ask(laid)
    if not are_classes(case):
        own = [labels[i] for i in places]
        reported = _reported(model, x, y, places, ("mae", "mean_absolute_error"))
        return _errors(own, said, [len(every[i]) for i in places], reported)
    right, own, lengths = [], [], []
    for i, out in zip(places, said, strict=True):
        label = labels[i].reshape(-1).long()
        told = out.argmax(-1).reshape(-1) if out.shape[-1] > 1 else (out > 0.5).reshape(-1).long()
        if len(told) != len(label):
            raise CannotAsk("the outputs have other lengths than the labels.")
        right.append(told == label)
        own.append(label)
        lengths.append(len(every[i]))
    flat, of = torch.cat(right).double(), torch.cat(own)
    counts = of.bincount()
    by_length = _by_length(right, lengths)
    by_class = {
        int(c): float(flat[of == c].mean()) for c in (counts >= 10).nonzero().flatten().tolist()
    }
    return Scores(
        float(flat.mean()), _reported(model, x, y, places, ("acc",)), float(counts.max()) / len(of),
        len(places), by_length, by_class,
    )  # fmt: skip


def _real(
    case: Case, steps: list[Tensor], labels: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """Without the zeros that the array is padded with, where nothing masks them."""
    x = case.inputs[0]
    seen = None if x.grid is None or x.opened else not_masked(x.grid)
    if seen is None:
        return steps, labels
    at_end = " at the end " in seen.shown
    cut: tuple[list[Tensor], list[Tensor]] = ([], [])
    for s, y in zip(steps, labels, strict=True):
        real = (s != 0).flatten(1).any(1) if s.ndim > 1 else s != 0
        place = real.nonzero().flatten()
        first, last = (0, int(place[-1]) + 1) if len(place) else (0, 0)
        first = first if at_end or not len(place) else int(place[0])
        cut[0].append(s[first : last if at_end else len(s)])
        per_step = y.ndim > 0 and len(y) == len(s)
        cut[1].append(y[first : last if at_end else len(s)] if per_step else y)
    return cut


def _by_length(parts: list[Tensor], lengths: list[int]) -> tuple[float, ...]:
    """The mean over the shortest third of the sequences, the next, and the longest."""
    order = sorted(range(len(parts)), key=lambda k: lengths[k])
    thirds = [order[k * len(order) // 3 : (k + 1) * len(order) // 3] for k in range(3)]
    return tuple(
        float(torch.cat([parts[k] for k in third]).double().mean()) for third in thirds if third
    )


def _errors(
    labels: list[Tensor], said: list[Tensor], lengths: list[int], reported: float | None
) -> Errors:
    if any(a.numel() != b.numel() for a, b in zip(labels, said, strict=True)):
        raise CannotAsk("the outputs have other shapes than the labels.")
    own = [label.reshape(-1).double() for label in labels]
    apart = [(a - b.reshape(-1).double()).abs() for a, b in zip(own, said, strict=True)]
    flat = torch.cat(own)
    nothing = float((flat - flat.median()).abs().mean())
    honest = float(torch.cat(apart).mean())
    return Errors(honest, reported, nothing, len(own), _by_length(apart, lengths))


def _reported(
    model: Any, x: Any, y: Any, places: list[int], names: tuple[str, ...]
) -> float | None:
    if not hasattr(model, "evaluate") or not is_compiled(model):
        return None
    found = model.evaluate(taken(x, places), taken(y, places), verbose=0, return_dict=True)
    named = (float(v) for k, v in found.items() if any(name in k for name in names))
    return next(named, None)


def findings_of(scores: Scores | Errors) -> Iterator[Finding]:
    """A score that is reported higher than it is, or that is that of nothing."""
    if isinstance(scores, Errors):
        yield from _of_errors(scores)
        return
    evidence = {"on real steps": scores.honest, "most frequent class": scores.nothing}
    if scores.reported is not None and scores.reported - scores.honest > _MUCH:
        yield Finding(
            "padding counted",
            f"The reported accuracy of {scores.reported:.1%} is {scores.honest:.1%} on real steps.",
            f"Of the same {scores.counted} sequences; always saying the most frequent class gives "
            f"{scores.nothing:.1%}.",
            "Let padding be masked, or count real steps alone.",
            evidence | {"reported": scores.reported},
            "keras.layers.Embedding(n, width, mask_zero=True)",
        )
    deviation = (scores.nothing * (1 - scores.nothing) / scores.counted) ** 0.5
    if (
        scores.counted >= 50
        and beyond(scores.honest, scores.nothing, deviation) > SURE**0.5
        and (scores.honest - scores.nothing < _MUCH)
    ):
        yield Finding(
            "no better",
            f"The model is right in {scores.honest:.1%}, and who always says the most frequent "
            f"class in {scores.nothing:.1%}.",
            f"On {scores.counted} sequences.",
            "See whether it can learn a few sequences by heart: only={'overfit'}.",
            evidence,
            'examine(x, y, model, only={"overfit"})',
            chance=SURE,
        )


def _of_errors(errors: Errors) -> Iterator[Finding]:
    evidence = {"at real steps": errors.honest, "of the median": errors.nothing}
    reported = errors.honest if errors.reported is None else errors.reported
    # Of errors that are nothing beside the numbers' own spread a part is rounding.
    if errors.honest - reported > _SMALLER * max(errors.honest, errors.nothing):
        yield Finding(
            "padding counted",
            f"The reported mean absolute error of {reported:.4g} is {errors.honest:.4g} at "
            "real steps.",
            f"Of the same {errors.counted} sequences; always saying the median gives "
            f"{errors.nothing:.4g}.",
            "Let padding be masked, or count real steps alone.",
            evidence | {"reported": reported},
            "keras.layers.Masking()",
        )
    if errors.counted >= 50 and errors.honest >= errors.nothing > 0:
        yield Finding(
            "no better",
            f"The model's mean absolute error is {errors.honest:.4g}, and that of always saying "
            f"the median {errors.nothing:.4g}.",
            f"On {errors.counted} sequences.",
            "See whether it can learn a few sequences by heart: only={'overfit'}.",
            evidence,
            'examine(x, y, model, only={"overfit"})',
            chance=SURE,
        )
