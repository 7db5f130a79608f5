"""docs/coming-from-keras.md says what running Keras shows; numbers that differ are pinned."""

import keras
import pytest
from mask_differences import DIFFERENCES
from mask_probe import facts_of, probe
from mask_table import OF_STRINGS, PAGE, exported, parts
from tests.cases import CASES
from tests.pages import filled

#: Where Keras warns of a mask that it drops, that is what is looked at.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_page_says_what_was_found_of_every_layer_that_both_have():
    facts = probe()
    # One test, so that one process alone looks: that takes as long as hundreds of others.
    both = {name for name in exported() if hasattr(keras.layers, name)} - {*OF_STRINGS}
    assert sorted(both - {CASES[name].layer for name in facts}) == []
    assert len(both) > 50
    page = PAGE.read_text()
    fresh = filled(page, parts(facts))
    old = page.splitlines()
    wrong = [line for line in fresh.splitlines() if line not in old]
    assert page == fresh, (
        f"{PAGE.name} is not what running both libraries shows, first: {wrong[:1]}. "
        "Write it anew: python tests/keras/mask_table.py"
    )


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda d: f"{d.layer} {d.batch}")
def test_numbers_that_differ_on_purpose(difference):
    """Pinned: if one of the two changes, the page is wrong."""
    assert difference.found() == (difference.theirs, difference.ours)
    assert difference.theirs != difference.ours


@pytest.mark.parametrize(
    ("name", "mask", "used", "leaks", "missing"),
    [
        ("Dense", "kept", False, False, "numbers"),
        ("LSTM sequences", "kept", True, False, "the last output"),
        ("GlobalAveragePooling1D", "ended", True, False, "NaN"),
        ("GlobalMaxPooling1D", "dropped with a warning", False, True, "numbers"),
        ("Embedding mask_zero", "made", False, False, "numbers"),
        ("Add rows", "dropped", False, False, "numbers"),
    ],
)
def test_what_is_known_of_keras_is_found(name, mask, used, leaks, missing):
    """The probe itself."""
    found = facts_of(CASES[name])
    assert (found.mask, found.used, found.leaks, found.missing) == (mask, used, leaks, missing)


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="lacks the marks <!-- layers -->"):
        filled("", {"layers": ""})
