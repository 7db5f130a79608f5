"""A report as other programs read it: SARIF for code hosts, JUnit for what runs tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from ..findings import KINDS, Finding, page_of

if TYPE_CHECKING:
    from .report import Report

_LEVELS = {"error": "error", "warning": "warning", "note": "note"}


def sarif(report: Report) -> str:
    """SARIF 2.1.0: a rule a kind, a result a root, with its line and its fingerprint."""
    rules = [
        {
            "id": kind.replace(" ", "-"),
            "shortDescription": {"text": KINDS[kind].title},
            "helpUri": page_of(kind),
            "defaultConfiguration": {"level": _LEVELS[KINDS[kind].severity]},
        }
        for kind in sorted({f.kind for f in report.roots})
    ]
    run = {
        "tool": {"driver": {"name": "unpad doctor", "rules": rules}},
        "results": [_result(f) for f in report.roots],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=1)


def _result(finding: Finding) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": finding.kind.replace(" ", "-"),
        "level": _LEVELS[finding.severity],
        "message": {"text": str(finding)},
        "partialFingerprints": {"unpadDoctor/v1": finding.fingerprint},
    }
    if finding.where.file is not None:
        where = {
            "artifactLocation": {"uri": _relative(finding.where.file)},
            "region": {"startLine": finding.where.line or 1},
        }
        found["locations"] = [{"physicalLocation": where}]
    return found


def _relative(file: str) -> str:
    path = Path(file)
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def junit(report: Report) -> str:
    """JUnit: a case for each question, and one that fails for each root."""
    cases = []
    for asked in report.asked:
        inside = "" if asked.could else f"<skipped message={quoteattr(asked.answer)}/>"
        cases.append(
            f'<testcase classname="asked" name={quoteattr(asked.name)}>{inside}</testcase>'
        )
    for finding in report.roots:
        text = escape(f"{finding}\n{finding.code}")
        kind = "failure" if finding.severity != "note" else "system-out"
        message = f" message={quoteattr(finding.what)}" if kind == "failure" else ""
        inside = f"<{kind}{message}>{text}</{kind}>"
        name = quoteattr(finding.fingerprint)
        cases.append(f'<testcase classname="found" name={name}>{inside}</testcase>')
    failures = sum(f.severity != "note" for f in report.roots)
    skipped = sum(not a.could for a in report.asked)
    head = (
        f'<testsuite name="unpad doctor" tests="{len(cases)}" failures="{failures}" '
        f'skipped="{skipped}" time="{report.seconds:.3f}">'
    )
    return "\n".join(['<?xml version="1.0" encoding="utf-8"?>', head, *cases, "</testsuite>\n"])
