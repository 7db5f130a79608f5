"""The doctor: finds mistakes that no type can show, in data and models, and what mends them."""

from .examination import examine, quiet, tell, tell_split
from .facts import Fitting, Split
from .findings import KINDS, DataWarning, Finding, Where
from .probing import BrokenLaw, assert_padding_proof, probe
from .report import Found, Report
from .watching import watch

__all__ = [
    "KINDS",
    "BrokenLaw",
    "DataWarning",
    "Finding",
    "Fitting",
    "Found",
    "Report",
    "Split",
    "Where",
    "assert_padding_proof",
    "examine",
    "probe",
    "quiet",
    "tell",
    "tell_split",
    "watch",
]
