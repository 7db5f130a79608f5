"""The names that layers have by default."""

from __future__ import annotations

import re


def snake_case(name: str) -> str:
    """Keras's default names: TimeDistributed gives time_distributed, LSTM lstm."""
    # A D after a digit belongs to it: conv1d.
    parts = r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z0-9])(?=[A-Z][a-z])"
    return re.sub(parts, "_", name).lower()
