"""What older Keras's layers were told and said beside their own work: shapes and masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import unexpected
from ..ragged import Ragged
from ..spellings import tell_once, warn_once
from .spec import Spec
from .symbol import Symbol

Shape = tuple[int | None, ...]


def shape_in(kwargs: Mapping[str, Any], layer: Any) -> Shape | None:
    """What a layer's constructor is told of the model's input, without the batch; None if nothing.

    Args:
        kwargs: arguments that are the layer's own in no other way.
        layer: whose they are; of one that walks time `input_dim` is the size of a step.

    Raises:
        TypeError: an argument is none of these.
    """
    who = layer.who
    known = ("input_shape", "batch_input_shape", "input_dim", "input_length")
    unknown = [name for name in kwargs if name not in known]
    if unknown:
        raise unexpected(who, unknown[0], type(layer))
    if not kwargs:
        return None
    if kwargs.get("input_shape") is not None:
        shape = _sizes(kwargs["input_shape"], "input_shape", who)
    elif kwargs.get("batch_input_shape") is not None:
        shape = _sizes(kwargs["batch_input_shape"], "batch_input_shape", who)[1:]
    elif "input_dim" in kwargs:
        in_time = layer._in_time or "input_length" in kwargs
        shape = (*([kwargs.get("input_length")] if in_time else []), kwargs["input_dim"])
    else:
        raise TypeError(f"{who}: {next(iter(kwargs))}= says too little of the input.")
    tell_once(who, f"{next(iter(kwargs))}=", f"keras.Input(shape={shape}) before the first layer")
    return shape


def length_told(length: Any, who: str) -> Shape:
    """The input's shape that an Embedding's `input_length` tells: a size, or one for each axis."""
    shape = tuple(length) if isinstance(length, (tuple, list)) else (length,)
    tell_once(who, "input_length=", f"keras.Input(shape={shape}) before it")
    return shape


def _sizes(given: Any, name: str, who: str) -> Shape:
    if not isinstance(given, (tuple, list)):
        raise ValueError(f"{who}: expected {name} as a tuple of sizes, got {given!r}.")
    return tuple(given)


def check_shape(told: Shape | None, spec: Any, who: str) -> None:
    """Warns where a layer was told another shape than it gets: what comes in is what counts."""
    if told is None or not isinstance(spec, Spec):
        return
    comes = spec.full_shape[1:]
    pairs = zip(told, comes, strict=False)
    if len(told) != len(comes) or any(None not in (a, b) and a != b for a, b in pairs):
        warn_once(
            f"shape of {who}",
            f"{who}: built with input_shape={told}, but it gets {spec}, and that is what counts. "
            "Only a model's first layer says what comes in: leave input_shape out.",
        )


def as_told(told: Shape | None, spec: Spec) -> Spec:
    """A grid's spec with the sizes that were told and are not known otherwise."""
    if told is None or spec.ragged or len(told) != len(spec.shape):
        return spec
    pairs = zip(told, spec.shape, strict=True)
    return spec.with_shape(tuple(a if b is None else b for a, b in pairs))


class Shown:
    """An attribute that a layer answers unless it has one of its own of this name.

    Args:
        answer: of the layer.
    """

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.answer = answer
        self.__doc__ = answer.__doc__

    def __get__(self, layer: Any, owner: Any = None) -> Any:
        return self if layer is None else self.answer(layer)


def _shapes(layer: Any, side: str) -> Any:
    found = _symbols(layer, side)
    tell_once(layer.who, f"{side}_shape", f"layer.{side}.shape")
    if isinstance(found, dict):
        return {name: symbol.shape for name, symbol in found.items()}
    return found.shape if isinstance(found, Symbol) else [s.shape for s in found]


def _masks(layer: Any, side: str) -> Any:
    found = _symbols(layer, side)
    if isinstance(found, Symbol):
        return _mask_of(found, f"{side} mask of {layer.name}")
    if isinstance(found, dict):
        return {n: _mask_of(s, f"{side} mask of {layer.name}") for n, s in found.items()}
    return [_mask_of(s, f"{side} mask of {layer.name}") for s in found]


def _symbols(layer: Any, side: str) -> Any:
    is_model = hasattr(type(layer), "inputs")  # which knows its own ends
    if len(layer._nodes) != 1 and not is_model:
        raise AttributeError(
            f"{layer.who}: there is no one {side}: the layer stands in a graph "
            f"{len(layer._nodes)} times. A Sequential is a graph when it begins with keras.Input."
        )
    return getattr(layer, side)


def _mask_of(symbol: Symbol, name: str) -> Symbol | None:
    if not symbol.spec.ragged:
        return None
    mask = Symbol.operation(steps_that_are)(symbol)
    mask.name, mask.spec = name, mask.spec.with_shape((symbol.spec.width,))
    return mask


def steps_that_are(batch: Ragged) -> Any:
    """(batch, time) bool: True where a step is."""
    return batch.mask


input_mask = Shown(lambda layer: _masks(layer, "input"))
output_mask = Shown(lambda layer: _masks(layer, "output"))
input_shape = Shown(lambda layer: _shapes(layer, "input"))
output_shape = Shown(lambda layer: _shapes(layer, "output"))
