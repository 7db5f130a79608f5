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
    told = call.pairs is not None or call.opened()  # what torch has no arguments for
    if torch.compiler.is_exporting() or told or around.cast_to(call.query) is not None:
        return in_blocks.in_one_block(call)
    offsets = call.queries.own.offsets, call.keys.own.offsets
    tensors = call.query, call.key, call.value, *offsets
    return ATTENTION(*tensors, call.scale, call.causal, call.window), None


def _call(*arguments: Any) -> Call:
    """As torch has the arguments."""
    query, key, value, queries, keys, scale, causal, window = arguments
    asking = Layout(queries, _checked=True)
    same = queries is keys or (queries.is_cpu and torch.equal(queries, keys))
    looked_at = asking if same else Layout(keys, _checked=True)
    return Call(query, key, value, asking, looked_at, scale, causal, window)


def _rows(path: Any) -> Any:
    """A path as torch calls it: the rows alone."""
    return lambda *arguments: path(_call(*arguments))[0]


def _check(query: Tensor, key: Tensor, value: Tensor, *rest: Any) -> None:
    check_sizes(query, key, value)
    batch = rest[0].numel()
    for name, offsets in zip(("queries", "keys"), rest[:2], strict=True):
        indices("attention", name, offsets, (max(batch, 1),), query.device)


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
    "bool causal, int? window",
    gives="Tensor",
    shapes=_shapes,
    call=_call,
    check=_check,
    followed=("query", "key", "value"),
)
