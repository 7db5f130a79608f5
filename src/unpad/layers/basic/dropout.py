"""Dropout, and the draws that recurrent layers make once a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor

from ...arguments import DType, Seed, Share
from ...core.lifting import lift
from ...core.options import LayerOptions, WithoutNameAndType
from ...core.spec import Spec
from ...core.token_wise import TokenWise
from ...ragged import Ragged
from ...ragged.batch import values_of
from ...ragged.reductions import in_another_s_hands
from ...ranks import at_work
from . import noise_shape as shapes


class Dropout(TokenWise):
    """In training, sets entries to 0 with this rate and scales up the rest; else does nothing.

    Shapes stay as they are; every entry of every real step is drawn by itself, or entries share a
    draw as `noise_shape` says. Empty sequences stay empty. Padding changes no draw.

    Args:
        rate: share of the entries that are dropped, from 0 to 1.
        noise_shape: which entries share one draw: for each of Keras's axes (batch, time, *feature)
            None, a draw for each, or 1, one for all. (None, 1, None) drops features of a whole
            sequence, (None, None, 1) whole steps.
        seed: of a generator of the layer's own; by default torch's.

    Raises:
        ValueError: the rate is none; noise_shape does not fit the inputs.

    Example:
        >>> ones = Ragged.from_list([[[1., 1.]] * 3, [[1., 1.]]])
        >>> dropped = Dropout(0.5, noise_shape=(None, None, 1), seed=1)(ones, training=True)
        >>> bool((dropped.values[:, 0] == dropped.values[:, 1]).all())
        True
    """

    def __init__(
        self,
        rate: Share,
        noise_shape: Any = None,
        seed: Seed = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.noise_shape = shapes.checked(noise_shape, self.who)
        self.seed = seed
        self._draw = Draw(seed)

    def output_spec(self, spec: Spec) -> Spec:
        shapes.check_spec(self.noise_shape, spec, self.who)
        return spec

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The inputs, in training with some entries dropped."""
        if not self.training or self.rate == 0:
            return inputs
        values = values_of(inputs)
        if self.seed is None and self.noise_shape is None and not draws_faster(values):
            return lift(lambda values: F.dropout(values, self.rate), inputs)
        draw = partial(self._draw.keep, rate=self.rate, like=values)
        kept = shapes.drawn(self.noise_shape, inputs, draw, self.who)
        return lift(lambda values: values * kept, inputs)


class SpatialDropout1D(Dropout):
    """In training, drops whole features of a sequence: one draw a sequence and feature.

    Shapes: Ragged (batch, steps*, feature), where a sequence of any length has one draw for each
    feature; dense (batch, time, feature). They stay as they are; empty sequences stay empty.

    Args:
        rate: share of the features that are dropped, from 0 to 1.
        seed: of a generator of the layer's own; by default torch's.
        name: shown in summaries and errors.
        dtype: of the inputs.

    Raises:
        ValueError: the rate is none; the inputs have no time, or a step is no vector.

    From Tompson et al. (2015), Efficient Object Localization Using Convolutional Networks.

    Example:
        >>> ones = Ragged.from_list([[[1., 1.]] * 3, [[1., 1.]]])
        >>> dropped = SpatialDropout1D(0.5, seed=1)(ones, training=True)
        >>> bool((dropped.max() == dropped.min()).all())
        True
    """

    not_in_keras = {"trainable": True}

    def __init__(
        self,
        rate: Share,
        seed: Seed = None,
        name: str | None = None,
        dtype: DType = None,
        **kwargs: Unpack[WithoutNameAndType],
    ) -> None:
        super().__init__(rate, (None, 1, None), seed, name=name, dtype=dtype, **kwargs)

    def output_spec(self, spec: Spec) -> Spec:
        if len(spec) != 3:
            raise ValueError(
                f"{self.who}: expected sequences of vectors, (batch, time, feature), got {spec}. "
                "For other shapes: Dropout(rate, noise_shape=...)."
            )
        return super().output_spec(spec)


def draws_faster(like: Tensor) -> bool:
    """Whether uniform numbers, compared with a rate, are faster than torch's draw by the rate.

    On a CPU that draws each entry from a double: 64 times 1,024 in .85 ms on one thread, where
    uniform floats take .19 and their comparison .01. A GPU's is one pass over the values.

    Args:
        like: what the draw is for.
    """
    return like.is_cpu and not in_another_s_hands()


class Draw:
    """Random numbers from a generator with a seed of its own, or from torch's."""

    def __init__(self, seed: Seed) -> None:
        self.seed = seed
        self._generator: torch.Generator | None = None

    def keep(self, shape: tuple[int, ...], rate: float, like: Tensor) -> Tensor:
        """0 with this rate, else 1 / (1 - rate)."""
        if rate >= 1:
            return like.new_zeros(shape)
        return self.kept(shape, rate, like).div_(1 - rate)

    def kept(self, shape: tuple[int, ...], rate: float, like: Tensor) -> Tensor:
        """0 with this rate, below 1, else 1."""
        generator = self._of(like.device)
        if not draws_faster(like):
            return like.new_empty(shape).bernoulli_(1 - rate, generator=generator)
        # Half a type's numbers from 0 to 1 are too few for a rate.
        wide = torch.promote_types(like.dtype, torch.float32)
        drawn = like.new_empty(shape, dtype=wide).uniform_(generator=generator)
        return drawn.ge_(rate).to(like.dtype)

    def normal(self, shape: tuple[int, ...], mean: float, stddev: float, like: Tensor) -> Tensor:
        """Normal with this mean and standard deviation."""
        return like.new_empty(shape).normal_(mean, stddev, generator=self._of(like.device))

    def number(self) -> Tensor:
        """() int64, the seed of a call that draws by itself."""
        generator = self._of(torch.device("cpu"))
        device = torch.device("cpu") if generator is None else generator.device
        return torch.randint(2**63 - 1, (), generator=generator, device=device)

    def _of(self, device: torch.device) -> torch.Generator | None:
        if self.seed is not None and self._generator is None:
            own = at_work().seed_of_its_own(self.seed)
            self._generator = torch.Generator(device).manual_seed(own)
        return self._generator

    def carried(self) -> dict[str, Any]:
        """Its place in the stream of its own; None where nothing was drawn from one."""
        generator = self._generator
        if generator is None:
            return {"place": None, "device": None}
        return {"place": generator.get_state(), "device": str(generator.device)}

    def carry(self, carried: Mapping[str, Any]) -> None:
        """Goes on from that place."""
        self._generator = None
        if carried["place"] is not None:
            self._generator = torch.Generator(carried["device"])
            self._generator.set_state(carried["place"])

    def __getstate__(self) -> dict[str, Any]:
        # A generator can be neither pickled nor copied; its place in the stream can.
        return {"seed": self.seed, **self.carried()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["seed"])
        self.carry(state)
