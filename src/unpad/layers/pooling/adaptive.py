"""AdaptiveAveragePooling1D and AdaptiveMaxPooling1D: so many windows, whatever the length."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from ... import kernels
from ...arguments import wrong
from ...core.calls import Reduces
from ...core.channels import Channelled
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...ragged import Layout, Ragged
from ...ragged.own import Own
from .local import mean_spec, of_sequences


class AdaptivePooling(Reduces, Channelled):
    """A layer that shares the steps of a sequence among a number of windows.

    Window i of n holds the steps from floor(i t / n) to ceil((i + 1) t / n) of t: as many in each
    as can be, a step in two where it does not come out even.

    Args:
        output_size: the number of windows.
        data_format: "channels_first" for grids (batch, feature, time).
    """

    takes = "one"
    largest = False  # the mean

    def __init__(
        self, output_size: Any, data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        size = output_size[0] if isinstance(output_size, (tuple, list)) and len(
            output_size) == 1 else output_size  # fmt: skip
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise wrong(self.who, "output_size", "an integer from 1 on", output_size)
        self.output_size, self._windows = output_size, size
        self.data_format = self.told_format(data_format)

    def output_spec(self, spec: Spec) -> Spec:
        spec = of_sequences(spec, self.who)
        feature = spec.shape if spec.ragged else spec.shape[1:]
        return self._of_type(spec.rows((self._windows, *feature)))

    def _of_type(self, spec: Spec) -> Spec:
        return spec

    def forward(self, inputs: Ragged | Tensor) -> Tensor:
        """(batch, output_size, feature) of (batch, steps*, feature)."""
        if not isinstance(inputs, Ragged):
            batch, time = inputs.shape[:2]
            inputs = Ragged(inputs.flatten(0, 1), Layout.full(batch, time))
        n = self._windows
        first, last = inputs.layout.derived(("adaptive", n), lambda own: _bounds(own, n))
        longest = (inputs.layout.longest + n - 1) // n + 1
        rows = kernels.pool(inputs.values, first, last, self.largest, longest)
        return rows.reshape(inputs.batch, n, *inputs.feature)


def _bounds(own: Own, n: int) -> tuple[Tensor, Tensor]:
    """(batch * n,) of each window the first step, and the step behind its last."""
    time, start = own.lengths.unsqueeze(1), own.offsets[:-1].unsqueeze(1)
    i = torch.arange(n, device=own.device)
    first, last = start + time * i // n, start - (-time * (i + 1)) // n
    return first.flatten(), last.flatten()


class AdaptiveAveragePooling1D(AdaptivePooling):
    """The means of `output_size` windows that share the steps of a sequence.

    Shapes: Ragged (batch, steps*, feature) or dense (batch, time, feature) to (batch, output_size,
    feature). An empty sequence gives 0.

    Args:
        output_size: the number of windows.
        data_format: "channels_first" for grids (batch, feature, time).

    Example:
        >>> x = Ragged.from_list([[[1.0], [3.0], [5.0]], []])
        >>> AdaptiveAveragePooling1D(2)(x)[..., 0].tolist()
        [[2.0, 4.0], [0.0, 0.0]]
    """

    def _of_type(self, spec: Spec) -> Spec:
        return mean_spec(spec)


class AdaptiveMaxPooling1D(AdaptivePooling):
    """The largest of each of `output_size` windows that share the steps of a sequence.

    Shapes: Ragged (batch, steps*, feature) or dense (batch, time, feature) to (batch, output_size,
    feature). An empty sequence gives 0.

    Args:
        output_size: the number of windows.
        data_format: "channels_first" for grids (batch, feature, time).

    Example:
        >>> x = Ragged.from_list([[[1.0], [3.0], [5.0]], []])
        >>> AdaptiveMaxPooling1D(2)(x)[..., 0].tolist()
        [[3.0, 5.0], [0.0, 0.0]]
    """

    largest = True
