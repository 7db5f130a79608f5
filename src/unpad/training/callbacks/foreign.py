"""Callbacks of other libraries: Keras's own, those of trackers, anything with the hooks."""

from __future__ import annotations

import difflib
from typing import Any

from ...spellings import warn_once
from ..state import attributes_kept, give_back_attributes
from .callback import Callback

_HOOKS = [name for name in vars(Callback) if name.startswith("on_")]
# What Keras's own need Keras's models for, and which of ours does it here.
_OURS = {
    "BackupAndRestore": "BackupAndRestore",
    "OrbaxCheckpoint": "ModelCheckpoint",
    "SwapEMAWeights": "SwapEMAWeights",
    "TensorBoard": "TensorBoard",
}


class Foreign(Callback):
    """A callback that is no subclass of ours, told what ours are told.

    Args:
        callback: with `set_model`, `set_params` and some of the hooks.
    """

    def __init__(self, callback: Any) -> None:
        self.callback = callback
        self.first_alone = bool(getattr(callback, "first_alone", False))
        for hook in _HOOKS:
            function = getattr(callback, hook, None)
            if callable(function) and not _does_nothing(callback, hook):
                setattr(self, hook, function)

    def set_model(self, model: Any) -> None:
        self.model = model
        self.callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        self.callback.set_params(params)

    def state_dict(self) -> dict[str, Any]:
        if callable(getattr(self.callback, "state_dict", None)):
            return self.callback.state_dict()
        return attributes_kept(self.callback, ("model", "_model", "params"))

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        if callable(getattr(self.callback, "load_state_dict", None)):
            self.callback.load_state_dict(state_dict)
        else:
            give_back_attributes(self.callback, state_dict)


def _tell_of_misspelt_hooks(callback: Callback, who: str) -> None:
    """Warns of a method that nobody calls and whose name is nearly a hook's."""
    kind = type(callback)
    for name in dir(kind):
        if name.startswith("on_") and name not in _HOOKS:
            near = difflib.get_close_matches(name, _HOOKS, n=1, cutoff=0.9)
            if near:
                warn_once(
                    f"{kind.__qualname__}.{name}",
                    f"{who}: {kind.__name__}.{name} is no hook, and is never called. Did you mean "
                    f"{near[0]!r}?",
                )


def _does_nothing(callback: Any, hook: str) -> bool:
    """Whether it is what Keras's base class has: nobody need be told, and batches cost nothing."""
    for kind in type(callback).__mro__:
        if hook in vars(callback) or hook in vars(kind):
            return hook not in vars(callback) and kind.__name__ == "Callback" and of_keras(kind)
    return False


def of_keras(kind: type) -> bool:
    """Whether a class is Keras's own."""
    return kind.__module__.partition(".")[0] in ("keras", "tf_keras", "tensorflow")


def adopted(callback: Any, who: str) -> Callback:
    """The callback, if it is one of ours, or one that tells it what ours are told.

    Raises:
        ValueError: it has no hooks, or is one that needs Keras's own models.
    """
    if isinstance(callback, Callback):
        _tell_of_misspelt_hooks(callback, who)
        return callback
    kind = type(callback)
    hooks = any(callable(getattr(callback, hook, None)) for hook in _HOOKS)
    sets = all(callable(getattr(callback, name, None)) for name in ("set_model", "set_params"))
    if isinstance(callback, type) or not (hooks and sets):
        raise ValueError(
            f"{who}: expected callbacks as keras.callbacks, got {kind.__name__}."
            + (
                " A class: put () behind it."
                if isinstance(callback, type)
                else " One of another library has set_model, set_params and hooks as on_epoch_end."
            )
        )
    for theirs in kind.__mro__:
        if of_keras(theirs) and theirs.__name__ in _OURS:
            raise ValueError(
                f"{who}: Keras's {theirs.__name__} works on Keras's own models. Give "
                f"unpad.callbacks.{_OURS[theirs.__name__]}."
            )
    return Foreign(callback)
