"""The doctor: finds mistakes that no type can show, in data and models, and what mends them."""

from .examination import examine, quiet, tell
from .findings import KINDS, DataWarning, Finding, Where
from .report import Found, Report

__all__ = [
    "KINDS",
    "DataWarning",
    "Finding",
    "Found",
    "Report",
    "Where",
    "examine",
    "quiet",
    "tell",
]
