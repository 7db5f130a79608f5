"""The operator of attention: what it takes, and its paths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...ragged import Layout
from .. import around
from ..checks import indices
from ..paths import Operator, Path
from . import compiled, in_blocks, reference, varlen
from .calls import Call, check_sizes
from .dropping import Drop
from .pairs import Blocks, Grid


def attend(call: Call) -> tuple[Tensor, Tensor | None]:
    """For each query the mean of its sequence's values, weighted by softmax(score(query, key)).

    A query whose sequence has nothing to look at gets 0, and so does one that `causal`,
    `window` or `pairs` leave nothing.

    Returns:
        (steps, heads, size of a value); and where they are asked for the weights, (steps, heads,
        keys) with keys up to the longest sequence's, 0 beyond a sequence's own.
    """
    if not around.recorded():
        return ATTENTION.choose(call).direct(call)
    # What torch has no arguments for.
    told = isinstance(call.pairs, Grid) or call.score is not None or call.with_weights
    if torch.compiler.is_exporting() or told or around.cast_to(call.query) is not None:
        return in_blocks.in_one_block(call)
    offsets = call.queries.own.offsets, call.keys.own.offsets
    tensors = call.query, call.key, call.value, *offsets
    blocks = call.pairs or (None, None)
    rate, seed = call.drop or (0.0, None)
    return ATTENTION(*tensors, call.scale, call.causal, call.window, *blocks, rate, seed), None


def _call(*arguments: Any) -> Call:
    """As torch has the arguments."""
    query, key, value, queries, keys, scale, causal, window, *blocks, rate, seed = arguments
    asking = Layout(queries, _checked=True)
    same = queries is keys or (queries.is_cpu and torch.equal(queries, keys))
    looked_at = asking if same else Layout(keys, _checked=True)
    drop = None if seed is None else Drop(rate, seed)
    pairs = None if blocks[0] is None else Blocks(*blocks)
    return Call(query, key, value, asking, looked_at, scale, causal, window, drop=drop, pairs=pairs)


def _rows(path: Any) -> Any:
    """A path as torch calls it: the rows alone."""
    return lambda *arguments: path(_call(*arguments))[0]


def _check(query: Tensor, key: Tensor, value: Tensor, *rest: Any) -> None:
    check_sizes(query, key, value)
    batch = rest[0].numel()
    for name, offsets in zip(("queries", "keys"), rest[:2], strict=True):
        indices("attention", name, offsets, (max(batch, 1),), query.device)
    *_, query_blocks, key_blocks, rate, seed = rest
    if (query_blocks is None) is not (key_blocks is None) or (rate > 0 and seed is None):
        raise ValueError("attention: expected blocks of both sides or of none, and a rate's seed.")
    for name, blocks, of in (("query", query_blocks, query), ("key", key_blocks, key)):
        if blocks is not None:
            indices("attention", f"{name}_blocks", blocks, (len(of),), query.device)


def _shapes(query: Tensor, key: Tensor, value: Tensor, *rest: Any) -> Tensor:
    return query.new_empty(*query.shape[:2], value.shape[2])


ATTENTION = Operator(
    "attention",
    [
        Path("varlen", varlen.refuses, _rows(varlen.attention), direct=varlen.attention),
        Path("compiled", compiled.refuses, _rows(compiled.attention), direct=compiled.attention),
        Path("torch", Call.opened, _rows(in_blocks.fused), direct=in_blocks.fused),
        Path("open", lambda call: None, _rows(in_blocks.in_the_open), direct=in_blocks.in_the_open),
        Path(
            "reference", lambda call: None, _rows(reference.attention), direct=reference.attention
        ),
    ],
    takes="Tensor query, Tensor key, Tensor value, Tensor queries, Tensor keys, float? scale, "
    "bool causal, int? window, Tensor? query_blocks, Tensor? key_blocks, float rate, Tensor? seed",
    gives="Tensor",
    shapes=_shapes,
    call=_call,
    check=_check,
    followed=("query", "key", "value"),
)
