"""Which path an operator takes: the first that does not refuse, or the one that is forced."""

import threading

import pytest
import torch

import unpad as keras
from unpad import Ragged, kernels
from unpad.kernels import paths
from unpad.kernels.cells import CELLS, Cell

from ..messages import says
from .test_kernels import arguments

COMPILED = "compiled" in kernels.info()["paths"]  # pyright: ignore


def batch(dtype=torch.float32):
    return Ragged.from_list([torch.ones(3, 2, dtype=dtype), torch.ones(1, 2, dtype=dtype)])


def reasons(call, *arguments, **options):
    """Of the one operator that is called: each path's reason."""
    (choice,) = kernels.why(call, *arguments, **options)
    return choice.path, dict(choice.reasons)


def test_every_operator_has_a_last_path_that_refuses_nothing():
    assert paths.OPERATORS
    for operator in paths.OPERATORS.values():
        assert operator.paths[-1].refuses(None) is None
        assert len(operator.named) == len(operator.paths)


@pytest.mark.skipif(not COMPILED, reason="needs the compiled kernels")
def test_why_tells_each_path_and_its_reason():
    layer, x = keras.layers.LSTM(4), batch()
    layer(x)
    with kernels.force("torch"):
        forced = kernels.why(layer, x)
    assert str(kernels.why(layer, x)) == (
        "recurrent: runs on compiled\n"
        "  cudnn      refuses: the values lie on cpu, and cuDNN works on a GPU\n"
        "  bfloat16   refuses: nobody has asked for bfloat16\n"
        "  compiled   runs\n"
        "  torch      could, and is further down\n"
        "  reference  could, and is further down"
    )
    assert str(forced) == (
        "recurrent: runs on torch\n"
        "  cudnn      refuses: the values lie on cpu, and cuDNN works on a GPU\n"
        "  bfloat16   refuses: nobody has asked for bfloat16\n"
        "  compiled   could, but torch is forced\n"
        "  torch      runs (forced)\n"
        "  reference  could, but torch is forced"
    )
    assert str(kernels.why(lambda: None)) == "No operator of unpad's kernels was called."


def test_a_layer_that_is_called_twice_alike_is_told_once():
    layer = keras.Sequential([keras.layers.LSTM(2, return_sequences=True) for _ in range(3)])
    layer(batch())
    found = kernels.why(layer, batch())
    assert [(c.operator, found.times[c]) for c in found] == [("recurrent", 3)]
    assert str(found).startswith(f"recurrent: runs on {found[0].path}, 3 times\n")


def swish(x):
    return x * torch.sigmoid(x)


@pytest.mark.parametrize(
    ("change", "path", "refused", "reason"),
    [
        ({"activation": swish}, "reference", "compiled",
         "it knows the activations tanh, sigmoid, relu, linear, hard_sigmoid, not swish"),
        ({"recurrent_activation": swish}, "reference", "torch",
         "it knows the activations tanh, sigmoid, relu, linear, hard_sigmoid, not swish"),
        ({"cell": "mgu"}, None, "cudnn", "it knows lstm and gru, not mgu"),
        ({"masks": 1}, None, "cudnn", "it knows no recurrent dropout"),
        ({"activation": "relu"}, None, "cudnn",
         "it knows the activations tanh and sigmoid, not relu and sigmoid"),
    ],
)  # fmt: skip
@pytest.mark.skipif(not COMPILED, reason="needs the compiled kernels")
def test_reasons(change, path, refused, reason, monkeypatch):
    options = {k: v for k, v in change.items() if "activation" in k}
    call = arguments([3, 1], dtype=torch.float32, masks=change.get("masks", 0), state=False,
                     cell=change.get("cell", "lstm"))  # fmt: skip
    if refused == "cudnn":
        # As on a GPU: what lies on a CPU would be the first reason.
        told = f"recurrent: kernels.force('cudnn'), but this path refuses: {reason}."
        with says(told), kernels.force("cudnn"):
            kernels.recurrent(**call, **options)
        return
    got, found = reasons(kernels.recurrent, **call, **options)
    assert (got, found[refused]) == (path, reason)


@pytest.mark.skipif(not COMPILED, reason="needs the compiled kernels")
def test_a_transform_is_a_reason():
    values = torch.ones(4, 2)
    layer = keras.layers.LSTM(2)
    layer(batch())
    run = torch.func.grad(lambda v: layer(Ragged(v, torch.tensor([0, 3, 4]))).sum())
    path, found = reasons(run, values)
    assert path == "reference"
    reason = "within torch.func only torch's own operators know what a tensor carries"
    assert (found["compiled"], found["torch"]) == (reason, reason)


def test_without_the_library_that_is_the_reason(monkeypatch):
    monkeypatch.setenv("UNPAD_NO_COMPILED", "1")
    kernels.library.library.cache_clear()
    try:
        path, found = reasons(kernels.recurrent, **arguments([3, 1]))
        assert path == "torch"
        assert found["compiled"] == "there is no library: UNPAD_NO_COMPILED is set"
    finally:
        monkeypatch.undo()
        kernels.library.library.cache_clear()


def half_way(x, h, c, product, act, rec):
    """A cell that nobody has compiled."""
    return (h + act(x[0] + product(0, h))) / 2, c


def test_a_cell_that_no_kernel_knows_runs_and_why_says_so(monkeypatch):
    monkeypatch.setitem(CELLS, "half_way", Cell("half_way", 1, half_way))
    monkeypatch.setitem(kernels.GATES, "half_way", 1)
    call = arguments([3, 0, 2], cell="half_way", masks=0)
    path, found = reasons(kernels.recurrent, **call)
    assert path == "reference"
    assert found["torch"] == "no walk is written for the cell 'half_way'"
    if COMPILED:
        assert found["compiled"] == "the library has no cell 'half_way'"
    outputs, *_ = kernels.recurrent(**call)
    outputs.sum().backward()
    assert call["kernels"][0].grad is not None


def test_what_is_forced_is_forced_in_one_thread():
    seen, inside, done = [], threading.Event(), threading.Event()

    def other():
        inside.wait(10)
        seen.append(kernels.info()["forced"])
        seen.append(reasons(kernels.recurrent, **arguments([2], masks=0))[0])
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with kernels.force("reference"):
        inside.set()
        assert done.wait(10)
        assert kernels.info()["forced"] == "reference"
    thread.join()
    assert seen == [None, kernels.info()["paths"][0]]  # pyright: ignore


def test_what_ran_is_told_of_every_operator():
    kernels.recurrent(**arguments([2], masks=0))
    info = kernels.info()
    assert info["ran"]["recurrent"] == info["last"]  # pyright: ignore
    assert set(info["operators"]) == set(paths.OPERATORS)  # pyright: ignore
