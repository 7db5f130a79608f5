"""Findings and reports as values: what they hold, how they are told, what explains what."""

import json

import numpy as np
import pytest

from unpad import Sequential, layers
from unpad.doctor import KINDS, Finding, Found, Report, Where, examine
from unpad.doctor.findings import SEVERITIES
from unpad.doctor.report import Asked

ROOT = Finding("reshaped", "x is turned.", "It shows.", "Turn it.", {"steps": 3}, "x = x.T")
SEEN = Finding("not masked", "x is padded.", "It shows.", "Mask it.", where=Where(sequence=4))
PLACED = Finding(
    "class 0", "no 0.", "", "", where=Where("out", "model.py", 7, "return y[:, -1]"), chance=1e-5
)


def test_kinds_are_a_closed_list_whose_parts_agree():
    for kind, entry in KINDS.items():
        assert entry.severity in SEVERITIES
        assert set(entry.explains) <= set(KINDS) - {kind}
    with pytest.raises(ValueError, match="Finding: 'other' is none of the kinds reshaped, "):
        Finding("other", "", "", "")


def test_roots_come_first_and_what_they_explain_is_folded_under_them():
    report = Report.of([SEEN, ROOT])
    assert report.roots == [ROOT] == list(report) and report.kinds == ["reshaped"]
    assert report.findings == (ROOT, SEEN) and len(report) == 1
    assert report.explained_by(ROOT) == [SEEN]
    assert str(report).splitlines()[0] == "1 thing to mend, which explains 1 more."
    assert "    also seen, and mended with it: not masked" in str(report)
    assert report["not masked"] is SEEN and "reshaped" in report and "turned" not in report
    with pytest.raises(KeyError, match="no finding 'turned'"):
        report["turned"]


def test_a_report_is_compared_as_a_list():
    assert Report() == [] and not Report() and Report.of([ROOT]) == [ROOT] != []
    assert list(Report.of([ROOT])) == [ROOT] and Report.of([ROOT])[:1] == [ROOT]


def test_the_text_says_where_how_surely_and_what_to_write():
    text = str(
        Report.of([ROOT, PLACED], [Asked("axes", "reshaped"), Asked("x", "why", None, False)])
    )
    assert (
        "error: reshaped. x is turned.\n    It shows.\n    cure: Turn it.\n        x = x.T" in text
    )
    assert "    sure: it is exact; more: docs/doctor/reshaped.md" in text
    assert "where: in 'out', at model.py:7: return y[:, -1]" in text
    assert "sure: chance shows it at most once in 100,000; more: docs/doctor/class-0.md" in text
    assert text.endswith("Could not be asked:\n    x: why")


def test_levels():
    report = Report.of([SEEN])
    assert report.at_least("warning") == [SEEN] and report.at_least("error") == []
    report.raise_if("error")
    with pytest.raises(Found, match="not masked"):
        report.raise_if("warning")
    with pytest.raises(ValueError, match="expected one of error, warning, note, got 'bad'"):
        report.raise_if("bad")


def test_what_was_accepted_is_left_out_by_its_fingerprint():
    assert PLACED.fingerprint == "class 0/out/return y[:, -1]"
    assert Report.of([ROOT, PLACED]).without([PLACED.fingerprint]) == [ROOT]


def test_json_holds_all_of_it(tmp_path):
    Report.of([ROOT, PLACED], [Asked("axes", "reshaped", 3.0)]).save(tmp_path / "r.json")
    data = json.loads((tmp_path / "r.json").read_text())
    first, second = data["findings"]
    assert (first["kind"], first["severity"], first["evidence"]) == (
        "reshaped",
        "error",
        {"steps": 3},
    )
    assert (
        first["explains"] == ["not masked", "holes"] and first["page"] == "docs/doctor/reshaped.md"
    )
    assert second["where"]["line"] == 7 and second["chance"] == 1e-5
    assert data["asked"] == [{"name": "axes", "answer": "reshaped", "number": 3.0, "could": True}]
    Report().save(tmp_path / "r.txt")
    assert (tmp_path / "r.txt").read_text() == "Nothing found.\n"
    with pytest.raises(ValueError, match=r"Report.save: unknown ending '.doc'; "):
        Report().save(tmp_path / "r.doc")


def test_evidence_is_numbers():
    x = np.random.default_rng(0).normal(size=(10, 7, 3))
    for i in range(10):
        x[i, 2 + i % 5 :] = 0
    report = examine(x, model=Sequential([layers.LSTM(2)]))
    (finding,) = report
    assert finding.kind == "not masked" and finding.where.sequence == 0
    assert finding.evidence["sequences that show it"] == 10
    assert finding.evidence["share of slots"] == pytest.approx(np.mean((x == 0).all(2)))
    assert [a.name for a in report.asked][:3] == ["axes", "padding", "cuts"]
