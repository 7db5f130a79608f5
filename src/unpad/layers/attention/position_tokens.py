"""TokenAndPositionEmbedding: a word's row plus its place's row."""

from __future__ import annotations

from typing import Any, Unpack

from torch import Tensor

from ...arguments import Positive
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec, Specs
from ...ragged import Ragged
from ...weights import initializers
from ..basic.embedding import Embedding
from .position_embedding import PositionEmbedding


class TokenAndPositionEmbedding(Layer):
    """The sum of an Embedding of each id and a PositionEmbedding of its place in the sequence.

    Shapes: ids (batch, time) or Ragged (batch, steps*) to Ragged (batch, steps*, embedding_dim)
    with `mask_zero`; without it a grid stays a grid. Ids that are 0 are then no steps, and places
    are counted without them. A sequence of zeros only is an empty sequence. The name and the
    numbers are keras_hub's.

    Args:
        vocabulary_size: rows of the ids' table: the largest id plus one.
        sequence_length: the most steps that a sequence may have.
        embedding_dim: size of a row.
        tie_weights: True; there is no reverse projection here that could have weights of its own.
        embeddings_initializer: of both tables.
        mask_zero: whether 0 stands for "no step".

    Raises:
        ValueError: an id is no integer, negative or not below vocabulary_size, or a sequence is
            longer than sequence_length; the text says which.

    Example:
        >>> embed = TokenAndPositionEmbedding(9, 10, 4, mask_zero=True)
        >>> embed(torch.tensor([[0, 0, 5], [3, 4, 7]])).lengths
        tensor([1, 3])
    """

    takes = "one"

    def __init__(
        self,
        vocabulary_size: Positive,
        sequence_length: Positive,
        embedding_dim: Positive,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        mask_zero: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.sequence_length = sequence_length
        self.embedding_dim = embedding_dim
        if tie_weights is not True:
            raise ValueError(
                f"{self.who}: tie_weights={tie_weights!r} is not supported: there is no reverse "
                "projection. Back to ids: Dense(vocabulary_size)."
            )
        self.tie_weights = tie_weights
        self.embeddings_initializer = initializers.get(embeddings_initializer, self.who)
        self.mask_zero = mask_zero
        self.token_embedding = Embedding(
            self.vocabulary_size, self.embedding_dim, self.embeddings_initializer,
            mask_zero=mask_zero, name=self.given_name, dtype=self.given_policy,
        )  # fmt: skip
        self.position_embedding = PositionEmbedding(
            self.sequence_length, self.embeddings_initializer,
            name=self.given_name, dtype=self.given_policy,
        )  # fmt: skip

    def build(self, spec: Spec) -> None:
        self.position_embedding.ensure_built(self.token_embedding.ensure_built(spec))

    def output_spec(self, spec: Spec, start_index: int = 0) -> Specs:
        return self.position_embedding.output_spec(
            self.token_embedding.output_spec(spec), start_index
        )

    def open(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        return self.token_embedding.open(inputs)

    def check(self, inputs: Ragged | Tensor) -> None:
        self.token_embedding.check(inputs)

    def _prepare(self, inputs: Any) -> Any:
        return inputs  # ids stay as they are; the embedding looks at them

    def forward(self, inputs: Ragged | Tensor, start_index: int = 0) -> Ragged | Tensor:
        """The sum of both rows for every id that is a step.

        Args:
            inputs: ids.
            start_index: the place of each sequence's first step.
        """
        tokens = self.token_embedding(inputs)
        return tokens + self.position_embedding(tokens, start_index=start_index)
