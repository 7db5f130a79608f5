"""What a layer is called with: batches, brought into the type of its weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import shown
from ..ragged import Ragged
from ..ragged.numbers import HALF, as_values, to_tensor
from .attributes import Attributes
from .precision import DTypePolicy, policy_of
from .spec import Spec
from .structure import arranged, flat, listed
from .written import is_ours

_BATCHES = (Ragged, Tensor, np.ndarray)


class Taking(Attributes):
    """A module that takes batches: Ragged or tensors, arrays, and lists of them."""

    #: Whether it takes "one" input, a list of "several", "any" that its `forward` takes, or a
    #: "tree": one, or lists, tuples and dicts of them in one another.
    takes = "any"
    #: Whether it reads texts, which flow through a model as their bytes.
    takes_texts = False
    #: Whether it is a model, whose `call` hands sequences on and never wants a grid.
    is_model = False

    @property
    def compute_dtype(self) -> torch.dtype:
        """Of what comes out."""
        return self.dtype_policy.compute

    @property
    def variable_dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.dtype_policy.variable

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The types of the weights and of what comes out; set before the weights are made."""
        return self.given_policy or policy_of(torch.get_default_dtype())

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        self.dtype = policy

    @property
    def input_dtype(self) -> torch.dtype:
        """Of the inputs that a shape stands for."""
        return self.dtype or torch.get_default_dtype()

    def reads_texts(self) -> None:
        """Told that an Input of texts leads here, so that bytes are texts and no numbers."""

    def _check_form(self, value: Any) -> None:
        """A number, sparse and the like: a layer of one's own may compute with it, ours cannot."""
        if isinstance(value, Tensor) and not value.ndim:
            raise TypeError(
                f"{self.who}: expected a batch of sequences or rows, got a tensor without axes, "
                f"{shown(value)}."
            )
        if isinstance(value, Tensor) and (
            value.is_nested or value.layout is not torch.strided or value.is_quantized
        ):
            as_values(value, self.who)

    def _as_batch(self, inputs: Any) -> Any:
        if isinstance(inputs, (Ragged, Tensor)):
            if self.takes == "several":
                raise ValueError(f"{self.who}: expected a list of inputs, got one.")
            return inputs
        if isinstance(inputs, np.ndarray):
            return self._as_batch(self._from_array(inputs))
        if _are_batches(inputs):
            if self.takes == "one":
                raise ValueError(
                    f"{self.who}: expected one input, got a list of {len(inputs)}. Join them "
                    "first, as Concatenate()([a, b]); sequences of different lengths are one "
                    "input: Ragged.from_list(...)."
                )
            given = [self._from_array(x) if isinstance(x, np.ndarray) else x for x in inputs]
            return listed(given, inputs)
        if inputs is None:
            return None
        if self._own_form(inputs):
            parts = (None if x is None else self._as_batch(x) for x in flat(inputs))
            return arranged(parts, inputs)
        raise TypeError(
            f"{self.who}: expected a Ragged or a tensor, got {type(inputs).__name__}. "
            "Sequences of different lengths: Ragged.from_list(...)."
        )

    def _own_form(self, inputs: Any) -> bool:
        """Whether they are batches in dicts, or in lists of lists, for a call of one's own."""
        mine = self.takes == "tree" or not is_ours(type(self))
        if not mine or not isinstance(inputs, (dict, list, tuple)):
            return False
        several = not isinstance(inputs, dict)
        if several and not any(isinstance(x, (dict, list, tuple)) for x in inputs):
            return False
        return any(isinstance(x, _BATCHES) for x in flat(inputs))

    def _from_array(self, array: np.ndarray) -> Ragged | Tensor:
        """An array as a batch; floats of any width in the type of the weights."""
        if isinstance(array, np.ma.MaskedArray) and array.ndim > 1 and np.ma.is_masked(array):
            batch: Ragged | Tensor = Ragged.from_padded(array)
        else:
            batch = to_tensor(array, self.who)
        if not batch.dtype.is_floating_point:
            return batch
        floats = (w.dtype for w in self.parameters() if w.is_floating_point())
        return batch.to(dtype=self.dtype or next(floats, torch.get_default_dtype()))

    def _prepare(self, inputs: Any) -> Any:
        """The inputs in the type of the weights, and whatever else `forward` relies on."""
        if isinstance(inputs, list):
            return [self._prepare(x) for x in inputs]
        if isinstance(inputs, (dict, tuple)):
            return arranged(map(self._prepare, flat(inputs)), inputs)
        wanted = self._weights_dtype() if self.half_type is None else self._taken_in()
        if wanted is None or inputs is None or inputs.dtype is wanted:
            return inputs
        if not (inputs.dtype.is_floating_point or inputs.dtype.is_complex):
            if self.is_model and not self._parameters:
                return inputs  # whether they are ids or numbers, its layers know
            if wanted in HALF and not is_ours(type(self)):
                wanted = torch.float32  # ids above 256 are not whole numbers of bfloat16's
        if inputs.dtype.is_complex and not wanted.is_complex:
            raise ValueError(
                f"{self.who}: got complex numbers, but its weights are {wanted}. Give both parts "
                "as features: torch.view_as_real(x)."
            )
        return inputs.to(dtype=wanted)

    def _taken_in(self) -> torch.dtype | None:
        """The type that a half policy's inputs are brought into: ours compute in the weights'."""
        ours = self.is_model or is_ours(type(self))
        return self._weights_dtype() if ours else self.half_type

    def _weights_dtype(self) -> torch.dtype | None:
        # Of weights of its own only: what a wrapper holds casts for itself. (A walk through all
        # modules' parameters took 0.1 ms of a small model's step.)
        for weight in self._parameters.values():
            if weight is not None and weight.dtype.is_floating_point:
                return weight.dtype
        return self.dtype

    def _brought(self, spec: Any) -> Any:
        """What `_prepare` makes of an input of floats, of its spec."""
        if isinstance(spec, (list, tuple, dict)):
            return arranged(map(self._brought, flat(spec)), spec)
        if not isinstance(spec, Spec) or not spec.dtype.is_floating_point:
            return spec
        wanted = self._weights_dtype() if self.half_type is None else self._taken_in()
        return spec if wanted is None or wanted is spec.dtype else spec.with_dtype(wanted)


def _are_batches(inputs: Any) -> bool:
    kinds = _BATCHES
    several = isinstance(inputs, (list, tuple))
    # None stands for an optional input that is not there.
    return (
        several
        and (not inputs or any(isinstance(x, kinds) for x in inputs))
        and all(x is None or isinstance(x, kinds) for x in inputs)
    )
