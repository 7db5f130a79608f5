"""Which path the recurrent operator takes, and which it took: to be asked, and forced for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import cudnn, library

_forced: str | None = None
_last: str | None = None


def note(path: str) -> None:
    """Remembers the path that a call took."""
    global _last
    _last = path


def forced() -> str | None:
    """The path that is forced, if one is."""
    return _forced


def available() -> list[str]:
    """The paths there are on this machine, the fastest first."""
    paths = ["compiled"] if library.available() else []
    return [*(["cudnn"] if cudnn.available() else []), *paths, "torch", "reference"]


@contextmanager
def force(path: str) -> Iterator[None]:
    """Within this block, recurrent layers take the named path.

    Args:
        path: "compiled", "torch", "cudnn" (its code runs on a CPU too, for tests) or "reference".

    Raises:
        ValueError: there is no such path here.
    """
    global _forced
    possible = [*available(), "cudnn"]
    if path not in possible:
        raise ValueError(
            f"kernels.force: expected one of {', '.join(dict.fromkeys(possible))}, got {path!r}."
        )
    before, _forced = _forced, path
    try:
        yield
    finally:
        _forced = before


def info() -> dict[str, object]:
    """The paths there are, the one that is forced, the one last taken; and the compiled kernels.

    Example:
        >>> sorted(info())
        ['compiled', 'forced', 'last', 'paths']
    """
    return {
        "paths": available(),
        "forced": _forced,
        "last": _last,
        "compiled": library.describe(),
    }
