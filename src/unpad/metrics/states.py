"""States that batches are added to: set back, moved, copied and added up over processes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, cast

import torch
import torch.distributed as dist
from torch import Tensor

from .. import tree
from ..arguments import wrong
from ..errors import look_up

# What is made of the tensors of several processes.
_REDUCTIONS: dict[str, Callable[[list[Tensor]], Tensor]] = {
    "sum": lambda several: torch.stack(several).sum(0),
    "mean": lambda several: torch.stack(several).mean(0),
    "max": lambda several: torch.stack(several).amax(0),
    "min": lambda several: torch.stack(several).amin(0),
    "cat": lambda several: torch.cat([torch.atleast_1d(x) for x in several]),
}


class States(torch.nn.Module):
    """A module that adds up batches: `update` adds to its states, `compute` says what they come to.

    States are attributes, made by `add_state`. They go where the module goes, in types of their
    own, and are neither weights nor buffers, so that `state_dict` has none of them. However many
    classes define `update` and `compute`, a call of them counts once: it follows no gradients, and
    what was computed is kept until there is more.
    """

    def __init__(self) -> None:
        super().__init__()
        self._device = torch.get_default_device()
        self._defaults: dict[str, Tensor | list[Tensor]] = {}
        self._reductions: dict[str, str | Callable[[Tensor], Tensor] | None] = {}
        self._update_count, self._computed = 0, None
        #: Whether `compute` is to ask other processes.
        self.distributed_available_fn: Callable[[], bool] = _among_others

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, around in (("update", _counting), ("compute", _keeping)):
            method = getattr(cls, name)
            if not hasattr(method, "counts_once"):
                found: Any = around(method)
                found.counts_once = True
                setattr(cls, name, found)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Adds a batch to the states."""
        raise NotImplementedError

    def compute(self) -> Any:
        """What the states amount to; over all processes, where there are several: each must ask."""
        raise NotImplementedError

    def add_state(
        self,
        name: str,
        default: Tensor | list[Tensor],
        dist_reduce_fx: str | Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Makes a state, an attribute of this name.

        Args:
            name: of the attribute.
            default: its value after each reset: a tensor, or an empty list, to which tensors are
                appended.
            dist_reduce_fx: what becomes of the tensors of several processes: "sum", "mean", "max",
                "min", "cat" (along their first axis), a function of (process, *shape), or None,
                for all of them as (process, *shape). Lists become one list whatever it is.

        Raises:
            ValueError: the default is neither; there is no reduction of this name.
        """
        who = f"{type(self).__name__}.add_state"
        if not isinstance(default, Tensor) and not (isinstance(default, list) and not default):
            raise wrong(who, "default", "a tensor or an empty list", default)
        if dist_reduce_fx is not None and not callable(dist_reduce_fx):
            look_up(who, "dist_reduce_fx", dist_reduce_fx, _REDUCTIONS)
        super().__setattr__(name, cast(Any, default))
        self._defaults[name] = default.detach().clone() if isinstance(default, Tensor) else []
        self._reductions[name] = dist_reduce_fx

    def __setattr__(self, name: str, value: Any) -> None:
        # Written with every batch: torch searches parameters, modules and buffers first.
        if name in vars(self).get("_defaults", ()):
            vars(self)[name] = value
        else:
            super().__setattr__(name, value)

    @property
    def update_count(self) -> int:
        """How often `update` has been called since the last reset."""
        return self._update_count

    @property
    def device(self) -> torch.device:
        """Where the states are."""
        return self._device

    def reset(self) -> None:
        """Forgets everything that was added."""
        self._update_count, self._computed = 0, None
        for name, first in self._defaults.items():
            value = first.to(self._device, copy=True) if isinstance(first, Tensor) else []
            setattr(self, name, value)

    def _apply(self, fn: Callable[[Tensor], Tensor], *args: Any, **kwargs: Any) -> Self:
        # States of float64 stay so in a model of float16: only where they are may change.
        self._device = fn(torch.empty(0, device=self._device)).device
        super()._apply(lambda x: x.to(self._device), *args, **kwargs)
        for name in self._defaults:
            setattr(self, name, moved(getattr(self, name), self._device))
        self._computed = moved(self._computed, self._device)
        return self

    @contextmanager
    def _of_all_processes(self) -> Iterator[None]:
        """Within this block the states are those of all processes; outside, its own."""
        if not self.distributed_available_fn():
            yield
            return
        sent = {name: moved(getattr(self, name), torch.device("cpu")) for name in self._defaults}
        every: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(every, (self.begun_with, self._update_count, sent))
        self.begin_with([begun for begun, _, _ in every])
        mine = {name: getattr(self, name) for name in self._defaults}
        count = self._update_count
        try:
            self._update_count = sum(updates for _, updates, _ in every)
            # One that has seen nothing has no part in a mean or a maximum.
            seen = [states for _, updates, states in every if updates] or [mine]
            for name in mine:
                several = [states[name] for states in seen]
                found = reduced(several, self._reductions[name])
                setattr(self, name, moved(found, self._device))
            yield
        finally:
            self._update_count = count
            for name, value in mine.items():
                setattr(self, name, value)

    @property
    def begun_with(self) -> Any:
        """What its states were made for, where the first batch says that; plain data, or None."""
        return None

    def begin_with(self, several: list[Any]) -> None:
        """Makes the states of one that has seen nothing, as others have begun.

        Args:
            several: `begun_with` of each process.
        """


def reduced(values: list[Any], reduction: Any) -> Any:
    """One state of those of several processes.

    Args:
        values: of each process: a tensor, or a list of tensors.
        reduction: as `States.add_state` has it, or torchmetrics' function.
    """
    if isinstance(values[0], list):
        return [part for value in values for part in value]
    if len(values) == 1:
        return values[0]
    if getattr(reduction, "__name__", "") == "dim_zero_cat":  # torchmetrics', which takes a list
        reduction = "cat"
    if isinstance(reduction, str):
        return _REDUCTIONS[reduction](values)
    stacked = torch.stack(values)
    return stacked if reduction is None else reduction(stacked)


def moved(value: Any, device: torch.device) -> Any:
    """The tensors of a structure on a device; what is there already is not copied."""
    return tree.map_structure(lambda x: x.to(device) if isinstance(x, Tensor) else x, value)


def _among_others() -> bool:
    return dist.is_available() and dist.is_initialized()


def _counting(update: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(update)
    def counted(self: States, *args: Any, **kwargs: Any) -> None:
        if type(self).update is not counted:  # called by the update of a class below
            return update(self, *args, **kwargs)
        states = vars(self)
        states["_update_count"] += 1
        states["_computed"] = None
        with torch.no_grad():
            return update(self, *args, **kwargs)

    return counted


def _keeping(compute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(compute)
    def kept(self: States) -> Any:
        if type(self).compute is not kept:
            return compute(self)
        if self._computed is None:
            with self._of_all_processes():
                # A copy: whoever changes it in place changes no state.
                self._computed = tree.map_structure(_copied, compute(self))
        return self._computed

    return kept


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value
