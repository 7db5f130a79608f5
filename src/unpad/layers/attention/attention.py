"""Attention: each step of the query looks at the steps of its own sequence in the value."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from ...arguments import Seed, Share
from ...core.layer import Layer
from ...core.lifting import lift
from ...core.options import LayerOptions
from ...core.spec import Spec, Specs
from ...kernels.attention.dropping import Drop
from ...ragged.numbers import as_tensor
from ..basic.dropout import Draw
from .attend import Batch, attend
from .inputs import check_batches, check_specs, told

_MODES = ("dot", "concat")


def _one(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """The first value of a weight that is one number."""
    return torch.ones(shape, dtype=dtype)


class Attention(Layer):
    """Each query gets the mean of its sequence's values, weighted by softmax(score(query, key)).

    Shapes: `layer([query, value])` or `layer([query, value, key])`, each Ragged (batch, steps*,
    feature) or dense (batch, time, feature), gives the query's steps with the value's features.
    Query and value need not have the same lengths. A query of one row a sequence, (batch,
    feature), gives one row a sequence. The cost follows the pairs of real steps.

    A query whose other sequence is empty gets 0; an empty sequence of queries stays empty.

    Args:
        use_scale: whether the scores are multiplied by a number that is trained.
        score_mode: "dot" for query . key, "concat" for c * sum(tanh(query + key)) with a c that is
            trained; `use_scale` then multiplies within the tanh.
        dropout: rate at which weights are dropped in training.
        seed: of a generator of the layer's own, for dropout; by default torch's.

    Raises:
        ValueError: not two or three inputs, inputs without a time or feature axis, of different
            batches, or sizes that cannot be compared; a mask that does not fit.

    Formula: Luong et al. (2015), equation 8, "dot".

    Example:
        >>> questions = Ragged.from_list([[[1., 2.]], [[3., 4.], [5., 6.]]])
        >>> answers = Ragged.from_list([[[1., 2.], [0., 1.]], [[3., 4.]]])
        >>> Attention()([questions, answers]).lengths
        tensor([1, 2])
    """

    takes = "several"

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: Share = 0.0,
        seed: Seed = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in _MODES:
            options = " or ".join(repr(m) for m in _MODES)
            raise ValueError(f"{self.who}: expected score_mode as {options}, got {score_mode!r}.")
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = seed
        self._draw = Draw(seed)

    def build(self, inputs: list[Spec], **masks: Spec) -> None:
        self.scale = self.add_weight("scale", (), _one) if self.use_scale else None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight("concat_score_weight", (), _one)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        self._three(inputs)
        if mask is None or mask[0] is None:
            return None
        return as_tensor(mask[0], f"{self.who}: compute_mask")

    def output_spec(
        self,
        inputs: list[Spec],
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
        attention_mask: Any = None,
    ) -> Specs:
        query, value, key = self._three(inputs)
        check_specs(self.who, query, value, key, use_causal_mask)
        if query.shape[-1] != key.shape[-1]:
            name = "value" if len(inputs) == 2 else "key"
            raise ValueError(
                f"{self.who}: expected query and {name} of one feature size, got {query} and "
                f"{key}. Map one of them first: Dense({query.shape[-1]})({name})."
            )
        assert value.shape[-1] is not None
        out = query.with_last(value.shape[-1])
        if not return_attention_scores:
            return out
        keys = None if value.ragged else value.shape[0]
        return [out, query.with_shape((*query.shape[:-1], keys))]

    def _three(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            count = len(inputs) if isinstance(inputs, (list, tuple)) else "one that is no list"
            raise ValueError(
                f"{self.who}: expected [query, value] or [query, value, key], got {count}."
            )
        query, value = inputs[:2]
        return query, value, inputs[2] if len(inputs) == 3 else value

    def __call__(self, inputs: Any, mask: Any = None, **options: Any) -> Any:
        """Builds the layer on its first call, then runs it; on symbols, draws it into a graph.

        Args:
            inputs: [query, value] or [query, value, key].
            mask: [query's, value's] of grids that are told their steps so, (batch, time) True
                where a step is; the value's is the key's too.
            options: further arguments of `forward`.
        """
        if mask is not None:
            self._three(inputs)
            masks = [*mask] if isinstance(mask, (list, tuple)) else [mask, None]
            masks += masks[1:2]
            inputs = [told(x, m, self.who, "mask") for x, m in zip(inputs, masks, strict=False)]
        return super().__call__(inputs, **options)

    def forward(
        self,
        inputs: list[Batch],
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
        attention_mask: Any = None,
    ) -> Any:
        """The weighted means.

        Args:
            inputs: [query, value] or [query, value, key].
            return_attention_scores: whether the weights, before dropout, come out too: Ragged,
                for each query (keys,), keys up to the longest sequence's, 0 beyond a sequence's
                own; of a dense query (batch, time, keys).
            use_causal_mask: a step looks at keys at its own position and before.
            attention_mask: which pairs of steps are visible; see MultiHeadAttention.
        """
        query, value, key = self._three(inputs)
        check_batches(self.who, query, value, key)
        drops = self.training and self.dropout > 0
        by_product = self.score_mode == "dot"
        # One head: what is trained of the dot product is multiplied into the query.
        scale = self.scale if by_product else None
        out, weights = attend(
            lift(lambda v: (v if scale is None else v * scale)[..., None, :], query),
            lift(lambda v: v[..., None, :], key),
            lift(lambda v: v[..., None, :], value),
            score=None if by_product else self._score,
            scale=1.0,
            causal=use_causal_mask,
            pairs=attention_mask,
            who=self.who,
            drop=Drop(self.dropout, self._draw.number()) if drops else None,
            with_weights=return_attention_scores,
        )
        out = lift(lambda v: v[..., 0, :], out)
        return out if weights is None else [out, lift(lambda v: v[..., 0, :], weights)]

    def _score(self, query: Tensor, key: Tensor) -> Tensor:
        """The scores of a block, where they are no dot product."""
        pairs = query[..., None, :] + key[..., None, :, :]
        if self.scale is not None:
            pairs = self.scale * pairs
        return self.concat_score_weight * torch.tanh(pairs).sum(-1)
