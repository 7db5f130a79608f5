"""An optimiser of one's own, written as Keras asks for it: how one weight moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..ragged.numbers import as_dtype, as_tensor
from ..variable import Variable
from ..weights import initializers
from .rate import Count
from .rule import Around, Group, Rule


class OwnUpdate:
    """What Keras lets an optimiser's class say: its states in `build`, a move in `update_step`.

    Clipping, decay, averages, accumulation, schedules and constraints are done around it.
    """

    torch_optimizer: Rule | None
    #: Whether the states are made.
    built: bool = False
    _weights: list[Tensor]
    #: The states by the place of the weight that they are about; all others are with the first.
    _states: dict[int, dict[str, Variable]]

    def build(self, variables: list[Tensor]) -> None:
        """Makes the states for these weights; a class of one's own does it by `add_variable...`.

        Called by a loop of one's own, it says which weights `apply` moves.

        Args:
            variables: the weights, in the order of `apply`'s gradients.
        """
        self._weights, self.built = list(variables), True

    def update_step(self, gradient: Tensor, variable: Tensor, learning_rate: float) -> None:
        """Moves one weight, in place, by `assign_sub` and the like; `iterations` counts from 0.

        Args:
            gradient: of the weight's shape.
            variable: the weight.
            learning_rate: of this update.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: an optimizer of one's own needs an "
            "update_step(self, gradient, variable, learning_rate)."
        )

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: None = None,
        name: str | None = None,
    ) -> Variable:
        """Makes a state, which is saved with the optimiser's.

        Args:
            shape: of the state.
            initializer: gives its first values: a name or a callable of (shape, dtype).
            dtype: by default torch's default.
            aggregation: "none": every process makes the same update.
            layout: not supported.
            name: of the state.
        """
        who = type(self).__name__
        if aggregation != "none" or layout is not None:
            what = f"layout={layout!r}" if layout is not None else f"aggregation={aggregation!r}"
            raise ValueError(f"{who}: {what} is not supported. Leave it out.")
        return self._keep(0, shape, initializer, dtype, name, self._weights[0].device)

    def add_variable_from_reference(
        self, reference_variable: Tensor, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Makes a state of a weight's shape, type and device.

        Args:
            reference_variable: the weight.
            name: of the state.
            initializer: gives its first values: a name or a callable of (shape, dtype).
        """
        w, place = reference_variable, self._get_variable_index(reference_variable)
        return self._keep(place, w.shape, initializer, w.dtype, name, w.device)

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Tensor], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """A list of a state for each weight; for a list of names a tuple of such lists.

        Args:
            trainable_variables: the weights.
            name: of the states, or a list of names.
            initializer: gives their first values, or a list of those beside the names.
        """
        weights = list(trainable_variables)
        if isinstance(name, str):
            return [self.add_variable_from_reference(w, name, initializer) for w in weights]
        alike = not isinstance(initializer, (list, tuple))
        each = [initializer] * len(name) if alike else initializer
        pairs = zip(name, each, strict=True)
        return tuple(self.add_optimizer_variables(weights, n, first) for n, first in pairs)

    def _keep(
        self, place: int, shape: Any, initializer: Any, dtype: Any, name: Any, device: torch.device
    ) -> Variable:
        kept = self._states.setdefault(place, {})
        name = name or "var"
        key = name if name not in kept else f"{name}_{len(kept)}"
        make = initializers.get(initializer, type(self).__name__)
        kind = as_dtype(dtype, f"{type(self).__name__}: dtype") or torch.get_default_dtype()
        values = make(tuple(shape), kind)
        kept[key] = Variable(values.to(device), name)
        return kept[key]

    # Private in Keras, and in every optimiser that people write for it.
    def _get_variable_index(self, variable: Tensor) -> int:
        for place, weight in enumerate(self._weights):
            if weight is variable:
                return place
        raise ValueError(
            f"{type(self).__name__}: a weight of shape {tuple(variable.shape)} is none of the "
            f"{len(self._weights)} that it was built for."
        )

    @torch.no_grad()
    def assign(self, variable: Tensor, value: Any) -> None:
        """Replaces a weight's or a state's values, in place.

        Args:
            variable: the weight or state.
            value: a tensor, array or number that goes with its shape.
        """
        variable.copy_(as_tensor(value, f"{type(self).__name__}.assign"))

    @torch.no_grad()
    def assign_add(self, variable: Tensor, value: Any) -> None:
        """Adds to a weight's or a state's values, in place.

        Args:
            variable: the weight or state.
            value: a tensor, array or number that goes with its shape.
        """
        variable.add_(value)

    @torch.no_grad()
    def assign_sub(self, variable: Tensor, value: Any) -> None:
        """Takes from a weight's or a state's values, in place.

        Args:
            variable: the weight or state.
            value: a tensor, array or number that goes with its shape.
        """
        variable.sub_(value)


class OwnRule(Rule):
    """A torch optimiser that asks an object of one's own how each weight moves.

    The object's states are this optimiser's, on the same memory, so that they are saved and loaded
    with all else.

    Args:
        params: weights, or groups of them.
        lr: the learning rate.
        weight_decay: see `Rule`.
        around: see `Around`.
        mover: whose `update_step` moves a weight.
        states: those that it made, by the place of the weight.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        weight_decay: float,
        around: Around,
        mover: OwnUpdate,
        states: dict[int, dict[str, Variable]],
    ) -> None:
        self._mover, self._states, self._within = mover, states, 0
        super().__init__(params, lr, weight_decay, around)
        self._share()

    @property
    def iterations(self) -> int:
        """The number of updates so far, without the one that is being made."""
        return Count(super().iterations - self._within)

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        self._within = 1
        try:
            for p, grad in zip(params, grads, strict=True):
                self._mover.update_step(grad, p, group["lr"])
        finally:
            self._within = 0

    def _share(self) -> None:
        """Takes over the object's states, or hands it those that were loaded."""
        weights = [p for group in self.param_groups for p in group["params"]]
        for place, states in self._states.items():
            mine = self.state[weights[place]]
            for name, state in states.items():
                if name in mine:
                    state.assign(mine[name])
                mine[name] = state.as_subclass(Tensor)

    def __getstate__(self) -> dict[str, Any]:
        own = {"_mover": self._mover, "_states": self._states, "_within": 0}
        return {**super().__getstate__(), **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share()
