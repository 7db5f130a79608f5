"""A script run with its training watched: it stops before the first epoch, with what was found."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from .. import models
from ..doctor import Report, examine, probe


class _Stop(BaseException):
    """The script has come to where training would begin."""


def watched(path: str, arguments: Sequence[str]) -> Report | None:
    """Runs a script until it would train: `fit` of unpad or Keras, or a module's first call.

    The first batch that a module of PyTorch's is called with is what it is probed with; scripts
    that name Keras or unpad are watched at `fit` alone.

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
        with _patched(_patches(path, found)):
            runpy.run_path(path, run_name="__main__")
    except _Stop:
        pass
    finally:
        sys.argv, sys.path[:] = argv, where
    return found[0] if found else None


def _patches(path: str, found: list[Report]) -> list[tuple[Any, str, Callable[..., Any]]]:
    def fit(model: Any, x: Any = None, y: Any = None, *args: Any, **options: Any) -> None:
        held = options.get("validation_data")
        share = options.get("validation_split") or 0.0
        found.append(examine(x, y, model, validation=held, validation_split=share))
        raise _Stop

    def call(module: nn.Module, *args: Any, **named: Any) -> Any:
        first = args[0] if args else next(iter(named.values()), None)
        if (
            isinstance(first, Tensor)
            and first.ndim > 1
            and len(first) > 0
            and next(module.parameters(), None) is not None
        ):
            with _patched([(nn.Module, "__call__", original)]):
                found.append(probe(module, first.detach(), training=False))
            raise _Stop
        return original(module, *args, **named)

    original = nn.Module.__call__
    patches: list[tuple[Any, str, Callable[..., Any]]] = [(models.Model, "fit", fit)]
    patches.append((models.Sequential, "fit", fit))
    text = Path(path).read_text(encoding="utf-8")
    if "keras" in text and "unpad as keras" not in text:
        try:
            import keras
        except ImportError:
            keras = None
        if keras is not None:
            patches.append((keras.Model, "fit", fit))
    if "keras" not in text and "unpad" not in text:
        patches.append((nn.Module, "__call__", call))
    return patches


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
