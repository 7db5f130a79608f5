"""What every test shares: one thread, a fixed seed."""

import hypothesis
import pytest
import torch

import unpad

# Where unpad was installed without a compiler there are no compiled kernels to test.
collect_ignore = [] if unpad.kernels.library.available() else ["test_compiled.py"]

# Small tensors gain nothing from threads, and threads that spin slow a busy machine down.
torch.set_num_threads(1)

# A busy machine is slow, not wrong.
hypothesis.settings.register_profile("unpad", deadline=None)
hypothesis.settings.load_profile("unpad")


@pytest.fixture(autouse=True)
def _same_seed():
    unpad.utils.set_random_seed(0)
