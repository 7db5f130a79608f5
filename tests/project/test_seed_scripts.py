"""The programs of examples/seeds at their small size: they run, and all they say holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "seeds"
SCRIPTS = sorted(FOLDER.glob("*.py"))
PAGES = FOLDER.parent.parent / "docs" / "seeds"


def run(script, *arguments, **environment):
    """What a script prints; it has to end well."""
    done = subprocess.run(
        [sys.executable, script, *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_verdict_holds(script, tmp_path):
    # With a folder that holds nothing: what is small is made up, wherever it runs.
    said = run(script, "--small", UNPAD_TEST_DATA=str(tmp_path))
    verdicts = [line for line in said.splitlines() if line.startswith(("yes  ", "NO   "))]
    assert len(verdicts) >= 5
    assert all(line.startswith("yes") for line in verdicts)


def test_where_the_corpus_is_not_the_full_size_is_made_up_too(tmp_path):
    said = run(FOLDER / "padding_embedded_as_zeros.py", UNPAD_TEST_DATA=str(tmp_path))
    assert said.startswith("Posts are made up")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_has_its_page(script):
    page = PAGES / f"{script.stem.replace('_', '-')}.md"
    assert f"examples/seeds/{script.name}" in page.read_text()


def test_there_are_five():
    assert len(SCRIPTS) == 5
