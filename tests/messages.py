"""Error texts, compared from their first letter."""

from contextlib import contextmanager

import pytest


@contextmanager
def says(text: str, kind: type[Exception] | tuple[type[Exception], ...] = ValueError):
    """The block must raise an error whose text begins with this."""
    with pytest.raises(kind) as caught:
        yield
    assert str(caught.value)[: len(text)] == text
