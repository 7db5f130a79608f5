"""A mode that is held for a block: every flag comes back, and threads do not undo each other."""

import threading

import pytest
import torch

from unpad.core.mode import mode

from ..messages import says


def net():
    found = torch.nn.Sequential(
        torch.nn.Dropout(), torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Dropout())
    )
    found[1][0].eval()
    return found


def flags(module):
    return [m.training for m in module.modules()]


@pytest.mark.parametrize("training", [True, False])
def test_every_module_has_its_own_flag_again(training):
    module = net()
    before = flags(module)
    with mode(module, training):
        assert set(flags(module)) == {training}
    assert flags(module) == before
    with pytest.raises(KeyError), mode(module, training):
        raise KeyError
    assert flags(module) == before


def test_blocks_nest():
    module = net()
    before = flags(module)
    with mode(module, True):
        with mode(module, False):
            with mode(module, False), mode(module, True):
                assert set(flags(module)) == {True}
            assert set(flags(module)) == {False}
        assert set(flags(module)) == {True}
    assert flags(module) == before


def elsewhere(function):
    """What a function gives, or raises, in another thread."""
    found = []

    def run():
        try:
            found.append(function())
        except RuntimeError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    return found[0]


def test_two_threads_hold_one_mode_and_the_last_gives_it_back():
    module = net()
    before = flags(module)
    begun, done = threading.Event(), threading.Event()

    def other():
        with mode(module, False):
            begun.set()
            assert done.wait(10)

    thread = threading.Thread(target=other)
    with mode(module, False):
        thread.start()
        assert begun.wait(10)
    assert set(flags(module)) == {False}
    done.set()
    thread.join()
    assert flags(module) == before


def test_the_other_mode_is_refused_while_a_thread_holds_one():
    module = net()
    before = flags(module)

    def evaluate():
        with mode(module, False, "predict"):
            return flags(module)

    with mode(module, True):
        refused = elsewhere(evaluate)
        with mode(module, False):
            nested = elsewhere(evaluate)  # it would end in the middle of the other's block
    for error in (refused, nested):
        with says(
            "predict: the model is being trained in another thread, and has one mode for both. "
            "Wait for that, or use a copy: copy.deepcopy(model).",
            RuntimeError,
        ):
            raise error
    assert set(elsewhere(evaluate)) == {False}
    assert flags(module) == before
