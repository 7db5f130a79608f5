"""The doctor: finds mistakes in a data set that no type can show, and says how to mend them."""

from .examination import examine, quiet, tell
from .finding import DataWarning, Finding

__all__ = ["DataWarning", "Finding", "examine", "quiet", "tell"]
