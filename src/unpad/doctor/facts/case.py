"""A case: inputs, targets and what is known of the model that is to learn them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from ...ragged import Ragged
from .grid import Grid

Batch = Ragged | Tensor


class Masks(NamedTuple):
    """What a model masks, as far as it can be told without running it.

    Args:
        value: of its Masking layer; None where it has none.
        embeds: whether it embeds ids.
        zero: whether an embedding of it takes id 0 for padding.
        by_hand: whether it has layers in which a person may see to padding by hand.
    """

    value: float | None = None
    embeds: bool = False
    zero: bool = False
    by_hand: bool = False


class Input(NamedTuple):
    """One input.

    Args:
        given: by the caller.
        real: the same, real steps only, where the model's doors tell them.
        grid: some of its sequences as a padded array; None where it is none.
    """

    given: Batch
    real: Batch
    grid: Grid | None

    @property
    def opened(self) -> bool:
        """Whether it is known which steps are real."""
        return isinstance(self.real, Ragged)


class Target(NamedTuple):
    """The targets of one output.

    Args:
        given: by the caller.
        laid: a Ragged at the real steps, or one a sequence.
        classes: how many the model can predict; None where no model says so, 0 where the targets
            are no classes.
    """

    given: Any
    laid: Batch
    classes: int | None


@dataclass(frozen=True)
class Case:
    """What is examined.

    Args:
        inputs: as the model takes them.
        targets: of outputs whose targets are known.
        masks: what the model masks; None without a model.
        held_out: what is validated on.
    """

    inputs: tuple[Input, ...]
    targets: tuple[Target, ...] = ()
    masks: Masks | None = None
    held_out: Case | None = None
