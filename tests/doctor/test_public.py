"""Modules of public reports: verdict and place are those of docs/public-models.md."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "examples" / "doctor" / "public_models.py"
LINES = (ROOT / "docs" / "public-models.md").read_text().splitlines()
ROWS = [
    [cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in LINES if "| " in line
]
TABLE = {row[0]: row[1:] for row in ROWS[1:]}
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture
def program(monkeypatch):
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    return runpy.run_path(str(PROGRAM))


@pytest.mark.by_day(10)
@pytest.mark.parametrize("name", TABLE)
def test_a_module_is_what_the_table_says(program, name):
    (public,) = [p for p in program["PUBLIC"] if p.name == name]
    report = program["asked"](public, program["drawn"](public))
    verdict, _, layer, code, _, thread = TABLE[name]
    found = [f.kind for f in report.at_least("warning")]
    assert found == [public.kind] * (public.kind is not None)
    assert verdict == (public.kind or "holds") and public.report in thread
    assert any(a.number is not None for a in report.asked)
    if found:
        where = report.roots[0].where
        assert ((where.layer or ""), (where.code or "")) == (layer, code)


def test_all_of_them_are_in_the_table(program):
    assert [p.name for p in program["PUBLIC"]] == list(TABLE)
