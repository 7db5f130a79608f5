"""What a layer gives that says nothing of itself: it is tried on a batch of ones."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..ragged import Layout, Ragged
from .grids import laid_out
from .passes import Pass
from .spec import Spec, spec_of
from .structure import flat, listed

# Two sequences, in two trials of different lengths: a size that follows the length is any size.
# Both are even, for what halves a grid.
_ROWS = 2
_SIZES = (4, 6)
# Flags of a layer that change nothing about the shapes it gives.
_STATES = {"training", "built", "name", "given_name"}


def tried(layer: Any, specs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The specs of what comes out for inputs of these specs.

    Tried once: what was found is kept with the layer, for as long as it is made of the same parts.

    Args:
        layer: run on ones in evaluation mode, as a copy: nothing of it changes.
        specs: of its inputs; what is no spec is passed as it is.
        options: likewise.

    Raises:
        ValueError: it fails, or gives something else than a row or a step for each it takes.
    """
    asked = (*specs, *options.values())
    known = remembered(layer)
    for key in (_key(specs, options), _key(_of_any_time(specs), _of_any_time(options))):
        if key is not None and key in known:
            return _filled(known[key], asked)
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.no_grad():
        fresh = copy.deepcopy(layer).eval()
        if not fresh.built:
            fresh.build(*specs)
        found = _tried(_computing(fresh), specs, options, layer.who)
        key, of_any, more = _key(specs, options), _of_any_time(specs), _of_any_time(options)
        if key is not None:
            known[key] = found
        if key is not None and key != _key(of_any, more):
            # Grids come in ever new widths: where it works without one, a single trial serves all.
            with contextlib.suppress(ValueError):
                known[_key(of_any, more)] = _tried(_computing(fresh), of_any, more, layer.who)
    return _filled(found, asked)


def remembered(layer: Any) -> dict[Any, Any]:
    """What has been found of a layer, forgotten where it is made of other parts than then."""
    parts = tuple(part for module in layer.modules() for part in _parts(module))
    if layer._outlines.get("parts") != parts:
        layer._outlines = {"parts": parts}
    return layer._outlines


def _parts(module: Any) -> list[Any]:
    """What a module is made of: itself, and what someone may have switched on or off in it."""
    if not getattr(module, "tried_once", False):
        return [id(module)]
    switches = [
        (name, value)
        for name, value in vars(module).items()
        if isinstance(value, (bool, str))
        and name not in _STATES
        and not name.startswith(("_", "stop_"))
    ]
    return [id(module), *switches]


def _computing(layer: Any) -> Any:
    return lambda *inputs, **options: layer.computed(layer.forward, inputs, options)


def _key(specs: Any, options: dict[str, Any]) -> Any:
    """Specs and options as a key of a dictionary; None where they cannot be one."""
    try:
        key = (_frozen(specs), _frozen(options))
        hash(key)
    except TypeError:
        return None
    return key


def _frozen(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return tuple((name, _frozen(part)) for name, part in value.items())
    return value


def _of_any_time(value: Any) -> Any:
    """The same with grids of any number of slots."""
    if isinstance(value, (list, tuple)):
        parts = [_of_any_time(part) for part in value]
        return tuple(parts) if type(value) is tuple else listed(parts, value)
    if isinstance(value, dict):
        return {name: _of_any_time(part) for name, part in value.items()}
    if isinstance(value, Spec) and not value.ragged and value.shape:
        return value.with_shape((None, *value.shape[1:]))
    return value


def build_inside(layer: Any, specs: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Builds the layers that a layer calls, by running it once on ones.

    A mask of pairs of steps is left out: it is as large as its own batch, and no weight hangs
    on it.
    """
    options = {k: v for k, v in options.items() if not k.endswith("attention_mask")}
    was_training = layer.training
    try:
        _run(_computing(layer.eval()), specs, options, _layout(specs, _SIZES[0]), layer.who)
    finally:
        layer.train(was_training)
    remembered(layer)


def tried_function(function: Any, specs: tuple[Any, ...], options: dict[str, Any], who: str) -> Any:
    """The same for any function of batches."""
    return _filled(_tried(function, specs, options, who), (*specs, *options.values()))


class _Outline(NamedTuple):
    """What comes out, whatever the lengths: a spec, and the place of the input that has its."""

    spec: Spec
    like: int | None


def _tried(function: Any, specs: tuple[Any, ...], options: dict[str, Any], who: str) -> Any:
    layouts = [_layout(specs, size) for size in _SIZES]
    first, second = (_run(function, specs, options, layout, who) for layout in layouts)
    asked = (*specs, *options.values())
    if isinstance(first, dict):
        pairs = {key: (part, second[key]) for key, part in first.items()}
        return {key: _outline(a, b, asked, layouts[0], who) for key, (a, b) in pairs.items()}
    if isinstance(first, (list, tuple)):
        pairs = zip(first, second, strict=True)
        return [_outline(a, b, asked, layouts[0], who) for a, b in pairs]
    return _outline(first, second, asked, layouts[0], who)


def _filled(outline: Any, asked: tuple[Any, ...]) -> Any:
    """The specs of an outline, with the lengths that these inputs have."""
    if isinstance(outline, dict):
        return {key: _filled(part, asked) for key, part in outline.items()}
    if isinstance(outline, list):
        return [_filled(part, asked) for part in outline]
    if outline.like is None:
        return outline.spec
    like = _specs_in(asked)[outline.like]
    width = like.width if like.ragged else like.shape[0]
    return replace(outline.spec, lengths=like.lengths, width=width)


def _run(
    function: Any, specs: tuple[Any, ...], options: dict[str, Any], layout: Layout, who: str
) -> Any:
    inputs = [ones_like(spec, layout) for spec in specs]
    more = {name: ones_like(value, layout) for name, value in options.items()}
    try:
        with torch.no_grad(), Pass():
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
    if isinstance(spec, dict):
        return {key: ones_like(s, layout) for key, s in spec.items()}
    if isinstance(spec, list) or hasattr(spec, "_fields"):
        return listed([ones_like(s, layout) for s in spec], spec)
    if not isinstance(spec, Spec):
        return spec
    shape = [layout.time if n is None else n for n in spec.shape]
    if not spec.ragged:
        return torch.ones(_ROWS, *shape, dtype=spec.dtype)
    if spec.levels == 1:
        return Ragged(torch.ones(layout.steps, *shape, dtype=spec.dtype), layout)
    inner = Layout.from_lengths([2] * layout.steps)
    return Ragged(ones_like(spec.inner, inner), layout)


def _outline(first: Any, second: Any, asked: Any, layout: Layout, who: str) -> _Outline:
    if type(first) is not type(second):
        # In one trial a grid was taken for a Ragged, as its width was by chance that of the slots.
        first, second = (laid_out(x)[0] for x in (first, second))
    if not isinstance(first, (Ragged, Tensor)):
        raise ValueError(
            f"{who}: expected it to give a Ragged or a tensor, got {type(first).__name__}."
        )
    if isinstance(first, Tensor) and (first.ndim == 0 or first.shape[0] != _ROWS):
        raise ValueError(
            f"{who}: gives {tuple(first.shape)} for {_ROWS} sequences; it must give a Ragged, or "
            "one row for each sequence."
        )
    a, b = spec_of(first), spec_of(second)
    sizes = tuple(n if n == m else None for n, m in zip(a.shape, b.shape, strict=True))
    if not isinstance(first, Ragged):
        return _Outline(Spec(sizes, False, a.dtype), None)
    spec = Spec(sizes, True, a.dtype, levels=a.levels)
    return _Outline(spec, _same_steps(first, asked, layout))


def _same_steps(output: Ragged, asked: tuple[Any, ...], layout: Layout) -> int | None:
    """Whose lengths an output has: the place of the first input that has the same."""
    for place, spec in enumerate(_specs_in(asked)):
        if not spec.ragged and not spec.shape:
            continue
        time = layout.time if spec.ragged else spec.shape[0] or layout.time
        like = layout if spec.ragged else Layout.full(_ROWS, time)
        if output.layout.agrees(like):
            return place
    return None
