"""as_keras: `import keras`, `import tensorflow as tf` and the like give unpad while it is on."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from operator import attrgetter
from types import ModuleType
from typing import Any

import unpad

from . import tensorflow
from .absent import absent
from .not_taken import NOT_TAKEN_OF_TENSORFLOW, OTHER_PACKAGES
from .places import ELSEWHERE, ROOTS, below_keras, module_for

_PACKAGES = ("keras", "tensorflow", "tf_keras")
# On the way to Keras, and Keras alone is in them.
_ON_THE_WAY = {r.rpartition(".")[0] for r in ROOTS} | {"tensorflow", "tensorflow.compat"} - {""}


class StandIn(ModuleType):
    """A module that gives what one of unpad's has, under the name that was asked for."""

    def __init__(self, name: str, module: ModuleType | None) -> None:
        super().__init__(name, None if module is None else module.__doc__)
        self._module = module
        if module is not None and hasattr(module, "__all__"):
            self.__all__ = list(module.__all__)

    def __getattr__(self, name: str) -> Any:
        full = f"{self.__name__}.{name}"
        if name == "__version__":
            return unpad.__version__
        if name.startswith("__"):
            raise AttributeError(full)
        below = below_keras(full)
        if (home := ELSEWHERE.get(below or "")) is not None:
            return attrgetter(home)(unpad)
        found = getattr(self._module, name, None)
        # A module is given as one of these too, which knows what is not in it.
        known = _of_tensorflow(full) or (module_for(below) if below else None)
        if found is not None and found is not known:
            return found
        if known is not None or full in _ON_THE_WAY or below == "":
            __import__(full)
            return sys.modules[full]
        raise AttributeError(_not_here(full))

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._module or object())})


class _Finder(MetaPathFinder, Loader):
    """Finds the modules of `keras` and `tensorflow`, and no others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top = fullname.partition(".")[0]
        if top in OTHER_PACKAGES:
            raise ImportError(f"{top}: not here: {OTHER_PACKAGES[top]}", name=fullname)
        if top not in _PACKAGES:
            return None
        below = below_keras(fullname)
        if fullname in _ON_THE_WAY or _of_tensorflow(fullname) is not None:
            return ModuleSpec(fullname, self, is_package=True)
        if below is None or module_for(below) is None:
            # No ModuleNotFoundError, which `from keras import x` would swallow with its text.
            raise ImportError(_not_here(fullname), name=fullname)
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        below = below_keras(spec.name)
        if below is not None:
            return StandIn(spec.name, module_for(below))
        return StandIn(spec.name, _of_tensorflow(spec.name))

    def exec_module(self, module: ModuleType) -> None:
        pass


def _of_tensorflow(name: str) -> ModuleType | None:
    """The module of TensorFlow's functions that stands for this one: `tf`, `tf.data`."""
    top, _, below = name.partition(".")
    if top != "tensorflow" or name in _ON_THE_WAY - {"tensorflow"}:
        return None
    found = tensorflow if not below else getattr(tensorflow, below, None)
    return found if isinstance(found, ModuleType) else None


def _not_here(full: str) -> str:
    below = below_keras(full)
    if below is None:
        parts = full.split(".")[1:]
        for count in range(1, len(parts) + 1):
            reason = NOT_TAKEN_OF_TENSORFLOW.get(".".join(parts[:count]))
            if reason is not None:
                return f"{full}: not here: {reason}"
        parent = _of_tensorflow(full.rpartition(".")[0])
        near = difflib.get_close_matches(full.rpartition(".")[2], getattr(parent, "__all__", ()))
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        return (
            f"{full}: not here: of TensorFlow there is what scripts of Keras use most. {hint}"
            "Tensors are torch's, whose functions work on them; keras.ops has Keras's."
        )
    parent = module_for(below.rpartition(".")[0])
    return absent(below, () if parent is None else getattr(parent, "__all__", ()), full)


class as_keras:  # noqa: N801 - it is called like a function
    """`import keras`, `import tensorflow as tf` and all below give unpad from here on.

    In a `with` it ends with the block, and what was imported before is as it was; called alone it
    stays. It is for trying a script as it is; in a program of one's own `import unpad as keras` is
    enough. `python -m unpad script.py` runs a script in it.

    Example:
        >>> with unpad.as_keras():
        ...     from keras.layers import LSTM
        >>> LSTM is unpad.layers.LSTM
        True
    """

    def __init__(self) -> None:
        self._before = _taken_out()
        self._finder = _Finder()
        sys.meta_path.insert(0, self._finder)

    def __enter__(self) -> ModuleType:
        return unpad

    def __exit__(self, *error: object) -> None:
        self.end()

    def end(self) -> None:
        """Makes everything as it was before."""
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
            _taken_out()
            sys.modules.update(self._before)


def _taken_out() -> dict[str, ModuleType]:
    """Takes the modules of these packages out of those that are imported."""
    names = [n for n in sys.modules if n.partition(".")[0] in _PACKAGES]
    return {name: sys.modules.pop(name) for name in names}
