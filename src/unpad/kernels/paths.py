"""Which path an operator takes, and which it took: to be asked, and forced for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_KNOWN = ("torch", "reference")
_forced: str | None = None
_last: dict[str, str] = {}


def choose(operator: str, best: str) -> str:
    """The path for this call: the best that there is, unless one is forced."""
    path = _forced or best
    _last[operator] = path
    return path


@contextmanager
def force(path: str) -> Iterator[None]:
    """Within this block, operators take the named path: "torch" or "reference".

    Raises:
        ValueError: there is no such path.
    """
    global _forced
    if path not in _KNOWN:
        raise ValueError(f"kernels.force: expected one of {', '.join(_KNOWN)}, got {path!r}.")
    before, _forced = _forced, path
    try:
        yield
    finally:
        _forced = before


def info() -> dict[str, object]:
    """The paths there are, the one that is forced, and the one each operator last took."""
    return {"paths": _KNOWN, "forced": _forced, "last": dict(_last)}
