"""The way of the steps through a model: what each layer keeps, drops or reduces, and of whom."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core.mode import mode
from ..core.structure import flat
from ..layers import InputLayer, Layer
from ..ragged import Ragged
from ..ragged.batch import values_of
from ..training.prepare import Opened, open_inputs
from .trained import Trained

# Wider grids are told in runs: "16 in, 143 out".
_WIDE = 64


class Traced(NamedTuple):
    """What comes out of a layer, for the sequences that were traced.

    Args:
        layer: its name; of a layer in an inner model "model/layer".
        shape: of what comes out; `steps*` is an axis of real steps.
        effect: what the layer does with the sequences.
        mask: (batch, slots) bool: True where a step is in; None for one row a sequence.
        lengths: steps of each sequence; None for one row a sequence.
        inner: of sequences of sequences, the steps of each inner one.
    """

    layer: str
    shape: str
    effect: str
    mask: Tensor | None
    lengths: list[int] | None
    inner: list[list[int]] | None = None

    def line(self, sequence: int) -> str:
        """One sequence in a line: `#` is a step that is in, `.` a slot that is out."""
        if self.mask is None or self.lengths is None:
            return "one row"
        if self.inner is not None:
            return " ".join(map(str, self.inner[sequence])) or "-"
        if self.mask.shape[1] > _WIDE:
            return _runs(self.mask[sequence].tolist())
        cells = "".join("#" if step else "." for step in self.mask[sequence].tolist())
        return f"{cells}  {self.lengths[sequence]}"


class Trace:
    """What `model.trace(x)` gives: a row for each input and each layer's call, in order.

    Prints as text, a line for each layer and sequence; `plot` makes a picture of it.

    Args:
        model: its name.
        rows: in the order in which the layers ran.
        sequences: how many were traced.
        batch: how many there are.
    """

    def __init__(self, model: str, rows: list[Traced], sequences: int, batch: int) -> None:
        self.model, self.rows, self.sequences, self.batch = model, rows, sequences, batch

    def __getitem__(self, layer: str) -> Traced:
        """The row of a layer, the first where it is called several times.

        Raises:
            KeyError: there is none; the text names those there are.
        """
        for row in self.rows:
            if row.layer == layer:
                return row
        raise KeyError(f"{layer!r}; there are {', '.join(row.layer for row in self.rows)}")

    def __iter__(self) -> Iterator[Traced]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def plot(self, path: Any) -> None:
        """Draws it into a file, as the ending says: .png, .svg, .pdf.

        A panel for each sequence: a row for each layer, a cell for each slot. Needs matplotlib.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: no sequence was traced.
        """
        from .pictures.trace_picture import draw

        draw(self, path)

    def __repr__(self) -> str:
        of = "" if self.sequences == self.batch else f" of {self.batch:,}"
        noun = "sequence" if self.batch == 1 else "sequences"
        lines = [f"{self.model}, {self.sequences}{of} {noun}: # a step that is in, . a slot out"]
        for row in self.rows:
            lines.append(f"{row.layer}: {row.shape}, {row.effect}")
            if row.mask is not None:
                lines += [f"  {i}  {row.line(i)}" for i in range(self.sequences)]
        return "\n".join(lines)


def trace(model: Trained, x: Any, sequences: int) -> Trace:
    """See `Model.trace`."""
    if not isinstance(sequences, int) or sequences < 1:
        raise ValueError(f"trace: expected sequences as a positive integer, got {sequences!r}.")
    whole = open_inputs(model, x, "trace")
    batch = len(whole.first[0])
    given, fed, real = (
        [None if part is None else part[:sequences] for part in parts]
        for parts in (whole.given, whole.fed, whole.real)
    )
    model.outputs_for(whole.specs)
    opened = Opened(given, _on(model, fed), _on(model, real), whole.form)
    several = [f"input_{i}" for i in range(len(given))]
    names = model.input_names or (several if len(given) > 1 else ["input"])
    rows = [
        _of_input(name, a, b)
        for name, a, b in zip(names, opened.given, opened.real, strict=True)
        if a is not None
    ]
    called = _called(model, opened)
    rows += [row for name, layer, x, out in called for row in _of_call(name, layer, x, out, opened)]
    return Trace(model.name, rows, len(opened.first[0]), batch)


def _on(model: Trained, columns: list[Any]) -> list[Any]:
    return [None if part is None else part.to(model.device) for part in columns]


def _called(model: Trained, opened: Opened) -> list[tuple[str, Layer, list[Any], list[Any]]]:
    """Each call of a layer in order: its name, what it got and what it gave."""
    found: list[tuple[str, Layer, list[Any], list[Any]]] = []
    hooks = []
    for name, layer in _layers(model, ""):

        def note(layer: Any, x: Any, options: Any, out: Any, name: str = name) -> None:
            got = [v for v in flat([*x, *options.values()]) if isinstance(v, (Ragged, Tensor))]
            found.append((name, layer, got, flat([out])))

        hooks.append(layer.register_forward_hook(note, with_kwargs=True))
    fed = opened.fed
    try:
        with mode(model, False, "trace"), torch.no_grad():
            model(fed[0] if len(fed) == 1 else fed)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _layers(model: Any, before: str) -> Iterator[tuple[str, Layer]]:
    """The layers with their names, those of inner models too; arithmetic in a graph is one."""
    for layer in _children(model):
        inner = isinstance(layer, Trained) and _children(layer)
        if inner:
            yield from _layers(layer, f"{before}{layer.name}/")
        else:
            yield before + layer.name, layer


def _children(model: Any) -> list[Layer]:
    drawn = [m for m in model.children() if isinstance(m, Layer)]
    added = [layer for layer in model.layers if not isinstance(layer, InputLayer)]
    return [*drawn, *(layer for layer in added if all(layer is not m for m in drawn))]


def _of_input(name: str, given: Any, real: Any) -> Traced:
    shape = _shape(given)
    if isinstance(given, Ragged):
        return _row(name, shape, "without padding", given)
    if not isinstance(real, Ragged) and given.is_floating_point() and given.ndim < 3:
        return Traced(name, shape, "one row a sequence", None, None)
    if given.ndim < 2:
        return Traced(name, shape, "one value a sequence", None, None)
    opened = isinstance(real, Ragged)
    return _row(name, shape, "a grid" if opened else "a grid: every slot is a step", given)


def _of_call(
    name: str, layer: Layer, got: list[Any], outputs: list[Any], opened: Opened
) -> Iterator[Traced]:
    ragged = next((v for v in got if isinstance(v, Ragged)), None)
    for i, out in enumerate(outputs):
        if not isinstance(out, (Ragged, Tensor)):
            continue
        called = name if len(outputs) == 1 else f"{name}[{i}]"
        shape = _shape(out)
        if isinstance(out, Ragged):
            yield _row(called, shape, _effect(layer, got, ragged, out, opened), out)
        elif ragged is not None:
            yield Traced(called, shape, "reduces: one row a sequence", None, None)
        elif out.ndim > 2:
            yield _row(called, shape, "a grid: every slot is a step", out)
        else:
            yield Traced(called, shape, "one row a sequence", None, None)


def _effect(
    layer: Layer, got: list[Any], ragged: Ragged | None, out: Ragged, opened: Opened
) -> str:
    if layer.is_door and got:
        # The first door of all gets what was opened before the model ran.
        pairs = zip(opened.given, opened.real, strict=True)
        before = next((a for a, b in pairs if a is not None and _same_steps(got[0], b)), got[0])
        slots, steps = _slots(before, out.levels), _slots(out, out.levels)
        if isinstance(before, Tensor) or slots != steps:
            return f"opens: {slots - steps:,} of {slots:,} slots are no steps"
    if ragged is None:
        return "makes sequences"
    return "keeps" if _same_steps(ragged, out) else "changes the lengths"


def _same_steps(a: Any, b: Any) -> bool:
    ragged = isinstance(a, Ragged) and isinstance(b, Ragged)
    return ragged and len(a) == len(b) and a.layout.agrees(b.layout)


def _slots(batch: Ragged | Tensor, levels: int) -> int:
    """The steps, or the slots where they are not told apart."""
    return len(values_of(batch)) if isinstance(batch, Ragged) else prod(batch.shape[: levels + 1])


def _row(name: str, shape: str, effect: str, batch: Ragged | Tensor) -> Traced:
    if isinstance(batch, Tensor):
        mask = torch.ones(batch.shape[:2], dtype=torch.bool)
        return Traced(name, shape, effect, mask, [batch.shape[1]] * len(batch))
    inner = None
    if isinstance(batch.values, Ragged):
        counts, bounds = batch.values.lengths.tolist(), batch.offsets.tolist()
        inner = [counts[a:b] for a, b in pairwise(bounds)]
    return Traced(name, shape, effect, batch.mask.cpu(), batch.lengths.tolist(), inner)


def _shape(batch: Ragged | Tensor) -> str:
    if isinstance(batch, Ragged):
        feature = [str(n) for n in batch.feature]
        return f"({', '.join([str(len(batch)), *['steps*'] * batch.levels, *feature])})"
    return str(tuple(batch.shape))


def _runs(steps: list[bool], at_most: int = 8) -> str:
    """Slots in runs, as "16 in, 143 out"."""
    runs: list[list[Any]] = []
    for step in steps:
        if runs and runs[-1][0] == step:
            runs[-1][1] += 1
        else:
            runs.append([step, 1])
    said = [f"{n} {'in' if step else 'out'}" for step, n in runs[:at_most]]
    return ", ".join(said) + (", ..." if len(runs) > at_most else "")
