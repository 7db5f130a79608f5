"""What a layer gives that says nothing of itself: it is tried on a batch of zeros."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from ..ragged import Layout, Ragged
from .spec import Spec, spec_of

# Two sequences, in two trials of different lengths: a size that follows the length is any size.
_ROWS = 2
_SIZES = (3, 4)


def tried(layer: Any, specs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The specs of what comes out for inputs of these specs.

    Args:
        layer: run on zeros in evaluation mode, as a copy: nothing of it changes.
        specs: of its inputs; what is no spec is passed as it is.
        options: likewise.

    Raises:
        ValueError: it fails, or gives something else than a row or a step for each it takes.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        layer = copy.deepcopy(layer).eval()
        if not layer.built:
            layer.build(*specs)
        return tried_function(layer.forward, specs, options, layer.who)


def tried_function(function: Any, specs: tuple[Any, ...], options: dict[str, Any], who: str) -> Any:
    """The same for any function of batches."""
    first, second = (_run(function, specs, options, size, who) for size in _SIZES)
    if isinstance(first, (list, tuple)):
        return [_spec(a, b, specs, who) for a, b in zip(first, second, strict=True)]
    return _spec(first, second, specs, who)


def _run(
    function: Any, specs: tuple[Any, ...], options: dict[str, Any], size: int, who: str
) -> Any:
    layout = Layout(torch.tensor([0, size, size + 1]), None, size)
    inputs = [_zeros(spec, layout) for spec in specs]
    more = {name: _zeros(value, layout) for name, value in options.items()}
    try:
        with torch.no_grad():
            return function(*inputs, **more)
    except Exception as error:
        shown = ", ".join(str(s) for s in specs if isinstance(s, (Spec, list)))
        text = str(error).strip() or type(error).__name__
        raise ValueError(f"{who}: fails on inputs {shown}: {text}") from error


def _zeros(spec: Any, layout: Layout) -> Any:
    if isinstance(spec, list):
        return [_zeros(s, layout) for s in spec]
    if not isinstance(spec, Spec):
        return spec
    shape = [layout.time if n is None else n for n in spec.shape]
    rows = layout.steps if spec.ragged else _ROWS
    values = torch.zeros(rows, *shape, dtype=spec.dtype)
    return Ragged(values, layout) if spec.ragged else values


def _spec(first: Any, second: Any, specs: tuple[Any, ...], who: str) -> Spec:
    if not isinstance(first, (Ragged, Tensor)) or type(first) is not type(second):
        raise ValueError(
            f"{who}: expected it to give a Ragged or a tensor, got {type(first).__name__}."
        )
    if isinstance(first, Tensor) and (first.ndim == 0 or len(first) != _ROWS):
        raise ValueError(
            f"{who}: gives {tuple(first.shape)} for {_ROWS} sequences; it must give a Ragged, or "
            "one row for each sequence."
        )
    a, b = spec_of(first), spec_of(second)
    sizes = tuple(n if n == m else None for n, m in zip(a.shape, b.shape, strict=True))
    lengths = None
    if isinstance(first, Ragged) and first.lengths.tolist() == [_SIZES[0], 1]:
        flat = [s for part in specs for s in (part if isinstance(part, list) else [part])]
        known = [s.lengths for s in flat if isinstance(s, Spec) and s.ragged]
        lengths = known[0] if known else None
    return Spec(sizes, a.ragged, a.dtype, lengths)
