"""Every layer that unpad exports, in its main configurations: one file a family."""

import importlib
import pkgutil
from collections import Counter

from ..examples import TIMES
from .case import LENGTHS, OTHER, Case

#: By name; a name is used once.
CASES: dict[str, Case] = {}
for _module in sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "case"):
    for _case in importlib.import_module(f"{__name__}.{_module}").CASES:
        assert _case.name not in CASES, _case.name
        CASES[_case.name] = _case

_first = {case.layer: case for case in reversed(CASES.values())}

#: What the longest tests go through: the first case of each layer by day, all of them at night.
BY_DAY = CASES if TIMES > 1 else {c.name: c for c in CASES.values() if c is _first[c.layer]}

#: How many batches were run through the laws and through Keras; told at the end of the tests.
RAN = Counter()

__all__ = ["BY_DAY", "CASES", "LENGTHS", "OTHER", "RAN", "Case"]
