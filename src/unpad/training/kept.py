"""What of a fit must not be lost, part by part: each reads and writes what is its own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.weighted import Weighted
from ..data.seed import Seed
from ..ragged.numbers import type_name
from ..ranks import Ranks
from .state import AddsUp, Kept, State


class KeptModel(Kept):
    """Weights and buffers, and which of them are frozen.

    Args:
        model: whose they are.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model

    def state_dict(self) -> dict[str, Any]:
        """Of every module, by its name."""
        return {
            "weights": dict(self._model.state_dict()),
            "frozen": [n for n, p in self._model.named_parameters() if not p.requires_grad],
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Takes them back."""
        self._model.load_state_dict(state["weights"])
        frozen = set(state["frozen"])
        for name, weight in self._model.named_parameters():
            weight.requires_grad_(name not in frozen)

    def check(self, state: dict[str, Any], /) -> None:
        """Raises where the state is another model's."""
        mine, theirs = self._model.state_dict(), state["weights"]
        for name, weight in mine.items():
            if not isinstance(weight, Tensor):
                continue
            if name not in theirs:
                raise ValueError(f"has no {name!r}, which the model has: it is another model's")
            if theirs[name].shape != weight.shape or theirs[name].dtype != weight.dtype:
                raise ValueError(
                    f"has {name!r} as {_kind(theirs[name])}, the model as {_kind(weight)}: it is "
                    "another model's"
                )
        if (foreign := next((name for name in theirs if name not in mine), None)) is not None:
            raise ValueError(f"has {foreign!r}, which the model has not: it is another model's")


class KeptCarried(Kept):
    """What layers carry from batch to batch beside weights and buffers.

    Args:
        model: whose layers they are.
    """

    of_each = True

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model

    def state_dict(self) -> dict[str, Any]:
        """Of every layer, by its name."""
        carried = {name: layer.carried() for name, layer in self._layers()}
        return {"layers": {name: value for name, value in carried.items() if value}}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Has them go on from it."""
        for name, layer in self._layers():
            layer.carry(state["layers"].get(name, {}))

    def _layers(self) -> Iterator[tuple[str, Weighted]]:
        return ((n, m) for n, m in self._model.named_modules() if isinstance(m, Weighted))


def _kind(tensor: Tensor) -> str:
    return f"{type_name(tensor.dtype)} {tuple(tensor.shape)}"


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
        named = [name for group in state["groups"] for name in group["params"]]
        if named != self._called():
            differing = sorted(set(named) ^ set(self._called())) or named
            raise ValueError(
                f"moved other weights than this optimizer does, the first of them {differing[0]!r}"
            )

    def _called(self) -> list[str]:
        every = [p for group in self._optimizer.param_groups for p in group["params"]]
        return [self._names.get(id(p), f"weight {i}") for i, p in enumerate(every)]


def _shown(name: str) -> str:
    return name.removesuffix("Keras")


class RandomStreams(Kept):
    """The streams that anything may draw from: torch's, the device's, numpy's and Python's.

    Args:
        device: where the model runs.
        ranks: among which this process has a stream of its own.
    """

    of_each = True

    def __init__(self, device: torch.device, ranks: Ranks) -> None:
        self._device, self._ranks = device, ranks

    def state_dict(self) -> dict[str, Any]:
        """Where each stands."""
        found = {
            "torch": torch.get_rng_state(),
            "numpy": np.random.get_state(),
            "python": random.getstate(),
        }
        if self._ranks.stream is not None:
            found["own"] = self._ranks.stream
        if self._device.type == "cuda":
            found["cuda"] = torch.cuda.get_rng_state(self._device)
        return found

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Sets each to where it stood; one of a device that is not used now is left."""
        torch.set_rng_state(state["torch"])
        np.random.set_state(state["numpy"])
        random.setstate(state["python"])
        self._ranks.stream = state.get("own")
        if self._device.type == "cuda" and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self._device)


class KeptMetrics(AddsUp):
    """What metrics that a model or its layers hold have added up.

    Args:
        metrics: they.
    """

    def __init__(self, metrics: list[Any]) -> None:
        self._metrics = metrics

    def state_dict(self) -> dict[str, Any]:
        """Of each, in their order."""
        if not self._metrics:
            return {"metrics": []}
        from ..metrics.carried import carried

        return {"metrics": [carried(metric) for metric in self._metrics]}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Goes on from it."""
        if not self._metrics:
            return
        from ..metrics.carried import carry

        for metric, states in zip(self._metrics, state["metrics"], strict=True):
            carry(metric, states)

    def merged(self, states: Sequence[dict[str, Any]], /) -> dict[str, Any]:
        """What several processes' metrics have added up together."""
        if not self._metrics:
            return {"metrics": []}
        from ..metrics.carried import merged

        found = zip(self._metrics, *(s["metrics"] for s in states), strict=True)
        return {"metrics": [merged(metric, several) for metric, *several in found]}


class Order(Kept):
    """What the order of batches is drawn from, which the model's next fit draws from too.

    Args:
        model: whose fit it is.
        feed: what gives the batches.
    """

    def __init__(self, model: Any, feed: Any) -> None:
        self._model, self._facts = model, getattr(feed, "facts", {})

    def state_dict(self) -> dict[str, Any]:
        """The seed, and what the order follows from beside it."""
        return {"seed": tuple(self._model.order_seed), "facts": dict(self._facts)}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Nothing is to be done: a fit that goes on begins with the seed."""

    def check(self, state: dict[str, Any], /) -> None:
        """Raises where the batches would be others."""
        for name, mine in self._facts.items():
            theirs = state["facts"].get(name, mine)
            if theirs != mine:
                raise ValueError(
                    f"is of a fit with {name}={theirs!r}, this one has {name}={mine!r}: its "
                    "batches would be others"
                )


class Place(Kept):
    """Where in a fit a run is, and what the logs were.

    Args:
        model: at work.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        #: The next to be worked on, or being worked on.
        self.epoch = 0
        #: Of the epoch, the batches that are done.
        self.batch = 0
        #: Of the last whole epoch; and what a step of the model's own gave last.
        self.logs: dict[str, Any] = {}
        self.returned: dict[str, Any] | None = None

    def next_epoch(self, logs: dict[str, Any]) -> None:
        """Goes on to it, with the logs of the one that is whole."""
        self.epoch, self.batch, self.logs, self.returned = self.epoch + 1, 0, logs, None

    def state_dict(self) -> dict[str, Any]:
        """As numbers."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "logs": dict(self.logs),
            "returned": self.returned,
            "stopped": self._model.stop_training,
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Goes to that place."""
        self.epoch, self.batch = state["epoch"], state["batch"]
        self.logs, self.returned = state["logs"], state["returned"]
        self._model.stop_training = state["stopped"]


def place_of(state: State) -> tuple[int, int]:
    """The epoch that a state is in, and how many of its batches are done."""
    place = state.parts["place"]
    return place["epoch"], place["batch"]


def seed_of(state: State) -> Seed:
    """What the orders of batches come from."""
    return Seed(*state.parts["order"]["seed"])
