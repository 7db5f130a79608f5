"""A script run with its training watched: it stops before the first epoch, with what was found."""

from __future__ import annotations

import builtins
import inspect
import re
import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from .. import models
from ..doctor import Report, examine, probe
from ..doctor.adapters.signature import says_padding

_IMPORTS = re.compile(r"^\s*(?:import|from)\s+(?:unpad|keras|tensorflow)\b", re.M)


class _Stop(BaseException):
    """The script has come to where training would begin."""


def watched(path: str, arguments: Sequence[str]) -> Report | None:
    """Runs a script until it would train: `fit` of unpad or Keras, or a module's first call.

    The first batch that a module of PyTorch's is called with is what it is probed with. A script
    that imports Keras or unpad and calls a `fit` is watched there alone: modules may come before.

    Args:
        path: of the script.
        arguments: what it finds in sys.argv.

    Returns:
        The report on what would have been trained; None where the script trains nothing.
    """
    found: list[Report] = []
    argv, where = sys.argv, list(sys.path)
    sys.argv = [path, *arguments]
    sys.path.insert(0, str(Path(path).resolve().parent))
    try:
        with ExitStack() as kept:
            kept.enter_context(_patched(_patches(path, found)))
            kept.enter_context(_when_imported("keras", lambda keras: _patched(
                [(keras.Model, "fit", _fit(found))]
            )))  # fmt: skip
            runpy.run_path(path, run_name="__main__")
    except _Stop:
        pass
    finally:
        sys.argv, sys.path[:] = argv, where
    return found[0] if found else None


def _fit(found: list[Report]) -> Callable[..., None]:
    def fit(model: Any, x: Any = None, y: Any = None, *args: Any, **options: Any) -> None:
        held = options.get("validation_data")
        share = options.get("validation_split") or 0.0
        found.append(examine(x, y, model, validation=held, validation_split=share))
        raise _Stop

    return fit


def _patches(path: str, found: list[Report]) -> list[tuple[Any, str, Callable[..., Any]]]:
    def call(module: nn.Module, *args: Any, **named: Any) -> Any:
        samples = None if _of_others(module) else _samples(module, args, named)
        if samples is not None and next(module.parameters(), None) is not None:
            with _patched([(nn.Module, "__call__", original)]):
                found.append(probe(module, samples, training=False))
            raise _Stop
        return original(module, *args, **named)

    original = nn.Module.__call__
    fit = _fit(found)
    patches: list[tuple[Any, str, Callable[..., Any]]] = [(models.Model, "fit", fit)]
    patches.append((models.Sequential, "fit", fit))
    text = Path(path).read_text(encoding="utf-8")
    if not (_IMPORTS.search(text) and ".fit(" in text):
        patches.append((nn.Module, "__call__", call))
    return patches


def _samples(module: nn.Module, args: Any, named: Any) -> Any:
    """The batch that a module is called with; of several inputs by the arguments' names."""
    try:
        given = inspect.signature(module.forward).bind(*args, **named).arguments
    except (TypeError, ValueError):
        given = dict(enumerate(args))
    first = next(iter(given.values()), None)
    as_dict = isinstance(first, dict) and len(given) == 1
    if isinstance(first, dict) and as_dict:
        given = first
        first = next(iter(given.values()), None)
    if not isinstance(first, Tensor) or first.ndim < 2 or not len(first):
        return None
    several = {
        str(name): value.detach()
        for name, value in given.items()
        if isinstance(value, Tensor) and value.ndim and len(value) == len(first)
    }
    inputs = [name for name in several if says_padding(name) is None]
    # What is padding is asked in every way, not only as it was said here.
    return several if len(inputs) > 1 or as_dict else first.detach()


def _of_others(module: nn.Module) -> bool:
    """Whether it is a layer of unpad's or Keras's, which is built by calls before it is trained."""
    return any(c.__module__.startswith(("keras.", "unpad.")) for c in type(module).__mro__)


@contextmanager
def _when_imported(
    name: str, then: Callable[[Any], AbstractContextManager[None]]
) -> Iterator[None]:
    """What is done to a module once the script imports it, and undone at the end.

    It is not imported before: a script may choose Keras's backend first.
    """
    original = builtins.__import__
    with ExitStack() as kept:

        def imports(*args: Any, **named: Any) -> Any:
            out = original(*args, **named)
            module = sys.modules.get(name)
            if hasattr(module, "Model") and builtins.__import__ is imports:
                builtins.__import__ = original
                kept.enter_context(then(module))
            return out

        builtins.__import__ = imports
        try:
            yield
        finally:
            builtins.__import__ = original


@contextmanager
def _patched(patches: list[tuple[Any, str, Callable[..., Any]]]) -> Iterator[None]:
    """Attributes of classes replaced for a while."""
    missing = object()
    before = [(owner, name, vars(owner).get(name, missing)) for owner, name, _ in patches]
    for owner, name, new in patches:
        setattr(owner, name, new)
    try:
        yield
    finally:
        for owner, name, old in before:
            delattr(owner, name) if old is missing else setattr(owner, name, old)
