"""How a layer is built: what it gives for inputs of a spec, and the weights that these need."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from . import older, rounding
from .shapes import batch_in, is_shape, of_arguments, shapes_of_specs, specs_of_shapes, takes_shapes
from .spec import Spec, Specs
from .structure import arranged, flat
from .symbol import Symbol, specs_of
from .taking import Taking
from .trial import build_inside, tried
from .written import Written


class Building(Taking):
    """A module that is built from the specs of its inputs, once, and refuses others ever after."""

    #: Whether sequences of sequences are more to it than it can take.
    one_level = True
    #: Whether what it gives is found by trying it, which is done when it is built and not again.
    tried_once = True
    #: The specs that it was built for.
    built_for: tuple[Any, ...] = ()
    built: bool
    # What `made_for` gave when it was built.
    _made_for: Any
    # Of which outputs are sequences.
    _keeps_steps: list[bool] | None
    # The shape of its input that older Keras was told.
    _told_shape: older.Shape | None
    # Whether its own `compute_output_shape` is being asked.
    _saying = False
    # How its class is written.
    _written = Written()

    @takes_shapes
    def build(self, *specs: Any, **options: Any) -> None:
        """Makes the weights for inputs of these specs; asked with shapes, builds the layer."""

    def output_spec(self, *specs: Any, **options: Any) -> Specs:
        """What comes out for inputs of these specs.

        Raises:
            ValueError: the layer cannot take such inputs; the text says why and what to use.
        """
        out = tried(self, specs, options)
        if (
            type(self).compute_output_shape is not Building.compute_output_shape
            and not self._saying
        ):
            self._check_shape_said(specs, out)
        return out

    def _check_shape_said(self, specs: tuple[Any, ...], out: Any) -> None:
        """A shape that a layer of one's own says is that of what it gives, or it is told."""
        self._saying = True  # which may ask what the layer gives
        try:
            shapes = [None if s is None else shapes_of_specs(s, None) for s in specs]
            # Keras lets it leave out the shapes of inputs that it does not need.
            takes = [*inspect.signature(self.compute_output_shape).parameters.values()]
            several = any(p.kind is p.VAR_POSITIONAL for p in takes)
            said = self.compute_output_shape(*(shapes if several else shapes[: len(takes)]))
        finally:
            self._saying = False
        gives = shapes_of_specs(out, None)
        if is_shape(said) and is_shape(gives):
            pairs = list(zip(said, gives, strict=False))[1:]
            if len(said) != len(gives) or any(None not in p and p[0] != p[1] for p in pairs):
                raise ValueError(
                    f"{self.who}: compute_output_shape says {tuple(said)}, but what it gives is "
                    f"{gives}."
                )

    def made_for(self, *specs: Any) -> Any:
        """The sizes of these inputs that the weights are made for, once the layer is built.

        Asked when it is built and of every input of another kind; the same must come out. By
        default nothing of a layer that refuses other sizes in its `output_spec`, and the last axis
        where a weight of the layer has its size.
        """
        first = specs[0] if specs else None
        if not self.tried_once or not isinstance(first, Spec) or not first.shape:
            return None
        last = first.shape[-1]
        if self._made_for is not None:
            return last
        own = (w for w in (*self._parameters.values(), *self._buffers.values()) if w is not None)
        return last if any(last in weight.shape for weight in own) else None

    def compute_output_shape(self, *shapes: Any, **named: Any) -> Any:
        """The shape of what comes out, batch included, for inputs of these shapes."""
        kind = self.input_dtype
        if "input_shape" in named and not shapes:
            shapes = (named.pop("input_shape"),)
        named = of_arguments(named)
        out = self.spec_for(
            *[specs_of_shapes(s, kind) for s in shapes],
            **{name: specs_of_shapes(s, kind) for name, s in named.items()},
        )
        return shapes_of_specs(out, batch_in([*shapes, *named.values()][0]))

    def compute_output_spec(self, *inputs: Any, **options: Any) -> Any:
        """A symbol for what comes out of the layer for such symbols or batches; nothing is run."""
        known = {name: specs_of(value) for name, value in options.items()}
        out = self.spec_for(*map(specs_of, inputs), **known)
        return arranged(map(Symbol, flat(out)), out)

    def ensure_built(self, *specs: Any, **options: Any) -> Any:
        """Builds the layer if it is not yet built, and gives its output's spec."""
        out = self.spec_for(*specs, **options)
        if not self.built:
            self._keeps_steps = [spec.ragged for spec in flat(out) if isinstance(spec, Spec)]
            self._make(specs, options)
            if [self._brought(spec) for spec in specs] != list(specs):
                # Now there are weights, into whose type inputs are brought.
                out = self.spec_for(*specs, **options)
        return out

    def _make(self, specs: Sequence[Any], options: dict[str, Any], inside: bool = True) -> None:
        """Builds the layer, and those inside it where that is asked."""
        older.check_shape(self._told_shape, specs[0] if specs else None, self.who)
        # A weight that is made in inference mode could never be trained.
        with torch.inference_mode(False):
            of = {k: v for k, v in options.items() if isinstance(v, Spec)}
            if self._written.grids:
                of.pop("mask", None)  # no batch, and nothing that weights are made for
            self.build(*specs, **of)
            self.built, self.built_for = True, tuple(specs)
            self._made_for = self.made_for(*specs)
            if inside and any(isinstance(m, Building) and not m.built for m in self.modules()):
                build_inside(self, tuple(specs), options)
        if not self.trainable:
            self.trainable = False  # of what has been made since it was set

    def spec_for(self, *specs: Any, **options: Any) -> Any:
        """What comes out for inputs of these specs, asked of a layer that others hold.

        Raises:
            ValueError: the layer cannot take them; see `output_spec`.
        """
        self._refuse_other_sizes(specs)
        try:
            found = self.output_spec(*map(self._brought, specs), **options)
        except TypeError:
            self._refuse_other_arguments(specs, options)
            raise
        if self.half_type is None or self.is_model:  # a model gives what its layers give
            return found
        return rounding.in_spec(found, self.half_type)

    def _refuse_other_arguments(self, specs: Sequence[Any], options: dict[str, Any]) -> None:
        try:
            inspect.signature(self.output_spec).bind(*specs, **options)
        except TypeError as error:
            names = ", ".join(inspect.signature(self.forward).parameters)
            raise TypeError(f"{self.who}: {error}. It is called as layer({names}).") from None

    def _refuse_other_sizes(self, specs: Sequence[Any]) -> None:
        self._refuse_levels(specs)
        if self._made_for is not None and self.made_for(*specs) != self._made_for:
            raise ValueError(
                f"{self.who}: built for {self._made_for} features, got "
                f"{', '.join(map(str, specs))}."
            )

    def _refuse_levels(self, specs: Any) -> None:
        if not self.one_level:
            return
        for spec in specs:
            if isinstance(spec, (list, tuple)):
                self._refuse_levels(spec)
            elif isinstance(spec, Spec) and spec.ragged and spec.levels > 1:
                raise ValueError(
                    f"{self.who}: expected sequences of steps, got sequences of sequences, {spec}. "
                    f"On each inner sequence: TimeDistributed({type(self).__name__}(...)); over "
                    "all steps of an outer one: x.merge_levels()."
                )
