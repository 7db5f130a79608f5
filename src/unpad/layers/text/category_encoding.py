"""CategoryEncoding: ids as vectors that say which are there, or how many of each."""

from __future__ import annotations

from math import prod
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import arguments
from ...arguments import Positive
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec, spec_of
from ...errors import first_true, look_up, refuse
from ...ragged import Ragged
from ...ragged.batch import place, values_of
from ...ragged.numbers import as_tensor

_MODES = {"multi_hot": "multi_hot", "count": "count", "one_hot": "one_hot", "binary": "multi_hot"}


class CategoryEncoding(Layer):
    """Vectors of ids: one for each id, or one for each sequence of ids.

    Shapes: "one_hot" gives each id a vector: Ragged (batch, steps*) to (batch, steps*,
    num_tokens), dense (batch, time) to (batch, time, num_tokens); a last axis of size 1 is
    replaced. "multi_hot" and "count" are over the ids of a sequence: Ragged (batch, steps*) or
    dense (batch, n) to dense (batch, num_tokens); where a step has several ids, (batch, steps*, n)
    to (batch, steps*, num_tokens). An empty sequence gives zeros. The result is floating.

    Args:
        num_tokens: the number of ids, which are 0 to num_tokens - 1.
        output_mode: "multi_hot" (1 for each id that is there), "count" or "one_hot".
        sparse: refused: vectors are dense.

    Raises:
        ValueError: an id is no integer, negative or not below num_tokens; the text says which.

    Example:
        >>> CategoryEncoding(3, "count")(Ragged.from_list([[0, 2, 2], []]))
        tensor([[1., 0., 2.],
                [0., 0., 0.]])
    """

    takes = "one"

    def __init__(
        self,
        num_tokens: Positive | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        refuse(self.who, sparse=sparse)
        self.num_tokens = arguments.positive(self.who, "num_tokens", num_tokens)
        self.output_mode = look_up(self.who, "output_mode", output_mode, _MODES)
        self.sparse = False

    def output_spec(self, spec: Spec, count_weights: Spec | None = None) -> Spec:
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(
                f"{self.who}: count_weights go with output_mode='count', not {self.output_mode!r}."
            )
        dtype = self.compute_dtype
        if isinstance(count_weights, Spec):
            dtype = count_weights.dtype
        if self.output_mode == "one_hot":
            kept = spec.shape[:-1] if spec.shape and spec.shape[-1] == 1 else spec.shape
            return spec.with_shape((*kept, self.num_tokens)).with_dtype(dtype)
        if not spec.ragged and not spec.shape:
            raise ValueError(
                f"{self.who}: {self.output_mode} is over the ids of a sequence, but {spec} has one "
                "id a row. One row of them: ids[None]; a vector for each: output_mode='one_hot'."
            )
        if spec.ragged and not spec.shape:
            return spec.rows((self.num_tokens,)).with_dtype(dtype)
        return spec.with_last(self.num_tokens).with_dtype(dtype)

    def build(self, spec: Spec, count_weights: Spec | None = None) -> None:
        pass

    def _as_batch(self, inputs: Any) -> Any:
        numbers = isinstance(inputs, (list, tuple)) and not any(
            isinstance(x, (Ragged, Tensor)) for x in inputs
        )
        return super()._as_batch(as_tensor(inputs, self.who) if numbers else inputs)

    def check(self, inputs: Ragged | Tensor) -> None:
        ids = values_of(inputs)
        if ids.is_floating_point():
            wrong = first_true(ids != ids.round())
            if wrong is not None:
                raise ValueError(
                    f"{self.who}: the id in {place(inputs, wrong)} is {ids[wrong].item()}; ids are "
                    "integers."
                )
        wrong = first_true((ids < 0) | (ids >= self.num_tokens))
        if wrong is not None:
            raise ValueError(
                f"{self.who}: id {int(ids[wrong])} in {place(inputs, wrong)}, but num_tokens is "
                f"{self.num_tokens}. Ids are 0 to {self.num_tokens - 1}."
            )

    def _prepare(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        self.output_spec(spec_of(inputs))  # a layer that is built sees each form of ids again
        self.check(inputs)
        return inputs.to(dtype=torch.int64)

    def forward(self, inputs: Ragged | Tensor, count_weights: Any = None) -> Ragged | Tensor:
        """The vectors.

        Args:
            inputs: ids.
            count_weights: what each id counts, in the form of the ids; by default 1.
        """
        dtype = self.compute_dtype
        if count_weights is not None and not isinstance(count_weights, (Ragged, Tensor)):
            count_weights = as_tensor(count_weights, f"{self.who}: count_weights", inputs.device)
            count_weights = count_weights.to(dtype)
        weights = None if count_weights is None else values_of(count_weights)
        return encode(inputs, self.output_mode, self.num_tokens, dtype, weights)


def encode(
    ids: Ragged | Tensor, mode: str, depth: int, dtype: torch.dtype, weights: Tensor | None = None
) -> Ragged | Tensor:
    """Ids as vectors of this depth; a negative id is none.

    Args:
        ids: int64.
        mode: "one_hot", "multi_hot" or "count".
        depth: size of a vector.
        dtype: of the vectors, where no weights are given.
        weights: what each id counts, as the ids' values.
    """
    values = values_of(ids)
    if mode == "one_hot":
        scalar = values.ndim == 1 or values.shape[-1] != 1
        vectors = _one_hot(values if scalar else values[..., 0], depth, dtype)
        return ids.with_values(vectors) if isinstance(ids, Ragged) else vectors
    weight = values.ge(0).to(dtype) if weights is None else weights
    over_time = values.ndim == 1
    if isinstance(ids, Ragged) and over_time:
        lead, rows = (ids.batch,), ids.sequence_ids
    else:
        lead, last = values.shape[:-1], values.shape[-1]
        rows = torch.arange(prod(lead), device=values.device).repeat_interleave(last)
    index = rows * depth + values.clamp(min=0).reshape(-1)
    counts = weight.new_zeros(prod(lead) * depth).index_add(0, index, weight.reshape(-1))
    vectors = ((counts > 0).to(dtype) if mode == "multi_hot" else counts).reshape(*lead, depth)
    return ids.with_values(vectors) if isinstance(ids, Ragged) and not over_time else vectors


def _one_hot(ids: Tensor, depth: int, dtype: torch.dtype) -> Tensor:
    vectors = torch.zeros(*ids.shape, depth, dtype=dtype, device=ids.device)
    return vectors.scatter(-1, ids.clamp(min=0)[..., None], ids.ge(0).to(dtype)[..., None])
