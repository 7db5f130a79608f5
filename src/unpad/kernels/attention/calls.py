"""What the paths of attention decide by, and compute."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from ...ragged import Layout
from .dropping import Drop
from .pairs import Pairs

#: (n, heads, queries, d) and (n, heads, keys, d) to (n, heads, queries, keys).
Score = Callable[[Tensor, Tensor], Tensor]


class Call(NamedTuple):
    """One call of attention.

    Args:
        query: (steps, heads, d).
        key: (steps of the other side, heads, d); with fewer heads each serves several of the
            query's.
        value: on the key's steps, (heads, any size).
        queries: the layout of the query's steps.
        keys: that of the key's.
        scale: of the dot product; by default 1 / sqrt(d).
        causal: whether a query looks only at keys at its own position and before, both counted
            from the sequence's first step.
        window: a query looks at keys less than this many positions away; None for all.
        score: in place of the dot product, of sequences side by side.
        drop: which weights are dropped before the values are summed; None for none.
        with_weights: whether the weights come out too.
        pairs: which of the pairs of steps are visible; None for all.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    queries: Layout
    keys: Layout
    scale: float | None = None
    causal: bool = False
    window: int | None = None
    score: Score | None = None
    drop: Drop | None = None
    with_weights: bool = False
    pairs: Pairs | None = None

    def alike(self) -> bool:
        """Whether both sides are known to have the same lengths."""
        return self.queries.own.offsets is self.keys.own.offsets

    def scored(self) -> str | None:
        """Why who knows the dot product alone does not compute this call; None where it does."""
        return "it knows the dot product, not another score" if self.score is not None else None

    def opened(self) -> str | None:
        """Why torch's kernel does not compute this call; None where it does."""
        if self.score is not None:
            return self.scored()
        if self.drop is not None:
            return "it drops no weights"
        if self.with_weights:
            return "it never has the weights that are asked for"
        # torch has no kernel for these and would do as those in the open do, with a softmax whose
        # gradient has other bits with other threads.
        if self.query.shape[-1] != self.value.shape[-1]:
            sizes = f"{self.query.shape[-1]} and {self.value.shape[-1]}"
            return f"it wants keys and values of one size, not {sizes}"
        return None

    def with_heads(self) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, each with the query's heads."""
        times = self.query.shape[1] // self.key.shape[1]
        if times == 1:
            return self.query, self.key, self.value
        key, value = (x.repeat_interleave(times, 1) for x in (self.key, self.value))
        return self.query, key, value


def check_sizes(query: Tensor, key: Tensor, value: Tensor) -> None:
    """Raises where the three do not go together.

    Raises:
        ValueError: one is not (steps, heads, feature), or their sizes differ where they must not.
    """
    for name, tensor in (("query", query), ("key", key), ("value", value)):
        if tensor.ndim != 3:
            got = tuple(tensor.shape)
            raise ValueError(f"attention: expected {name} (steps, heads, feature), got {got}.")
    if key.shape[:2] != value.shape[:2] or key.shape[2] != query.shape[2]:
        sizes = ", ".join(str(tuple(x.shape)) for x in (query, key, value))
        raise ValueError(f"attention: query, key and value do not go together: {sizes}.")
    if not key.shape[1] or query.shape[1] % key.shape[1]:
        raise ValueError(
            f"attention: {key.shape[1]} heads of keys do not serve {query.shape[1]} of queries."
        )


def dot(scale: float | None) -> Score:
    """The dot product, scaled."""

    def score(query: Tensor, key: Tensor) -> Tensor:
        by = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
        return (query * by) @ key.mT

    return score
