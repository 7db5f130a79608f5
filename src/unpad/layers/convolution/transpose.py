"""Conv1DTranspose: each step is spread over a window of new steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import arguments, kernels
from ...arguments import Positive
from ...core.lengths import Rule
from ...core.options import WithoutPenalty
from ...core.spec import Spec
from ...core.weight_options import weight_options
from ...ragged import Layout
from .convolution import Convolution
from .windows import once, slots


class Conv1DTranspose(Convolution):
    """Each step spread over a window of new steps: what Conv1D does to its gradients.

    The window of step i starts at new step i * strides, less what "same" cuts off the front; where
    windows overlap they are added, what falls beyond the sequence's new ends is gone.

    Shapes: Ragged (batch, steps*, feature) to (batch, new steps*, filters); dense (batch, time,
    feature) to (batch, new time, filters). Of n steps come, with k for the reach of a window,
    (kernel_size - 1) * dilation_rate + 1:

        "valid"    (n - 1) * strides + max(k, strides), or + k + output_padding
        "same"     n * strides, or (n - 1) * strides + k % 2 + output_padding

    A hole is no step: what stood on its sides are neighbours. Empty sequences stay empty.

    Args:
        filters: size of the output's features.
        kernel_size: slots of the window.
        strides: new steps for each step.
        padding: "valid", all of the windows; "same", cut to `strides` new steps for each step.
        output_padding: new steps that are added at the end, fewer than strides; None for as many as
            the lengths above need.
        data_format: "channels_first" for grids (batch, feature, time).
        dilation_rate: new steps from one slot of the window to the next.
        activation: a name, a callable, or None for none.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (kernel_size, filters, feature).
        bias_initializer: of `bias` (filters,).
        kernel_regularizer: a penalty on `kernel`, as "l2".
        bias_regularizer: a penalty on `bias`.
        activity_regularizer: a penalty on what comes out, at real steps.
        kernel_constraint: applied to `kernel` after every update, as "non_neg".
        bias_constraint: applied to `bias` after every update.

    Raises:
        ValueError: the input is no sequence of feature vectors, or output_padding is not below
            strides.

    Example:
        >>> Conv1DTranspose(2, 3, strides=2)(Ragged.from_list([[[1.], [2.]], []])).lengths
        tensor([5, 0])
    """

    def __init__(
        self,
        filters: Positive,
        kernel_size: int | tuple[int],
        strides: int | tuple[int] = 1,
        padding: str = "valid",
        output_padding: int | tuple[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | tuple[int] = 1,
        activation: str | Callable[[Tensor], Tensor] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Unpack[WithoutPenalty],
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            weight_options(locals(), "kernel", "bias"),
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.filters = filters
        self.output_padding, self._more = output_padding, self._checked(output_padding)
        self.refuse_both()

    def _checked(self, given: int | tuple[int] | None) -> int | None:
        value = given[0] if isinstance(given, (tuple, list)) and len(given) == 1 else given
        most = self.window.stride - 1
        return arguments.integer(self.who, "output_padding", value, 0, most, or_none=True)

    @property
    def rule(self) -> Rule:
        extra, strides = self._of_one_step(), self.window.stride
        return lambda n: (n > 0) * ((n - 1) * strides + extra)

    def _of_one_step(self) -> int:
        """The steps that come of a sequence of one; each further step gives `strides` more."""
        reach, more = self.window.reach, self._more
        if self.window.padding == "valid":
            return max(reach, self.window.stride) if more is None else reach + more
        return self.window.stride if more is None else reach % 2 + more

    def _cut(self) -> int:
        """The new steps that are cut off the front: half of those too many, as in TensorFlow."""
        return max(0, self.window.reach - self._of_one_step()) // 2

    def build(self, spec: Spec) -> None:
        assert spec.shape[-1] is not None
        self.features_in = spec.shape[-1]
        self.kernel = self.add_kept("kernel", (self.window.size, self.filters, self.features_in))
        self.add_bias(self.filters)

    def features_out(self, features: int) -> int:
        return self.filters

    def convolve(self, values: Tensor, layout: Layout) -> tuple[Tensor, Layout]:
        def found(new: Layout) -> Tensor:
            # The other way round: the new steps are what the windows slide over.
            return slots(layout, new, self.window, torch.full_like(layout.own.lengths, self._cut()))

        key = ("transposed", self.window, self._more)
        new, index = once(layout, key, self.rule, found)
        assert index is not None
        kernel = self.kernel.permute(2, 0, 1).flatten(1)
        spread = kernels.linear(values, kernel, None, self.half_type).unflatten(
            1, (self.window.size, self.filters)
        )
        # What falls beyond a sequence's ends goes into a row that is left out.
        out = spread.new_zeros(new.steps + 1, self.filters)
        out = out.index_add(0, index.flatten(), spread.flatten(0, 1))[:-1]
        return out if self.bias is None else out + self.bias, new


Convolution1DTranspose = Conv1DTranspose
