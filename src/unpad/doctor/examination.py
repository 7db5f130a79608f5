"""A data set examined: every check that can be asked of it, and the warnings of `fit`."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import look_up
from ..kernels import own_threads
from ..losses import SparseCategoricalCrossentropy
from ..spellings import depth_of_caller
from .adapters import heads_of, masks_of
from .asking import answers_of, depends_on_padding, laws
from .checks import CHECKS
from .facts import Case, Fitting, Input, Split, Target, as_ids, grid_of
from .facts.case import Batch
from .findings import KINDS, DataWarning, Finding
from .given import case_of
from .probes import CannotAsk, Reach
from .report import Asked, Report
from .report.seen import Told
from .rows import rows
from .scoring import Scores, scored
from .scoring import findings_of as of_scores
from .seeing import seen_of
from .trying import Trying

# These train copies of the model, or want one that is trained.
_BY_NAME = ("overfit", "without input", "scores")
# What each model's person was told: once a model, however often it is fitted.
_told: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def examine(
    x: Any,
    y: Any = None,
    model: Any = None,
    *,
    validation: tuple[Any, Any] | None = None,
    validation_split: float = 0.0,
    groups: Any = None,
    validation_groups: Any = None,
    causal: bool = False,
    shuffle: bool = True,
    batch_size: int = 32,
    only: Iterable[str] | None = None,
    ignore: Iterable[str] = (),
    loss: Any = None,
    seconds: float = 10.0,
) -> Report:
    """What is almost surely wrong with a data set, though it can be trained on.

    `fit` asks the same checks, and tells each finding that is no note in one warning. Only mistakes
    with a clear sign and a clear cure are named; data that are in order give none. Looks at some
    hundreds of sequences: milliseconds. `probe` asks the model itself.

    Args:
        x: padded array, list of arrays or Ragged; a list or dict of them where the model has
            several inputs.
        y: targets, for each step or each sequence.
        model: unpad's or Keras's; says what is masked, how many classes there are and what ends
            it. Without it only what shows in the data alone is found.
        validation: (x, y) that are held out.
        validation_split: the last share of the data that is held out, as in `fit`.
        groups: which sequences come from one source and must not stand on both sides of a split, as
            scikit-learn calls it: a name or number for each (a list, an array, a frame's column),
            as a speaker, a patient or a document.
        validation_groups: of `validation`'s sequences.
        causal: whether the model must not see later steps; then it is probed for that.
        shuffle: whether the data will be shuffled, as `fit` does by default.
        batch_size: sequences a batch, as in `fit`.
        only: names of checks to ask, as "axes", "split", "laws"; by default all.
            "overfit" (can a few sequences be learnt by heart?), "without input" (does the score
            fall when labels are shuffled, or lengths alone are left?) and "scores" (of a trained
            model: as reported, on real steps, by length and class) are asked only by name.
        ignore: kinds of findings to leave out.
        loss: of a PyTorch module: a function of outputs and targets.
        seconds: that each question which trains a copy of the model may take.

    Returns:
        The findings, roots first; none if x holds no padded array.

    Raises:
        ValueError: x or y are no sequences or do not fit the model, groups are not one a sequence,
            or a name is not known.

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
    checks: dict[str, Any] = dict(CHECKS)
    if model is not None:
        checks["laws"] = lambda case: laws(case, model, causal)
        checks["rows"] = lambda case: rows(case, model)
        if y is not None:
            checks |= _tried(x, y, model, loss, seconds)
    chosen = set(checks) - set(_BY_NAME) if only is None else set(only)
    for name in chosen:
        look_up("examine", "check", name, checks)
    checks = {name: check for name, check in checks.items() if name in chosen}
    left_out = {kind for kind in ignore if look_up("examine", "kind", kind, KINDS)}
    case = _askable(
        case_of(x, y, model, validation, validation_split, groups, validation_groups), model
    )
    case = replace(case, fitting=Fitting(shuffle, batch_size))
    findings, asked, shown = ask(case, checks)
    findings = [finding for finding in findings if finding.kind not in left_out]
    seen = seen_of(case, (finding.kind for finding in findings))
    for part in shown:
        if isinstance(part, Reach):
            seen = seen._replace(reach=part)
        elif isinstance(part, Scores):
            told = Told(part.reported, part.honest, part.nothing, part.by_length)
            seen = seen._replace(scores=told)
    return Report.of(findings, asked, time.perf_counter() - start, seen=seen)


def _askable(case: Case, model: Any) -> Case:
    """The case, whose model is asked itself where a person may see to padding by hand."""
    if case.masks is None or not case.masks.by_hand or len(case.inputs) != 1:
        return case
    asked = partial(depends_on_padding, model=model)
    return replace(case, masks=case.masks._replace(asked=asked))


def ask(case: Case, checks: Mapping[str, Any]) -> tuple[list[Finding], list[Asked], list[Any]]:
    """What the checks find, what each answered, and what else there is to show."""
    findings: list[Finding] = []
    asked: list[Asked] = []
    shown: list[Any] = []
    for name, check in checks.items():
        try:
            found = list(check(case))
        except CannotAsk as error:
            asked.append(Asked(name, str(error), None, False))
            continue
        findings += [f for f in found if isinstance(f, Finding)]
        shown += [f for f in found if not isinstance(f, Finding)]
        said = [
            f.kind if isinstance(f, Finding) else str(f) for f in found if not isinstance(f, Reach)
        ]
        asked.append(Asked(name, ", ".join(said) or "nothing"))
    return findings, asked, shown


def _tried(x: Any, y: Any, model: Any, loss: Any, seconds: float) -> dict[str, Any]:
    """The questions for which the model is used."""
    trying = Trying(model, x, y, loss, seconds)

    def scores(case: Case) -> Iterator[Any]:
        found = scored(case, model, answers_of(case, model), x, y)
        yield found
        yield from of_scores(found)

    return {
        "loss at start": trying.start,
        "overfit": trying.overfit,
        "without input": trying.without_input,
        "scores": scores,
    }


def tell(
    model: Any,
    given: Sequence[Batch],
    real: Sequence[Batch],
    targets: Sequence[tuple[Any, Batch | None, Any, Any]],
    called: Sequence[Any] = (),
    fitting: Fitting | None = None,
) -> None:
    """Warns of each finding that is no note, once a model and kind.

    Args:
        model: that is about to be trained.
        given: its inputs as the caller gave them.
        real: their real steps.
        targets: for each output what the caller gave, the same at real steps, the loss, and the
            output's spec.
        called: the inputs as the caller's own objects.
        fitting: how they will be gone over.
    """
    if quiet.kept:
        return
    masks = masks_of(model)
    if masks is not None and masks.embeds:
        given, real = [as_ids(x) for x in given], [as_ids(x) for x in real]
    own = called if len(called) == len(given) else [None] * len(given)
    inputs = [
        Input(g, r, grid_of(g, masks.value if masks else None), c)
        for g, r, c in zip(given, real, own, strict=True)
    ]
    widths = [(spec.shape[-1] or 0) if spec.shape else 0 for *_, spec in targets]
    laid = [
        Target(y, at, width if isinstance(loss, SparseCategoricalCrossentropy) else 0, head)
        for (y, at, loss, _), width, head in zip(
            targets, widths, heads_of(model, widths), strict=True
        )
        if at is not None
    ]
    case = Case(tuple(inputs), tuple(laid), masks, fitting=fitting or Fitting())
    _warn(model, _askable(case, model))


def tell_split(model: Any, parts: Split) -> None:
    """Warns of what is wrong between the two sides of a split, once a model and kind.

    Args:
        model: that is about to be trained.
        parts: what is trained on and what is held out.
    """
    if not quiet.kept:
        _warn(model, Case((), split=parts))


def _warn(model: Any, case: Case) -> None:
    with own_threads():  # a hundred small operators; see there
        report = Report.of(ask(case, CHECKS)[0])
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
