"""Keras's shapes, the batch in front, as specs and back: what `build` can be asked with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch

from .spec import Spec
from .structure import flat


def is_shape(x: Any) -> bool:
    """Whether it is a shape with the batch: sizes, None for any."""
    return (
        isinstance(x, (tuple, list))
        and len(x) > 0
        and not isinstance(x, Spec)
        and all(n is None or (isinstance(n, int) and not isinstance(n, bool)) for n in x)
    )


def are_shapes(x: Any) -> bool:
    """Whether it is a shape, or a list or dict of them."""
    if is_shape(x):
        return True
    parts = list(x.values()) if isinstance(x, dict) else x
    return isinstance(parts, (tuple, list)) and len(parts) > 0 and all(map(are_shapes, parts))


def of_arguments(named: Mapping[str, Any]) -> dict[str, Any]:
    """Shapes by the arguments whose they are: Keras says `query_shape` of a `query`."""
    return {name.removesuffix("_shape"): shape for name, shape in named.items()}


def specs_of_shapes(x: Any, dtype: torch.dtype) -> Any:
    """Shapes as specs of grids, in the same arrangement."""
    if x is None:
        return None
    if is_shape(x):
        return Spec(tuple(x)[1:], False, dtype)
    if isinstance(x, dict):
        return {key: specs_of_shapes(part, dtype) for key, part in x.items()}
    return [specs_of_shapes(part, dtype) for part in x]


def shapes_of_specs(x: Any, batch: int | None) -> Any:
    """Specs as Keras's shapes of batches of this size."""
    if isinstance(x, Spec):
        return (batch, *x.full_shape[1:])
    if isinstance(x, dict):
        return {key: shapes_of_specs(part, batch) for key, part in x.items()}
    return [shapes_of_specs(part, batch) for part in x]


def batch_in(shapes: Any) -> int | None:
    """The size of the batch that the first of the shapes names."""
    return shapes[0] if is_shape(shapes) else flat(shapes)[0]


def takes_shapes(build: Callable[..., Any]) -> Callable[..., Any]:
    """A layer's `build` that can also be asked from outside, with shapes instead of specs."""

    @functools.wraps(build)
    def asked(self: Any, *specs: Any, **options: Any) -> Any:
        if "input_shape" in options and not specs:
            specs = (options.pop("input_shape"),)
        if any(name.endswith("_shape") for name in options) and type(self).build is asked:
            options = of_arguments(options)
        given = (*specs, *options.values())
        # Only the outermost `build` is asked with shapes: an override may hand them to its parent.
        if given and all(map(are_shapes, given)) and type(self).build is asked:
            self.ensure_built(
                *[specs_of_shapes(s, self.input_dtype) for s in specs],
                **{name: specs_of_shapes(s, self.input_dtype) for name, s in options.items()},
            )
            return None
        return build(self, *specs, **options)

    return asked
