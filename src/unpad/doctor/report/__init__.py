"""What was found and what was asked, as a value: on a screen, as JSON, in other programs' forms."""

from .asked import Asked
from .report import Found, Report

__all__ = ["Asked", "Found", "Report"]
