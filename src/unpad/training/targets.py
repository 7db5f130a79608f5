"""Targets and weights, laid on the steps or sequences of what the model gives."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import first_true
from ..layers import Spec
from ..losses import Loss, SequenceLoss
from ..ragged import Layout, Ragged
from ..ragged.batch import place, values_of
from .door import accept


class Place:
    """Where targets belong: what was given for an input, and its real steps.

    Args:
        given: the input as the caller gave it.
        real: its real steps, or rows.
    """

    def __init__(self, given: Ragged | Tensor, real: Ragged | Tensor) -> None:
        self.given, self.real = given, real


def lay_target(
    y: Any, at: Place, known: bool, output: Spec, loss: Loss, who: str
) -> Ragged | Tensor:
    """A target as the loss will take it: beside the steps or rows of the output.

    Args:
        y: what the caller gave.
        at: the input whose lengths the output has, or the first.
        known: whether the output has those lengths: else targets bring lengths of their own, which
            are compared batch by batch.
        output: the spec of the output.
        loss: asked whether it can take them.
        who: shown in errors, as "fit: y".

    Raises:
        ValueError: they do not fit; the text says where first.
    """
    target, _ = accept(y, who)
    target = target.to("cpu")
    if len(target) != len(at.given):
        raise ValueError(
            f"{who.replace(': y', ': x', 1).split(' of output')[0]} has "
            f"{_sequences(len(at.given))}, y has {len(target)}. Each sequence needs its target."
        )
    if loss.own_lengths:
        target = loss.own_targets(target)  # pyright: ignore[reportAttributeAccessIssue]
    elif known or not output.ragged:
        target = _lay(target, at.given, at.real, output, who)
        target = _on_inner_steps(target, at.real, output)
    if output.ragged and isinstance(target, Tensor):
        # Which of its slots are steps is known when the model has run.
        return target
    refuse_not_finite(target, who, "Leave steps without a label out of x, or weigh them 0.")
    loss.check(target, output)
    if known and isinstance(loss, SequenceLoss) and isinstance(at.real, Ragged):
        assert isinstance(target, Ragged)
        loss.check_lengths(target, at.real.layout)
    return target


def lay_weights(
    sample_weight: Any, at: Place, known: bool, output: Spec, who: str
) -> Ragged | Tensor | None:
    """Weights of sequences, (n,), or of steps, beside those of the output."""
    if sample_weight is None:
        return None
    given, opened = at.given, at.real
    what = f"{who}: sample_weight"
    weight, _ = accept(sample_weight, what)
    weight = weight.to("cpu", torch.get_default_dtype())
    if len(weight) != len(given):
        raise ValueError(
            f"{what}: x has {_sequences(len(given))}, sample_weight has {len(weight)}."
        )
    if isinstance(weight, Ragged) or weight.ndim > 1:
        if known or not output.ragged:
            weight = _lay(weight, given, opened, output, what)
        values = values_of(weight)
        if isinstance(weight, Ragged) and values.ndim == 2 and values.shape[1] == 1:
            weight = weight.with_values(values[:, 0])
        elif values.ndim > (1 if isinstance(weight, Ragged) else 2):
            raise ValueError(f"{what}: expected one weight a sequence or a step.")
    refuse_not_finite(weight, what, "")
    values = values_of(weight)
    if (broken := first_true(values < 0)) is not None:
        raise ValueError(
            f"{what}: {values[broken].item()} in {_place(weight, broken)} is negative."
        )
    return weight


def _on_inner_steps(target: Ragged | Tensor, real: Ragged | Tensor, output: Spec) -> Any:
    """Of sequences of sequences: grids of inner sequences, read at the inner steps."""
    if not isinstance(real, Ragged) or real.levels == 1 or output.levels == 1:
        return target
    if not isinstance(target, Ragged) or target.levels > 1 or not target.feature:
        return target
    inner = real.values
    places = inner.layout.own.sequence_ids, inner.layout.own.places
    return target.with_values(inner.with_values(target.values[places]))


def with_class_weight(
    weight: Ragged | Tensor | None,
    class_weight: dict[int, float],
    target: Ragged | Tensor,
    output: Spec,
    who: str,
) -> Ragged | Tensor:
    """Multiplies each step's weight with that of its class."""
    classes = max(2, output.shape[-1] or 2) if output.shape else 2
    table = torch.ones(classes)
    for label, value in class_weight.items():
        if not 0 <= label < classes:
            raise ValueError(
                f"{who}: class_weight has class {label}, but the model has {classes} classes."
            )
        table[label] = value
    y = values_of(target)
    rank = len(output.shape)  # axes of one label a step or sequence, the leading one included
    if y.ndim > rank and y.shape[-1] == classes and (output.shape[-1] or 0) > 1:
        y = y.argmax(-1)
    elif y.ndim > rank and y.shape[-1] == 1:
        y = y.squeeze(-1)
    if y.ndim != rank or bool((y != y.round()).any() if y.is_floating_point() else False):
        raise ValueError(f"{who}: class_weight needs labels of classes as y.")
    per_step: Any = table[y.long().clamp(0, classes - 1)]
    if isinstance(target, Ragged):
        per_step = target.with_values(per_step)
    if weight is None:
        return per_step
    if isinstance(weight, Tensor) and isinstance(per_step, Tensor):
        return per_step * weight.reshape(*weight.shape, *(1,) * (per_step.ndim - weight.ndim))
    return per_step * weight


def _lay(
    target: Ragged | Tensor,
    given: Ragged | Tensor,
    opened: Ragged | Tensor,
    output: Spec,
    who: str,
) -> Ragged | Tensor:
    """The target beside what the model gives: at each real step, or for each sequence."""
    if not output.ragged:
        return _lay_dense(target, output, who)
    if not isinstance(opened, Ragged):
        # A layer inside the model decides which steps are real: the grid is laid on them later.
        return target
    if isinstance(target, Tensor):
        return _from_grid(target, given, opened, who)
    if target.layout.agrees(opened.layout):
        return target.with_values(target.values, opened.layout)
    whole = given.layout if isinstance(given, Ragged) else Layout.full(*given.shape[:2])
    if target.layout.agrees(whole):
        # Targets of all slots, or of all steps that were given before the model opened them.
        steps = opened.layout.within(whole)
        return opened.with_values(target.values.index_select(0, steps))
    differing = first_true(target.lengths != opened.lengths)
    if differing is None:
        raise ValueError(f"{who}: {target.layout.difference(opened.layout)} in x.")
    i = differing[0]
    theirs, mine = int(target.lengths[i]), int(opened.lengths[i])
    raise ValueError(
        f"{who}: sequence {i} has {mine} steps in x, but {theirs} in {who.split(': ')[-1]}. Each "
        "step needs one."
    )


def _from_grid(target: Tensor, given: Ragged | Tensor, opened: Ragged, who: str) -> Ragged:
    what = who.split(": ")[-1]
    if target.ndim < 2:
        raise ValueError(
            f"{who}: got one value a sequence, {tuple(target.shape)}, but the model gives one for "
            f"each step. Give {what} for each step, or let the last recurrent layer give one a "
            "sequence: return_sequences=False."
        )
    width = given.layout.width if isinstance(given, Ragged) else given.shape[1]
    if width is None:
        raise ValueError(
            f"{who}: a padded array beside sequences without padding: which of its slots belong to "
            f"which step is not known. Give {what} as a list, or as "
            "Ragged.from_padded(y, lengths=...)."
        )
    if target.shape[1] != width:
        raise ValueError(f"{who}: has {target.shape[1]} slots in time, x has {width}.")
    layout = opened.layout
    return opened.with_values(layout.steps_of(target))


def _lay_dense(target: Ragged | Tensor, output: Spec, who: str) -> Tensor:
    if isinstance(target, Tensor):
        return target
    # Sequences that all have one length are rows: a list of one-hot rows, say.
    if target.batch and bool((target.lengths == target.lengths[0]).all()):
        return target.values.unflatten(0, (target.batch, int(target.lengths[0])))
    raise ValueError(
        f"{who}: got one value for each step of sequences of different lengths, but the model "
        f"gives {output}, one for each sequence. For one a step: return_sequences=True in the last "
        "recurrent layer, and mask_zero=True or Masking where the padding comes in."
    )


def refuse_not_finite(data: Ragged | Tensor, who: str, hint: str) -> None:
    """Raises for NaN and infinite values, naming the first."""
    values = values_of(data)
    if not values.is_floating_point():
        return
    broken = first_true(~values.isfinite())
    if broken is not None:
        raise ValueError(
            f"{who}: {values[broken].item()} in {_place(data, broken)}. {hint}".rstrip()
        )


def _place(data: Ragged | Tensor, index: tuple[int, ...]) -> str:
    """Where an entry stands, its feature too."""
    rest = index[1:] if isinstance(data, Ragged) else index[2:]
    feature = f", feature {rest[0] if len(rest) == 1 else rest}" if rest else ""
    return place(data, index) + feature


def _sequences(n: int) -> str:
    return f"{n} sequence{'' if n == 1 else 's'}"
