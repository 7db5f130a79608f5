"""A report in the forms that people and other programs read, by the ending of a file's name."""

from __future__ import annotations

import json
import platform
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..findings import Finding

if TYPE_CHECKING:
    from .report import Report

_WIDTH = 98


def data_of(report: Report) -> dict[str, Any]:
    """The report as JSON has it: findings, what was asked, what pictures show, versions."""
    return {
        "findings": [finding.to_data() for finding in report.findings],
        "roots": [finding.fingerprint for finding in report.roots],
        "asked": [asked._asdict() for asked in report.asked],
        "seen": plain(report.seen),
        "seconds": round(report.seconds, 3),
        "seed": report.seed,
        "versions": versions(),
    }


def plain(value: Any) -> Any:
    """Named tuples as what JSON has, under their names."""
    if hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value


def versions() -> dict[str, str]:
    """Of what the numbers rest on."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }


def verdict(report: Report) -> str:
    """The report in a sentence."""
    roots = report.roots
    count = sum(a.could for a in report.asked)
    asked = f" {count} questions were asked" if count else ""
    told = report.seen.scores
    if told is not None and told.reported is not None and "padding counted" in report:
        asked = f" The accuracy of {told.reported:.1%} is {told.honest:.1%} on real steps.{asked}"
    if not roots:
        return f"Nothing found.{asked + '.' if asked else ''}"
    things = "thing" if len(roots) == 1 else "things"
    more = len(report.findings) - len(roots)
    also = f", which explain{'s' if len(roots) == 1 else ''} {more} more" if more else ""
    return f"{len(roots)} {things} to mend{also}.{asked + '.' if asked else ''}"


def text_of(report: Report) -> str:
    """The report for a screen: roots, and below each what it explains."""
    lines = [verdict(report)]
    for root in report.roots:
        lines += ["", *_finding(root)]
        also = [f.kind for f in report.explained_by(root)]
        lines += [f"    also seen, and mended with it: {', '.join(also)}"] if also else []
    left = [a for a in report.asked if not a.could]
    lines += ["", "Could not be asked:"] if left else []
    lines += [line for a in left for line in _wrapped(f"{a.name}: {a.answer}", "    ")]
    return "\n".join(lines)


def _finding(finding: Finding) -> list[str]:
    lines = _wrapped(f"{finding.severity}: {finding.kind}. {finding.what}", "")
    lines += _wrapped(finding.shown, "    ")
    place = str(finding.where)
    lines += _wrapped(f"where: {place}", "    ") if place else []
    lines += _wrapped(f"cure: {finding.cure}", "    ") if finding.cure else []
    lines += [f"        {line}" for line in finding.code.splitlines()]
    return [*lines, f"    {sureness(finding)}; more: {finding.page}"]


def sureness(finding: Finding) -> str:
    """How sure it is, in words."""
    if finding.chance == 0:
        return "sure: it is exact"
    # What is rarer than that nobody can imagine, and no bound on chance is so good.
    often = min(1 / finding.chance, 1e9)
    return f"sure: chance shows it at most once in {often:,.0f}"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent or "    ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def json_of(report: Report) -> str:
    """The report as a JSON file holds it."""
    return json.dumps(data_of(report), indent=1)
