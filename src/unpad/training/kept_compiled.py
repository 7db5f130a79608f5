"""What a model was compiled with, of which a state tells whether it was the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..optimizers import Optimizer
from ..serialization import serialize
from .kept import differing
from .state import Kept


class KeptCompiled(Kept):
    """The losses, the metrics and the optimiser's arguments that a fit goes by.

    What cannot be written down, as a torch optimiser, is not compared here.

    Args:
        model: compiled.
    """

    def __init__(self, model: Any) -> None:
        self._compiled = model.as_compiled("fit")

    def state_dict(self) -> dict[str, Any]:
        """Each argument of `compile` as data."""
        return dict(self._written())

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Nothing is to be done."""

    def check(self, state: dict[str, Any], /) -> None:
        """Raises where it was another: sums would mix, or an option would be put aside."""
        mine = self.state_dict()
        shared = {name: state[name] for name in state if name in mine}
        for where, theirs, here in differing(shared, {n: mine[n] for n in shared}, ""):
            raise ValueError(
                f"is of a model that was compiled with {where}={theirs!r}, this one with {here!r}: "
                "compile as before"
            )

    def _written(self) -> Iterator[tuple[str, Any]]:
        given, optimizer = dict(self._compiled.given), self._compiled.optimizer
        if isinstance(optimizer, Optimizer):
            given["optimizer"] = optimizer
        for name, value in given.items():
            try:
                data = json.loads(json.dumps(serialize(value)))
            except (TypeError, ValueError):
                continue
            yield name, _without_names(data)


def _without_names(data: Any) -> Any:
    """Without what may be another each time: names that were given by nobody, a rate that moves."""
    if isinstance(data, list):
        return [_without_names(part) for part in data]
    if not isinstance(data, dict):
        return data
    return {
        name: _without_names(part)
        for name, part in data.items()
        if name not in ("name", "learning_rate")
    }
