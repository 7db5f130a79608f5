"""Whose gradients are wanted by the rows that a batch has read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

_wanted: ContextVar[frozenset[int]] = ContextVar("wanted by rows", default=frozenset())


@contextmanager
def wanted_by_rows(tables: Iterable[Tensor]) -> Iterator[None]:
    """Within this block, and this thread, the gradients of these tables are wanted by rows."""
    token = _wanted.set(frozenset(map(id, tables)))
    try:
        yield
    finally:
        _wanted.reset(token)


def is_wanted_by_rows(table: Tensor) -> bool:
    """Whether the gradient of this table is wanted by rows; in a graph it never is."""
    return not torch.compiler.is_compiling() and id(table) in _wanted.get()
