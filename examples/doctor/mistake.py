"""A planted mistake, and what it did to a number."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from unpad.doctor import Report

# The programs in the folder above read what these read.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from corpora import FOLDER

#: On many threads a small model waits more than it counts.
torch.set_num_threads(1)


class Measured(NamedTuple):
    """The same figure three times, and what the doctor says before and after.

    Args:
        reported: what a person would have reported who made the mistake.
        honest: what the same model reaches when it is asked right: on what is new, one sequence at
            a time, with what is known at the time.
        mended: what is reached without the mistake, asked right too.
        found: the doctor's report with the mistake.
        left: without.
    """

    reported: float
    honest: float
    mended: float
    found: Report
    left: Report


class Mistake(NamedTuple):
    """One that people make.

    Args:
        kind: of the doctor's finding.
        what: was done, in a line.
        task: and data.
        figure: that is reported.
        measure: makes the mistake and mends it; given whether a taste is enough.
        corpus: the folder of the only data in which it shows; lines of code and docstrings, which
            stand in for missing corpora, have nothing of it.
    """

    kind: str
    what: str
    task: str
    figure: str
    measure: Callable[[bool], Measured]
    corpus: str = ""

    def shows(self) -> bool:
        """Whether the data are here in which it shows."""
        return not self.corpus or (FOLDER / self.corpus).is_dir()
