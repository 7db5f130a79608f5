"""Weights with Keras's manners: added by name, with what they begin as, pay and are kept to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from ..ragged.numbers import HALF, as_dtype
from ..signatures import Checked
from ..weights import constraints, initializers, regularizers
from .freezing import Freezing
from .penalties import Penalised
from .precision import DTypePolicy, policy_of
from .room import claimed
from .weight import Weight
from .weight_options import WeightOptions


class Weighted(Checked, Freezing, Penalised):
    """A torch module that makes its weights as Keras's layers do."""

    #: What it computes in and keeps its weights in; None is torch's default.
    given_policy: DTypePolicy | None
    #: Whether the policy was given to it by name, and not set for all or by what it stands in.
    own_policy: bool
    #: The type of what comes out, where that is another than it computes in on a CPU: half a type.
    half_type: torch.dtype | None
    _constraints: dict[str, Any]
    #: The weights that are made with options of a name: see `keep_options`.
    _made_with: dict[str, list[str]]

    @property
    def dtype(self) -> torch.dtype | None:
        """Of the weights; None is torch's default."""
        return None if self.given_policy is None else self.given_policy.variable

    @dtype.setter
    def dtype(self, value: Any) -> None:
        policy = policy_of(value)
        compute = None if policy is None else policy.compute
        self.given_policy = policy
        self.half_type = compute if compute in HALF else None
        self.own_policy = True

    def add_weight(
        self,
        name: Any = None,
        shape: Sequence[int] = (),
        initializer: Any = None,
        regularizer: Any = None,
        constraint: Any = None,
        trainable: bool = True,
        dtype: str | torch.dtype | None = None,
    ) -> torch.nn.Parameter:
        """Makes a parameter of this shape, in Keras's layout, and registers it under the name.

        Args:
            name: the attribute that will hold it, with a "_" behind it where that is taken. Without
                one, assign what is given back.
            shape: of the parameter.
            initializer: a name or a callable of (shape, dtype); by default "glorot_uniform", of
                integers "zeros".
            regularizer: a penalty on the weight; see `losses`.
            constraint: applied to it after every update.
            trainable: False gives a weight that no optimiser moves.
            dtype: by default the layer's.
        """
        if isinstance(name, (tuple, list)):  # Keras 3 has the shape first
            name, shape = None, name
        if dtype is None and self.dtype is not None and not self.dtype.is_floating_point:
            raise ValueError(
                f"{self.who}: dtype={str(self.dtype).partition('.')[2]!r} cannot hold weights that "
                "are trained. Give a floating type, as 'float32'."
            )
        kind = as_dtype(dtype, f"{self.who}: dtype") or self.dtype or torch.get_default_dtype()
        if initializer is None:
            # What is not drawn, ids and counts, starts from nothing.
            initializer = "glorot_uniform" if kind.is_floating_point else "zeros"
        drawn = initializers.get(initializer, self.who)
        blank = claimed(self.who, shape)
        values = torch.zeros(tuple(shape), dtype=kind) if blank else drawn(tuple(shape), kind)
        learns = trainable and values.is_floating_point()
        called = name or f"weight_{len(self._parameters)}"
        weight = Weight.of(values, learns, called, f"{getattr(self, 'name', self.who)}/{called}")
        regularizer = regularizers.get(regularizer, self.who)
        constraint = constraints.get(constraint, self.who)
        if name is None and (regularizer is not None or constraint is not None):
            name = f"weight_{len(self._parameters)}"
        if name is not None:
            name = self._free_for(name)
            setattr(self, name, weight)
            self._regularizers |= {} if regularizer is None else {name: regularizer}
            self._constraints |= {} if constraint is None else {name: constraint}
        return weight

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any,
        dtype: str | torch.dtype | None = None,
        trainable: bool = True,
        *,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> torch.nn.Parameter:
        """Keras's other name of `add_weight`.

        Args:
            shape: of the weight.
            initializer: what it begins as.
            dtype: by default the layer's.
            trainable: False gives a weight that no optimiser moves.
            regularizer: a penalty on it.
            constraint: applied to it after every update.
            name: the attribute that will hold it.
        """
        return self.add_weight(name, shape, initializer, regularizer, constraint, trainable, dtype)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Torch's: what is kept beside the weights; it can be assigned as they can.

        Args:
            name: the attribute that will hold it.
            tensor: its first values.
            persistent: whether it is one of `weights`, and stands in files.
        """
        super().register_buffer(name, tensor, persistent)
        self._assignable()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        self._assignable()
        return self

    def _assignable(self) -> None:
        """Has statistics be weights that no optimiser moves, where torch has put plain tensors."""
        for name, values in self._buffers.items():
            if values is None or isinstance(values, Weight):
                continue
            if name not in self._non_persistent_buffers_set:
                self._buffers[name] = Weight.of(values, False, name, f"{self.name}/{name}")

    def keep_options(self, **options: WeightOptions) -> None:
        """Keeps what weights will be made with, under Keras's names: `kernel_initializer`, ...

        Args:
            options: of each weight, or of several that share them.

        Raises:
            ValueError: one is none of its kind.
        """
        for of, given in options.items():
            for kind, value in given.looked_up(self.who)._asdict().items():
                setattr(self, f"{of}_{kind}", value)

    def options_of(self, of: str) -> WeightOptions:
        """What `keep_options` has kept, or what has been set since.

        Args:
            of: which weights: "kernel" for `kernel_initializer` and its like.
        """
        return WeightOptions(*(getattr(self, f"{of}_{kind}") for kind in WeightOptions._fields))

    def add_kept(
        self, name: str, shape: Sequence[Any], of: str | None = None, initializer: Any = None
    ) -> torch.nn.Parameter:
        """Makes a weight with the options that are kept.

        Args:
            name: of the weight.
            shape: of the weight.
            of: whose options these are; by default the weight's own.
            initializer: in the place of the one that is kept.
        """
        of = of or name
        made, options = self._made_with.setdefault(of, []), self.options_of(of)
        made += [] if name in made else [name]
        if initializer is not None:
            options = options._replace(initializer=initializer)
        return self.add_weight(name, shape, *options)

    def _free_for(self, name: str) -> str:
        """The attribute for a weight of this name, which takes over no attribute by accident."""
        name = name.replace(".", "_").replace("/", "_")
        held = (self._modules, self._buffers)
        while name not in self._parameters and (
            self.__dict__.get(name) is not None
            or hasattr(type(self), name)
            or any(name in names for names in held)
        ):
            name += "_"
        return name

    def constrained(self) -> list[tuple[torch.nn.Parameter, Any]]:
        """The weights, here and inside, that a constraint is applied to after every update."""
        return [
            (getattr(module, name), constraint)
            for module in self.modules()
            if isinstance(module, Weighted)
            for name, constraint in module._constraints.items()
        ]
