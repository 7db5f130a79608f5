"""What of a fit must not be lost, part by part: each reads and writes what is its own."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor

from ..core.weighted import Weighted
from ..data.seed import Seed
from ..data.source.streams import Streams
from ..metrics.carried import carried, carry, merged
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
            "configuration": _configuration(self._model),
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
        there, here = state["configuration"], _configuration(self._model)
        known = there is not None and here is not None
        for where, of_state, of_model in differing(there, here, "") if known else ():
            raise ValueError(
                f"is of a model with {where}={of_state!r}, this one has {of_model!r}: it is "
                "another model's"
            )


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


def _configuration(model: Any) -> Any:
    """A model's configuration as data; None of one that cannot be written down."""
    try:
        return json.loads(model.to_json())
    except (TypeError, ValueError):
        return None


def differing(there: Any, here: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    """Each place where two configurations differ, and what stands there in either."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in (*there, *(n for n in here if n not in there)):
            if name == "trainable":  # which the state sets again
                continue
            at = where if name == "config" else f"{where}.{name}" if where else name
            yield from differing(there.get(name), here.get(name), at)
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for i, parts in enumerate(zip(there, here, strict=True)):
            yield from differing(*parts, f"{where}[{i}]")
    elif there != here:
        yield where, there, here


def _kind(tensor: Tensor) -> str:
    return f"{type_name(tensor.dtype)} {tuple(tensor.shape)}"


class Versions(Kept):
    """What a state was written by: the bits of an update are those of a version."""

    def state_dict(self) -> dict[str, Any]:
        """The versions of unpad and of torch."""
        return {"unpad": version("unpad"), "torch": str(torch.__version__)}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Nothing is to be done."""

    def check(self, state: dict[str, Any], /) -> None:
        """Warns where it was another: the run goes on, and may end in other bits."""
        for name, mine in self.state_dict().items():
            if state[name] != mine:
                warnings.warn(
                    f"fit: goes on from a state that was written with {name} {state[name]}; this "
                    f"is {mine}. It may end in other bits than without the interruption.",
                    stacklevel=2,
                )


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
        found = Streams().state_dict()
        if self._ranks.stream is not None:
            found["own"] = self._ranks.stream
        if self._device.type == "cuda":
            found["cuda"] = torch.cuda.get_rng_state(self._device)
        return found

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Sets each to where it stood; one of a device that is not used now is left."""
        Streams(state).set()
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
        return {"metrics": [carried(metric) for metric in self._metrics]}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Goes on from it."""
        if not self._metrics:
            return
        for metric, states in zip(self._metrics, state["metrics"], strict=True):
            carry(metric, states)

    def merged(self, states: Sequence[dict[str, Any]], /) -> dict[str, Any]:
        """What several processes' metrics have added up together."""
        found = zip(self._metrics, *(s["metrics"] for s in states), strict=True)
        return {"metrics": [merged(metric, several) for metric, *several in found]}


class Order(Kept):
    """What the order of batches is drawn from, which the model's next fit draws from too.

    Args:
        model: whose fit it is.
        feed: what gives the batches.
    """

    def __init__(self, model: Any, feed: Any) -> None:
        self._model, self._facts = model, feed.facts

    def state_dict(self) -> dict[str, Any]:
        """The seed, and what the order follows from beside it."""
        return {"seed": tuple(self._model.order_seed), "facts": dict(self._facts)}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Nothing is to be done: a fit that goes on begins with the seed."""

    def check(self, state: dict[str, Any], /) -> None:
        """Raises where the batches would be others."""
        for name, mine in self._facts.items():
            theirs = state["facts"].get(name)
            if theirs != mine:
                raise ValueError(
                    f"is of a fit with {name}={theirs!r}, this one has {name}={mine!r}: its "
                    "batches would be others"
                )


class Reading(Kept):
    """How far a stream was read, and what it may have drawn from.

    Args:
        feed: what gives the batches.
    """

    of_each = True

    def __init__(self, feed: Any) -> None:
        self._feed = feed

    def state_dict(self) -> dict[str, Any]:
        """Where it stands."""
        return self._feed.state_dict()

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Has it go on from there."""
        self._feed.load_state_dict(state)


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
