"""Targets and weights, laid on the steps or sequences of what the model gives."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..arguments import number, wrong
from ..errors import first_true
from ..layers import Spec
from ..losses import Loss, SequenceLoss
from ..ragged import Layout, Ragged
from ..ragged.batch import place, values_of
from .door import accept


class Place(NamedTuple):
    """Where targets belong.

    Args:
        given: the input whose lengths the output has (or the first), as the caller gave it.
        real: its real steps, or rows.
        output: the spec of the output.
        known: whether the output has the lengths of the input.
        lengths: (batch,) of the output where these are others, if they can be known beforehand.
    """

    given: Ragged | Tensor
    real: Ragged | Tensor
    output: Spec
    known: bool
    lengths: Tensor | None = None


def lay_target(
    y: Any,
    at: Place,
    loss: Loss,
    who: str,
    weight: Ragged | Tensor | None = None,
    unweighted: str | None = None,
) -> Ragged | Tensor:
    """A target as the loss will take it: beside the steps or rows of the output.

    Args:
        y: what the caller gave.
        at: where it belongs. Where neither the input's lengths nor others are known to be the
            output's, those of the target are compared batch by batch.
        loss: asked whether it can take them.
        who: shown in errors, as "fit: y".
        weight: as `lay_weights` gives it: a label of weight 0 may be NaN, for not known.
        unweighted: a metric that would count such a label too, if there is one.

    Raises:
        ValueError: they do not fit; the text says where first.
    """
    output = at.output
    target, _ = accept(y, who)
    target = target.to("cpu")
    if len(target) != len(at.given):
        raise ValueError(
            f"{who.replace(': y', ': x', 1).split(' of output')[0]} has "
            f"{_sequences(len(at.given))}, y has {len(target)}. Each sequence needs its target."
        )
    if loss.own_lengths:
        target = loss.own_targets(target)  # pyright: ignore[reportAttributeAccessIssue]
    elif at.known or not output.ragged:
        target = _lay(target, at.given, at.real, output, who)
        target = _on_inner_steps(target, at.real, output)
    elif at.lengths is not None:
        _check_new_lengths(target, at.lengths, output, who)
    target = _without_unlabelled(target, weight, who, unweighted)
    if output.ragged and isinstance(target, Tensor):
        # Which of its slots are steps is known when the model has run.
        return target
    refuse_not_finite(target, who, "Leave steps without a label out of x, or weigh them 0.")
    _refuse_too_large(target, who)
    loss.check(target, output)
    if isinstance(loss, SequenceLoss) and isinstance(at.real, Ragged):
        assert isinstance(target, Ragged)
        if at.known:
            loss.check_lengths(target, at.real.layout)
        elif at.lengths is not None:
            loss.check_lengths(target, Layout.from_lengths(at.lengths))
    return target


def _refuse_too_large(data: Ragged | Tensor, who: str) -> None:
    """Raises for numbers that would become infinite in the type that is computed in."""
    values, most = values_of(data), torch.finfo(torch.get_default_dtype()).max
    if values.dtype != torch.float64 or values.dtype == torch.get_default_dtype():
        return
    if (broken := first_true(values.abs() > most)) is not None:
        raise ValueError(
            f"{who}: {values[broken].item():g} in {_place(data, broken)} is more than "
            f"{torch.get_default_dtype()} holds. Scale the targets."
        )


def _check_new_lengths(target: Ragged | Tensor, lengths: Tensor, output: Spec, who: str) -> None:
    """Raises where targets have not the lengths that the model makes of the input's."""
    name = who.split(": ")[-1]
    if isinstance(target, Tensor):
        width = output.width
        if target.ndim > 1 and width is not None and target.shape[1] != width:
            raise ValueError(
                f"{who}: has {target.shape[1]} slots in time, but the model gives {width} of x's."
            )
        return
    differing = first_true(target.lengths != lengths)
    if differing is not None:
        i = differing[0]
        raise ValueError(
            f"{who}: the model makes {int(lengths[i])} steps of sequence {i}, but it has "
            f"{int(target.lengths[i])} in {name}. Each step needs one."
        )


def _without_unlabelled(
    target: Ragged | Tensor, weight: Ragged | Tensor | None, who: str, unweighted: str | None
) -> Any:
    """The target with 0 for labels that are not known, where they weigh 0.

    NaN times 0 is NaN: what does not count must not come near the sum.

    Raises:
        ValueError: there are such labels, and a metric that knows no weights.
    """
    values = values_of(target)
    if weight is None or not values.is_floating_point() or bool(values.isfinite().all()):
        return target
    nothing = weight == 0
    if isinstance(target, Ragged) and not isinstance(nothing, Ragged):
        if nothing.ndim > 1:
            return target  # a grid that is laid on the steps later
        nothing = nothing[target.sequence_ids]
    elif isinstance(nothing, Ragged):
        if not isinstance(target, Ragged) or not target.layout.agrees(nothing.layout):
            return target
        nothing = nothing.values
    if nothing.ndim > values.ndim or nothing.shape != values.shape[: nothing.ndim]:
        return target
    nothing = nothing.reshape(*nothing.shape, *(1,) * (values.ndim - nothing.ndim))
    unlabelled = nothing & ~values.isfinite()
    if unweighted is not None and (first := first_true(unlabelled)) is not None:
        raise ValueError(
            f"{who}: {values[first].item()} in {_place(target, first)} weighs 0, but metric "
            f"{unweighted!r} counts every step alike. Give it as weighted_metrics=."
        )
    filled = values.masked_fill(unlabelled, 0)
    return target.with_values(filled) if isinstance(target, Ragged) else filled


def lay_weights(sample_weight: Any, at: Place, who: str) -> Ragged | Tensor | None:
    """Weights of sequences, (n,), or of steps, beside those of the output."""
    if sample_weight is None:
        return None
    given, opened, output, known = at.given, at.real, at.output, at.known
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
    if not isinstance(class_weight, Mapping):
        what = "a dict of a number for each class, as {0: 1.0, 1: 2.5}"
        raise wrong(who, "class_weight", what, class_weight)
    table = torch.ones(classes)
    for label, value in class_weight.items():
        if not isinstance(label, Integral) or not 0 <= label < classes:
            raise ValueError(
                f"{who}: class_weight has class {label!r}, but the model has {classes} classes."
            )
        table[int(label)] = number(who, f"class_weight[{label}]", value, 0)
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


def refuse_not_finite(
    data: Ragged | Tensor, who: str, hint: str, hint_at_nan: str | None = None
) -> None:
    """Raises for NaN and infinite values, naming the first; for NaN perhaps with another hint."""
    values = values_of(data)
    if not values.is_floating_point():
        return
    broken = first_true(~values.isfinite())
    if broken is not None:
        if hint_at_nan is not None and bool(values[broken].isnan()):
            hint = hint_at_nan
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
