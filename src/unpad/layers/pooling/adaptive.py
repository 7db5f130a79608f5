"""AdaptiveAveragePooling1D and AdaptiveMaxPooling1D: so many windows, whatever the length."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

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
        windows = self._in_windows(inputs)
        rows = torch.as_tensor(self.of_windows(windows))
        return rows.reshape(inputs.batch, self._windows, *inputs.feature)

    def _in_windows(self, inputs: Ragged) -> Ragged:
        """The steps of each window as a sequence, those of one sequence after each other."""
        n = self._windows
        layout, steps = inputs.layout.derived(("adaptive", n), lambda own: _windows(own, n))
        values = inputs.values if steps is None else inputs.values.index_select(0, steps)
        return Ragged._trusted(values, layout)

    def of_windows(self, windows: Ragged) -> Any:
        """A row of each window."""
        raise NotImplementedError


def _windows(own: Own, n: int) -> tuple[Layout, Tensor | None]:
    """The windows as sequences, and their steps; None where they are all steps in their order."""
    counts = own.told_counts
    if counts is not None and not any(count % n for count in counts):
        each = own.lengths.div(n, rounding_mode="floor").repeat_interleave(n)
        found = [count // n for count in counts for _ in range(n)]
        return Layout._of_lengths(each, counts=found), None
    time = own.lengths.unsqueeze(1)
    i = torch.arange(n, device=own.device)
    first = time * i // n
    lengths = (-(-time * (i + 1) // n) - first).flatten()
    layout = Layout._of_lengths(lengths)
    start = (own.offsets[:-1].unsqueeze(1) + first).flatten()
    return layout, start[layout.own.sequence_ids] + layout.own.positions


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

    def of_windows(self, windows: Ragged) -> Any:
        return windows.mean()


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

    def of_windows(self, windows: Ragged) -> Any:
        return windows.max()
