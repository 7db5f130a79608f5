"""What Grid and Varlen share: a module of someone else's, called in its own words and tried."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.probing import apart, probed, random_rows
from ...core.spec import Spec
from ...core.trial import remembered
from ...ragged import Layout, Ragged
from ...ragged.batch import values_of
from .torch_module import weights_dtype_of

# Of the batch that a module is tried on: short sequences stand beside longer ones.
_LENGTHS = (4, 2, 1)


class _Fails(ValueError):
    """The module cannot be called so."""


class Held(Layer):
    """Calls a module on whole sequences, in its own words, and takes its output back.

    It is tried when it is built, in evaluation mode: what it gives at a step must be the same for a
    sequence alone and in company.
    """

    takes = "one"

    def __init__(
        self,
        module: torch.nn.Module,
        inputs: str | Sequence[str] | None,
        take: str | int | None,
        arguments: Mapping[str, Any] | None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(module, torch.nn.Module):
            raise ValueError(
                f"{self.who}: expected a torch module or a layer, got {type(module).__name__}."
            )
        self.module, self.inputs, self.take = module, inputs, take
        self.arguments = arguments
        # Found when it is tried: whether a row for each step comes out, and whether steps that come
        # as floats are ids to the module.
        self._gives_steps: bool | None = None
        self._of_ids = False

    def _called(self, batch: Tensor, named: dict[str, Any]) -> Tensor:
        """What the module gives for a batch in the form that it takes."""
        names = [self.inputs] if isinstance(self.inputs, str) else self.inputs
        named = {**(self.arguments or {}), **named}
        if names is None:
            given = self.module(batch, **named)
        else:
            given = self.module(**dict.fromkeys(names, batch), **named)
        return self._picked(given)

    def _picked(self, given: Any) -> Tensor:
        wanted = self.take
        try:
            if isinstance(wanted, str):
                given = given[wanted] if isinstance(given, Mapping) else getattr(given, wanted)
            elif wanted is not None:
                given = given[wanted]
        except (KeyError, IndexError, AttributeError, TypeError):
            raise ValueError(
                f"{self.who}: {self._kind_of} gives no output {wanted!r}: it gives "
                f"{', '.join(given) if isinstance(given, Mapping) else type(given).__name__}."
            ) from None
        if wanted is None and isinstance(given, Mapping):
            given = given.get("last_hidden_state", next(iter(given.values())))
        elif wanted is None and isinstance(given, (tuple, list)):
            given = given[0]
        if not isinstance(given, Tensor):
            raise ValueError(
                f"{self.who}: expected {self._kind_of} to give a tensor, got "
                f"{type(given).__name__}. Which of its outputs: take='its_name'."
            )
        return given

    @property
    def _kind_of(self) -> str:
        return type(self.module).__name__

    def on_sequences(self, sequences: Ragged) -> Tensor:
        """What the module gives for sequences of which none is empty, as it gives it."""
        raise NotImplementedError

    def gives_steps(self, sequences: Ragged) -> bool:
        """Whether a row for each step comes out, seen on a few sequences; else one a sequence."""
        raise NotImplementedError

    def taken_back(self, given: Tensor, sequences: Ragged) -> Ragged:
        """The rows of the steps, on the layout."""
        raise NotImplementedError

    def _on(self, sequences: Ragged, keeps: bool) -> Ragged | Tensor:
        given = self.on_sequences(sequences)
        return self.taken_back(given, sequences) if keeps else given

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The module on every sequence; an empty one has no step, or zeros for its row."""
        if not isinstance(inputs, Ragged):
            batch, time = inputs.shape[:2]
            layout = Layout.full(batch, time).to(inputs.device)
            out = self.forward(Ragged(inputs.flatten(0, 1), layout))
            return out.values.unflatten(0, (batch, time)) if isinstance(out, Ragged) else out
        spec = Spec(tuple(inputs.feature), True, inputs.dtype)
        keeps = self.output_spec(spec).ragged if self._gives_steps is None else self._gives_steps
        there = inputs.layout.own.lengths > 0
        if torch.compiler.is_compiling() or (inputs.batch and bool(there.all())):
            return self._on(inputs, keeps)
        some = self._on(inputs[there], keeps) if bool(there.any()) else self._nothing(spec, inputs)
        if isinstance(some, Ragged):
            return inputs.with_values(some.values)
        rows = some.new_zeros(inputs.batch, *some.shape[1:])
        return rows.index_copy(0, there.nonzero()[:, 0], some)

    def _nothing(self, spec: Spec, inputs: Ragged) -> Ragged | Tensor:
        """No row of what comes out, in its shape and type."""
        out = self.output_spec(spec)
        none = inputs.values.new_zeros(0, *(n or 0 for n in out.shape), dtype=out.dtype)
        return inputs.with_values(none) if out.ragged else none

    def _weights_dtype(self) -> torch.dtype | None:
        return weights_dtype_of(self.module)

    def _prepare(self, inputs: Any) -> Any:
        # Ids stay ids; those that came as floats become what the module takes.
        if self._of_ids:
            return inputs.to(dtype=torch.int64)
        return super()._prepare(inputs) if inputs.dtype.is_floating_point else inputs

    # --- the trial -------------------------------------------------------------------------------

    def output_spec(self, spec: Spec) -> Spec:
        if not spec.ragged and not spec.shape:
            raise ValueError(f"{self.who}: expected sequences, (batch, steps*, ...), got {spec}.")
        of_steps = spec if spec.ragged else Spec(spec.shape[1:], True, spec.dtype)
        known, key = remembered(self), ("held", of_steps)
        if key not in known:
            known[key] = self._tried(of_steps)
        out = known[key]
        if not out.ragged:
            return out
        if not spec.ragged:
            return spec.with_shape((spec.shape[0], *out.shape)).with_dtype(out.dtype)
        return spec.with_shape(out.shape).with_dtype(out.dtype)

    def _tried(self, spec: Spec) -> Spec:
        layer = self
        if any(isinstance(m, Layer) and not m.built for m in self.module.modules()):
            layer = copy.deepcopy(self)  # the trial builds layers, which must not be built by it
        if self._of_ids or (not spec.shape and spec.dtype.is_floating_point):
            # An Input says float32 where nobody says anything: what is one number may be an id.
            if not self._of_ids:
                with contextlib.suppress(_Fails):
                    return self._tried_as(layer, spec, spec.dtype)
            found = self._tried_as(layer, spec, torch.int64)
            self._of_ids = True
            return found
        return self._tried_as(layer, spec, spec.dtype)

    def _tried_as(self, layer: Held, spec: Spec, dtype: torch.dtype) -> Spec:
        batch = self._random(spec.shape, dtype)
        with probed(layer.module):
            try:
                self._gives_steps = layer.gives_steps(batch)
                out = layer._on(batch, self._gives_steps)
            except Exception as error:
                text = " ".join(str(error).split())[:300]
                if not text.startswith(self.who):
                    text = f"{self.who}: {self._kind_of} fails on sequences {spec}: {text}"
                raise _Fails(text) from error
            layer._check_alone(batch, out)
        if isinstance(out, Ragged):
            return Spec(tuple(out.feature), True, out.dtype)
        return Spec(tuple(out.shape[1:]), False, out.dtype)

    def _random(self, shape: tuple[int | None, ...], dtype: torch.dtype) -> Ragged:
        values = random_rows(sum(_LENGTHS), shape, dtype)
        for parameter in self.module.parameters():
            values = values.to(parameter if values.is_floating_point() else parameter.device)
            break
        return Ragged(values, Layout.from_lengths(list(_LENGTHS)).to(values.device))

    def _check_alone(self, batch: Ragged, together: Ragged | Tensor) -> None:
        """Law 1, on random sequences: alone, and in another order."""
        keeps = isinstance(together, Ragged)
        if not bool(values_of(together).isfinite().all()):
            raise ValueError(
                f"{self.who}: {self._kind_of} gives numbers that are not finite for random "
                f"sequences. {self.advice}"
            )
        again = self._on(batch, keeps)
        if _apart(again, together):
            return  # it draws at random, and nothing can be told
        for i, length in enumerate(_LENGTHS):
            try:
                alone = self._on(batch[i : i + 1], keeps)
            except Exception as error:
                text = " ".join(str(error).split())[:200]
                raise ValueError(
                    f"{self.who}: {self._kind_of} fails on one sequence: {text}"
                ) from None
            off = _apart(alone, together[i : i + 1])
            if off:
                raise ValueError(
                    f"{self.who}: {self._kind_of} gives other numbers for a sequence alone than in "
                    f"company, off by {off:.2g}: {length} steps beside {max(_LENGTHS)}. "
                    f"{self.advice}"
                )
        order = torch.arange(batch.batch).flip(0)
        off = _apart(self._on(batch[order], keeps)[order], together)
        if off:
            raise ValueError(
                f"{self.who}: {self._kind_of} gives other numbers in another order of the "
                f"sequences, off by {off:.2g}. {self.advice}"
            )

    @property
    def advice(self) -> str:
        """What to do where law 1 does not hold."""
        raise NotImplementedError


def _apart(a: Ragged | Tensor, b: Ragged | Tensor) -> float:
    return apart(values_of(a), values_of(b))
