"""A model as a table: each layer's output, weights, and what it does with the sequences."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from ..layers import Layer, Spec, TorchModule

if TYPE_CHECKING:
    from .sequential import Sequential


def summary(model: Sequential, print_fn: Callable[[str], None] | None = None) -> None:
    """See `Sequential.summary`."""
    specs = model.specs(model.input_spec or getattr(model, "_built_for", None))
    table = Table(
        title=f"{type(model).__name__} {model.name!r}", title_justify="left", box=box.SIMPLE_HEAD
    )
    table.add_column("layer", no_wrap=True)
    table.add_column("output", no_wrap=True)
    table.add_column("weights", justify="right")
    table.add_column("sequences")
    table.add_row("input", str(specs[0]), "", "")
    for layer, before, after in zip(model.layers, specs[:-1], specs[1:], strict=True):
        table.add_row(
            layer.name + _kind(layer),
            str(after),
            f"{layer.count_params():,}",
            effect(before, after),
        )
    trainable = sum(w.numel() for w in model.parameters() if w.requires_grad)
    total = model.count_params()
    foot = f"{total:,} weights"
    if trainable != total:
        foot += f", {trainable:,} of them trained"
    if print_fn is None:
        console = Console()
        console.print(table)
        console.print(foot, highlight=False)
        return
    text = io.StringIO()
    console = Console(file=text, width=100)
    console.print(table)
    print_fn(text.getvalue() + foot)


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
        return "keeps" if before.ragged else "opens"
    return "reduces" if before.ragged else "-"
