"""A page for each kind of finding: its program gives exactly that finding, the cured one none."""

from pathlib import Path

import pytest

from unpad.doctor import KINDS
from unpad.doctor.findings import page_of

from ..project.test_docs import ROOT, blocks

PAGES = {kind: ROOT / page_of(kind) for kind in KINDS}


def test_every_kind_has_its_page_and_every_page_its_kind():
    there = {path.name for path in (ROOT / "docs" / "doctor").glob("*.md")}
    assert there == {path.name for path in PAGES.values()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_program_has_it_and_the_cured_one_has_not(kind):
    names = {"__name__": "page"}
    wrong, cured = blocks(PAGES[kind])
    exec(compile(wrong, str(PAGES[kind]), "exec"), names)
    assert names["report"].kinds == [kind], str(names["report"])
    finding = names["report"][kind]
    assert finding.what and finding.shown and finding.cure and finding.code and finding.evidence
    exec(compile(cured, str(PAGES[kind]), "exec"), names)
    assert names["report"] == [], str(names["report"])


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_all_that_a_page_must(kind):
    text = PAGES[kind].read_text()
    assert text.startswith(
        f"# {kind}: {KINDS[kind].title}\n\n{KINDS[kind].severity.capitalize()}. "
    )
    for part in ("**Cause.**", "**Cure.**", "**Seen in public.**", "](http"):
        assert part in text, part
    assert Path(page_of(kind)).stem.replace("-", " ") == kind
