"""What a caller gave for each step or sequence, laid on those that the model will give."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from ..core.spec import Spec
from ..errors import first_true
from ..ragged import Layout, Ragged
from .where import Where


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


def laid(
    target: Ragged | Tensor,
    given: Ragged | Tensor,
    opened: Ragged | Tensor,
    output: Spec,
    where: Where,
) -> Ragged | Tensor:
    """The target beside what the model gives: at each real step, or for each sequence."""
    if not output.ragged:
        return _lay_dense(target, output, where)
    if not isinstance(opened, Ragged):
        # A layer inside the model decides which steps are real: the grid is laid on them later.
        return target
    if isinstance(target, Tensor):
        return _from_grid(target, given, opened, where)
    if target.layout.agrees(opened.layout):
        return target.with_values(target.values, opened.layout)
    whole = given.layout if isinstance(given, Ragged) else Layout.full(*given.shape[:2])
    if target.layout.agrees(whole):
        # Targets of all slots, or of all steps that were given before the model opened them.
        steps = opened.layout.within(whole)
        return opened.with_values(target.values.index_select(0, steps))
    differing = first_true(target.lengths != opened.lengths)
    if differing is None:
        raise ValueError(f"{where}: {target.layout.difference(opened.layout)} in x.")
    i = differing[0]
    theirs, mine = int(target.lengths[i]), int(opened.lengths[i])
    raise ValueError(
        f"{where}: sequence {i} has {mine} steps in x, but {theirs} in {where.named}. Each "
        "step needs one."
    )


def _from_grid(target: Tensor, given: Ragged | Tensor, opened: Ragged, where: Where) -> Ragged:
    if target.ndim < 2:
        raise ValueError(
            f"{where}: got one value a sequence, {tuple(target.shape)}, but the model gives one "
            f"for each step. Give {where.named} for each step, or let the last recurrent layer "
            "give one a sequence: return_sequences=False."
        )
    width = given.layout.width if isinstance(given, Ragged) else given.shape[1]
    if width is None:
        raise ValueError(
            f"{where}: a padded array beside sequences without padding: which of its slots belong "
            f"to which step is not known. Give {where.named} as a list, or as "
            "Ragged.from_padded(y, lengths=...)."
        )
    if target.shape[1] != width:
        raise ValueError(f"{where}: has {target.shape[1]} slots in time, x has {width}.")
    layout = opened.layout
    return opened.with_values(layout.steps_of(target))


def _lay_dense(target: Ragged | Tensor, output: Spec, where: Where) -> Tensor:
    if isinstance(target, Tensor):
        return target
    # Sequences that all have one length are rows: a list of one-hot rows, say.
    if target.batch and bool((target.lengths == target.lengths[0]).all()):
        return target.values.unflatten(0, (target.batch, int(target.lengths[0])))
    raise ValueError(
        f"{where}: got one value for each step of sequences of different lengths, but the model "
        f"gives {output}, one for each sequence. For one a step: return_sequences=True in the last "
        "recurrent layer, and mask_zero=True or Masking where the padding comes in."
    )


def on_inner_steps(target: Ragged | Tensor, real: Ragged | Tensor, output: Spec) -> Any:
    """Of sequences of sequences: grids of inner sequences, read at the inner steps."""
    if not isinstance(real, Ragged) or real.levels == 1 or output.levels == 1:
        return target
    if not isinstance(target, Ragged) or target.levels > 1 or not target.feature:
        return target
    inner = real.values
    places = inner.layout.own.sequence_ids, inner.layout.own.places
    return target.with_values(inner.with_values(target.values[places]))


def check_new_lengths(target: Ragged | Tensor, lengths: Tensor, output: Spec, where: Where) -> None:
    """Raises where targets have not the lengths that the model makes of the input's."""
    if isinstance(target, Tensor):
        width = output.width
        if target.ndim > 1 and width is not None and target.shape[1] != width:
            raise ValueError(
                f"{where}: has {target.shape[1]} slots in time, but the model gives {width} of x's."
            )
        return
    differing = first_true(target.lengths != lengths)
    if differing is not None:
        i = differing[0]
        raise ValueError(
            f"{where}: the model makes {int(lengths[i])} steps of sequence {i}, but it has "
            f"{int(target.lengths[i])} in {where.named}. Each step needs one."
        )


def sequences(n: int) -> str:
    """That many, in words: "1 sequence"."""
    return f"{n} sequence{'' if n == 1 else 's'}"
