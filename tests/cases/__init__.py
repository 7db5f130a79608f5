"""Every layer that unpad exports, in its main configurations: one file a family."""

import importlib
import pkgutil
from collections import Counter

from .case import LENGTHS, OTHER, Case

#: By name; a name is used once.
CASES: dict[str, Case] = {}
for _module in sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "case"):
    for _case in importlib.import_module(f"{__name__}.{_module}").CASES:
        assert _case.name not in CASES, _case.name
        CASES[_case.name] = _case

#: How many batches were run through the laws and through Keras; told at the end of the tests.
RAN = Counter()

__all__ = ["CASES", "LENGTHS", "OTHER", "RAN", "Case"]
