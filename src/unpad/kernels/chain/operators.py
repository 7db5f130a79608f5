"""The operators on chains: what each takes, and its paths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...ragged.numbers import HALF
from ...ragged.own import Own
from .. import around
from ..checks import indices
from ..paths import Operator, Path, forced
from . import in_graph, reference, walk
from .steps import entries, own_of


def log_partition(scores: Tensor, layout: Own | Tensor) -> Tensor:
    """The log of the summed exp(score) of every path: (batch,); 0 for an empty sequence.

    Args:
        scores: (steps, tags, tags). Half precision is computed in float32.
        layout: offsets (batch + 1,), or the own of a layout, which keeps what is worked out.
    """
    return _log_partition(_wide(scores), own_of(layout), None)


def _log_partition(scores: Tensor, own: Own, entry: Tensor | None) -> Tensor:
    if not around.recorded():
        return LOG_PARTITION.choose(scores).direct(scores, own, entry)
    if not torch.compiler.is_exporting():
        keep = torch.is_grad_enabled() and scores.requires_grad
        return LOG_PARTITION.op(scores, own.offsets, entry, forced() or "", keep)[0]
    if entry is not None:
        # Measured from the path, as the walk does.
        scores = scores - scores.flatten(1).gather(1, entry).unsqueeze(2)
    return in_graph.log_partition(scores, own)


def marginals(scores: Tensor, layout: Own | Tensor) -> Tensor:
    """The probability of each tag at each step, over all paths: (steps, tags).

    Differentiable through the walk itself, which keeps a graph of every step.

    Args:
        scores: (steps, tags, tags).
        layout: offsets (batch + 1,), or the own of a layout, which keeps what is worked out.
    """
    wide, own = _wide(scores), own_of(layout)
    if not around.recorded():
        found = MARGINALS.choose(wide).direct(wide, own)
    elif torch.compiler.is_exporting():
        found = in_graph.marginals(wide, own)
    else:
        found = MARGINALS(wide, own.offsets)
    return found.to(scores.dtype)


def best_path(scores: Tensor, layout: Own | Tensor) -> Tensor:
    """The tags of the path with the highest score: (steps,) int64. No gradient.

    Args:
        scores: (steps, tags, tags).
        layout: offsets (batch + 1,), or the own of a layout, which keeps what is worked out.
    """
    scores, own = _wide(scores.detach()), own_of(layout)
    if not around.recorded():
        return BEST_PATH.choose(scores).direct(scores, own)
    if torch.compiler.is_exporting():
        return in_graph.best_path(scores, own)
    return BEST_PATH(scores, own.offsets)


def path_scores(scores: Tensor, layout: Own | Tensor, tags: Tensor) -> Tensor:
    """What each step adds to the score of a path: (steps,).

    Args:
        scores: (steps, tags, tags).
        layout: offsets (batch + 1,), or the own of a layout, which keeps what is worked out.
        tags: (steps,) the path, int64.
    """
    return scores.flatten(1).gather(1, entries(scores, own_of(layout), tags)).squeeze(1)


def negative_log_likelihood(
    scores: Tensor, layout: Own | Tensor, tags: Tensor, known: Tensor | None = None
) -> Tensor:
    """-log of the probability of a path, (batch,); of all paths that have the known tags.

    Args:
        scores: (steps, tags, tags).
        layout: offsets (batch + 1,), or the own of a layout, which keeps what is worked out.
        tags: (steps,) the path, int64.
        known: (steps,) bool: where False, any tag will do; None where all are known.
    """
    own, scores = own_of(layout), _wide(scores)
    recorded = around.recorded()
    if not recorded and not len(scores):
        return log_partition(scores, own)
    if known is None or (not recorded and bool(known.all())):
        return _log_partition(scores, own, entries(scores, own, tags))
    other = torch.arange(scores.shape[-1], device=tags.device) != tags.unsqueeze(-1)
    fitting = scores.masked_fill((other & known.unsqueeze(-1)).unsqueeze(1), -torch.inf)
    # Both are measured from near the paths: a small difference of two sums that grow with the
    # length would be lost in float32.
    level = fitting.detach().amax((1, 2), keepdim=True)
    return log_partition(scores - level, own) - log_partition(fitting - level, own)


def _wide(scores: Tensor) -> Tensor:
    """In float32 at least."""
    return scores.float() if scores.dtype in HALF else scores


# --- as they are declared -------------------------------------------------------------------------


def _check(scores: Tensor, offsets: Tensor, entry: Tensor | None = None) -> None:
    if scores.ndim != 3 or scores.shape[1] != scores.shape[2]:
        got = tuple(scores.shape)
        raise ValueError(f"chain: expected scores (steps, tags, tags), got {got}.")
    indices("chain", "offsets", offsets, (max(offsets.numel(), 1),), scores.device)
    if entry is not None:
        indices("chain", "entry", entry, (scores.shape[0], 1), scores.device)


def _walk_refuses(scores: Tensor) -> str | None:
    transform = around.transform()
    return transform and around.within(transform)


def _never(scores: Tensor) -> None:
    return None


def _total_alone(scores: Tensor, offsets: Tensor, entry: Tensor | None, keep: bool) -> Any:
    """By the reference, which keeps nothing."""
    kept = scores.new_zeros(scores.shape if keep else (0,))
    return reference.log_partition(scores, offsets, entry), kept


def _sums_shapes(scores: Tensor, offsets: Tensor, entry: Any, path: str, keep: bool) -> Any:
    kept = scores.new_empty(scores.shape if keep else (0,))
    return scores.new_empty(offsets.shape[0] - 1), kept


LOG_PARTITION = Operator(
    "log_partition",
    [
        Path("torch", _walk_refuses, walk.sums, walk.back, direct=walk.log_partition),
        Path("reference", _never, _total_alone, direct=reference.log_partition),
    ],
    takes="Tensor scores, Tensor offsets, Tensor? entry",
    gives="(Tensor total, Tensor shares)",
    shapes=_sums_shapes,
    check=_check,
    followed=("scores",),
    kept=1,
)

MARGINALS = Operator(
    "marginals",
    [
        Path("torch", _walk_refuses, walk.marginals),
        Path("reference", _never, reference.marginals),
    ],
    takes="Tensor scores, Tensor offsets",
    gives="Tensor",
    shapes=lambda scores, *_: scores.new_empty(scores.shape[:2]),
    check=_check,
    followed=("scores",),
)

BEST_PATH = Operator(
    "best_path",
    [
        Path("torch", _walk_refuses, walk.best_path),
        Path("reference", _never, reference.best_path),
    ],
    takes="Tensor scores, Tensor offsets",
    gives="Tensor",
    shapes=lambda scores, *_: scores.new_empty(scores.shape[:1], dtype=torch.int64),
    check=_check,
)
