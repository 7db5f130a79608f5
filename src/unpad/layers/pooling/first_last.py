"""FirstStep and LastStep: one step of each sequence."""

from __future__ import annotations

from torch import Tensor

from ...core.calls import Reduces
from ...core.layer import Layer
from ...core.spec import Spec
from ...ragged import Ragged
from ...ragged.reductions import segment_first, segment_last


class _OneStep(Reduces, Layer):
    takes = "one"

    def output_spec(self, spec: Spec) -> Spec:
        if not spec.ragged and not spec.shape:
            raise ValueError(f"{self.who}: expected sequences, (batch, time, ...), got {spec}.")
        return spec.rows(spec.shape if spec.ragged else spec.shape[1:])

    def forward(self, inputs: Ragged | Tensor) -> Tensor:
        """One row a sequence."""
        raise NotImplementedError


class FirstStep(_OneStep):
    """Each sequence's first real step.

    Shapes: Ragged (batch, steps*, *feature) or dense (batch, time, *feature) to (batch, *feature).
    An empty sequence gives 0.

    Example:
        >>> FirstStep()(Ragged.from_list([[3, 4], [], [5]]))
        tensor([3, 0, 5])
    """

    def forward(self, inputs: Ragged | Tensor) -> Tensor:
        if isinstance(inputs, Ragged):
            return segment_first(inputs.values, inputs.layout)
        return inputs[:, 0] if inputs.shape[1] else inputs.sum(1)


class LastStep(_OneStep):
    """Each sequence's last real step, on whichever side the padding was.

    Shapes: Ragged (batch, steps*, *feature) or dense (batch, time, *feature) to (batch, *feature).
    An empty sequence gives 0.

    Example:
        >>> LastStep()(Ragged.from_list([[3, 4], [], [5]]))
        tensor([4, 0, 5])
    """

    def forward(self, inputs: Ragged | Tensor) -> Tensor:
        if isinstance(inputs, Ragged):
            return segment_last(inputs.values, inputs.layout)
        return inputs[:, -1] if inputs.shape[1] else inputs.sum(1)
