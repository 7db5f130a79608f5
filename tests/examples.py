"""How many examples a generated test draws: a few each time, many more at night."""

import os

from hypothesis import HealthCheck, settings

#: By how much `make nightly` multiplies what every run draws.
TIMES = int(os.environ.get("UNPAD_TEST_EXAMPLES", "1"))


def draws(count: int, **options) -> settings:
    """`count` examples, or that many times `UNPAD_TEST_EXAMPLES`."""
    slow = [HealthCheck.too_slow]
    return settings(
        max_examples=count * TIMES, deadline=None, suppress_health_check=slow, **options
    )
