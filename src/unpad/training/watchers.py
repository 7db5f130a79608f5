"""The callbacks of a training, an evaluation or a prediction, as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ..ranks import ALONE, Ranks
from .callbacks import Callback
from .callbacks.callback import WritesState
from .callbacks.foreign import Foreign, adopted
from .callbacks.logs import Logs
from .state import Kept, State

# Hooks that the base class forwards to an older name.
_OLDER = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class Watchers(Kept):
    """Callbacks that are told together, one that is ours last, so that it holds what others add.

    Args:
        callbacks: the user's own, ours or another library's.
        model: at work.
        params: what they are told of it: verbose, epochs, steps.
        who: is called in errors.
        last: the history that `fit` gives back.
        ranks: the processes that share the work.

    Raises:
        ValueError: one is no callback.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback] | Callback | None,
        model: Any,
        params: dict[str, Any],
        who: str,
        last: Callback | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        given = [adopted(callback, who) for callback in listed(callbacks)]
        #: Whether there are any of the user's own.
        self.given = bool(given)
        self._all = [*given, *([] if last is None else [last])]
        #: Whether anybody may want the state of the training.
        self.writes = any(isinstance(c, WritesState) for c in self._all)
        # In the other processes nobody writes files.
        self._told = [c for c in self._all if ranks.first or not getattr(c, "first_alone", False)]
        self._ranks = ranks
        self._writers = [c for c in self._all if isinstance(c, WritesState)]
        #: Whether anybody is called between two batches of training.
        self.between = any(self.asked(hook) for hook in _OLDER)
        for callback in self._told:
            callback.set_model(model)
            callback.set_params(dict(params))

    def state_dict(self) -> dict[str, Any]:
        """What each of them must not lose, by its class and its place among those of its class."""
        found = {name: callback.state_dict() for name, callback in self._named()}
        return {name: state for name, state in found.items() if state}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Goes on from it; one that the state does not know begins anew."""
        for name, callback in self._named():
            if name in state:
                callback.load_state_dict(state[name])

    def check(self, state: dict[str, Any], /) -> None:
        """Raises where a callback is missing that the state is of."""
        mine = [name for name, _ in self._named()]
        missing = [name for name in state if name not in mine]
        if missing:
            raise ValueError(
                f"is of a fit with the callback {missing[0]}, which this fit has not: it has "
                f"{', '.join(mine)}"
            )

    def _named(self) -> list[tuple[str, Callback]]:
        seen: Counter[str] = Counter()
        found = []
        for callback in self._all:
            own = callback.callback if isinstance(callback, Foreign) else callback
            name = type(own).__name__
            seen[name] += 1
            found.append((name if seen[name] == 1 else f"{name} {seen[name]}", callback))
        return found

    def write(self, batch: int | None, state: Callable[[], State]) -> None:
        """Has the state of the training written by those that want it now.

        Args:
            batch: after which batch of an epoch; None: after an epoch.
            state: called where it is wanted.
        """
        wanting = [writer for writer in self._writers if writer.due(batch)]
        if self._ranks.any(bool(wanting)):
            found = state()
            for writer in wanting:
                writer.write(found)

    def finished(self) -> None:
        """Tells those who write the state that it is not needed any more."""
        for writer in self._writers:
            writer.finished()

    def asked(self, hook: str) -> bool:
        """Whether anybody listens: a batch's logs are read back from the device only then."""
        names = (hook, _OLDER.get(hook, hook))
        return any(
            getattr(getattr(c, name), "__func__", None) is not getattr(Callback, name)
            for c in self._told
            for name in names
        )

    def tell(self, hook: str, *args: Any) -> None:
        """Calls this hook of all of them, with logs, if there are none an empty dict."""
        if not self._told:
            return
        if not args or not isinstance(args[-1], dict):
            args = (*args, {})
        # What one callback puts into the logs the next one sees.
        args = (*args[:-1], args[-1] if isinstance(args[-1], Logs) else Logs(args[-1]))
        for callback in self._told:
            getattr(callback, hook)(*args)


def listed(callbacks: Any) -> list[Any]:
    """None, one or several callbacks as a list."""
    several = [] if callbacks is None else callbacks
    return list(several) if isinstance(several, (list, tuple)) else [several]
