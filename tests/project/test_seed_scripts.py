"""The programs of examples/seeds at their small size: they run, and all they say holds."""

import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "seeds"
SCRIPTS = sorted(FOLDER.glob("*.py"))
#: What they write as in older Keras is told so, which is for their readers.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
PAGES = FOLDER.parent.parent / "docs" / "seeds"


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs a script as `python SCRIPT OPTIONS` does; what it prints, if it ends well."""

    def run(script, *options):
        monkeypatch.setattr(sys, "argv", [str(script), *options])
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    monkeypatch.syspath_prepend(str(FOLDER))
    # With a folder that holds nothing: what is small is made up, wherever it runs.
    monkeypatch.setenv("UNPAD_TEST_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    return run


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_verdict_holds(run, script):
    said = run(script, "--small")
    verdicts = [line for line in said.splitlines() if line.startswith(("yes  ", "NO   "))]
    assert len(verdicts) >= 5
    assert all(line.startswith("yes") for line in verdicts)


def test_where_the_corpus_is_not_the_full_size_is_made_up_too(run):
    said = run(FOLDER / "padding_embedded_as_zeros.py")
    assert said.startswith("Posts are made up")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_has_its_page(script):
    page = PAGES / f"{script.stem.replace('_', '-')}.md"
    assert f"examples/seeds/{script.name}" in page.read_text()


def test_there_are_five():
    assert len(SCRIPTS) == 5
