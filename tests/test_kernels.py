"""The LSTM operator: every path against the reference, and what torch asks of an operator."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unpad import kernels
from unpad.kernels.activations import KNOWN

from .strategies import lengths

PATHS = [p for p in kernels.info()["paths"] if p != "reference"]  # pyright: ignore


def arguments(
    sizes, feature=3, hidden=4, reverse=(False,), dtype=torch.float64, bias=True, state=True,
    mask=True,
):  # fmt: skip
    """Random arguments of `kernels.lstm`; all that have one ask for a gradient."""
    directions, batch = len(reverse), len(sizes)
    offsets = torch.tensor([0, *sizes]).cumsum(0)

    def random(*shape):
        return (torch.randn(*shape, dtype=dtype) * 0.4).requires_grad_()

    states = (directions, batch, hidden)
    return {
        "values": random(sum(sizes), feature),
        "offsets": offsets,
        "kernels": [random(feature, 4 * hidden) for _ in reverse],
        "recurrent_kernels": [random(hidden, 4 * hidden) for _ in reverse],
        "biases": [random(4 * hidden) for _ in reverse] if bias else [],
        "h0": random(*states) if state else None,
        "c0": random(*states) if state else None,
        "recurrent_mask": (torch.rand(states) < 0.7).to(dtype) / 0.7 if mask else None,
        "reverse": list(reverse),
    }


def run(path, call, **options):
    """Outputs and all gradients on one path."""
    tensors = [
        t
        for v in call.values()
        for t in (v if isinstance(v, list) else [v])
        if isinstance(t, torch.Tensor) and t.requires_grad
    ]
    with kernels.force(path):
        outputs = kernels.lstm(**call, **options)
    weights = [torch.cos(torch.arange(float(o.numel())).reshape(o.shape)) for o in outputs]
    total = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
    gradients = [None] * len(tensors)
    if total.requires_grad:  # the reference of an empty batch touches no weight
        gradients = torch.autograd.grad(total, tensors, allow_unused=True)
    zeros = (torch.zeros_like(t) for t in tensors)
    return outputs, [z if g is None else g for g, z in zip(gradients, zeros, strict=True)]


@pytest.mark.parametrize("path", PATHS)
@given(
    sizes=lengths,
    feature=st.sampled_from([1, 3, 7]),
    hidden=st.sampled_from([1, 4, 9]),
    reverse=st.sampled_from([(False,), (True,), (False, True), (True, False)]),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    pair=st.tuples(st.sampled_from(sorted(KNOWN)), st.sampled_from(sorted(KNOWN))),
)
@settings(max_examples=60)
def test_paths_equal_the_reference(path, sizes, feature, hidden, reverse, flags, pair):
    bias, state, mask = flags
    call = arguments(sizes, feature, hidden, reverse, bias=bias, state=state, mask=mask)
    options = {"activation": pair[0], "recurrent_activation": pair[1]}
    want, want_gradients = run("reference", call, **options)
    got, gradients = run(path, call, **options)
    for a, b in zip([*got, *gradients], [*want, *want_gradients], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("path", PATHS)
def test_float32_is_within_1e_5_of_the_reference(path):
    call = arguments([5, 0, 17, 1], 10, 12, (False, True), torch.float32)
    want, want_gradients = run("reference", call)
    got, gradients = run(path, call)
    for a, b in zip([*got, *gradients], [*want, *want_gradients], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_the_reference_is_torch_s_own_lstm():
    feature, hidden, sizes = 3, 4, [4, 2]
    call = arguments(sizes, feature, hidden, (False, True), torch.float32, state=False, mask=False)
    theirs = torch.nn.LSTM(feature, hidden, bidirectional=True)
    with torch.no_grad():
        for d, suffix in enumerate(("l0", "l0_reverse")):
            getattr(theirs, f"weight_ih_{suffix}").copy_(call["kernels"][d].T)
            getattr(theirs, f"weight_hh_{suffix}").copy_(call["recurrent_kernels"][d].T)
            getattr(theirs, f"bias_ih_{suffix}").copy_(call["biases"][d])
            getattr(theirs, f"bias_hh_{suffix}").zero_()
    rows = list(call["values"].split(sizes))
    packed = torch.nn.utils.rnn.pack_sequence(rows, enforce_sorted=False)
    want, (h, c) = theirs(packed)
    with kernels.force("reference"):
        outputs, final_h, final_c = kernels.lstm(**call)
    unpacked = torch.nn.utils.rnn.unpack_sequence(want)
    torch.testing.assert_close(outputs, torch.cat(unpacked))
    torch.testing.assert_close(final_h, h)
    torch.testing.assert_close(final_c, c)


@pytest.mark.parametrize("reverse", [(False,), (False, True)])
def test_gradcheck(reverse):
    call = arguments([3, 0, 2], 2, 3, reverse)

    def function(values, h0, c0, *weights):
        n = len(reverse)
        return kernels.lstm(
            values, call["offsets"], weights[:n], weights[n : 2 * n], weights[2 * n :], h0, c0,
            call["recurrent_mask"], reverse=reverse,
        )  # fmt: skip

    weights = [*call["kernels"], *call["recurrent_kernels"], *call["biases"]]
    assert torch.autograd.gradcheck(function, (call["values"], call["h0"], call["c0"], *weights))


# torch's own test of an operator reaches code of torch's that warns of its future.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("sizes", [[3, 0, 5], [0], []])
def test_opcheck(sizes, keep):
    call = arguments(sizes, reverse=(False, True))
    if not keep:
        call = {
            k: [t.detach() for t in v] if k in ("kernels", "recurrent_kernels", "biases") else v
            for k, v in call.items()
        }
        call |= {k: call[k].detach() for k in ("values", "h0", "c0")}
    inputs = [call[k] for k in ("values", "offsets", "kernels", "recurrent_kernels", "biases")]
    inputs += [call[k] for k in ("h0", "c0", "recurrent_mask")]
    torch.library.opcheck(
        torch.ops.unpad.lstm.default, (*inputs, "tanh", "sigmoid", call["reverse"], keep)
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*grad attribute of a Tensor that is not a leaf:UserWarning")
def test_it_can_be_compiled_whole():
    # "aot_eager" traces forward and backward as inductor does, and needs no compiler to run them.
    call = arguments([3, 0, 2], reverse=(False, True))
    compiled = torch.compile(
        lambda **given: kernels.lstm(**given)[0] * 2, backend="aot_eager", fullgraph=True
    )
    want = kernels.lstm(**call)[0] * 2
    got = compiled(**call)
    torch.testing.assert_close(got, want)
    gradients = [
        torch.autograd.grad(out.sum(), [call["values"], *call["kernels"]]) for out in (got, want)
    ]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


def test_inference_keeps_nothing():
    call = arguments([3, 2])
    with torch.no_grad():
        outputs = torch.ops.unpad.lstm.default(
            call["values"], call["offsets"], call["kernels"], call["recurrent_kernels"],
            call["biases"], None, None, None, "tanh", "sigmoid", [False], False,
        )  # fmt: skip
    assert [o.numel() for o in outputs[3:]] == [0, 0, 0]
    with torch.inference_mode():
        kernels.lstm(**call)


def test_the_path_can_be_asked_and_forced():
    call = arguments([2], mask=False)
    kernels.lstm(**call)
    assert kernels.info()["last"]["lstm"] != "reference"  # pyright: ignore
    with kernels.force("reference"):
        kernels.lstm(**call)
        assert kernels.info()["forced"] == "reference"
    assert kernels.info()["last"]["lstm"] == "reference"  # pyright: ignore
    assert kernels.info()["forced"] is None
    with pytest.raises(ValueError, match=r"expected one of .*, got 'fast'"), kernels.force("fast"):
        pass


def test_an_activation_of_one_s_own_takes_the_reference_path():
    call = arguments([3, 0, 2], state=False, mask=False)
    named = kernels.lstm(**call, activation="tanh")
    own = kernels.lstm(**call, activation=lambda x: torch.tanh(x))
    assert kernels.info()["last"]["lstm"] == "reference"  # pyright: ignore
    for a, b in zip(own, named, strict=True):
        torch.testing.assert_close(a, b)
