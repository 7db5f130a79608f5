"""Attention between sequences: each step of one looks at the steps of its own other one."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...kernels.attention import operator
from ...kernels.attention.calls import Call, Score
from ...kernels.attention.dropping import Drop
from ...ragged import Layout, Ragged
from ..recurrent.recurrent import as_ragged
from .pairs import pairs_of

Batch = Ragged | Tensor


def attend(
    query: Batch,
    key: Batch,
    value: Batch,
    *,
    score: Score | None = None,
    scale: float | None = None,
    causal: bool = False,
    window: int | None = None,
    pairs: Any = None,
    who: str = "attend",
    drop: Drop | None = None,
    with_weights: bool = False,
) -> tuple[Batch, Batch | None]:
    """For each query the mean of its sequence's values, weighted by softmax(score(query, key)).

    No sequence is computed with another, so the cost follows the pairs of real steps. A query whose
    sequence has nothing to look at gets 0, and so does one that `causal`, `window` or `pairs` leave
    nothing. Formula: Vaswani et al. (2017), 3.2.

    Args:
        query: Ragged (batch, steps*, heads, d), dense (batch, time, heads, d), or one query a
            sequence, (batch, heads, d).
        key: Ragged or dense, with its own lengths, (heads, d) a step; with fewer heads each serves
            several of the query's.
        value: on the key's steps, (heads, any size).
        score: of blocks; by default the dot product times `scale`.
        scale: of the dot product; by default 1 / sqrt(d).
        causal: a query looks at keys at its own position and before, both counted from the
            sequence's first step.
        window: a query looks at keys less than this many positions away.
        pairs: which pairs of steps are visible; see `pairs.pairs_of`.
        who: shown in errors.
        drop: which weights are dropped before the values are summed; None for none.
        with_weights: whether the weights come out too.

    Returns:
        One row for each query; and the weights as (heads, keys) for each query, keys up to the
        longest sequence's, 0 beyond a sequence's own. Without `with_weights` None.
    """
    alone = not isinstance(query, Ragged) and query.ndim == 3
    asking, rebuild = as_ragged(query[:, None] if alone and isinstance(query, Tensor) else query)
    (keys, _), (values, _) = as_ragged(key), as_ragged(value)
    call = Call(
        asking.values, keys.values, values.values, asking.layout, keys.layout, scale, bool(causal),
        window, score, drop, with_weights, pairs_of(pairs, asking.layout, keys.layout, who),
    )  # fmt: skip
    rows, weights = operator.attend(call)

    def back(rows: Tensor) -> Batch:
        out = rebuild(asking.with_values(rows))
        return out[:, 0] if alone and isinstance(out, Tensor) else out

    return back(rows), None if weights is None else back(weights)


def layouts_of(*batches: Batch) -> list[Layout]:
    """The layout of each; a dense batch's sequences are all alike."""
    return [as_ragged(x)[0].layout for x in batches]
