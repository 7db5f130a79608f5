"""What every test shares: one thread, a fixed seed."""

import hypothesis
import pytest
import torch

import unpad

# Where unpad was installed without a compiler there are no compiled kernels to test.
collect_ignore = [] if unpad.kernels.library.available() else ["kernels/test_compiled.py"]

# Small tensors gain nothing from threads, and threads that spin slow a busy machine down.
torch.set_num_threads(1)

# A busy machine is slow, not wrong.
hypothesis.settings.register_profile("unpad", deadline=None)
hypothesis.settings.load_profile("unpad")


@pytest.fixture(autouse=True)
def _same_seed():
    unpad.utils.set_random_seed(0)


def pytest_terminal_summary(terminalreporter):
    """How many layers and configurations the laws and the comparison with Keras have covered."""
    from .cases import CASES, RAN

    if not RAN:
        return
    layers = {case.layer for case in CASES.values()}
    compared = sum(case.keras is not None for case in CASES.values())
    terminalreporter.write_line(
        f"{len(layers)} layers in {len(CASES)} configurations: {RAN['laws']} batches through every "
        f"law; {compared} configurations compared with Keras on {RAN['Keras']} batches"
    )
