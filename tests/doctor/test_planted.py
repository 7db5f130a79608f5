"""The planted mistakes of examples/doctor at their small size: each does harm, and is named."""

import re
import runpy
from pathlib import Path

import pytest

from unpad.doctor import KINDS, Report

FOLDER = Path(__file__).parents[2] / "examples" / "doctor"
TEXT = (FOLDER / "README.md").read_text()
NAMED = re.findall(r"\[([a-z0-9 ]+)\]\(\.\./\.\./docs/doctor/[a-z0-9-]+\.md\) \|$", TEXT, re.M)


@pytest.fixture
def program(monkeypatch):
    """Its names, with its folder and the one above where it looks for modules."""
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return runpy.run_path(str(FOLDER / "planted.py"))


@pytest.mark.by_day(8)
@pytest.mark.parametrize("kind", NAMED)
def test_a_mistake_does_harm_and_is_named(program, capsys, tmp_path, kind):
    program["main"](["--small", "--only", kind, "--pages", str(tmp_path)])
    (mistake,) = [m for m in program["MISTAKES"] if m.kind == kind]
    if not mistake.shows():
        assert "its data miss" in capsys.readouterr().out
        pytest.skip(f"{mistake.corpus} is not here")
    assert mistake.what in capsys.readouterr().out
    assert f"</span> {kind}</h2>" in (tmp_path / f"{kind.replace(' ', '-')}.html").read_text()


def test_there_are_twelve_kinds_and_more_and_each_is_in_the_readme(program):
    kinds = [mistake.kind for mistake in program["MISTAKES"]]
    assert kinds == NAMED and len(set(kinds)) == len(kinds) >= 12 and set(kinds) <= set(KINDS)
    for mistake in program["MISTAKES"]:
        assert f"| {mistake.what} | {mistake.task} | {mistake.figure} |" in TEXT


def test_what_is_not_named_or_harmless_or_not_mended_ends_in_an_error(program):
    measured, mistake = program["Measured"], program["MISTAKES"][0]
    nothing = Report()
    assert program["verdict"](mistake, measured(0.9, 0.9, 0.9, nothing, nothing)) == (
        "the doctor says nothing; it does no harm"
    )
