"""A plugin of pytest's: the fixture `padding_proof`.

In a conftest.py: `pytest_plugins = ["unpad.testing.pytest_plugin"]`. It is asked for by name and
not found by itself, so that a project whose tests need no torch does not import it.

    def test_my_model(padding_proof):
        padding_proof(MyModel(), samples)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..doctor import assert_padding_proof


def pytest_configure(config: Any) -> None:
    """Gives pytest the fixture."""
    import pytest

    class Fixtures:
        @pytest.fixture
        def padding_proof(self) -> Callable[..., Any]:
            """Fails for a model whose answers depend on padding or on its batch."""
            return assert_padding_proof

    config.pluginmanager.register(Fixtures(), "unpad-fixtures")
