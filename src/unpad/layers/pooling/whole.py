"""GlobalMaxPooling1D and GlobalAveragePooling1D: one row for each sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from torch import Tensor

from ...core.calls import Reduces
from ...core.channels import Channelled
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...ragged import Ragged
from ...ragged.reductions import segment_max, segment_mean
from .local import mean_spec, of_sequences


class GlobalPooling(Reduces, Channelled):
    """A layer that makes one row of each sequence, feature by feature.

    Args:
        data_format: "channels_first" for grids (batch, feature, time).
        keepdims: whether the row stays a sequence of one step, (batch, 1, *feature).
    """

    takes = "one"

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = self.told_format(data_format)
        self.keepdims = keepdims

    if not TYPE_CHECKING:  # whose answer is `Reduces`

        def __call__(self, inputs: Any, mask: Any = None, **options: Any) -> Any:
            """The row of each sequence; see `Layer`.

            Args:
                inputs: Ragged or dense.
                mask: of a grid that is told its steps so, (batch, time) True where a step is.
                options: see `Layer`.
            """
            return super().__call__(inputs, **options, **({} if mask is None else {"mask": mask}))

    def output_spec(self, spec: Spec) -> Spec:
        spec = of_sequences(spec, self.who)
        feature = spec.shape if spec.ragged else spec.shape[1:]
        return spec.rows((1, *feature) if self.keepdims else feature)

    def of_ragged(self, inputs: Ragged) -> Tensor:
        """(batch, *feature) of each sequence's real steps."""
        raise NotImplementedError

    def of_dense(self, inputs: Tensor) -> Tensor:
        """(batch, *feature) of (batch, time, *feature), where there is a step."""
        raise NotImplementedError

    def forward(self, inputs: Ragged | Tensor) -> Tensor:
        """One row for each sequence."""
        if isinstance(inputs, Ragged):
            rows = self.of_ragged(inputs)
        else:
            rows = self.of_dense(inputs) if inputs.shape[1] else inputs.sum(1)
        return rows[:, None] if self.keepdims else rows


class GlobalMaxPooling1D(GlobalPooling):
    """The largest of each sequence, feature by feature.

    Shapes: Ragged (batch, steps*, *feature) or dense (batch, time, feature) to (batch, feature). An
    empty sequence gives 0. Equal steps share the gradient.

    Args:
        data_format: "channels_first" for grids (batch, feature, time).
        keepdims: whether the row stays a sequence of one step, (batch, 1, feature).

    Raises:
        ValueError: the input is no sequence.

    Example:
        >>> GlobalMaxPooling1D()(Ragged.from_list([[[-3, 1], [-2, 0]], []])).tolist()
        [[-2, 1], [0, 0]]
    """

    def of_ragged(self, inputs: Ragged) -> Tensor:
        return segment_max(inputs.values, inputs.layout)

    def of_dense(self, inputs: Tensor) -> Tensor:
        return inputs.amax(1)


class GlobalAveragePooling1D(GlobalPooling):
    """The mean of each sequence, feature by feature.

    Shapes: Ragged (batch, steps*, *feature) or dense (batch, time, feature) to (batch, feature). An
    empty sequence gives 0, where Keras gives NaN.

    Args:
        data_format: "channels_first" for grids (batch, feature, time).
        keepdims: whether the row stays a sequence of one step, (batch, 1, feature).

    Raises:
        ValueError: the input is no sequence.

    Example:
        >>> GlobalAveragePooling1D()(Ragged.from_list([[[1, 0], [3, 1]], []])).tolist()
        [[2.0, 0.5], [0.0, 0.0]]
    """

    def output_spec(self, spec: Spec) -> Spec:
        return mean_spec(super().output_spec(spec))

    def of_ragged(self, inputs: Ragged) -> Tensor:
        return segment_mean(inputs.values, inputs.layout)

    def of_dense(self, inputs: Tensor) -> Tensor:
        return inputs.mean(1)


GlobalMaxPool1D = GlobalMaxPooling1D
GlobalAvgPool1D = GlobalAveragePooling1D
