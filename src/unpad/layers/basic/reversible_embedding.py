"""ReversibleEmbedding: a table read by ids, and the scores of its rows on the way back."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from ... import arguments
from ...arguments import AboveZero, DType, Positive
from ...core.lifting import lift
from ...core.options import WithoutSize
from ...core.spec import Spec
from ...weights import constraints, initializers, regularizers
from .embedding import Embedding


class ReversibleEmbedding(Embedding):
    """An Embedding that also goes back: `layer(hidden, reverse=True)` gives a score for each id.

    Shapes: ids as an Embedding takes them to (..., output_dim); with reverse (..., output_dim) to
    (..., input_dim). Sequences stay what they are, empty ones too.

    Args:
        input_dim: rows of the table.
        output_dim: size of a row.
        tie_weights: whether the way back is by the same table; else by `reverse_embeddings`.
        embeddings_initializer: of both tables.
        embeddings_regularizer: a penalty on both.
        embeddings_constraint: applied to both after every update.
        mask_zero: whether 0 stands for "no step".
        reverse_dtype: in which the way back is computed; by default that of the inputs.
        logit_soft_cap: scores s become cap * tanh(s / cap).

    Example:
        >>> layer = ReversibleEmbedding(10, 4)
        >>> layer(layer(torch.tensor([[3, 5]])), reverse=True).shape
        torch.Size([1, 2, 10])
    """

    def __init__(
        self,
        input_dim: Positive,
        output_dim: Positive,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: DType = None,
        logit_soft_cap: AboveZero | None = None,
        **kwargs: Unpack[WithoutSize],
    ) -> None:
        super().__init__(
            input_dim, output_dim, initializers.get(embeddings_initializer, "initializer"),
            regularizers.get(embeddings_regularizer, "regularizer"),
            constraints.get(embeddings_constraint, "constraint"), mask_zero, **kwargs,
        )  # fmt: skip
        self.tie_weights = tie_weights
        self.reverse_dtype, self.logit_soft_cap = reverse_dtype, logit_soft_cap

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["weights"]
        return config

    def build(self, spec: Spec | None = None) -> None:
        super().build(spec)
        if spec is not None and not self.tie_weights:
            self.reverse_embeddings = self.add_kept(
                "reverse_embeddings", (self.output_dim, self.input_dim), "embeddings"
            )

    def output_spec(self, spec: Spec, reverse: bool = False) -> Spec:
        if not reverse:
            return super().output_spec(spec)
        if not spec.shape or spec.shape[-1] not in (None, self.output_dim):
            raise ValueError(
                f"{self.who}: on the way back expected {self.output_dim} features, got {spec}."
            )
        return spec.with_last(self.input_dim)

    def _prepare(self, inputs: Any) -> Any:
        return inputs if inputs.dtype.is_floating_point else super()._prepare(inputs)

    def forward(self, inputs: Any, reverse: bool = False) -> Any:
        """The rows of ids, or with `reverse` the scores of all ids.

        Args:
            inputs: ids; or what is compared with the rows.
            reverse: which of the two.
        """
        return lift(self._scores, inputs) if reverse else super().forward(inputs)

    def _scores(self, values: Tensor) -> Tensor:
        table = self.embeddings.mT if self.tie_weights else self.reverse_embeddings
        kind = arguments.dtype(self.who, "reverse_dtype", self.reverse_dtype)
        kind = getattr(torch, kind) if isinstance(kind, str) else kind or table.dtype
        scores = values.to(kind) @ table.to(kind)
        cap = self.logit_soft_cap
        return scores if cap is None else torch.tanh(scores / cap) * cap
