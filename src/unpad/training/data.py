"""Inputs, targets and weights, checked once, and the batches that are cut from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .. import doctor
from ..core.spec import Lengths, spec_of
from ..layers import Spec
from ..losses import SequenceLoss
from ..ragged import Layout, Ragged
from ..ragged.levels import innermost, take_rows
from .arrange import for_outputs, inputs_of
from .door import Form, accept, as_float
from .targets import Place, lay_target, lay_weights, refuse_not_finite, with_class_weight

if TYPE_CHECKING:
    from .objective import Objective
    from .trainer import Trainer

Batch = Ragged | Tensor

# So many bytes of batches are gathered together: they stay in a core's cache.
_TOGETHER = 1 << 18


@dataclass(frozen=True)
class Data:
    """What is trained on: padding is gone, and targets and weights stand beside the steps.

    Shapes: inputs Ragged or (n, ...); for each output a target, Ragged where the model gives
    something for each step, else (n, ...), and a weight, None, (n,) or like the target.

    Args:
        inputs: as the model is fed, in its order.
        targets: one for each output; None where it has no loss.
        weights: one for each output; None for 1 each.
        lengths: (n,) steps of each sequence; None where there are no sequences.
        steps: real steps in all; rows where there are no sequences.
    """

    inputs: Sequence[Batch]
    targets: Sequence[Batch | None] = ()
    weights: Sequence[Batch | None] = ()
    lengths: Tensor | None = None
    steps: int = 0

    def __len__(self) -> int:
        """The number of sequences."""
        return len(self.inputs[0])

    @property
    def x(self) -> Any:
        """What the model is called with: the input, or a list of several."""
        return self.inputs[0] if len(self.inputs) == 1 else list(self.inputs)

    def batch(self, sequences: Tensor, device: torch.device) -> Data:
        """These sequences, with their targets and weights, on the device."""
        taken: dict[int, tuple[Layout, Tensor]] = {}

        def pick(part: Batch | None) -> Any:
            if part is None:
                return None
            if not isinstance(part, Ragged):
                return part.index_select(0, sequences).to(device)
            # What shares a layout goes on sharing it: its indices are made once a batch.
            key = id(part.layout)
            if key not in taken:
                layout, steps = part.layout.take(sequences)
                taken[key] = layout.to(device), steps
            layout, steps = taken[key]
            return Ragged._trusted(take_rows(part.values, steps).to(device), layout)

        lengths = self.lengths
        steps = len(sequences) if lengths is None else int(lengths.index_select(0, sequences).sum())
        x, y, weight = ([*map(pick, parts)] for parts in (self.inputs, self.targets, self.weights))
        return Data(x, y, weight, None, steps)

    def batches(
        self, planned: list[Tensor], device: torch.device, apart: bool = False
    ) -> Iterator[Data]:
        """The batches of a plan, on the device.

        Small ones are gathered many at a time and cut from that: a batch's own dozen of operators,
        each cold after a step of training, took 0.15 ms of a tagger's 7.

        Args:
            planned: the sequences of each batch.
            device: where they are wanted.
            apart: whether each is gathered when it is asked for, and not before.
        """
        share = 1 if apart else max(1, _TOGETHER * len(planned) // max(1, self._bytes))
        for at in range(0, len(planned), share):
            some = planned[at : at + share]
            if len(some) == 1:
                yield self.batch(some[0], device)
                continue
            sequences = torch.cat(some)
            lengths = None if self.lengths is None else self.lengths.index_select(0, sequences)
            ends = torch.tensor([len(batch) for batch in some]).cumsum(0)
            steps = ends if lengths is None else lengths.cumsum(0)[ends - 1]
            yield from _runs(self.batch(sequences, device), ends.tolist(), steps.tolist())

    @property
    def _bytes(self) -> int:
        parts = [
            innermost(p) for p in (*self.inputs, *self.targets, *self.weights) if p is not None
        ]
        return sum(part.nbytes for part in parts)

    def cut(self, first: int, last: int) -> Data:
        """A run of the sequences."""
        cut: dict[int, Layout] = {}

        def part(batch: Batch | None) -> Any:
            if not isinstance(batch, Ragged):
                return None if batch is None else batch[first:last]
            run = batch[first:last]
            return run.with_values(run.values, cut.setdefault(id(batch.layout), run.layout))

        lengths = None if self.lengths is None else self.lengths[first:last]
        steps = last - first if lengths is None else int(lengths.sum())
        x, y, weight = ([*map(part, group)] for group in (self.inputs, self.targets, self.weights))
        return Data(x, y, weight, lengths, steps)


def _runs(data: Data, ends: list[int], steps: list[int]) -> list[Data]:
    """The sequences up to each of these ends, whose steps are so many in all: views."""
    found: list[Data] = []
    bounds: dict[int, list[int]] = {}
    first = before = 0
    for last, through in zip(ends, steps, strict=True):
        layouts: dict[int, Layout] = {}
        x, y, weight = (
            [_run(part, first, last, bounds, layouts) for part in group]
            for group in (data.inputs, data.targets, data.weights)
        )
        found.append(Data(x, y, weight, None, through - before))
        first, before = last, through
    return found


def _run(
    batch: Batch | None,
    first: int,
    last: int,
    bounds: dict[int, list[int]],
    layouts: dict[int, Layout],
) -> Any:
    if not isinstance(batch, Ragged):
        return None if batch is None else batch[first:last]
    key = id(batch.layout)
    if key not in bounds:
        bounds[key] = batch.layout.own.offsets.tolist()
    start, end = bounds[key][first], bounds[key][last]
    if key not in layouts:
        layouts[key] = batch.layout.run(first, last, start, end)
    return Ragged._trusted(batch.values[start:end], layouts[key])


@dataclass(frozen=True)
class Opened:
    """The inputs: as given, as the model is fed, and their real steps; and the caller's form."""

    given: list[Batch]
    fed: list[Batch]
    real: list[Batch]
    form: Form

    @property
    def data(self) -> Data:
        """The inputs alone."""
        # Of several inputs the first that is a sequence says what a step is.
        lengths = next((_total_lengths(r) for r in self.real if isinstance(r, Ragged)), None)
        steps = len(self.given[0]) if lengths is None else int(lengths.sum())
        return Data(self.fed, (), (), lengths, steps)

    @property
    def specs(self) -> list[Spec]:
        """Of what the model is fed; the lengths' roots are the inputs' places."""
        return [replace(spec_of(x), lengths=Lengths(str(i))) for i, x in enumerate(self.fed)]


def _total_lengths(batch: Ragged) -> Tensor:
    """(n,) the steps of each sequence, over the inner ones where there are two levels."""
    return batch.lengths if batch.levels == 1 else batch.merge_levels().lengths


def open_inputs(model: Trainer, x: Any, who: str) -> Opened:
    """The inputs as given and as the model sees them (padding gone), and the caller's form.

    Raises:
        ValueError: they are no sequences, do not fit the model, or hold what it cannot take.
    """
    names = model.input_names
    parts = inputs_of(x, names, f"{who}: x")
    called = [f"{who}: x"]
    if len(parts) > 1:
        called = [f"{who}: input {names[i] if names else i!r}" for i in range(len(parts))]
    accepted = [accept(part, name) for part, name in zip(parts, called, strict=True)]
    given = [as_float(batch.to("cpu")) for batch, _ in accepted]
    for name, batch in zip(called, given, strict=True):
        if len(batch) != len(given[0]):
            raise ValueError(
                f"{name} has {len(batch)} sequences, {called[0].split(': ')[1]} has "
                f"{len(given[0])}. Each sequence needs all inputs."
            )
    pairs = model.open_inputs(given)
    opened = Opened(given, [f for f, _ in pairs], [r for _, r in pairs], accepted[0][1])
    for name, batch in zip(called, opened.real, strict=True):
        refuse_not_finite(batch, name, "Missing steps that hold NaN: Masking(mask_value=nan).")
    model.check_inputs(opened.fed)
    _check_pairs(model, opened, called, who)
    return opened


def _check_pairs(model: Trainer, opened: Opened, called: list[str], who: str) -> None:
    """Inputs that the model combines step by step must have equal lengths."""
    if len(opened.fed) == 1:
        return
    for i, j in model.paired_inputs(opened.specs):
        a, b = opened.real[i], opened.real[j]
        if isinstance(a, Ragged) and isinstance(b, Ragged) and not a.layout.agrees(b.layout):
            names = [name.split(": ", 1)[1] for name in (called[i], called[j])]
            raise ValueError(
                f"{who}: {names[0]} and {names[1]} are combined step by step, but "
                f"{a.layout.difference(b.layout)}."
            )


def prepare(
    model: Trainer,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: dict[int, float] | None,
    who: str,
) -> tuple[Data, Objective, list[Spec]]:
    """Checks everything that can be checked before a weight moves, and lays it out.

    Returns:
        The data; the objective, one part for each output; the outputs' specs.

    Raises:
        ValueError: the first thing that is wrong with the data, and where.
    """
    opened = open_inputs(model, x, who)
    if len(opened.given[0]) == 0:
        raise ValueError(f"{who}: x has no sequences.")
    if y is None:
        raise ValueError(f"{who}: y is missing. For an autoencoder give x twice.")
    built = model.ensure_built(*as_call(opened.specs))
    outputs = built if isinstance(built, list) else [built]
    objective = model.objective_for(len(outputs))
    names = [part.name for part in objective.parts]
    several = len(outputs) > 1
    ys = for_outputs(y, names, f"{who}: y")
    given_weights = for_outputs(sample_weight, names, f"{who}: sample_weight", spread=True)
    if class_weight is not None and several:
        raise ValueError(f"{who}: class_weight needs a model of one output; use sample_weight.")
    targets: list[Batch | None] = []
    weights: list[Batch | None] = []
    for part, output, target, weight in zip(
        objective.parts, outputs, ys, given_weights, strict=True
    ):
        of = f" of output {part.name!r}" if several else ""
        if part.loss is None and not part.metrics:
            targets.append(None)
            weights.append(None)
            continue
        if target is None:
            raise ValueError(f"{who}: y{of} is missing.")
        at = _place_of(model, len(targets), output, opened)
        weighed = lay_weights(weight, at, who)
        counting = part.metrics[0].name if part.metrics else None
        laid = lay_target(target, at, part.checked_by, f"{who}: y{of}", weighed, counting)
        all_steps = isinstance(laid, Ragged) or not output.ragged
        if all_steps and len(model.last_layers) == len(outputs):
            part.checked_by.check_layer(laid, model.last_layers[len(targets)])
        if class_weight is not None and isinstance(part.loss, SequenceLoss):
            raise ValueError(
                f"{who}: class_weight weighs steps, but {part.loss.name} gives one number a "
                "sequence. Use sample_weight."
            )
        if class_weight is not None:
            weighed = with_class_weight(weighed, class_weight, laid, output, who)
        targets.append(laid)
        weights.append(weighed)
    if who == "fit":
        losses = [part.loss for part in objective.parts]
        asked = list(zip(ys, targets, losses, outputs, strict=True))
        doctor.tell(model, opened.given, opened.real, asked)
    return replace(opened.data, targets=targets, weights=weights), objective, outputs


def _place_of(model: Trainer, i: int, output: Spec, opened: Opened) -> Place:
    """Where the targets of the i-th output belong."""
    if output.lengths is None:
        return Place(opened.given[0], opened.real[0], output, known=False)
    root = int(output.lengths.root)
    given, real = opened.given[root], opened.real[root]
    known = output.lengths.table == Lengths("").table
    lengths = None
    if output.ragged and not known and isinstance(real, Ragged) and real.levels == 1:
        lengths = _lengths_made(model, i, root, real.lengths, opened)
    return Place(given, real, output, known, lengths)


def _lengths_made(
    model: Trainer, i: int, root: int, lengths: Tensor, opened: Opened
) -> Tensor | None:
    """What the model makes of sequences of these lengths in its i-th output.

    The spec is asked with the lengths that there are in the place of 0, 1, 2, ...
    """
    distinct, back = lengths.unique(return_inverse=True)
    specs = opened.specs
    table = tuple(distinct.tolist())
    specs = [replace(s, lengths=Lengths(str(k), table)) for k, s in enumerate(specs)]
    given = model.output_spec(*as_call(specs))
    found = (given[i] if isinstance(given, list) else given).lengths
    if found is None or found.root != str(root) or len(found.table) != len(table):
        return None
    return torch.tensor(found.table, dtype=torch.int64)[back]


def as_call(specs: list[Spec]) -> list[Any]:
    """What a model is asked with: the one spec, or a list of several."""
    return specs if len(specs) == 1 else [specs]


def split(data: Data, share: float, who: str) -> tuple[Data, Data]:
    """The first part to train on, the last share to validate on, in the caller's order."""
    n = len(data)
    at = n - int(np.floor(n * share))
    if not 0 < share < 1 or at in (0, n):
        raise ValueError(
            f"{who}: validation_split={share} of {n} sequence{'' if n == 1 else 's'} leaves "
            "nothing on one side."
        )
    return data.cut(0, at), data.cut(at, n)
