"""What can be found, and a finding as a value."""

from .finding import DataWarning, Finding, Where, numbers
from .kinds import KINDS, SEVERITIES, page_of

__all__ = ["KINDS", "SEVERITIES", "DataWarning", "Finding", "Where", "numbers", "page_of"]
