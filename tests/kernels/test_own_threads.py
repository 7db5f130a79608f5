"""torch's threads kept off the cores: nested, and in several threads at once."""

import threading

import pytest
import torch

import unpad as keras
from unpad.kernels import own_threads
from unpad.kernels.threads import threads

library = keras.kernels.library


def awake():
    now = library.stay_awake(0)
    library.stay_awake(now)
    return now


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("first_out", ["mine", "theirs"])
def test_blocks_of_two_threads_overlap(first_out):
    before = awake()
    begun, done = threading.Event(), threading.Event()
    seen = []

    def other():
        torch.set_num_threads(2)
        seen.append(threads())
        with own_threads():
            begun.set()
            assert done.wait(10)
            seen.append((threads(), torch.get_num_threads()))
        seen.append((threads(), torch.get_num_threads()))

    worker = threading.Thread(target=other)
    block = own_threads()
    block.__enter__()
    worker.start()
    assert begun.wait(10)
    if first_out == "mine":
        block.__exit__(None, None, None)
        assert awake() in (0, 1000)  # the other still wants them awake
        assert (threads(), torch.get_num_threads()) == (2, 2)
    done.set()
    worker.join()
    if first_out == "theirs":
        assert (threads(), torch.get_num_threads()) == (2, 1)
        block.__exit__(None, None, None)
    assert seen == [2, (2, 1), (2, 2)]
    assert (threads(), torch.get_num_threads(), awake()) == (2, 2, before)


def test_an_error_within_gives_everything_back():
    before = awake()
    with pytest.raises(KeyError), own_threads(), own_threads():
        raise KeyError
    assert (threads(), torch.get_num_threads(), awake()) == (2, 2, before)
