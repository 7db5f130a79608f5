"""The numbers of an epoch by name, older Keras's short names among them."""

from __future__ import annotations

from typing import Any

from ...spellings import tell_once


class Logs(dict[str, Any]):
    """A dict that finds "acc" where "accuracy" was compiled, and "val_acc", and the other way.

    Only what is looked up by name is found under the other one: `keys()` and `in` know the names
    that were compiled.

    Example:
        >>> Logs(val_accuracy=0.9).get("val_loss", "none")
        'none'
    """

    def __missing__(self, name: Any) -> Any:
        other = other_name(name)
        if other is None or other not in self:
            raise KeyError(name)
        if other.endswith("accuracy"):
            tell_once("logs", repr(name), repr(other))
        return self[other]

    def get(self, key: Any, default: Any = None) -> Any:
        """What is under this name, or the default."""
        try:
            return self[key]
        except KeyError:
            return default


def other_name(name: Any) -> str | None:
    """The other spelling: "val_acc" for "val_accuracy", and back; None for any other name."""
    before, _, last = str(name).rpartition("_")
    other = {"acc": "accuracy", "accuracy": "acc"}.get(last)
    return other and f"{before}_{other}".removeprefix("_")
