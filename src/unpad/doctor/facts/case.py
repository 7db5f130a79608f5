"""A case: inputs, targets and what is known of the model that is to learn them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from ...ragged import Ragged
from .grid import Grid
from .groups import Groups

Batch = Ragged | Tensor


class Masks(NamedTuple):
    """What a model masks, as far as it can be told without running it.

    Args:
        value: of its Masking layer; None where it has none.
        embeds: whether it embeds ids.
        zero: whether an embedding of it takes id 0 for padding.
        by_hand: whether it has layers in which a person may see to padding by hand.
        asked: where it has: whether its answers for this input depend on the amount of padding, as
            the model itself says; None where it cannot be asked.
    """

    value: float | None = None
    embeds: bool = False
    zero: bool = False
    by_hand: bool = False
    asked: Callable[[Any], bool | None] | None = None


class Input(NamedTuple):
    """One input.

    Args:
        given: by the caller.
        real: the same, real steps only, where the model's doors tell them.
        grid: some of its sequences as a padded array; None where it is none.
        called: the same as the caller's own object.
    """

    given: Batch
    real: Batch
    grid: Grid | None
    called: Any = None

    @property
    def opened(self) -> bool:
        """Whether it is known which steps are real."""
        return isinstance(self.real, Ragged)

    @property
    def steps(self) -> int:
        """Steps in all; rows where there are no sequences."""
        real = self.real
        return real.layout.steps if isinstance(real, Ragged) else real.shape[:2].numel()


#: Of a model that is compiled without a loss: a train_step of its own has one.
NO_LOSS = "none"


class Head(NamedTuple):
    """What ends a model.

    Args:
        activation: its name; None where there is none.
        width: features of the output.
        linear: whether the last layer is a linear map, whose outputs begin around 0.
        metrics: names of what is reported.
        loss: its name, as "categoricalcrossentropy"; None where it is not known, NO_LOSS where
            there is none.
        from_logits: whether the loss takes scores, and not probabilities.
    """

    activation: str | None = None
    width: int | None = None
    linear: bool = False
    metrics: tuple[str, ...] = ()
    loss: str | None = None
    from_logits: bool = False


class Fitting(NamedTuple):
    """How a fit goes over its data.

    Args:
        shuffle: whether sequences are drawn in an order of their own each epoch.
        batch_size: sequences a batch.
        weighted: whether classes or samples have weights.
    """

    shuffle: bool = True
    batch_size: int = 32
    weighted: bool = False


_AS_ALWAYS = Fitting()


class Target(NamedTuple):
    """The targets of one output.

    Args:
        given: by the caller.
        laid: a Ragged at the real steps, or one a sequence.
        classes: how many the model can predict; None where no model says so, 0 where the targets
            are no classes.
        head: what ends the model there.
    """

    given: Any
    laid: Batch
    classes: int | None
    head: Head | None = None


class Split(NamedTuple):
    """What is trained on and what is held out, of the first input and output.

    Args:
        x: real steps that are trained on.
        y: their targets.
        held_x: real steps that are held out.
        held_y: their targets.
        drawn: whether they are the last of the same data, and not given by themselves.
        called: x and held_x as the caller's own objects.
    """

    x: Batch
    y: Batch | None
    held_x: Batch
    held_y: Batch | None
    drawn: bool
    called: tuple[Any, Any] = (None, None)


@dataclass(frozen=True)
class Case:
    """What is examined.

    Args:
        inputs: as the model takes them.
        targets: of outputs whose targets are known.
        masks: what the model masks; None without a model.
        split: what is validated on, against what is trained on.
        fitting: how it is gone over.
        groups: which sequences come from one source; None where nobody says so.
    """

    inputs: tuple[Input, ...]
    targets: tuple[Target, ...] = ()
    masks: Masks | None = None
    split: Split | None = None
    fitting: Fitting = _AS_ALWAYS
    groups: Groups | None = None
