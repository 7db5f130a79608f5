"""What MultiHeadAttention and GroupQueryAttention share: project, attend, project back."""

from __future__ import annotations

from typing import Any, Unpack

import torch

from ...arguments import Positive, Seed, Share
from ...core.calls import Keeps
from ...core.layer import Layer
from ...core.lifting import lift
from ...core.options import LayerOptions
from ...core.spec import Spec, Specs
from ...core.weight_options import WeightOptions
from ...errors import refuse
from ...kernels.attention.dropping import Drop
from ...ragged import Ragged
from ...ragged.batch import values_of
from ..basic.dropout import Draw
from .attend import Batch, attend
from .inputs import check_batches, check_specs, told
from .projection import Projection


class HeadedAttention(Keeps, Layer):
    """Scaled dot-product attention between projections of query, key and value.

    A subclass says in `_sizes` how many heads of what size there are.
    """

    takes = "any"

    def __init__(
        self,
        dropout: Share,
        use_bias: bool,
        sliding_window: Positive | None,
        flash_attention: bool | None,
        weights: dict[str, WeightOptions],
        use_gate: bool,
        seed: Seed,
        /,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        refuse(self.who, flash_attention=flash_attention)
        self.dropout = dropout
        self.use_bias = use_bias
        self.sliding_window = sliding_window
        self.flash_attention = flash_attention
        self.keep_options(**weights)
        self.use_gate = use_gate
        self.seed = seed
        self._draw = Draw(seed)

    def _sizes(self) -> tuple[int, int, int, int]:
        """Heads of queries, heads of keys and values, size of a key, size of a value."""
        raise NotImplementedError

    def _outside(self, query: Spec) -> tuple[int, ...]:
        """Shape of a step that comes out."""
        assert query.shape[-1] is not None
        return (query.shape[-1],)

    def build(self, query: Spec, value: Spec, key: Spec | None = None, **masks: Spec) -> None:
        key = value if key is None else key
        heads, shared, key_dim, value_dim = self._sizes()

        def project(name: str, spec: Spec, count: int, size: int, activation: Any = None) -> Any:
            assert spec.shape[-1] is not None
            made = self._projection(name, (spec.shape[-1],), (count, size), activation)
            made.ensure_built(spec)
            return made

        self.query_projection = project("query", query, heads, key_dim)
        self.key_projection = project("key", key, shared, key_dim)
        if self.use_gate:
            self.gate_projection = project("gate", query, heads, value_dim, "sigmoid")
        self.value_projection = project("value", value, shared, value_dim)
        self.output_projection = self._projection(
            "attention_output", (heads, value_dim), self._outside(query)
        )
        self.output_projection.ensure_built(query.with_shape((*query.shape[:-1], heads, value_dim)))

    def _projection(
        self, name: str, inside: tuple[int, ...], outside: tuple[int, ...], activation: Any = None
    ) -> Projection:
        return Projection(
            inside, outside, activation, self.use_bias,
            {"kernel": self.options_of("kernel"), "bias": self.options_of("bias")},
            activity_regularizer=self.activity_regularizer,
            name=f"{self.name}/{name}", dtype=self.given_policy,
        )  # fmt: skip

    def output_spec(
        self,
        query: Spec,
        value: Spec | None = None,
        key: Spec | None = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Specs:
        if value is None:
            raise ValueError(
                f"{self.who}: expected a query and a value, got one input. For sequences that look "
                "at themselves: layer(x, x); in a Sequential TransformerEncoder."
            )
        check_specs(self.who, query, value, value if key is None else key, use_causal_mask)
        if self.built:
            self._check_built(query=query, value=value, key=value if key is None else key)
        query = query.with_dtype(self.dtype or query.dtype)
        out = query.with_shape((*query.shape[:-1], *self._outside(query)))
        if not return_attention_scores:
            return out
        heads = self._sizes()[0]
        keys = None if value.ragged else value.shape[0]
        if query.ragged:
            return [out, query.with_shape((heads, keys))]
        return [out, query.with_shape((heads, *query.shape[:-1], keys))]

    def _check_built(self, **specs: Spec) -> None:
        for name, spec in specs.items():
            (wanted,) = getattr(self, f"{name}_projection").inside
            if spec.shape[-1] != wanted:
                raise ValueError(f"{self.who}: built for {wanted} features of {name}, got {spec}.")

    def __call__(
        self,
        query: Any,
        value: Any = None,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        **options: Any,
    ) -> Any:
        """Builds the layer on its first call, then runs it; on symbols, draws it into a graph.

        Args:
            query: what asks.
            value: what is summed.
            key: what is compared with the query; by default the value.
            query_mask: of a grid that is told its steps so, (batch, time) True where a step is.
            value_mask: likewise.
            key_mask: likewise; by default that of the value.
            options: further arguments of `forward`.
        """
        if key_mask is None:
            key_mask = value_mask
        query = told(query, query_mask, self.who, "query_mask")
        value = told(value, value_mask, self.who, "value_mask")
        key = None if key is None else told(key, key_mask, self.who, "key_mask")
        # Query, value and key may come by name, too, and are then prepared as any input is.
        inputs = [query, *(x for x in (value, key) if x is not None)]
        return super().__call__(*inputs, **options)

    def _weights_dtype(self) -> torch.dtype | None:
        return self.query_projection.kernel.dtype if self.built else self.dtype

    def forward(
        self,
        query: Batch,
        value: Batch,
        key: Batch | None = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Each step of the query looks at the steps of its own sequence in key and value.

        Args:
            query: Ragged (batch, steps*, feature), dense (batch, time, feature), or one row a
                sequence, (batch, feature).
            value: Ragged or dense, of the same batch; its lengths are its own.
            key: on the steps of the value, which is the default.
            attention_mask: which pairs of steps are visible: (time of queries, time of keys) bool,
                with the batch and heads in front where they differ; a function of two tensors of
                positions within the sequences, as `lambda i, j: j <= i`; or block ids, a Ragged of
                one whole number a step: a step looks at those of its own block. A query that sees
                nothing gets 0 of the heads.
            return_attention_scores: whether the weights, before dropout, come out too: Ragged,
                for each query (heads, keys), keys up to the longest sequence's, 0 beyond a
                sequence's own; of a dense query (batch, heads, time, keys).
            use_causal_mask: a step looks at keys at its own position and before.
        """
        key = value if key is None else key
        check_batches(self.who, query, value, key)
        drops = self.training and self.dropout > 0
        out, weights = attend(
            self.query_projection(query),
            self.key_projection(key),
            self.value_projection(value),
            causal=use_causal_mask,
            window=self.sliding_window,
            pairs=attention_mask,
            who=self.who,
            drop=Drop(self.dropout, self._draw.number()) if drops else None,
            with_weights=return_attention_scores,
        )
        if self.use_gate:
            out = _times(out, self.gate_projection(query))
        out = self.output_projection(out)
        return [out, _as_keras(weights)] if weights is not None else out


def _times(out: Batch, gate: Batch) -> Batch:
    return lift(lambda values: values * values_of(gate), out)


def _as_keras(weights: Batch) -> Batch:
    """Of a dense query the heads come before time."""
    return weights if isinstance(weights, Ragged) or weights.ndim == 3 else weights.transpose(1, 2)
