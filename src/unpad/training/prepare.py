"""What a caller gives to a model: checked once, before a weight moves, and laid out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import doctor
from ..align.lay import Place
from ..align.numbers import refuse_not_finite
from ..align.targets import lay_target
from ..align.weights import lay_weights, with_class_weight
from ..align.where import Where
from ..core.spec import Lengths, Spec, spec_of
from ..data.arrange import for_outputs, inputs_of
from ..data.source import Batch, Column
from ..data.source.door import Form, accept, as_float
from ..losses import SequenceLoss
from ..losses.regression import Elementwise
from ..ragged import Ragged
from ..ragged.levels import innermost
from .objective import Objective

_MASKING = "Missing steps that hold NaN: Masking(mask_value=nan)."


@dataclass(frozen=True)
class Opened:
    """The inputs: as given, as the model is fed, and their real steps; and the caller's form.

    None stands for an optional input that is not there.
    """

    given: list[Column | None]
    fed: list[Column | None]
    real: list[Column | None]
    form: Form

    @cached_property
    def first(self) -> tuple[Column, Column]:
        """The first input that is there: as given, and its real steps."""
        pairs = zip(self.given, self.real, strict=True)
        return next((g, r) for g, r in pairs if g is not None and r is not None)

    @cached_property
    def data(self) -> Batch:
        """The inputs alone."""
        # Of several inputs the first that is a sequence says what a step is.
        for real in self.real:
            if isinstance(real, Ragged):
                steps = real if real.levels == 1 else real.merge_levels()
                return Batch(self.fed, (), (), steps.lengths, steps.layout.steps)
        return Batch(self.fed, (), (), None, len(self.first[0]))

    @property
    def specs(self) -> list[Spec | None]:
        """Of what the model is fed; the lengths' roots are the inputs' places."""
        return [
            None if x is None else replace(spec_of(x), lengths=Lengths(str(i)))
            for i, x in enumerate(self.fed)
        ]


def open_inputs(model: Any, x: Any, who: str) -> Opened:
    """The inputs as given and as the model sees them (padding gone), and the caller's form.

    Raises:
        ValueError: they are no sequences, do not fit the model, or hold what it cannot take.
    """
    x = _alone(model, x)
    model.take_form(x)
    names = model.input_names
    parts = inputs_of(x, names, f"{who}: x", model.one_input, model.input_form)
    parts = model.with_texts(parts)
    called = [Where(who, "x")]
    if len(parts) > 1:
        called = [Where(who, f"input {names[i] if names else i!r}") for i in range(len(parts))]
    there = _there(model, parts, who)
    accepted = {i: accept(parts[i], str(called[i])) for i in there}
    given = [as_float(accepted[i][0].to("cpu")) if i in there else None for i in range(len(parts))]
    first, n = called[there[0]], len(accepted[there[0]][0])
    for where, batch in zip(called, given, strict=True):
        if batch is not None and len(batch) != n:
            raise ValueError(
                f"{where} has {len(batch)} sequences, {first.named} has {n}. Each sequence needs "
                "all inputs."
            )
    pairs = model.open_inputs(given)
    form = accepted[there[0]][1]
    opened = Opened(given, [f for f, _ in pairs], [r for _, r in pairs], form)
    for where, batch in zip(called, opened.real, strict=True):
        if batch is not None:
            refuse_not_finite(batch, where, _MASKING, partial(_hint_at_nan, model))
    model.check_inputs(opened.fed)
    _check_pairs(model, opened, called, who)
    return opened


def _not_none(parts: Iterable[Any]) -> list[Any]:
    """Of an input that is there."""
    return [part for part in parts if part is not None]


def _there(model: Any, parts: list[Any], who: str) -> list[int]:
    """The places of the inputs that are there: None stands for one that need not be."""
    entries = model.entries if len(parts) > 1 else []
    optional = {i for i, entry in enumerate(entries) if entry.optional}
    found = [i for i, part in enumerate(parts) if part is not None or i not in optional]
    if not found:
        raise ValueError(f"{who}: every input is None, and without any there are no sequences.")
    return found


def _alone(model: Any, x: Any) -> Any:
    """What stands in a list of one, where it is a whole batch for the one Input that there is.

    A list is one of sequences; an array that has the batch's axis too is none.
    """
    entries = model.entries
    if isinstance(x, list) and len(x) == len(entries) == 1:
        one, axes = x[0], len(entries[0].sizes) + 1
        if isinstance(one, (np.ndarray, Tensor)) and one.ndim == axes:
            return one
    return x


def _hint_at_nan(model: Any) -> str:
    """What to do about a NaN in the inputs, of a model that may know what it means."""
    masks = (getattr(m, "mask_value", None) for m in model.modules())
    if not any(isinstance(value, float) and math.isnan(value) for value in masks):
        return _MASKING
    return (
        "Masking(mask_value=nan) drops a step all of whose features are NaN; this one has others: "
        "fill it in, or leave the step out."
    )


def _check_pairs(model: Any, opened: Opened, called: list[Where], who: str) -> None:
    """Inputs that the model combines step by step must have equal lengths."""
    if len(opened.fed) == 1:
        return
    for i, j in model.paired_inputs(opened.specs):
        a, b = opened.real[i], opened.real[j]
        if isinstance(a, Ragged) and isinstance(b, Ragged) and not a.layout.agrees(b.layout):
            raise ValueError(
                f"{who}: {called[i].named} and {called[j].named} are combined step by step, but "
                f"{a.layout.difference(b.layout)}."
            )


def prepare(
    model: Any,
    given: Any,
    who: str,
    known: Objective | None = None,
    examined: bool = True,
    shuffle: bool = True,
    batch_size: int | None = None,
) -> tuple[Batch, Objective, list[Spec]]:
    """Checks everything that can be checked before a weight moves, and lays it out.

    Args:
        model: that it is for.
        given: x, y, sample_weight and class_weight, as a caller gave them.
        who: shown in errors.
        known: the objective of an earlier batch of the same; by default it is made.
        examined: whether the doctor looks at what is trained on.
        shuffle: whether it will be trained on in another order each epoch.
        batch_size: sequences a batch.

    Returns:
        The data; the objective, one part for each output; the outputs' specs.

    Raises:
        ValueError: the first thing that is wrong with the data, and where.
    """
    _, y, sample_weight, class_weight = given
    opened = open_inputs(model, given.x, who)
    if len(opened.first[0]) == 0:
        raise ValueError(f"{who}: x has no sequences.")
    outputs = model.outputs_for(opened.specs)
    objective: Objective = known or model.objective_for(len(outputs))
    # A step or a loss of the model's own may want targets, or none, whatever was compiled.
    own = model.overrides("train_step", "test_step", "compute_loss")
    if y is None and not own and any(part.asks for part in objective.parts):
        raise ValueError(f"{who}: y is missing. For an autoencoder give x twice.")
    names = [part.name for part in objective.parts]
    several = len(outputs) > 1
    asking = [part.asks for part in objective.parts]
    if several and asking.count(True) == 1 and not isinstance(y, (list, tuple, dict)):
        y = [y if asks else None for asks in asking]  # of the only output that is asked about
    form = model.output_form
    ys = for_outputs(y, names, f"{who}: y", form=form)
    given_weights = for_outputs(
        sample_weight, names, f"{who}: sample_weight", spread=True, form=form
    )
    if class_weight is not None and several:
        raise ValueError(f"{who}: class_weight needs a model of one output; use sample_weight.")
    targets: list[Column | None] = []
    weights: list[Column | None] = []
    for part, output, target, weight in zip(
        objective.parts, outputs, ys, given_weights, strict=True
    ):
        where = Where(who, "y", part.name if several else None)
        if target is None and part.asks and not own:
            raise ValueError(f"{where} is missing.")
        if target is None or not (part.asks or own):
            targets.append(None)
            weights.append(None)
            continue
        at = _place_of(model, len(targets), output, opened)
        beside = where.of("sample_weight")
        weighed = None if weight is None else accept(weight, str(beside))[0]
        weighed = lay_weights(weighed, at, beside)
        counting = part.metrics[0].name if part.metrics else None
        accepted, _ = accept(target, str(where))
        laid = lay_target(accepted, at, part.checked_by, where, weighed, counting)
        all_steps = isinstance(laid, Ragged) or not output.ragged
        if all_steps and len(model.last_layers) == len(outputs):
            part.checked_by.check_layer(laid, model.last_layers[len(targets)])
        if class_weight is not None and isinstance(part.loss, SequenceLoss):
            raise ValueError(
                f"{who}: class_weight weighs steps, but {part.loss.name} gives one number a "
                "sequence. Use sample_weight."
            )
        if class_weight is not None:
            if isinstance(part.loss, Elementwise) and output.shape[-1:] == (1,):
                raise ValueError(
                    f"{who}: class_weight weighs classes, but {part.loss.name} is a loss of "
                    "numbers. Use sample_weight."
                )
            weighed = with_class_weight(weighed, class_weight, laid, output, who)
        targets.append(laid)
        weights.append(weighed)
    if who in ("fit", "train_on_batch"):
        _refuse_graphs(who, x=opened.fed, y=targets, sample_weight=weights)
    if who == "fit" and examined:
        losses = [part.loss for part in objective.parts]
        asked = [a for a in zip(ys, targets, losses, outputs, strict=True) if a[1] is not None]
        called = inputs_of(given.x, model.input_names, "fit: x", model.one_input, model.input_form)
        weighed = class_weight is not None or sample_weight is not None
        fitting = doctor.Fitting(shuffle, batch_size or 32, weighed)
        columns = _not_none(opened.given), _not_none(opened.real)
        doctor.tell(model, *columns, asked, _not_none(called), fitting)
    return replace(opened.data, targets=targets, weights=weights), objective, outputs


def _refuse_graphs(who: str, **given: list[Any]) -> None:
    """Raises for data that hang on a graph: the first update would use it up."""
    for name, columns in given.items():
        if any(innermost(c).requires_grad for c in columns if c is not None):
            raise ValueError(
                f"{who}: {name} has a gradient of its own to hand on, but a model is trained on "
                f"numbers: give {name}.detach()."
            )


def _place_of(model: Any, i: int, output: Spec, opened: Opened) -> Place:
    """Where the targets of the i-th output belong."""
    if output.lengths is None:
        return Place(*opened.first, output, known=False)
    root = int(output.lengths.root)
    given, real = opened.given[root], opened.real[root]
    assert given is not None
    assert real is not None  # what is not there has no lengths that another could have
    known = output.lengths.table == Lengths("").table
    lengths = None
    if output.ragged and not known and isinstance(real, Ragged) and real.levels == 1:
        lengths = _lengths_made(model, i, root, real.lengths, opened)
    return Place(given, real, output, known, lengths)


def _lengths_made(model: Any, i: int, root: int, lengths: Tensor, opened: Opened) -> Tensor | None:
    """What the model makes of sequences of these lengths in its i-th output.

    The spec is asked with the lengths that there are in the place of 0, 1, 2, ...
    """
    distinct, back = lengths.unique(return_inverse=True)
    specs = opened.specs
    table = tuple(distinct.tolist())
    specs = [s and replace(s, lengths=Lengths(str(k), table)) for k, s in enumerate(specs)]
    given = model.output_spec(*as_call(specs))
    found = (given[i] if isinstance(given, list) else given).lengths
    if found is None or found.root != str(root) or len(found.table) != len(table):
        return None
    return torch.tensor(found.table, dtype=torch.int64)[back]


def as_call(specs: list[Spec | None]) -> list[Any]:
    """What a model is asked with: the one spec, or a list of several."""
    return specs if len(specs) == 1 else [specs]


def split(data: Batch, share: float, who: str) -> tuple[Batch, Batch]:
    """The first part to train on, the last share to validate on, in the caller's order."""
    n = len(data)
    at = n - int(np.floor(n * share))
    if not 0 < share < 1 or at in (0, n):
        raise ValueError(
            f"{who}: validation_split={share} of {n} sequence{'' if n == 1 else 's'} leaves "
            "nothing on one side."
        )
    return data.cut(0, at), data.cut(at, n)
