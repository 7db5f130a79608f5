"""What every test shares: one thread, a fixed seed, how many examples are drawn."""

import gc
import runpy
import sys
from collections import Counter, defaultdict
from zlib import crc32

import hypothesis
import pytest
import torch

import unpad

from .examples import TIMES

# Where unpad was installed without a compiler there are no compiled kernels to test.
_OF_THE_LIBRARY = [f"kernels/test_{name}.py" for name in ("compiled", "lowered", "memory")]
collect_ignore = [] if unpad.kernels.library.available() else _OF_THE_LIBRARY

# Small tensors gain nothing from threads, and threads that spin slow a busy machine down.
torch.set_num_threads(1)

# A busy machine is slow, not wrong. `make nightly` draws many more examples of everything.
hypothesis.settings.register_profile("unpad", deadline=None, max_examples=30 * TIMES)
hypothesis.settings.load_profile("unpad")


# For a GPU that may come torch writes down the whole stack whenever a seed is set: 1 ms a test.
for _accelerator in (torch.cuda, torch.xpu, torch.mtia):
    if not _accelerator.is_available():
        _accelerator.manual_seed_all = lambda seed: None


@pytest.fixture(autouse=True)
def _same_seed():
    unpad.utils.set_random_seed(0)


# What has been collected stays to the end: nobody need look through it for garbage, or while it is
# made. An eighth of the tests' time went there.
gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.set_threshold(700, 10, 100)  # the oldest generation ten times as rarely as by default
    gc.enable()


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a script as `python SCRIPT OPTIONS` does; what it prints, if it ends well.

    Args of what it gives: the script's path, its options, and the folder of corpora.
    """

    def run(script, *options, corpora):
        monkeypatch.syspath_prepend(str(script.parent))
        monkeypatch.setenv("UNPAD_TEST_DATA", str(corpora))
        monkeypatch.setattr(sys, "argv", [str(script), *options])
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return run


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Of a test with the mark `by_day(count)` so many cases are run, drawn by their names.

    `make nightly` runs all of them, and so does pytest where a case is asked for by its name.
    """
    if TIMES > 1 or any("::" in asked for asked in config.args):
        return
    cases = defaultdict(list)
    for item in items:
        mark = item.get_closest_marker("by_day")
        if mark is not None:
            cases[mark.args[0], item.nodeid.partition("[")[0]].append(item)
    left = set()
    for (count, _), some in cases.items():
        left |= {*sorted(some, key=lambda item: crc32(item.nodeid.encode()))[count:]}
    items[:] = [item for item in items if item not in left]
    config.hook.pytest_deselected(items=[*left])


# --- how much the laws and the comparison with Keras have covered, over all processes -------------

_ran: Counter = Counter()


def pytest_sessionfinish(session):
    from .cases import RAN

    _ran.update(RAN)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["ran"] = dict(RAN)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    _ran.update(getattr(node, "workeroutput", {}).get("ran", {}))


def pytest_terminal_summary(terminalreporter):
    from .cases import CASES

    if not _ran:
        return
    layers = {case.layer for case in CASES.values()}
    compared = sum(case.keras is not None for case in CASES.values())
    terminalreporter.write_line(
        f"{len(layers)} layers in {len(CASES)} configurations: {_ran['laws']} batches through "
        f"every law; {compared} configurations compared with Keras on {_ran['Keras']} batches"
    )
