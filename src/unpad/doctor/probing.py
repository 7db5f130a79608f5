"""A model probed: do its answers depend on padding, on other sequences, on what is to come?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .adapters import subject_of
from .findings import Finding, Where
from .numbering import Judged, numbers_of
from .probes import LAWS, CannotAsk, Reach, Verdict, learnt, probed
from .probes.cures import cure_of
from .probes.laws import FUTURE, Law
from .probes.outputs import Answers
from .probes.sums import of_outputs
from .report import Asked, Report
from .sampling import sampled
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
            Of several inputs a dict of these by the names of the model's inputs, or of the
            arguments (or keys) that a module or function takes; for unpad's and Keras's models a
            list in their order too. What has no steps, as a vector a sequence, is handed along.
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
        which the answers part, and the output that moves most, where there are several; and what
        was asked.

    Raises:
        ValueError: the samples are no sequences, or not those of the model's inputs.

    Example:
        >>> report = probe(lambda x: x.mean(1), [[1., 2., 3.], [4., 5.]])
        >>> report.kinds
        ['padding']
    """
    start = time.perf_counter()
    given = sampled(model, samples, pad, side, steps)
    laid = given.laid
    laws = (*LAWS, FUTURE) if causal else LAWS
    as_given = {"arrays": given.arrays, "grids": given.grids, "told": told, "training": training}
    with kept_random():
        try:
            answers = Answers(subject_of(model, laid, **as_given), laid, given.full)
            findings, asked, reach = ask_laws(answers, laws, causal, seed)
        except CannotAsk as error:
            asked = [Asked(law.name, str(error), None, False) for law in laws]
            seen = seen_in(laid, ())
            return Report.of([], asked, time.perf_counter() - start, seed, seen)
        if y is not None:
            judged = Judged(y, loss, metrics or {}, y_pad, accumulate)
            more, also = numbers_of(model, answers, given.sequences, judged, steps)
            findings, asked = findings + more, asked + also
    seen = seen_in(laid, _kinds(findings), reach)
    return Report.of(findings, asked, time.perf_counter() - start, seed, seen)


def ask_laws(
    answers: Answers, laws: tuple[Law, ...], causal: bool, seed: int
) -> tuple[list[Finding], list[Asked], Reach | None]:
    """What the laws find, what each answered, and where a gradient falls.

    Raises:
        CannotAsk: the model cannot be called, or its outputs cannot be read.
    """
    first, every = learnt(answers)
    verdicts = list(probed(every, first, laws, seed))
    broken = [verdict for verdict in verdicts if verdict.broken]
    repeats = all(verdict.law.kind != "not repeatable" for verdict in broken)
    findings: list[Finding] = []
    for one in every if repeats else ():
        known = _kinds(findings)
        findings += [f for f in _of_output(one, first) if f.kind not in known]
    kinds = ", ".join(_kinds(findings)) or "nothing"
    asked = [Asked("sums, constants, steps without effect", kinds)]
    reach = answers.subject.shares(answers.base, causal) if repeats else None
    shares = {} if reach is None else reach.on
    findings += [_finding(verdict, answers.subject, shares) for verdict in broken]
    return findings, [*asked, *map(_asked, verdicts)], reach


def _of_output(answers: Answers, first: dict[str, Tensor]) -> Iterator[Finding]:
    at = "" if answers.output is None else f"Output {answers.output!r}: "
    for finding in of_outputs(answers, answers.of(first)):
        yield replace(finding, shown=at + finding.shown)


@contextmanager
def kept_random() -> Iterator[None]:
    """Torch's generator as it was, afterwards."""
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
    moved = "the outputs move" if verdict.output is None else f"output {verdict.output!r} moves"
    shown = f"Sequence {verdict.sequence} of those asked{at}: {moved} by {_times(apart)}."
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
