"""docs/layers.md says what each layer gives for an empty sequence."""

from ..empty_table import PAGE, part
from ..pages import filled


def test_the_table_says_what_comes_out():
    page = PAGE.read_text()
    assert page == filled(page, part()), "write it anew: python -m tests.empty_table"
