"""Findings and reports as values: what they hold, how they are told, what explains what."""

import json

import numpy as np
import pytest

from unpad import Sequential, layers, optimizers
from unpad.doctor import KINDS, Finding, Found, Report, Where, examine, quiet
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


def padded_and_not_masked():
    """Tags of which most are padding's, and a model that has learnt that."""
    rng = np.random.default_rng(0)
    x, y = np.zeros((60, 20), int), np.zeros((60, 20), int)
    for i in range(60):
        n = 3 + i % 4
        x[i, :n], y[i, :n] = rng.integers(1, 50, n), rng.integers(1, 4, n)
    model = Sequential([
        layers.Embedding(50, 8), layers.Conv1D(8, 3, padding="same"),
        layers.Dense(4, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"])
    with quiet():
        model.fit(x, y, epochs=10, verbose=0)
    return x, y, model


def test_the_reported_accuracy_stands_beside_that_on_real_steps():
    x, y, model = padded_and_not_masked()
    report = examine(x, y, model, only={"scores"})
    told = report.seen.scores
    assert told.reported > told.honest + 0.1 and "padding counted" in report
    page = report.as_file(".html")
    honest = f"accuracy of {told.reported:.1%} is {told.honest:.1%} on real steps."
    assert honest in page.split("</h1>")[0] and honest in str(report).splitlines()[0]
    assert f"Reported are {told.reported:.1%}. The accuracy is {told.honest:.1%} on real" in page
    data = json.loads(report.as_file(".json"))["seen"]["scores"]
    assert data["reported"] == told.reported and data["by_length"] == list(told.by_length)
    assert "Reported are" not in examine(x, y, model, only={"padding"}).as_file(".html")


def test_examine_shows_what_an_answer_hangs_on_and_json_has_its_numbers():
    x, y, model = padded_and_not_masked()
    report = examine(x, y, model, only={"laws"})
    assert "padding" in report
    assert "What the answer" in report.as_file(".html")
    data = json.loads(report.as_file(".json"))["seen"]
    reach = report.seen.reach
    assert data["reach"]["shares"] == reach.shares and data["reach"]["on"] == reach.on
    assert data["width"] == 20 and data["slots"] == [list(row) for row in report.seen.slots]
    assert data["labels"][0] == report.seen.labels[0]._asdict()
