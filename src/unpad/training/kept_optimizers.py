"""What of a fit's optimisers must not be lost: of the compiled one, and of those of own steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from ..optimizers import Optimizer
from .state import Kept


class KeptOptimizer(Kept):
    """What an optimiser knows of each weight, by the weight's name, and its groups.

    Args:
        optimizer: ours or torch's.
        model: whose weights it moves.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, model: torch.nn.Module) -> None:
        self._optimizer = optimizer
        self._names = {id(p): name for name, p in model.named_parameters()}

    def state_dict(self) -> dict[str, Any]:
        """Torch's, with names instead of numbers."""
        found, names = self._optimizer.state_dict(), self._called()
        return {
            "class": type(self._optimizer).__name__,
            "arguments": dict(_numbers(self._optimizer.defaults)),
            "state": {names[i]: dict(entry) for i, entry in found["state"].items()},
            "groups": [
                {**group, "params": [names[i] for i in group["params"]]}
                for group in found["param_groups"]
            ],
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Takes it back."""
        numbers = {name: i for i, name in enumerate(self._called())}
        self._optimizer.load_state_dict(
            {
                "state": {numbers[name]: entry for name, entry in state["state"].items()},
                "param_groups": [
                    {**group, "params": [numbers[name] for name in group["params"]]}
                    for group in state["groups"]
                ],
            }
        )

    def check(self, state: dict[str, Any], /) -> None:
        """Raises where the state is another optimiser's."""
        mine, theirs = type(self._optimizer).__name__, state["class"]
        if mine != theirs:
            raise ValueError(f"is of {_shown(theirs)}, the model is compiled with {_shown(mine)}")
        for name, argument in _numbers(self._optimizer.defaults):
            before = state["arguments"].get(name, argument)
            if argument != before:
                raise ValueError(
                    f"is of {_shown(mine)} with {name}={before!r}, the model is compiled with "
                    f"{argument!r}, which going on would put aside: compile as before, and change "
                    "it in a callback"
                )
        named = [name for group in state["groups"] for name in group["params"]]
        if named != self._called():
            differing = sorted(set(named) ^ set(self._called())) or named
            raise ValueError(
                f"moved other weights than this optimizer does, the first of them {differing[0]!r}"
            )

    def _called(self) -> list[str]:
        every = [p for group in self._optimizer.param_groups for p in group["params"]]
        return [self._names.get(id(p), f"weight {i}") for i, p in enumerate(every)]


def _numbers(arguments: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What an optimiser was made with, of which a state tells whether it was the same."""
    for name, value in arguments.items():
        parts = value if isinstance(value, (tuple, list)) else [value]
        if all(isinstance(part, (bool, int, float, type(None))) for part in parts):
            yield name, value


class KeptOwn(Kept):
    """What steps of a model's own keep beside weights: optimisers, schedules, scalers.

    They are attributes of the model or of its layers that are optimisers, ours or torch's, or that
    have a `state_dict`, as torch's schedules have.

    Args:
        model: whose they are.
        optimizer: the compiled one, which is kept by itself.
    """

    def __init__(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self._model, self._optimizer = model, optimizer

    def state_dict(self) -> dict[str, Any]:
        """Of each, by its name; of an optimiser that knows no weights yet there is none."""
        return {
            name: KeptOptimizer(at_work, self._model).state_dict()
            if isinstance(at_work := _at_work(thing), torch.optim.Optimizer)
            else at_work.state_dict()
            for name, thing in self._things()
            if _at_work(thing) is not None
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Goes on from it; an optimiser that knows no weights yet is told them."""
        weights = dict(self._model.named_parameters())
        for name, thing in self._things():
            if name not in state:
                continue
            if _at_work(thing) is None:
                names = [name for group in state[name]["groups"] for name in group["params"]]
                thing.bind([weights[name] for name in names])
            at_work = _at_work(thing)
            if isinstance(at_work, torch.optim.Optimizer):
                KeptOptimizer(at_work, self._model).load_state_dict(state[name])
            else:
                at_work.load_state_dict(state[name])

    def check(self, state: dict[str, Any], /) -> None:
        """Raises where something is missing, or is another."""
        mine = dict(self._things())
        for name, theirs in state.items():
            if name not in mine:
                raise ValueError(f"has {name!r}, which the model has not: it is another model's")
            at_work = _at_work(mine[name])
            if isinstance(at_work, torch.optim.Optimizer):
                KeptOptimizer(at_work, self._model).check(theirs)

    def _things(self) -> Iterator[tuple[str, Any]]:
        for prefix, module in self._model.named_modules():
            for name, value in vars(module).items():
                ours = _at_work(value) is self._optimizer or isinstance(value, torch.nn.Module)
                if name.startswith("_") or isinstance(value, type) or ours:
                    continue
                if isinstance(value, Optimizer) or all(
                    callable(getattr(value, n, None)) for n in ("state_dict", "load_state_dict")
                ):
                    yield (f"{prefix}.{name}" if prefix else name), value


def _at_work(thing: Any) -> Any:
    """What has a state: of one of our optimisers that which moves the weights, if there is one."""
    return thing.torch_optimizer if isinstance(thing, Optimizer) else thing


def _shown(name: str) -> str:
    return name.removesuffix("Keras")
