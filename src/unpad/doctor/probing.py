"""A model probed: do its answers depend on padding, on other sequences, on what is to come?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..ragged import Ragged
from ..ragged.numbers import as_tensor
from .adapters import subject_of
from .checks.padding import not_masked
from .facts import Case, Input
from .findings import Finding, Where
from .numbering import Judged, numbers_of
from .probes import LAWS, CannotAsk, Reach, Verdict, drawn, learnt, probed
from .probes.cures import cure_of
from .probes.laws import FUTURE, MATES, ORDER, PADDING, TWICE, Law
from .probes.outputs import Answers
from .probes.sums import of_outputs
from .report import Asked, Report
from .seeing import seen_in

_WHAT = {
    "not repeatable": "The model gives another answer when it is asked the same again",
    "batch mates": "The answer for a sequence depends on the other sequences of its batch",
    "order of the batch": "The answer for a sequence depends on its place in the batch",
    "padding": "The answer for a sequence depends on how much padding there is",
    "padding content": "The answer for a sequence is right only while padding holds what it does",
    "future": "The answer at a step depends on later steps",
}


def probe(
    model: Any,
    samples: Any,
    *,
    causal: bool = False,
    pad: float = 0,
    side: str = "post",
    told: str | None = None,
    training: bool = False,
    steps: int | None = None,
    seed: int = 0,
    y: Any = None,
    loss: Callable[..., Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    y_pad: float | None = None,
    accumulate: bool = False,
) -> Report:
    """Whether a model keeps the laws: any model, trained or not.

    It is asked some sequences again with more padding, with other padding, in another order, with
    other sequences beside them and alone; at real steps the answers must be the same. Random
    weights do: what leaks, leaks before training. Some 20 calls of 5 sequences of 17 steps.

    Args:
        model: unpad's, Keras's on any backend, a PyTorch module (Transformers' are), a file in
            ONNX or a session of onnxruntime's, or a function of a padded grid.
            How it is told what is padding is found by the names of its arguments (lengths, mask,
            attention_mask, key_padding_mask, ...), and a mask's convention by asking.
        samples: a few sequences as it will see them: a list of arrays, a Ragged, or a padded array.
        causal: whether the answer at a step must not depend on later ones.
        pad: what padding holds.
        side: "post" or "pre": where it stands.
        told: the name of the argument that says what is padding, "packed" for a PackedSequence, or
            "none"; by default it is found.
        training: whether the model is asked as it is in training.
        steps: of the longest sequence that it is asked with, at most; by default 17, of waves 4001.
        seed: of what is drawn.
        y: targets, one a step or one a sequence; then the numbers are asked too: whether loss and
            metrics depend on padding and on how sequences are put into batches.
        loss: a function of outputs and targets (and of a mask or lengths, where it names them)
            that gives a number, which a loop averages over batches, or (total, count), which it
            adds up. By default what unpad's or Keras's model was compiled with.
        metrics: the same by name; or torchmetrics, which add up by themselves.
        y_pad: what targets hold at padding; by default what the padded array y shows, or 0.
        accumulate: whether several batches make one update; then their gradient is compared with
            that of one batch. A compiled Keras optimizer says so itself.

    Returns:
        A finding for each broken law, the root first, with the layer and the line of the model at
        which the answers part; and what was asked.

    Raises:
        ValueError: the samples are no sequences.

    Example:
        >>> report = probe(lambda x: x.mean(1), [[1., 2., 3.], [4., 5.]])
        >>> report.kinds
        ['padding']
    """
    start = time.perf_counter()
    sequences, arrays, grids, full = _sequences(samples, pad, side)
    laid = drawn(sequences, side, pad, steps)
    laws = (*LAWS, FUTURE) if causal else LAWS
    as_given = {"arrays": arrays, "grids": grids, "told": told, "training": training}
    with _kept_random():
        try:
            answers = Answers(subject_of(model, laid, **as_given), laid, full)
            findings, asked, reach = _ask(answers, laws, causal, seed)
        except CannotAsk as error:
            asked = [Asked(law.name, str(error), None, False) for law in laws]
            seen = seen_in(laid, ())
            return Report.of([], asked, time.perf_counter() - start, seed, seen)
        if y is not None:
            judged = Judged(y, loss, metrics or {}, y_pad, accumulate)
            more, also = numbers_of(model, answers, sequences, judged, steps)
            findings, asked = findings + more, asked + also
    seen = seen_in(laid, _kinds(findings), reach)
    return Report.of(findings, asked, time.perf_counter() - start, seed, seen)


def _ask(
    answers: Answers, laws: tuple[Law, ...], causal: bool, seed: int
) -> tuple[list[Finding], list[Asked], Reach | None]:
    first = learnt(answers)
    verdicts = list(probed(answers, first, laws, seed))
    broken = [verdict for verdict in verdicts if verdict.broken]
    repeats = all(verdict.law.kind != "not repeatable" for verdict in broken)
    findings = list(of_outputs(answers, first)) if repeats else []
    kinds = ", ".join(_kinds(findings)) or "nothing"
    asked = [Asked("sums, constants, steps without effect", kinds)]
    reach = answers.subject.shares(answers.base, causal) if broken and repeats else None
    shares = {} if reach is None else reach.on
    findings += [_finding(verdict, answers.subject, shares) for verdict in broken]
    return findings, [*asked, *map(_asked, verdicts)], reach


def laws(case: Case, model: Any, causal: bool = False) -> list[Finding | Reach]:
    """What a probe finds with the data of a case, as the model is fed with them.

    Padding is asked about where it is padding for sure: where the model opens the array, or where
    the array shows it. What fills its grid may be a picture as well, whose rows are all there.

    Args:
        case: of one input; of several nothing is asked.
        model: unpad's or Keras's.
        causal: whether it must not see later steps.

    Returns:
        What is found, and where a gradient falls if a law is broken.
    """
    if len(case.inputs) != 1 or len(case.inputs[0].given) == 0:
        return []
    x = case.inputs[0]
    seen = None if x.grid is None else not_masked(x.grid)
    asked = LAWS
    if isinstance(x.given, Tensor) and not isinstance(x.real, Ragged) and seen is None:
        asked = (TWICE, MATES, ORDER)
    value = 0.0 if case.masks is None or case.masks.value is None else case.masks.value
    with _kept_random():
        try:
            answers = _answers(x, model, value, seen)
            if answers is None:
                return []
            found, _, reach = _ask(answers, (*asked, FUTURE) if causal else asked, causal, 0)
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
    value = 0.0 if case.masks is None or case.masks.value is None else case.masks.value
    x = case.inputs[0]
    seen = None if x.grid is None else not_masked(x.grid)
    with _kept_random():
        answers = _answers(x, model, value, seen)
        if answers is not None:
            learnt(answers)
    return answers


def depends_on_padding(x: Input, model: Any) -> bool | None:
    """Whether answers move with the amount of padding that the array shows; None: cannot be asked.

    Args:
        x: an array that is padded with 0.
        model: of one input.
    """
    seen = None if x.grid is None else not_masked(x.grid)
    with _kept_random():
        try:
            answers = _answers(x, model, 0.0, seen)
            if answers is None:
                return None
            (verdict,) = probed(answers, learnt(answers), (PADDING,), 0)
            if verdict.difference is not None:
                return verdict.broken
            # A model of one width: does anything that it says come from padding?
            shares = answers.subject.shares(answers.base, False)
        except CannotAsk:
            return None
    return None if shares is None else shares.on["padding"] > 0.01


def _answers(x: Input, model: Any, value: float, seen: Finding | None) -> Answers | None:
    """The model with some of an input's sequences, as it is fed with them."""
    full, side, sequences = None, "post", x.given
    if isinstance(x.given, Tensor):
        if x.given.ndim < 2:
            return None
        full = x.given.shape[1]
        if isinstance(x.real, Ragged):
            sequences = x.real
            side = "post" if bool(x.real.layout.mask[:, 0].any()) else "pre"
        else:
            side = "post" if seen is None or " at the end " in seen.shown else "pre"
    elif x.given.levels > 1:
        return None
    parts, _, _, _ = _sequences(sequences[:50], value, side)
    parts = [part for part in parts if len(part)]
    if not parts:
        return None
    laid = drawn(parts, side, value, None)
    subject = subject_of(
        model, laid, arrays=True, grids=full is not None, told=None, training=False
    )
    return Answers(subject, laid, full)


@contextmanager
def _kept_random() -> Iterator[None]:
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)


class BrokenLaw(AssertionError):
    """A model's answers depend on padding or on other sequences."""


def assert_padding_proof(model: Any, samples: Any, **options: Any) -> Report:
    """For a test of one's own: fails where the model breaks a law, or could not be asked any.

    Args:
        model: as in `probe`.
        samples: as in `probe`.
        options: of `probe`.

    Returns:
        The report, for those who want its numbers.

    Raises:
        BrokenLaw: with the report: what, how much, where first, and what mends it.
    """
    __tracebackhide__ = True  # pytest shows the caller's line, and the report
    report = probe(model, samples, **options)
    if report.at_least("warning") or not any(a.could for a in report.asked):
        raise BrokenLaw(str(report))
    return report


def _finding(verdict: Verdict, subject: Any, shares: dict[str, float]) -> Finding:
    kind, apart = verdict.law.kind, verdict.difference or 0.0
    pair = verdict.pair
    place = None
    if pair is not None:
        try:
            place = subject.place(pair, verdict.threshold)
        except CannotAsk:
            place = None
    do, code = cure_of(kind, place.call if place else None, subject.words)
    at = "" if verdict.step is None else f", step {verdict.step}"
    shown = f"Sequence {verdict.sequence} of those asked{at}: the outputs move by {_times(apart)}."
    if place is not None:
        named = f" in {place.where.layer!r}" if place.where.layer else ""
        shown += f" First at {place.call}{named}, by {_times(place.difference)}."
    named = {"own": "its own steps", "padding": "padding", "mates": "other sequences",
             "future": "later steps"}  # fmt: skip
    if shares:
        told = ", ".join(f"{shares[k]:.1%} on {named[k]}" for k in named if k in shares)
        shown += f" Of an output's gradient {told}."
    numbers = {"difference over spread": apart, "threshold": verdict.threshold}
    numbers |= {f"gradient on {named[k]}": v for k, v in shares.items()}
    where = place.where if place else Where()
    return Finding(kind, f"{_WHAT[kind]}.", shown, do, numbers, code, where)


def _times(apart: float) -> str:
    return "more than can be told" if apart == float("inf") else f"{apart:.2g} of their spread"


def _kinds(findings: list[Finding]) -> list[str]:
    return [f.kind for f in findings]


def _asked(verdict: Verdict) -> Asked:
    if verdict.difference is None:
        return Asked(verdict.law.name, verdict.why, None, verdict.could)
    said = f"differs by {verdict.difference:.2g}" if verdict.broken else "holds"
    return Asked(verdict.law.name, said, verdict.difference)


def _sequences(samples: Any, pad: float, side: str) -> tuple[list[Tensor], bool, bool, int | None]:
    """The sequences; whether a function gets arrays; whether they came as a grid; its width."""
    if side not in ("post", "pre"):
        raise ValueError(f"probe: side: expected 'post' or 'pre', got {side!r}.")
    if isinstance(samples, Ragged):
        return [torch.as_tensor(s) for s in samples.to_list()], samples._numpy, False, None
    is_grid = isinstance(samples, Tensor) or (
        hasattr(samples, "__array__") and not isinstance(samples, (list, tuple))
    )
    if not is_grid:
        if not isinstance(samples, Sequence) or isinstance(samples, str):
            raise ValueError(
                "probe: samples: expected a list of sequences, a Ragged or a padded array, got a "
                f"{type(samples).__name__}."
            )
        parts = [_tensor(s) for s in samples]
        return parts, not all(isinstance(s, Tensor) for s in samples), False, None
    grid = _tensor(samples)
    if grid.ndim < 2:
        raise ValueError(f"probe: samples: expected (batch, time, ...), got {tuple(grid.shape)}.")
    real = (grid != pad).flatten(2).any(2) if grid.ndim > 2 else grid != pad
    # Padding is what stands at one end alone.
    inside = real.flip(1).cumsum(1).flip(1) > 0 if side == "post" else real.cumsum(1) > 0
    parts = [row[keep] for row, keep in zip(grid, inside, strict=True)]
    return parts, not isinstance(samples, Tensor), True, grid.shape[1]


def _tensor(sequence: Any) -> Tensor:
    if isinstance(sequence, Tensor):
        found = sequence.detach().cpu()
    else:
        found = as_tensor(np.array(sequence), "probe: samples")
    if found.ndim == 0:
        raise ValueError("probe: samples: expected sequences, got numbers.")
    return found.to(torch.get_default_dtype()) if found.is_floating_point() else found.long()
