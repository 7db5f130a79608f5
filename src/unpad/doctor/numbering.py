"""A model's loss and metrics probed: are they the same however its data are given?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..ragged import Ragged
from ..ragged.numbers import as_tensor
from .adapters import OfCallables, OfCompiled, labelled
from .findings import Finding
from .probes import CannotAsk, Laid
from .probes.laid import picked
from .probes.numbers import QUESTIONS, Asking, Reported, asked_of, findings_of, telling
from .probes.outputs import Answers
from .report import Asked


class Judged(NamedTuple):
    """What a model is judged by.

    Args:
        y: targets as the caller gave them, a sequence or a step each.
        loss: a function of outputs and targets; None for the compiled one.
        metrics: the same by name.
        fill: what targets hold at padding; None where the array shows it.
        accumulate: whether several batches make one update.
    """

    y: Any
    loss: Callable[..., Any] | None = None
    metrics: Mapping[str, Any] = {}
    fill: float | None = None
    accumulate: bool = False


def numbers_of(
    model: Any, answers: Answers, sequences: list[Tensor], judged: Judged, steps: int | None
) -> tuple[list[Finding], list[Asked]]:
    """What depends on padding, on batches, on accumulation.

    Args:
        model: that was compiled, or anything that answers.
        answers: of it, whose axes are learnt.
        sequences: all samples.
        judged: by what.
        steps: of the longest, at most.
    """
    try:
        reported = _reported(model, answers, sequences, judged, steps)
    except CannotAsk as error:
        return [], [Asked(name, str(error), None, False) for name in QUESTIONS]
    found: list[Finding] = []
    asked: list[Asked] = []
    with torch.random.fork_rng(devices=[]):
        for asking in asked_of(reported):
            found += findings_of(asking, reported)
            asked.append(_asked(asking))
    return found, asked


def _asked(asking: Asking) -> Asked:
    if asking.apart is None:
        return Asked(asking.name, asking.why, None, False)
    said = f"{', '.join(asking.found)} differ" if asking.found else "holds"
    return Asked(asking.name, said, asking.apart)


def _reported(
    model: Any, answers: Answers, sequences: list[Tensor], judged: Judged, steps: int | None
) -> Reported:
    base = answers.base
    if base.name is not None:
        raise CannotAsk("numbers are asked of models of one input.")
    chosen = picked(sequences, steps)
    # An even number: in batches of two none is left over, which is another question.
    chosen = chosen[: len(chosen) // 2 * 2]
    targets, fill = _targets(judged, sequences, base.side)
    parts = [sequences[i][:n] for i, n in chosen]
    beside = [
        targets[i][:n] if targets[i].ndim and len(targets[i]) == len(sequences[i]) else targets[i]
        for i, n in chosen
    ]
    said = answers.ask(Laid(tuple(parts), base.width, base.side, base.pad))
    if answers.steps and any(len(o) != len(p) for o, p in zip(said, parts, strict=True)):
        raise CannotAsk("the outputs have other lengths than the inputs.")
    beside = telling(beside, said)
    if judged.loss is not None or judged.metrics:
        held = labelled(said, beside, base.side, 0.0, fill, answers.steps)
        return OfCallables(judged.loss, judged.metrics, held, judged.accumulate)
    if not _is_compiled(model):
        raise CannotAsk("the model is not compiled, and neither a loss nor metrics are given.")
    pad = base.pad if isinstance(base.pad, float | int) else 0.0
    as_grid = answers.subject.told != "real steps"
    return OfCompiled(model, labelled(parts, beside, base.side, pad, fill), as_grid)


def _is_compiled(model: Any) -> bool:
    compiled = getattr(model, "_compiled", None) or getattr(model, "compiled", False)
    return bool(compiled) and hasattr(model, "evaluate")


def _targets(judged: Judged, sequences: list[Tensor], side: str) -> tuple[list[Tensor], float]:
    """Those of each sequence, and what stands beside padding."""
    y, fill = judged.y, judged.fill
    if isinstance(y, Ragged):
        y = y.to_list()
    if isinstance(y, (list, tuple)) and any(np.ndim(part) for part in y):
        parts = [as_tensor(np.array(part), "probe: y") for part in y]
        return _checked(parts, sequences), _fill(judged, 0.0)
    grid = as_tensor(np.array(y) if not isinstance(y, Tensor) else y.detach().cpu(), "probe: y")
    width = max(map(len, sequences))
    if grid.ndim < 2 or grid.shape[1] < width:
        return _checked(list(grid), sequences), _fill(judged, 0.0)
    at = [slice(0, len(s)) if side == "post" else slice(-len(s), None) for s in sequences]
    outside = [
        row[len(s) :] if side == "post" else row[: len(row) - len(s)]
        for row, s in zip(grid, sequences, strict=False)
    ]
    seen = torch.cat([part.flatten() for part in outside])
    if fill is None:
        fill = float(seen.mode().values) if len(seen) else 0.0
    return _checked([row[a] for row, a in zip(grid, at, strict=False)], sequences), fill


def _fill(judged: Judged, otherwise: float) -> float:
    return otherwise if judged.fill is None else judged.fill


def _checked(parts: list[Tensor], sequences: list[Tensor]) -> list[Tensor]:
    if len(parts) != len(sequences):
        raise ValueError(
            f"probe: y: expected targets of {len(sequences)} sequences, got {len(parts)}."
        )
    return [p if not p.is_floating_point() else p.to(torch.get_default_dtype()) for p in parts]
