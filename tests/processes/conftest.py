"""The two processes that all tests of this room share: to start them takes longer than a test."""

import pytest

from .pair import Pair


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    found = Pair(tmp_path_factory.mktemp("pair") / "meeting")
    yield found
    found.close()
