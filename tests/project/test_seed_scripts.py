"""The programs of examples/seeds at their small size: they run, and all they say holds."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "seeds"
SCRIPTS = sorted(FOLDER.glob("*.py"))
#: What they write as in older Keras is told so, which is for their readers.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
PAGES = FOLDER.parent.parent / "docs" / "seeds"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_verdict_holds(run, script, tmp_path):
    said = run(script, "--small", corpora=tmp_path)
    verdicts = [line for line in said.splitlines() if line.startswith(("yes  ", "NO   "))]
    assert len(verdicts) >= 5
    assert all(line.startswith("yes") for line in verdicts)


def test_where_the_corpus_is_not_the_full_size_is_made_up_too(run, tmp_path):
    said = run(FOLDER / "padding_embedded_as_zeros.py", corpora=tmp_path)
    assert said.startswith("Posts are made up")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_has_its_page(script):
    page = PAGES / f"{script.stem.replace('_', '-')}.md"
    assert f"examples/seeds/{script.name}" in page.read_text()


def test_there_are_five():
    assert len(SCRIPTS) == 5
