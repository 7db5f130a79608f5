"""Layers of grids whose features may stand before time: `data_format="channels_first"`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import arguments
from .layer import Layer
from .spec import Spec


class Channelled(Layer):
    """A layer that takes grids (batch, feature, time) too, as (batch, time, feature) turned.

    A Ragged has its features behind its steps, whatever is said of grids, and is refused by a layer
    that is told to expect them in front. What comes out is turned back, where it has a time axis.
    """

    #: "channels_first", "channels_last", or None, which is the same.
    data_format: str | None = None

    def told_format(self, data_format: str | None) -> str | None:
        """The format, if it is one of Keras's."""
        known = ("channels_last", "channels_first", None)
        arguments.word(self.who, "data_format", data_format, known)
        if data_format == "channels_first":
            self._plain = False  # each call is turned
        return data_format

    def spec_for(self, *specs: Any, **options: Any) -> Any:
        if self.data_format != "channels_first":
            return super().spec_for(*specs, **options)
        out = super().spec_for(*map(self._turned, specs), **options)
        return out.with_shape((out.shape[-1], *out.shape[:-1])) if len(out.shape) > 1 else out

    def _turned(self, spec: Spec) -> Spec:
        if spec.ragged:
            raise ValueError(
                f"{self.who}: data_format='channels_first' is of grids (batch, feature, time), got "
                f"{spec}, whose features stand behind its steps. Leave it out."
            )
        return spec.with_shape((*spec.shape[1:], *spec.shape[:1]))

    def _make(self, specs: Sequence[Any], options: dict[str, Any], inside: bool = True) -> None:
        if self.data_format != "channels_first":
            super()._make(specs, options, inside)
            return
        super()._make([self._turned(spec) for spec in specs], options, inside)
        self.built_for = tuple(specs)

    def computed(self, run: Callable[..., Any], inputs: Sequence[Any], options: Any) -> Any:
        if self.data_format != "channels_first":
            return super().computed(run, inputs, options)
        turned = [x.movedim(1, -1) if x.ndim > 2 else x for x in inputs]
        out = super().computed(run, turned, options)
        return out.movedim(-1, 1) if out.ndim > 2 else out
