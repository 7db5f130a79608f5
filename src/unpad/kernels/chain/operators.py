"""The operators on chains: what each takes, and its paths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...ragged.numbers import HALF
from ...ragged.own import Own
from .. import around
from ..paths import Operator, Path, forced
from . import compiled, in_graph, reference, walk
from .steps import Scores, entries, first_steps, last_steps, only, own_of, pairs_of


def log_partition(scores: Scores | Tensor, layout: Own | Tensor) -> Tensor:
    """The log of the summed exp(score) of every path: (batch,); 0 for an empty sequence.

    -inf where no path is possible; that sequence has no gradient.

    Args:
        scores: `Scores`, or (steps, tags, tags). Half precision is computed in float32.
        layout: offsets (batch + 1,), or the own of a layout, which keeps what is worked out.
    """
    return _log_partition(_wide(scores), own_of(layout), None, False)


def _log_partition(scores: Scores, own: Own, tags: Tensor | None, partly: bool) -> Tensor:
    if not around.recorded():
        return LOG_PARTITION.choose(scores).direct(scores, own, tags, partly)
    if torch.compiler.is_exporting():
        return _exported(scores, own, tags, partly)
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in scores)
    values, *parts = scores
    return LOG_PARTITION.op(values, own.offsets, *parts, tags, partly, forced() or "", keep)[0]


def _exported(scores: Scores, own: Own, tags: Tensor | None, partly: bool) -> Tensor:
    """See `walk.log_partition`."""
    pairs = pairs_of(scores, own)
    if tags is None:
        return in_graph.log_partition(pairs, own)
    if not partly:
        taken = pairs.flatten(1).gather(1, entries(pairs, own, tags))
        return in_graph.log_partition(pairs - taken.unsqueeze(2), own)
    fitting = only(pairs, tags)
    level = fitting.detach().amax((1, 2), keepdim=True)
    return in_graph.log_partition(pairs - level, own) - in_graph.log_partition(fitting - level, own)


def marginals(scores: Scores | Tensor, layout: Own | Tensor) -> Tensor:
    """The probability of each tag at each step, over all paths: (steps, tags).

    0 where no path is possible. Differentiable, through the walk in torch's operators, which keeps
    a graph of every step.

    Args:
        scores: `Scores`, or (steps, tags, tags).
        layout: offsets (batch + 1,), or the own of a layout, which keeps what is worked out.
    """
    wide, own = _wide(scores), own_of(layout)
    if not around.recorded():
        found = MARGINALS.choose(wide).direct(wide, own)
    elif torch.compiler.is_exporting():
        found = in_graph.marginals(pairs_of(wide, own), own)
    else:
        found = MARGINALS(wide.values, own.offsets, *wide[1:])
    return found.to(_given(scores).dtype)


def best_path(scores: Scores | Tensor, layout: Own | Tensor) -> Tensor:
    """The tags of the path with the highest score: (steps,) int64. No gradient.

    Args:
        scores: `Scores`, or (steps, tags, tags).
        layout: offsets (batch + 1,), or the own of a layout, which keeps what is worked out.
    """
    wide, own = _wide(scores).detach(), own_of(layout)
    if not around.recorded():
        return BEST_PATH.choose(wide).direct(wide, own)
    if torch.compiler.is_exporting():
        return in_graph.best_path(pairs_of(wide, own), own)
    return BEST_PATH(wide.values, own.offsets, *wide[1:])


def best_paths(scores: Scores | Tensor, layout: Own | Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The paths with the highest scores, from the highest down. No gradient.

    Args:
        scores: `Scores`, or (steps, tags, tags).
        layout: offsets (batch + 1,), or the own of a layout, which keeps what is worked out.
        count: how many.

    Returns:
        (steps, count) int64 their tags; (batch, count) their scores. Where a sequence has fewer
        paths, -1 and -inf; an empty one has one path, of score 0.

    Raises:
        ValueError: the count is below 1.
    """
    if count < 1:
        raise ValueError(f"best_paths: expected count from 1 on, got {count}.")
    wide, own = _wide(scores).detach(), own_of(layout)
    if not around.recorded():
        return BEST_PATHS.choose(wide).direct(wide, own, count)
    return BEST_PATHS(wide.values, own.offsets, *wide[1:], count)


def path_scores(scores: Scores | Tensor, layout: Own | Tensor, tags: Tensor) -> Tensor:
    """What each step adds to the score of a path: (steps,).

    Args:
        scores: `Scores`, or (steps, tags, tags).
        layout: offsets (batch + 1,), or the own of a layout, which keeps what is worked out.
        tags: (steps,) the path, int64.
    """
    (values, transitions, start, end), own = _given(scores), own_of(layout)
    if values.ndim == 3:
        found = values.flatten(1).gather(1, entries(values, own, tags)).squeeze(1)
    else:
        found = values.gather(1, tags.unsqueeze(1)).squeeze(1)
    first, last = first_steps(own), last_steps(own)
    if transitions is not None:
        between = transitions[tags.roll(1), tags]
        found = found + between.index_fill(0, first, 0)
    if start is not None:
        found = found.index_add(0, first, start[tags[first]].to(found.dtype))
    if end is not None:
        found = found.index_add(0, last, end[tags[last]].to(found.dtype))
    return found


def negative_log_likelihood(
    scores: Scores | Tensor, layout: Own | Tensor, tags: Tensor, known: Tensor | None = None
) -> Tensor:
    """-log of the probability of a path, (batch,); of all paths that have the known tags.

    0 where none is known.

    Args:
        scores: `Scores`, or (steps, tags, tags).
        layout: offsets (batch + 1,), or the own of a layout, which keeps what is worked out.
        tags: (steps,) the path, int64.
        known: (steps,) bool: where False, any tag will do; None where all are known.
    """
    tags = tags if known is None else tags.where(known, -1)
    return _log_partition(_wide(scores), own_of(layout), tags, known is not None)


def _given(scores: Scores | Tensor) -> Scores:
    return scores if isinstance(scores, Scores) else Scores(scores)


def _wide(scores: Scores | Tensor) -> Scores:
    """All of one type, float32 at least."""
    given = _given(scores)
    wanted = torch.float32 if given.dtype in HALF else given.dtype
    if all(part is None or part.dtype is wanted for part in given):
        return given
    return given.map(lambda part: part.to(wanted))


# --- as they are declared -------------------------------------------------------------------------

_SCORES = "Tensor scores, Tensor offsets, Tensor? transitions, Tensor? start, Tensor? end"
_FOLLOWED = ("scores", "transitions", "start", "end")


def _asked(scores: Tensor, _: Any, transitions: Any, start: Any, end: Any, *__: Any) -> Scores:
    return Scores(scores, transitions, start, end)


def _check(scores: Tensor, offsets: Tensor, *rest: Any) -> None:
    compiled.check(Scores(scores, *rest[:3]), offsets, None)


def _check_tags(scores: Tensor, offsets: Tensor, *rest: Any) -> None:
    compiled.check(Scores(scores, *rest[:3]), offsets, rest[3])


def _walk_refuses(scores: Scores) -> str | None:
    transform = around.transform()
    return transform and around.within(transform)


def _never(scores: Scores) -> None:
    return None


def _with(function: Any) -> Any:
    """Of an operator's arguments, a function of scores and offsets."""

    def run(values: Tensor, offsets: Tensor, *rest: Any) -> Any:
        return function(Scores(values, *rest[:3]), offsets, *rest[3:])

    return run


def _keeping_nothing(function: Any) -> Any:
    """The same of a sum that torch differentiates."""

    def run(values: Tensor, offsets: Tensor, *rest: Any) -> Any:
        *parts, tags, partly, keep = rest
        total = function(Scores(values, *parts), offsets, tags, partly)
        return total, *_kept(values, partly, keep)

    return run


def _kept(values: Tensor, partly: bool, keep: bool) -> list[Tensor]:
    rows = values.shape[0], values.shape[-1]
    sizes = rows if keep else (0,), rows if keep and partly else (0,)
    return [values.new_zeros(size, dtype=torch.float64) for size in sizes]


def _sums_shapes(values: Tensor, offsets: Tensor, *rest: Any) -> Any:
    partly, _, keep = rest[4:]
    return values.new_empty(offsets.shape[0] - 1), *_kept(values, partly, keep)


LOG_PARTITION = Operator(
    "log_partition",
    [
        Path(
            "compiled", compiled.refuses, _with(compiled.sums), compiled.back,
            direct=compiled.log_partition,
        ),
        Path(
            "torch", _walk_refuses, _keeping_nothing(walk.log_partition),
            direct=walk.log_partition,
        ),
        Path(
            "reference", _never, _keeping_nothing(reference.log_partition),
            direct=reference.log_partition,
        ),
    ],
    takes=f"{_SCORES}, Tensor? tags, bool partly",
    gives="(Tensor total, Tensor walked, Tensor fitting)",
    shapes=_sums_shapes,
    call=_asked,
    check=_check_tags,
    followed=_FOLLOWED,
    kept=2,
)  # fmt: skip

MARGINALS = Operator(
    "marginals",
    [
        Path(
            "compiled", compiled.refuses, _with(compiled.marginals), compiled.marginals_back,
            direct=compiled.marginals,
        ),
        Path("torch", _walk_refuses, _with(walk.marginals), direct=walk.marginals),
        Path("reference", _never, _with(reference.marginals), direct=reference.marginals),
    ],
    takes=_SCORES,
    gives="Tensor",
    shapes=lambda scores, *_: scores.new_empty(scores.shape[0], scores.shape[-1]),
    call=_asked,
    check=_check,
    followed=_FOLLOWED,
)  # fmt: skip

BEST_PATH = Operator(
    "best_path",
    [
        Path("compiled", compiled.refuses, _with(compiled.best_path), direct=compiled.best_path),
        Path("torch", _walk_refuses, _with(walk.best_path), direct=walk.best_path),
        Path("reference", _never, _with(reference.best_path), direct=reference.best_path),
    ],
    takes=_SCORES,
    gives="Tensor",
    shapes=lambda scores, *_: scores.new_empty(scores.shape[:1], dtype=torch.int64),
    call=_asked,
    check=_check,
)


def _best_shapes(scores: Tensor, offsets: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    count = rest[3]
    paths = scores.new_empty(scores.shape[0], count, dtype=torch.int64)
    return paths, scores.new_empty(offsets.shape[0] - 1, count)


BEST_PATHS = Operator(
    "best_paths",
    [
        Path("compiled", compiled.refuses, _with(compiled.best_paths), direct=compiled.best_paths),
        Path("reference", _never, _with(reference.best_paths), direct=reference.best_paths),
    ],
    takes=f"{_SCORES}, SymInt count",
    gives="(Tensor paths, Tensor scores)",
    shapes=_best_shapes,
    call=_asked,
    check=_check,
)
