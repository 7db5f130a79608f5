"""A model as a table: each layer's output, weights, and what it does with the sequences."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from ..arguments import wrong
from ..core import precision
from ..errors import unknown
from ..layers import Layer, Spec, TorchModule


class Row(NamedTuple):
    """A line of the table."""

    layer: str
    output: str
    weights: str
    sequences: str
    policy: str = ""
    source: str = ""
    trained: str = ""


class Asked(NamedTuple):
    """What a summary shall show; see `Model.summary`."""

    line_length: int | None = None
    expand_nested: bool = False
    show_trainable: bool = False
    layer_range: Any = None


def table_of(model: Any, asked: Asked) -> list[Row]:
    """The lines of a model's table, those of models within it too where that is asked."""
    rows = model._table() if model.built else of_children(model)
    layers = {layer.name + _kind(layer): layer for layer in model.layers}
    found = []
    for row in rows:
        layer = layers.get(row.layer)
        found.append(row._replace(trained=_trained(layer)))
        if layer is not None and asked.expand_nested and getattr(layer, "is_model", False):
            inside = table_of(layer, asked._replace(layer_range=None))
            names = {"input", *(layer.input_names or ())}
            rest = (r for r in inside if r.layer not in names)
            found += [r._replace(layer=f"  {r.layer}") for r in rest]
    return found if asked.layer_range is None else _between(model, found, asked.layer_range)


def _trained(layer: Layer | None) -> str:
    weights = [] if layer is None else [w.requires_grad for w in layer.parameters()]
    return (
        "-" if not weights else "yes" if all(weights) else "no" if not any(weights) else "in part"
    )


def _between(model: Any, rows: list[Row], ends: Any) -> list[Row]:
    """The lines from one layer to another, by their names."""
    if not isinstance(ends, (list, tuple)) or len(ends) != 2:
        raise wrong(f"{model.who}.summary", "layer_range", "two names of layers", ends)
    places = []
    for end in ends:
        fits = [i for i, r in enumerate(rows) if re.fullmatch(end, r.layer.split(" (")[0])]
        if not fits:
            known = [layer.name for layer in model.layers]
            raise unknown(f"{model.who}.summary", "layer", end, known)
        places.append((fits[0], fits[-1]))
    return rows[min(p[0] for p in places) : max(p[1] for p in places) + 1]


def summary(
    model: Any,
    rows: Sequence[Row],
    print_fn: Callable[[str], None] | None = None,
    asked: Asked = Asked(),  # noqa: B008 - a value that cannot change
) -> None:
    """Prints the table. See `Model.summary`."""
    table = Table(
        title=f"{type(model).__name__} {model.name!r}", title_justify="left", box=box.SIMPLE_HEAD
    )
    table.add_column("layer", no_wrap=True)
    table.add_column("output", no_wrap=True)
    table.add_column("weights", justify="right")
    table.add_column("sequences")
    names = {row.policy for row in rows if row.policy}
    # A column only where it says something: most models have one policy.
    told = {
        "policy": len(names) > 1,
        "from": any(row.source for row in rows),
        "trained": asked.show_trainable,
    }
    for name in (name for name, there in told.items() if there):
        table.add_column(name, overflow="fold", no_wrap=name == "policy")
    for row in rows:
        more = zip(row[-len(told) :], told.values(), strict=True)
        table.add_row(*row[: -len(told)], *(text for text, there in more if there))
    total = model.count_params()
    trainable = sum(w.numel() for w in model.parameters() if w.requires_grad)
    foot = f"{total:,} weights"
    if trainable != total:
        foot += f", {trainable:,} of them trained"
    foot += "".join(f"\n{line}" for line in _types(model, sorted(names)))
    if print_fn is None:
        console = Console(width=asked.line_length)
        console.print(table)
        console.print(foot, highlight=False, soft_wrap=True)
        return
    text = io.StringIO()
    console = Console(file=text, width=asked.line_length or 100)
    console.print(table)
    print_fn(text.getvalue() + foot)


def row_of(layer: Layer, before: Spec, after: Any, source: str = "") -> Row:
    """The line of a layer, told from what goes in and what comes out."""
    outputs = after if isinstance(after, list) else [after]
    return Row(
        layer.name + _kind(layer),
        ", ".join(map(str, outputs)),
        f"{layer.count_params():,}",
        effect(before, outputs[0]),
        policy_of(layer),
        source,
    )


def policy_of(layer: Layer) -> str:
    """The name of a layer's policy, where it has weights or was given one."""
    known = layer.given_policy is not None or any(True for _ in layer.parameters())
    return layer.dtype_policy.name if known else ""


def _types(model: Any, names: Sequence[str]) -> list[str]:
    """What each policy but float32's means on the model's device, a line each."""
    device = next((w.device.type for w in model.parameters()), "cpu")
    others = [precision.DTypePolicy(name) for name in names if name != "float32"]
    return [f"{policy.name}: {precision.told(policy, device)}" for policy in others]


def of_children(model: Any) -> list[Row]:
    """The lines of a model that has no graph: its layers and their weights."""
    return [
        Row(x.name + _kind(x), "", f"{x.count_params():,}", "", policy_of(x)) for x in model.layers
    ]


def _kind(layer: Layer) -> str:
    """What a layer is, where its name does not say it: the class, or what it wraps."""
    inner = getattr(layer, "layer", None) or getattr(layer, "forward_layer", None)
    if inner is not None:
        return f" ({type(inner).__name__})"
    kind = type(layer.module if isinstance(layer, TorchModule) else layer).__name__
    return f" ({kind})" if layer.given_name else ""


def effect(before: Spec, after: Spec) -> str:
    """What a layer does with the sequences, told from what goes in and what comes out."""
    if after.ragged:
        if not before.ragged:
            return "opens"
        a, b = before.lengths, after.lengths
        changed = a is not None and b is not None and a.root == b.root and a.table != b.table
        return "changes the lengths" if changed else "keeps"
    return "reduces" if before.ragged else "-"
