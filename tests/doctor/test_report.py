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


# --- what pictures show --------------------------------------------------------------------------


def test_slots_are_told_apart():
    ids = np.array([[3, 4, 5, 0, 0], [3, 0, 5, 2, 1], [4, 4, 0, 0, 0]])
    model = Sequential([layers.Embedding(9, 2, mask_zero=True), layers.LSTM(2)])
    seen = examine(ids, model=model).seen
    assert seen.slots == (
        ("step",) * 3 + ("left out",) * 2,
        ("step", "lost", "step", "step", "step"),
        ("step",) * 2 + ("left out",) * 3,
    )
    assert seen.lengths == (3, 4, 2) and seen.width == 5 and seen.places == (0, 1, 2)


@pytest.mark.parametrize(("fill", "side"), [(0.0, "post"), (0.0, "pre"), (-9.0, "post")])
def test_padding_that_is_read_is_seen(fill, side):
    x = np.random.default_rng(0).normal(size=(10, 7, 3)) ** 2
    lengths = [2 + i % 5 for i in range(10)]
    for row, n in zip(x, lengths, strict=True):
        row[slice(n, None) if side == "post" else slice(7 - n)] = fill
    report = examine(x, model=Sequential([layers.LSTM(2)]))
    assert report.kinds == ["not masked" if fill == 0 else "other padding"]
    read = [["read" if s == fill else "step" for s in row[:, 0]] for row in x]
    assert [list(row) for row in report.seen.slots] == read
    assert report.seen.lengths == tuple(lengths)


def test_classes_of_both_sides_are_counted_and_cuts_noted():
    from unpad.preprocessing.sequence import pad_sequences

    x = pad_sequences([np.arange(1, 3 + i % 9) for i in range(40)], 5)
    y = np.repeat([0, 1], 20)
    seen = examine(x, y, validation_split=0.25).seen
    assert [(s.name, s.learnt, s.held) for s in seen.labels] == [
        ("1", pytest.approx(1 / 3), 1.0),
        ("0", pytest.approx(2 / 3), 0.0),
    ]
    cut = sum(max(0, 2 + i % 9 - 5) for i in range(40))
    assert seen.cut[:2] == (cut, sum(2 + i % 9 for i in range(40)))


def test_a_gradient_is_seen_slot_by_slot():
    from unpad.doctor import probe

    from . import modules

    seen = probe(modules.LastSlot(), [[1, 2, 3, 4], [3, 4, 5], [4, 5]]).seen
    reach = seen.reach
    assert len(seen.slots) == 3 and seen.slots[2] == ("step", "step", "read", "read")
    assert reach.row == 2 and reach.real[2] == [True, True, False, False] and reach.at is None
    assert [sum(row) for row in reach.shares] == pytest.approx([0, 0, 1])
    assert max(reach.shares[2]) == reach.shares[2][3]


def test_no_bound_on_chance_is_told_beyond_what_it_can_mean():
    assert "at most once in 1,000,000,000;" in str(
        Report.of([Finding("empty", "", "", "", chance=1e-99)])
    )
