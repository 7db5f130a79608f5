"""Embedding and Masking: the layers that open the door to padded arrays."""

from __future__ import annotations

from typing import Any, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor

from ...arguments import AnyNumber, Positive
from ...core.by_rows import is_wanted_by_rows
from ...core.layer import Layer
from ...core.lifting import lift
from ...core.older import as_told, length_told
from ...core.options import LayerOptions, WithoutSize
from ...core.spec import Spec, spec_of
from ...core.weight_options import weight_options
from ...errors import first_true
from ...ragged import Ragged
from ...ragged.batch import place, values_of
from ...ragged.doors.padded import equals, take_real, take_real_levels
from ...ragged.numbers import as_tensor
from ...ragged.without import is_without, known_without
from .shared_rows import can_tell, read


class Embedding(Layer):
    """A row of a table for each id; with `mask_zero`, ids that are 0 are no steps.

    Shapes: ids (batch, time) or Ragged (batch, steps*) to Ragged (batch, steps*, output_dim) with
    `mask_zero`; without it a grid stays a grid. What is not a step is gone: row 0 of the table is
    never read and never moved. A sequence of zeros only is an empty sequence.

    Args:
        input_dim: rows of the table: the largest id plus one.
        output_dim: size of a row.
        embeddings_initializer: of `embeddings` (input_dim, output_dim).
        embeddings_regularizer: a penalty on the table, as "l2".
        embeddings_constraint: applied to the table after every update, as "non_neg".
        mask_zero: whether 0 stands for "no step".
        weights: the table's first value, (input_dim, output_dim), or a list that holds it.

    Raises:
        ValueError: an id is no integer, negative or not below input_dim; the text says which.

    Example:
        >>> Embedding(10, 4, mask_zero=True)(torch.tensor([[3, 5, 0], [0, 0, 0]])).lengths
        tensor([2, 0])
    """

    takes = "one"
    one_level = False

    def __init__(
        self,
        input_dim: Positive,
        output_dim: Positive,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Unpack[WithoutSize],
    ) -> None:
        length = kwargs.pop("input_length", None)
        super().__init__(**kwargs)
        if length is not None:
            self._told_shape = self._told_shape or length_told(length, self.who)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.keep_options(**weight_options(locals(), "embeddings"))
        self.mask_zero = mask_zero
        self.first_weights = weights
        if weights is not None:
            self.build()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weights": None}

    def build(self, spec: Spec | None = None) -> None:
        """Makes the table, whose size no input says: it can be asked for before there is one."""
        if spec is None:
            self.ensure_built(Spec((None,), False, torch.int64))
            return
        shape = (self.input_dim, self.output_dim)
        self.embeddings = self.add_kept("embeddings", shape)
        if self.first_weights is not None:
            given = self.first_weights
            self.set_weights(list(given) if isinstance(given, (list, tuple)) else [given])

    def output_spec(self, spec: Spec) -> Spec:
        if self.mask_zero and not spec.ragged and len(spec.shape) not in (1, 2):
            raise ValueError(
                f"{self.who}: mask_zero needs ids as (batch, time), or (batch, time, inner time) "
                f"for sequences of sequences, got {spec}."
                + " One sequence alone is a batch of one: ids[None]."
                * (not spec.shape)
            )
        if self.mask_zero and spec.ragged and spec.shape:
            raise ValueError(f"{self.who}: mask_zero needs one id a step, got {spec}.")
        spec = as_told(self._told_shape, spec)
        dtype = self.dtype or torch.get_default_dtype()
        if self.mask_zero and not spec.ragged:
            levels = len(spec.shape)
            return Spec((self.output_dim,), True, dtype, spec.lengths, spec.shape[0], levels)
        return spec.with_shape((*spec.shape, self.output_dim)).with_dtype(dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return as_tensor(inputs, f"{self.who}: compute_mask") != 0 if self.mask_zero else None

    def open(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        if not self.mask_zero:
            return inputs
        if not isinstance(inputs, Ragged):
            self.output_spec(spec_of(inputs))  # which refuses what is no grid
            take = take_real if inputs.ndim == 2 else take_real_levels
            return known_without(Ragged._of(take(inputs, inputs != 0, numpy=False)), 0)
        if inputs.levels > 1:
            return inputs.with_values(self.open(inputs.values))
        if is_without(inputs, 0):
            return inputs
        # Of most sequences no id is 0: torch says so in one look.
        if torch.compiler.is_compiling() or not bool(inputs.values.all()):
            inputs = inputs.keep(inputs.values != 0)
        return known_without(inputs, 0)

    @property
    def is_door(self) -> bool:
        return self.mask_zero

    def check(self, inputs: Ragged | Tensor) -> None:
        ids = values_of(inputs)
        if torch.compiler.is_compiling() or ids.numel() == 0:
            return
        if ids.is_floating_point():
            broken = first_true(ids != ids.round())
            if broken is not None:
                raise ValueError(
                    f"{self.who}: the id in {place(inputs, broken)} is {ids[broken].item()}. Ids "
                    "are integers: numbers that are not ids go into the model without Embedding; "
                    "missing steps are 0 with mask_zero=True."
                )
        lowest, highest = (int(v) for v in ids.aminmax())
        if lowest >= 0 and highest < self.input_dim:
            return
        broken = first_true((ids < 0) | (ids >= self.input_dim))
        assert broken is not None
        wrong = int(ids[broken])
        if wrong < 0:
            hint = (
                "Ids start at 0. If it marks padding: use 0 for padding and mask_zero=True, or "
                f"Ragged.from_padded(x, padding={wrong})."
            )
            bound = "negative"
        else:
            hint = (
                f"Ids must be below input_dim: build with input_dim={highest + 1} or map rare "
                "words to one id."
            )
            bound = f"but input_dim is {self.input_dim}"
        raise ValueError(f"{self.who}: id {wrong} in {place(inputs, broken)}, {bound}. {hint}")

    def _prepare(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        if not self._found_by_torch(values_of(inputs)):
            self.check(inputs)
        return inputs.to(dtype=torch.int64) if inputs.dtype not in _INDEX else inputs

    def _found_by_torch(self, ids: Tensor) -> bool:
        """Whether torch finds an id that is out of range, as it does on a CPU, for nothing."""
        ours = type(self).check is Embedding.check and type(self).forward is Embedding.forward
        plain = ids.is_cpu and ids.dtype in _INDEX and not torch.compiler.is_compiling()
        return ours and plain

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The rows of the ids that are steps."""
        table = self.embeddings
        by_rows = is_wanted_by_rows(table)

        def rows(ids: Tensor) -> Tensor:
            return F.embedding(ids, table, sparse=by_rows)

        opened = self.open(inputs)
        try:
            if isinstance(opened, Ragged) and can_tell(opened, table):
                return read(rows, opened)
            return lift(rows, opened)
        except IndexError:
            self.check(inputs)  # which one, and where
            raise


_INDEX = (torch.int64, torch.int32)


class Masking(Layer):
    """Steps whose features all equal `mask_value` are no steps.

    Shapes: (batch, time, feature) or Ragged to Ragged (batch, steps*, feature). A sequence of such
    steps only is an empty sequence. NaN works as the value.

    Args:
        mask_value: what the features of a missing step hold.

    Example:
        >>> Masking()(torch.tensor([[[1., 0.], [0., 0.]], [[0., 0.], [0., 0.]]])).lengths
        tensor([1, 0])
    """

    takes = "one"

    def __init__(self, mask_value: AnyNumber = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value

    def output_spec(self, spec: Spec) -> Spec:
        if not spec.ragged and len(spec.shape) < 2:
            raise ValueError(
                f"{self.who}: expected (batch, time, feature), got {spec}. For ids use "
                "Embedding(mask_zero=True); for one number a step x[..., None]."
            )
        if spec.ragged:
            return spec
        return Spec(spec.shape[1:], True, spec.dtype, spec.lengths, spec.shape[0])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        given = as_tensor(inputs, f"{self.who}: compute_mask")
        return ~equals(given, self.mask_value, steps_from=2)

    def open(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        if isinstance(inputs, Ragged):
            if is_without(inputs, self.mask_value):
                return inputs
            real = ~equals(inputs.values, self.mask_value, steps_from=1)
            return known_without(inputs.keep(real), self.mask_value)
        self.output_spec(spec_of(inputs))  # which refuses what is no grid
        real = ~equals(inputs, self.mask_value, steps_from=2)
        return known_without(Ragged._of(take_real(inputs, real, numpy=False)), self.mask_value)

    def _weights_dtype(self) -> torch.dtype | None:
        # Of half a type a step of the mask's value might no longer equal it.
        return self.dtype if self.half_type is None else None

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The steps that are."""
        return self.open(inputs)
