"""What a layer gives that says nothing of itself: it is tried on a batch of ones."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from ..ragged import Layout, Ragged
from .spec import Spec, spec_of
from .structure import flat

# Two sequences, in two trials of different lengths: a size that follows the length is any size.
_ROWS = 2
_SIZES = (3, 4)


def tried(layer: Any, specs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The specs of what comes out for inputs of these specs.

    Args:
        layer: run on ones in evaluation mode, as a copy: nothing of it changes.
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


def build_inside(layer: Any, specs: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Builds the layers that a layer calls, by running it once on ones."""
    was_training = layer.training
    try:
        tried_function(layer.eval().forward, specs, options, layer.who)
    finally:
        layer.train(was_training)


def tried_function(function: Any, specs: tuple[Any, ...], options: dict[str, Any], who: str) -> Any:
    """The same for any function of batches."""
    layouts = [_layout(specs, size) for size in _SIZES]
    first, second = (_run(function, specs, options, layout, who) for layout in layouts)
    if isinstance(first, (list, tuple)):
        return [_spec(a, b, specs, layouts[0], who) for a, b in zip(first, second, strict=True)]
    return _spec(first, second, specs, layouts[0], who)


def _run(
    function: Any, specs: tuple[Any, ...], options: dict[str, Any], layout: Layout, who: str
) -> Any:
    inputs = [ones_like(spec, layout) for spec in specs]
    more = {name: ones_like(value, layout) for name, value in options.items()}
    try:
        with torch.no_grad():
            return function(*inputs, **more)
    except Exception as error:
        shown = ", ".join(map(str, _specs_in(specs)))
        text = str(error).strip() or type(error).__name__
        raise ValueError(f"{who}: fails on inputs {shown}: {text}") from error


def _specs_in(arguments: tuple[Any, ...]) -> list[Spec]:
    return [s for s in flat(arguments) if isinstance(s, Spec)]


def _layout(specs: tuple[Any, ...], size: int) -> Layout:
    """Two sequences, in a grid of as many slots as one that stands beside a Ragged has."""
    known = _specs_in(specs)
    ranks = {len(s.shape) + 1 for s in known if s.ragged}
    grids = [s.shape[0] for s in known if not s.ragged and len(s.shape) in ranks and s.shape]
    width = next((n for n in grids if n is not None), size)
    longest = min(size, width)
    return Layout(torch.tensor([0, longest, longest + min(1, width)]), None, width)


def ones_like(spec: Any, layout: Layout) -> Any:
    """A batch of this spec on the layout, or on its grid; ones, so that every slot is a step."""
    if isinstance(spec, list):
        return [ones_like(s, layout) for s in spec]
    if not isinstance(spec, Spec):
        return spec
    shape = [layout.time if n is None else n for n in spec.shape]
    if not spec.ragged:
        return torch.ones(_ROWS, *shape, dtype=spec.dtype)
    if spec.levels == 1:
        return Ragged(torch.ones(layout.steps, *shape, dtype=spec.dtype), layout)
    inner = Layout.from_lengths([2] * layout.steps)
    return Ragged(ones_like(spec.inner, inner), layout)


def _spec(first: Any, second: Any, specs: tuple[Any, ...], layout: Layout, who: str) -> Spec:
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
    if not isinstance(first, Ragged):
        return Spec(sizes, False, a.dtype)
    like = _same_steps(first, specs, layout)
    if like is None:
        return Spec(sizes, True, a.dtype, levels=a.levels)
    width = like.width if like.ragged else like.shape[0]
    return Spec(sizes, True, a.dtype, like.lengths, width, a.levels)


def _same_steps(output: Ragged, specs: tuple[Any, ...], layout: Layout) -> Spec | None:
    """Whose lengths an output has: the first input that has the same."""
    for spec in _specs_in(specs):
        if not spec.ragged and not spec.shape:
            continue
        time = layout.time if spec.ragged else spec.shape[0] or layout.time
        like = layout if spec.ragged else Layout.full(_ROWS, time)
        if output.layout.agrees(like):
            return spec
    return None
