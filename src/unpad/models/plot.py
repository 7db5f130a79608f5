"""plot_model: a model as a picture, with what each layer does to the sequences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.operation import Operation
from ..core.structure import flat
from ..errors import refuse
from ..layers import Layer, Spec
from ..ragged.numbers import type_name
from .functional import Functional
from .pictures.boxes import Box, Parts
from .pictures.picture import Picture
from .sequential import Sequential
from .summary import effect


@dataclass(frozen=True)
class Options:
    """What is shown of a layer; see `plot_model`."""

    shapes: bool
    dtype: bool
    names: bool
    activations: bool
    trainable: bool
    nested: bool


def plot_model(
    model: Any,
    to_file: str | Path | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    **kwargs: Any,
) -> Any:
    """Draws a model's graph: a box for each layer, its colour by what it does to the sequences.

    Green opens the door: what is no step is gone from there on. Blue keeps every step, amber
    changes the lengths, purple reduces each sequence to one row, grey knows no sequences. A thick
    line carries real steps alone, a thin one grids or rows. It needs matplotlib and no other
    program.

    Args:
        model: a Sequential, or a model drawn from symbols; built.
        to_file: where the picture goes, its kind by the ending: .png, .svg, .pdf; None for none.
        show_shapes: whether to write what goes in and what comes out: steps* is the axis of real
            steps.
        show_dtype: whether to write the types.
        show_layer_names: whether to write the names beside the kinds.
        rankdir: "TB" from top to bottom, "LR" from left to right, "BT", "RL".
        expand_nested: whether models inside are drawn out.
        dpi: dots an inch of a .png.
        show_layer_activations: whether to write the activations.
        show_trainable: whether to write which layers are trained.
        kwargs: Keras's splines and layer_range, which are refused.

    Returns:
        The picture, which a notebook shows; `picture.figure` is matplotlib's.

    Raises:
        ValueError: the model is not built or has no graph; an option is not known.
        ImportError: matplotlib is not installed.

    Example:
        >>> model = unpad.Sequential([unpad.Input((None, 5)), unpad.layers.Masking()])
        >>> plot_model(model, to_file=None, show_shapes=True)
        <Picture of Sequential 'sequential'>
    """
    refuse("plot_model", **kwargs)
    options = Options(
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable,
        expand_nested,
    )  # fmt: skip
    if not isinstance(model, (Sequential, Functional)):
        raise ValueError(
            f"plot_model: expected a Sequential or a model drawn from symbols, got "
            f"{type(model).__name__}, which has no graph: what its forward does is not known. "
            "Draw it: Model(inputs, outputs)."
        )
    title = f"{type(model).__name__} {model.name!r}"
    picture = Picture(_parts(model, (), options), title, rankdir)
    if to_file is not None:
        picture.save(to_file, dpi)
    return picture


def _parts(model: Sequential | Functional, specs: tuple[Any, ...], options: Options) -> Parts:
    return (_of_chain if isinstance(model, Sequential) else _of_graph)(model, specs, options)  # pyright: ignore[reportArgumentType]


def _of_chain(model: Sequential, specs: tuple[Any, ...], options: Options) -> Parts:
    held = model.specs(*(specs or [model.input_spec or getattr(model, "_built_for", None)]))
    parts = Parts([_input("input", held[0], options)])
    for i, layer in enumerate(model.layers):
        also = model._also(layer, held[: i + 1])
        like = [s for s in also.values() if isinstance(s, Spec)]
        parts.boxes.append(_box(layer, [held[i], *like], [held[i + 1]], options))
        parts.edges.append((i, i + 1, held[i].ragged))
        parts.edges += [(_place(held, s), i + 1, s.ragged) for s in like]
    return parts


def _place(held: list[Any], spec: Spec) -> int:
    return next(i for i, other in enumerate(held) if other is spec)


def _of_graph(model: Functional, specs: tuple[Any, ...], options: Options) -> Parts:
    graph = model._graph
    held = model.specs(*specs)
    parts = Parts()
    source: dict[int, int] = {}
    for i, name in enumerate(model.input_names):
        source[i] = i
        parts.boxes.append(_input(str(name), held[i], options))
    seen: set[str] = set()
    for call in graph.calls:
        layer = model._part(call.layer)
        inputs, more = graph.arguments(call, held, model._part)
        before = [s for s in flat([*inputs, *more.values()]) if isinstance(s, Spec)]
        box = _box(layer, before, [held[wire] for wire in call.outputs], options)
        if call.layer in seen:
            box.title += ", shared"
        seen.add(call.layer)
        here = len(parts.boxes)
        parts.boxes.append(box)
        for wire in call.reads:
            edge = (source[wire], here, held[wire].ragged)
            if edge not in parts.edges:
                parts.edges.append(edge)
        source |= dict.fromkeys(call.outputs, here)
    return parts


def _input(name: str, spec: Spec, options: Options) -> Box:
    title = f"{name} (Input)" if options.names and name != "input" else "Input"
    return Box(title, "input", _shown([], [spec], options))


_DOES = {"opens": "opens", "keeps": "keeps", "changes the lengths": "changes", "reduces": "reduces"}


def _box(layer: Layer, before: list[Spec], after: list[Spec], options: Options) -> Box:
    inner = getattr(layer, "layer", None) or getattr(layer, "forward_layer", None)
    kind = type(getattr(layer, "module", layer)).__name__
    kind += f" of {type(inner).__name__}" if inner is not None else ""
    main = next((s for s in before if s.ragged), before[0])
    does = _DOES.get(effect(main, after[0]), "rows")
    if isinstance(layer, Operation):
        return Box(layer.name, does, _shown([], after, options), small=True)
    title = f"{layer.name} ({kind})" if options.names else kind
    box = Box(title, does, _shown(before, after, options))
    activation = getattr(inner or layer, "activation", None)
    if options.activations and activation is not None:
        box.lines.append(("act", getattr(activation, "__name__", str(activation))))
    if options.trainable and layer.count_params():
        box.lines.append(("", "trained" if layer.trainable else "frozen"))
    if options.nested and isinstance(layer, (Sequential, Functional)):
        box.inside = _parts(layer, tuple(before), options)
    return box


def _shown(before: list[Spec], after: list[Spec], options: Options) -> list[tuple[str, str]]:
    rows = [*(("in", s) for s in before), *(("out", s) for s in after)]
    if not before:
        rows = [("", s) for _, s in rows]
    lines = []
    for word, spec in rows:
        kind = type_name(spec.dtype)
        text = [str(spec)] if options.shapes else []
        text += [kind] if options.dtype else []
        if text:
            lines.append((word, " ".join(text)))
    return lines
