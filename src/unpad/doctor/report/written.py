"""A report as a file holds it, by the ending of the file's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import look_up
from .exchange import junit, sarif
from .forms import json_of, text_of
from .page import html

if TYPE_CHECKING:
    from .report import Report

_FORMS = {
    ".json": json_of,
    ".txt": lambda report: text_of(report) + "\n",
    ".html": html,
    ".sarif": sarif,
    ".xml": junit,
}


def written(report: Report, ending: str) -> str:
    """The report in the form that goes by this ending.

    Raises:
        ValueError: there is none.
    """
    return look_up("Report.save", "ending", ending, _FORMS)(report)
