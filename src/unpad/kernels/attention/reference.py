"""What attention computes: the specification. One sequence after another, all its pairs."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from .calls import Call, dot


def attention(call: Call) -> tuple[Tensor, Tensor | None]:
    """Vaswani et al. (2017), section 3.2: softmax(score(query, key)) value, and the weights."""
    query, key, value = call.with_heads()
    score, drop, heads = call.score or dot(call.scale), call.drop, query.shape[1]
    wide = call.keys.longest
    rows = [query.new_zeros(0, *value.shape[1:]) + query[:0].sum() + value[:0].sum()]
    shown = [query.new_zeros(0, query.shape[1], wide)]
    bounds = zip(
        *(pairwise(o.own.offsets.tolist()) for o in (call.queries, call.keys)), strict=True
    )
    for (start, end), (first, last) in bounds:
        # One sequence, its heads before its steps: (1, heads, steps, d).
        q, k, v = query[start:end], key[first:last], value[first:last]
        q, k, v = (x.transpose(0, 1)[None] for x in (q, k, v))
        seen = torch.ones(end - start, last - first, dtype=torch.bool, device=query.device)
        if call.causal:
            seen = seen.tril()
        if call.window is not None:
            seen = seen.tril(call.window - 1).triu(1 - call.window)
        if call.pairs is not None and seen.numel():
            sides = (torch.arange(*span, device=query.device)[None] for span in
                     ((start, end), (first, last)))  # fmt: skip
            seen = seen & call.pairs(*sides)[0]
        weights = score(q, k).masked_fill(~seen, -math.inf)
        # What sees nothing has no weights.
        blind = ~seen.any(-1, keepdim=True)
        weights = weights.masked_fill(blind, 0).softmax(-1).masked_fill(blind, 0)
        shown.append(F.pad(weights, (0, wide - (last - first)))[0].transpose(0, 1))
        if drop is not None:
            asking = torch.arange(start, end, device=query.device)[None]
            weights = weights * drop.kept(asking, last - first, heads, weights.dtype)
        rows.append((weights @ v)[0].transpose(0, 1))
    return torch.cat(rows), torch.cat(shown) if call.with_weights else None
