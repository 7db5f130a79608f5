"""A model asked with the data of a case, as it is fed with them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..ragged import Ragged
from .adapters import subject_of
from .checks.padding import not_masked
from .facts import Case, Input
from .findings import Finding
from .probes import LAWS, CannotAsk, Reach, drawn, learnt, probed
from .probes.laws import FUTURE, MATES, ORDER, PADDING, TWICE
from .probes.outputs import Answers
from .probing import ask_laws, kept_random
from .sampling import names_of, sampled, sequences_of

_SEQUENCES = 50


def laws(case: Case, model: Any, causal: bool = False) -> list[Finding | Reach]:
    """What a probe finds with the data of a case, as the model is fed with them.

    Padding is asked about where it is padding for sure: where the model opens the array, or where
    the array shows it. What fills its grid may be a picture as well, whose rows are all there.

    Args:
        case: of one input or of several.
        model: unpad's or Keras's.
        causal: whether it must not see later steps.

    Returns:
        What is found, and where a gradient falls.
    """
    asked = LAWS
    for x in case.inputs:
        if not isinstance(x.given, Tensor) or isinstance(x.real, Ragged):
            continue
        if len(case.inputs) > 1 and x.given.ndim == 2 and x.given.is_floating_point():
            continue  # a vector a sequence
        if x.grid is None or not_masked(x.grid) is None:
            asked = (TWICE, MATES, ORDER)
    with kept_random():
        try:
            answers = _answers(case, model)
            if answers is None:
                return []
            found, _, reach = ask_laws(answers, (*asked, FUTURE) if causal else asked, causal, 0)
            return [*found, *([] if reach is None else [reach])]
        except CannotAsk:
            return []


def answers_of(case: Case, model: Any) -> Answers | None:
    """The model, whose outputs' axes are learnt, with the data of a case; None for several inputs.

    Raises:
        CannotAsk: it cannot be called with them.
    """
    if len(case.inputs) != 1:
        return None
    with kept_random():
        answers = _answers(case, model)
        if answers is not None:
            learnt(answers)
    return answers


def depends_on_padding(x: Input, model: Any) -> bool | None:
    """Whether answers move with the amount of padding that the array shows; None: cannot be asked.

    Args:
        x: an array that is padded with 0.
        model: of one input.
    """
    with kept_random():
        try:
            answers = _answers(Case((x,)), model)
            if answers is None:
                return None
            first, every = learnt(answers)
            (verdict,) = probed(every, first, (PADDING,), 0)
            if verdict.difference is not None:
                return verdict.broken
            # A model of one width: does anything that it says come from padding?
            shares = answers.subject.shares(answers.base, False)
        except CannotAsk:
            return None
    return None if shares is None else shares.on["padding"] > 0.01


def _answers(case: Case, model: Any) -> Answers | None:
    """The model with some of the sequences, as it is fed with them."""
    value = 0.0 if case.masks is None or case.masks.value is None else case.masks.value
    if any(len(x.given) == 0 for x in case.inputs):
        return None
    if len(case.inputs) != 1:
        return _of_several(case, model, value)
    (x,) = case.inputs
    full, sequences = None, x.given
    if isinstance(x.given, Tensor):
        if x.given.ndim < 2:
            return None
        full = x.given.shape[1]
        sequences = x.real if isinstance(x.real, Ragged) else x.given
    elif x.given.levels > 1:
        return None
    side = _side(x)
    parts, _, _, _ = sequences_of(sequences[:_SEQUENCES], value, side)
    parts = [part for part in parts if len(part)]
    if not parts:
        return None
    laid = drawn(parts, side, value, None)
    subject = subject_of(
        model, laid, arrays=True, grids=full is not None, told=None, training=False
    )
    return Answers(subject, laid, full)


def _of_several(case: Case, model: Any, value: float) -> Answers | None:
    names = names_of(model)
    if len(names) != len(case.inputs):
        return None
    if any(isinstance(x.given, Ragged) and x.given.levels > 1 for x in case.inputs):
        return None
    given = [
        x.real if isinstance(x.given, Tensor) and isinstance(x.real, Ragged) else x.given
        for x in case.inputs
    ]
    side = "pre" if any(_side(x) == "pre" for x in case.inputs) else "post"
    named = {n: part[:_SEQUENCES] for n, part in zip(names, given, strict=True)}
    try:
        found = sampled(model, named, value, side, None)
    except ValueError:
        return None  # no sequence of all inputs holds a step, or none has steps
    grids = any(isinstance(x.given, Tensor) and isinstance(x.real, Ragged) for x in case.inputs)
    subject = subject_of(
        model, found.laid, arrays=True, grids=grids or found.grids, told=None, training=False
    )
    return Answers(subject, found.laid, found.full)


def _side(x: Input) -> str:
    """Where an array is padded."""
    if not isinstance(x.given, Tensor):
        return "post"
    if isinstance(x.real, Ragged):
        return "post" if bool(x.real.layout.mask[:, 0].any()) else "pre"
    seen = None if x.grid is None else not_masked(x.grid)
    return "post" if seen is None or " at the end " in seen.shown else "pre"
