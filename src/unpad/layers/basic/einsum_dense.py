"""EinsumDense: a linear map of each step that an einsum equation writes down."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_uppercase
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import arguments, kernels
from ...core.lifting import lift
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...core.token_wise import TokenWise
from ...core.weight_options import weight_options
from ...ragged import Ragged
from ...weights import activations, initializers

Shape = tuple[int | None, ...]


class EinsumDense(TokenWise):
    """An einsum of each step's features with a kernel, then a bias and an activation.

    The equation is Keras's: batch and time are axes of it, "abc,cd->abd" is Dense, and "..."
    stands for axes that are left alone. Shapes: dense (batch, ...) to what the equation says;
    Ragged (batch, steps*, *feature) to (batch, steps*, ...), on real steps only: the first two
    axes of the equation, which it must keep as they are. Empty sequences stay empty.

    Args:
        equation: "input,kernel->output", as "...x,xy->...y" or "abc,cde->abde".
        output_shape: sizes of the output's axes but the batch and what "..." stands for; None
            where the input says it, as for time.
        activation: a name, a callable, or None for none.
        bias_axes: letters of the output that the bias has, as "d"; None is no bias.
        kernel_initializer: of `kernel`, in the shape of its letters.
        bias_initializer: of `bias`.
        kernel_regularizer: a penalty on `kernel`, as "l2".
        bias_regularizer: a penalty on `bias`.
        kernel_constraint: applied to `kernel` after every update, as "non_neg".
        bias_constraint: applied to `bias` after every update.

    Raises:
        ValueError: the equation does not fit the input; or, on a Ragged, it sums over time, moves
            it, or has a weight for each place in time, of which there is no fixed number.

    Example:
        >>> x = Ragged.from_list([[[1., 2.]], [[3., 4.], [5., 6.]]])
        >>> EinsumDense("abc,cde->abde", (None, 3, 4), bias_axes="de")(x).feature
        torch.Size([3, 4])
    """

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: str | Callable[[Tensor], Tensor] | None = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.equation = equation
        self.output_shape = output_shape
        self._made = arguments.sizes(self.who, "output_shape", output_shape, unknown=True)
        self.bias_axes = bias_axes
        self.activation = activations.get(activation, self.who)
        self.keep_options(**weight_options(locals(), "kernel", "bias"))
        _parts(equation, self.who)

    def build(self, spec: Spec) -> None:
        reading = self._read(spec)
        self.kernel = self.add_kept(
            "kernel",
            reading.kernel_shape,
            initializer=_with_fans(self.kernel_initializer, reading.summed, reading.made),
        )
        self.bias = None
        if reading.bias_shape is not None:
            self.bias = self.add_kept("bias", reading.bias_shape)

    def output_spec(self, spec: Spec) -> Spec:
        reading = self._read(spec)
        if self.built and reading.kernel_shape != tuple(self.kernel.shape):
            raise ValueError(
                f"{self.who}: built for a kernel of {tuple(self.kernel.shape)}, but {spec} needs "
                f"{reading.kernel_shape}."
            )
        shape = list(reading.output_shape[2 if spec.ragged else 1 :])
        if shape:
            shape[-1] = activations.features_after(self.activation, shape[-1], self.who)
        elif self.tail in activations.OVER_FEATURES:
            raise ValueError(
                f"{self.who}: {self.tail} is over a step's features, but a step is one number here."
            )
        return spec.with_shape(tuple(shape)).with_dtype(self.dtype or spec.dtype)

    def _read(self, spec: Spec) -> Reading:
        reading = _read(self.equation, self.bias_axes, spec.full_shape, self._made, self.who)
        if spec.ragged:
            self._check_time(reading, spec)
        for what, shape in (("kernel", reading.kernel_shape), ("bias", reading.bias_shape)):
            if shape is not None and None in shape:
                raise ValueError(
                    f"{self.who}: the {what} of {self.equation!r} would have the shape "
                    f"{_shown(shape)} for {spec} and output_shape={self.output_shape}. Name each "
                    "size in output_shape, and keep the batch out of it."
                )
        return reading

    def _check_time(self, reading: Reading, spec: Spec) -> None:
        """Refuses what sequences of different lengths cannot do."""
        sides, output = reading.equation.split("->")
        inputs, kernel = sides.split(",")
        time = inputs[1]
        place = f"{self.who}: axis {time!r} of {self.equation!r} is the time of {spec}, "
        if time not in output:
            raise ValueError(
                f"{place}and is summed over. Keep it in the output; one row a sequence comes of "
                "GlobalAveragePooling1D, or of a recurrent layer."
            )
        if output[1] != time:
            raise ValueError(
                f"{place}and is moved. Keep batch and time first, as in 'abc,cd->abd'."
            )
        if time in kernel or time in (self.bias_axes or ""):
            raise ValueError(
                f"{place}but a weight for each place in time needs sequences of one length. Leave "
                f"{time!r} out of the kernel and of bias_axes."
            )

    @property
    def tail(self) -> str | None:
        return activations.name_of(self.activation)

    def before_tail(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        if not isinstance(inputs, Ragged):
            return self._linear(_lettered(self.equation, inputs.ndim, self.who), inputs)
        equation = _lettered(self.equation, inputs.values.ndim + 1, self.who)
        # Of values, batch and time are one axis.
        sides, output = equation.split("->")
        equation = f"{sides[1:]}->{output[1:]}"
        return inputs.map(lambda values: self._linear(equation, values))

    def _linear(self, equation: str, values: Tensor) -> Tensor:
        kernel, bias, summed = self.kernel, self.bias, _summed_as_matrix(equation)
        if not summed:
            outputs = torch.einsum(equation, values, kernel)
            return outputs if bias is None else outputs + bias
        if kernel.ndim == 2 and (bias is None or bias.shape == kernel.shape[1:]):
            return kernels.linear(values, kernel, bias)
        sizes = kernel.shape
        made = sizes[summed:].numel()
        rows = values.flatten(-summed) if summed > 1 else values
        row = None
        if bias is not None and bias.numel() == made:  # else some units share a number
            row, bias = bias.reshape(made), None
        outputs = kernels.linear(rows, kernel.reshape(rows.shape[-1], made), row)
        outputs = outputs.reshape(*values.shape[:-summed], *sizes[summed:])
        return outputs if bias is None else outputs + bias

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """What the equation says, with bias and activation."""
        return lift(self.activation, self.before_tail(inputs))


@dataclass(frozen=True)
class Reading:
    """What an equation means for inputs of a shape.

    Args:
        equation: with letters for "...".
        kernel_shape: of the kernel.
        bias_shape: of the bias, from the first of its axes on; None where there is none.
        output_shape: the batch included.
        summed: the kernel's axes that are summed over.
        made: the kernel's axes that the output has.
    """

    equation: str
    kernel_shape: Shape
    bias_shape: Shape | None
    output_shape: Shape
    summed: tuple[int, ...]
    made: tuple[int, ...]


def _parts(equation: str, who: str) -> tuple[str, str, str]:
    """Input, kernel and output; '.' stands for the axes that are left alone."""
    found = re.fullmatch(r"([a-zA-Z.]+),([a-zA-Z]+)->([a-zA-Z.]+)", equation.replace("...", "."))
    if found is not None:
        inputs, kernel, output = found.groups()
        left = inputs[0] == output[0] == "." and "." not in inputs[1:] + output[1:]
        right = inputs[-1] == output[-1] == "." and "." not in inputs[:-1] + output[:-1]
        if (left or right or "." not in inputs + output) and all(
            len(set(part)) == len(part) for part in (inputs, kernel, output)
        ):
            return inputs, kernel, output
    raise ValueError(
        f"{who}: expected an equation as 'abc,cd->abd', '...x,xy->...y' or 'ab...,bc->ac...', each "
        f"letter once in each part, got {equation!r}."
    )


@lru_cache(maxsize=256)
def _lettered(equation: str, ndim: int, who: str) -> str:
    """The equation for inputs of so many axes, with letters for "..."."""
    inputs, kernel, output = _parts(equation, who)
    letters = inputs.replace(".", "")
    left_alone = ndim - len(letters)
    if left_alone < 0 or (left_alone and "." not in inputs):
        raise ValueError(
            f"{who}: {equation!r} is for inputs of {len(letters)} axes, the batch among them, got "
            f"{ndim}."
        )
    unused = [c for c in ascii_uppercase if c not in inputs + kernel + output]
    dots = "".join(unused[:left_alone])
    inputs, output = inputs.replace(".", dots), output.replace(".", dots)
    if output[:1] != inputs[:1]:
        raise ValueError(
            f"{who}: {equation!r} does not keep the batch, its first axis. A layer gives one row "
            "for each that it takes, in the same order."
        )
    unknown = [c for c in output if c not in inputs + kernel]
    unknown += [c for c in kernel if c not in inputs + output]
    if unknown:
        raise ValueError(
            f"{who}: axis {unknown[0]!r} of {equation!r} stands in one part only. An axis of the "
            "kernel is summed over with the input's, or goes to the output."
        )
    return f"{inputs},{kernel}->{output}"


@lru_cache(maxsize=256)
def _summed_as_matrix(equation: str) -> int:
    """How many axes a product of rows and a matrix sums over; 0 where the equation is none.

    So it is where the inputs' last axes are the kernel's first, and the output has the rest in
    order: "abc,cd->abd".
    """
    sides, output = equation.split("->")
    inputs, kernel = sides.split(",")
    for n in range(1, min(len(inputs), len(kernel) - 1) + 1):
        if inputs[-n:] == kernel[:n] and inputs[:-n] + kernel[n:] == output:
            return n
    return 0


def _read(equation: str, bias_axes: str | None, shape: Shape, given: Shape, who: str) -> Reading:
    lettered = _lettered(equation, len(shape), who)
    sides, output = lettered.split("->")
    inputs, kernel = sides.split(",")
    sizes = dict(zip(inputs, shape, strict=True))
    # `output_shape` is without the batch and without what "..." stands for.
    named = [c for c in output[1:] if c in equation]
    if len(named) != len(given):
        raise ValueError(
            f"{who}: expected output_shape with {len(named)} sizes, for {', '.join(named)} of "
            f"{equation!r}, got {given}."
        )
    for letter, size in zip(named, given, strict=True):
        known = sizes.get(letter)
        if known is not None and size not in (None, known):
            raise ValueError(
                f"{who}: axis {letter!r} of {equation!r} is {known} in the input, but {size} in "
                f"output_shape={given}."
            )
        sizes[letter] = known if size is None else size
    return Reading(
        lettered,
        tuple(sizes[c] for c in kernel),
        _bias_shape(sizes, output, bias_axes, equation, who),
        tuple(sizes[c] for c in output),
        tuple(i for i, c in enumerate(kernel) if c not in output),
        tuple(i for i, c in enumerate(kernel) if c in output),
    )


def _bias_shape(
    sizes: dict[str, int | None], output: str, axes: str | None, equation: str, who: str
) -> Shape | None:
    if axes is None:
        return None
    outside = [c for c in axes if c not in output]
    if outside or not axes:
        raise ValueError(
            f"{who}: expected bias_axes as letters of the output of {equation!r}, got {axes!r}."
        )
    reached = output[min(output.index(c) for c in axes) :]
    return tuple(sizes[c] if c in axes else 1 for c in reached)


def _with_fans(initializer: Any, summed: tuple[int, ...], made: tuple[int, ...]) -> Any:
    """The initialiser, told which of the kernel's axes are inputs and which outputs."""
    scales = isinstance(initializer, initializers.VarianceScaling)
    if not scales or None not in (initializer.input_axes, initializer.output_axes):
        return initializer
    initializer = copy.copy(initializer)
    initializer.input_axes, initializer.output_axes = summed, made
    return initializer


def _shown(shape: Shape) -> str:
    return f"({', '.join('None' if n is None else str(n) for n in shape)})"
