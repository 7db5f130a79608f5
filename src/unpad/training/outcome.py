"""What is asked of a model's outputs, and what came of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from ..align.beside import Aligned
from ..core.penalties import Penalty
from ..losses import Loss
from ..losses.reduction import Reduced
from ..metrics import StepMetric


class Part(NamedTuple):
    """What is asked of one output.

    Args:
        name: the output's.
        loss: of each step; None where only metrics are wanted.
        scale: of the loss among those of several outputs.
        metrics: fed with the values at the real steps.
        weighted: metrics that are given the sample weights too.
    """

    name: str
    loss: Loss | None
    scale: float
    metrics: list[StepMetric]
    weighted: list[StepMetric]

    @property
    def asks(self) -> bool:
        """Whether anything is asked of the output, so that it needs a target."""
        return self.loss is not None or bool(self.metrics or self.weighted)

    @property
    def checked_by(self) -> Loss:
        """The loss that says which targets can be taken."""
        return self.loss or _ANY


# Stands where an output has no loss: any targets will do, which its metrics look at.
_ANY = Loss()


class Given(NamedTuple):
    """What a model gave as one output, and what that was before its tail, where it is known.

    Where the model ran only up to the tail, both are the same.
    """

    output: Any
    early: Any = None


class Divided(NamedTuple):
    """The losses of a batch, or of a process's share of one, over the counts of the whole batch."""

    losses: Sequence[Reduced | None]
    penalties: Sequence[Penalty]
    #: Sequences and real steps of the whole batch.
    rows: float
    steps: float


class Outcome(NamedTuple):
    """A batch's loss to follow downhill, what of it are penalties, and what the metrics need.

    Of a process's share of a batch: its part of the loss, the losses of the share by itself, and
    what the whole batch is divided by.
    """

    total: Tensor
    penalty: Tensor | None
    penalties: Sequence[Penalty]
    losses: list[Reduced | None]
    shown: list[Aligned | None]
    rows: int
    whole: Divided
    #: Whether a loss is of sequences, of which an empty one counts too.
    of_sequences: bool = False

    @property
    def counts(self) -> bool:
        """Whether any step counted; of what the model adds by itself, whether there is a row.

        Where the model gives a row a sequence, whether any sequence did: an empty one has an output
        and a target, and is in the loss of whatever batch it is in.
        """
        losses = self.whole.losses
        there = self.whole.rows if self.of_sequences else self.whole.steps
        if not there or all(part is None for part in losses):
            return self.whole.steps > 0 and self.whole.rows > 0
        return any(part is not None and bool(part.divisor) for part in losses)

    @property
    def counted(self) -> float:
        """What the loss was divided by: the number of steps; of several outputs, of the first."""
        losses, rows = self.whole.losses, self.whole.rows
        return next((float(p.divisor) for p in losses if p is not None), float(rows))
