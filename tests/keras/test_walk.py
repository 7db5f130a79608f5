"""Each public name of Keras is here, or stands in the table of the others with a reason."""

import pytest
from names_table import BEGIN, END, PAGE, is_here, public, reason, table

from unpad.dialect import absent
from unpad.dialect.not_taken import NOT_TAKEN

NAMES = sorted({*public()})


def test_every_name_is_here_or_has_a_reason():
    neither = [name for name in NAMES if not is_here(name) and reason(name) is None]
    assert len(NAMES) > 1400
    assert neither == []


def test_the_table_holds_nothing_that_is_here():
    older = {"estimator", "legacy", "preprocessing.image"}  # of Keras 2
    for name in NOT_TAKEN:
        below = [n for n in NAMES if n == name or n.startswith(f"{name}.")]
        assert below or name in older, f"{name} is no name of Keras's"
        assert not any(map(is_here, below)), f"{name} is here"


def test_the_page_shows_the_table():
    """`python tests/keras/names_table.py` writes it."""
    assert PAGE.read_text().split(BEGIN)[1].split(END)[0] == table()


@pytest.mark.parametrize("name", ["layers.Conv2D", "applications.vgg16.VGG16", "remat"])
def test_who_asks_is_told(name):
    text = absent(name)
    assert text.startswith(f"keras.{name}: not here: ")
    assert reason(name) in text
