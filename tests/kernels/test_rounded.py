"""Products of factors rounded to bfloat16, on the instruction for them or emulated."""

import numpy as np
import pytest
import torch

from unpad import Ragged, kernels
from unpad.kernels import library
from unpad.layers import LSTM, Bidirectional, Conv1D, Dense

pytestmark = pytest.mark.skipif(
    "compiled" not in kernels.info()["paths"],  # pyright: ignore
    reason="needs the compiled kernels",
)


def near(tensor):
    """With bfloat16's 8 bits."""
    return tensor.bfloat16().float()


class Rounded(torch.autograd.Function):
    """a @ b of rounded factors, each way."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return near(a) @ near(b)

    @staticmethod
    def backward(ctx, *gradients):
        (d,) = gradients
        a, b = ctx.saved_tensors
        return near(d) @ near(b).T, near(a).T @ near(d)


@pytest.fixture(params=[None, "portable"], ids=["best", "emulated"])
def instruction_set(request):
    library.force_instruction_set(request.param)
    yield request.param
    library.force_instruction_set(None)


def drawn(*shape):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (0, 3, 2), (7, 33, 50), (40, 801, 17)])
def test_a_linear_map_and_its_gradients(instruction_set, sizes):
    """Sums of float32, so what is left is their order."""
    rows, feature, units = sizes
    values, kernel, bias = drawn(rows, feature), drawn(feature, units), drawn(units)
    d_out = drawn(rows, units)
    given = [t.clone().requires_grad_() for t in (values, kernel, bias)]
    with kernels.force("bfloat16"):
        out = kernels.linear(given[0], given[1], given[2], torch.bfloat16)
        out.backward(d_out)
    asked = [t.clone().requires_grad_() for t in (values, kernel, bias)]
    expected = Rounded.apply(asked[0], asked[1]) + asked[2]
    expected.backward(d_out)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=2e-5)
    for got, wanted in zip(given, asked, strict=True):
        torch.testing.assert_close(got.grad, wanted.grad, rtol=1e-5, atol=2e-5)
    if rows and feature > 1:
        assert not torch.equal(out, kernels.linear(values, kernel, bias))


def test_the_instruction_and_its_emulation_have_the_same_bits():
    values, kernel = drawn(33, 401), drawn(401, 70)
    with kernels.force("bfloat16"):
        best = kernels.linear(values, kernel, None, torch.bfloat16)
        library.force_instruction_set("portable")
        emulated = kernels.linear(values, kernel, None, torch.bfloat16)
        library.force_instruction_set(None)
    assert torch.equal(best, emulated)


@pytest.mark.parametrize("hidden", [3, 16, 25])
def test_an_lstm_and_its_gradients(instruction_set, hidden):
    """As torch's operators compute it with every factor rounded, each step and each way."""
    x = drawn(12, 5)
    offsets = torch.tensor([0, 7, 7, 12])
    weights = [0.5 * drawn(5, 4 * hidden), 0.5 * drawn(hidden, 4 * hidden), drawn(4 * hidden)]
    d_out = drawn(12, hidden)
    given = [t.clone().requires_grad_() for t in (x, *weights)]
    with kernels.force("bfloat16"):
        out, _, _ = kernels.trusted(
            "lstm", given[0], offsets, None, [*given[1:], *[None] * 5], None, None, None,
            "tanh", "sigmoid", [False], half=torch.bfloat16,
        )  # fmt: skip
        out.backward(d_out)
    asked = [t.clone().requires_grad_() for t in (x, *weights)]
    projected = Rounded.apply(asked[0], asked[1]) + asked[3]
    rows = []
    for start, end in ((0, 7), (7, 12)):
        h, c = torch.zeros(1, hidden), torch.zeros(1, hidden)
        for step in range(start, end):
            gates = projected[step : step + 1] + Rounded.apply(h, asked[2])
            i, f, g, o = gates.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            rows.append(h)
    expected = torch.cat(rows)
    expected.backward(d_out)
    # A factor within a float's last bit of a tie may go the other way: 2^-8 of one product.
    torch.testing.assert_close(out, expected, rtol=0.01, atol=0.003)
    for got, wanted in zip(given, asked, strict=True):
        torch.testing.assert_close(got.grad, wanted.grad, rtol=0.02, atol=0.03)
    close = (out - expected).abs() < 1e-5
    assert close.float().mean() > 0.7  # but few are


LAYERS = {
    "Dense": lambda: Dense(9, dtype="mixed_bfloat16"),
    "Conv1D": lambda: Conv1D(9, 3, padding="same", dtype="mixed_bfloat16"),
    "LSTM": lambda: LSTM(9, return_sequences=True, dtype="mixed_bfloat16"),
    "Bidirectional": lambda: Bidirectional(LSTM(9, return_sequences=True, dtype="mixed_bfloat16")),
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_layers_take_it_and_a_sequence_alone_has_the_same_bits(instruction_set, make):
    layer = make()
    lengths = (4, 0, 9, 1)
    sequences = [drawn(n, 6) for n in lengths]
    layer(Ragged.from_list(sequences))
    with kernels.force("bfloat16"):
        found = kernels.why(layer, Ragged.from_list(sequences))
        together = layer(Ragged.from_list(sequences))
        alone = [layer(Ragged.from_list([s])).values for s in sequences]
    assert [c.path for c in found] == ["bfloat16"]
    assert torch.equal(together.values, torch.cat(alone))
    with kernels.force("compiled"):
        plain = layer(Ragged.from_list(sequences)).values
    torch.testing.assert_close(together.values, plain, rtol=0.05, atol=0.05)


def test_nothing_else_is_rounded():
    """Float32 and float64 layers, float16, and what nobody has asked for."""
    x = Ragged.from_list([drawn(3, 6)])
    for dtype in (None, "mixed_float16", "float64"):
        layer = Dense(2, dtype=dtype)
        (choice,) = kernels.why(layer, x)
        assert choice.path == "compiled"
        assert dict(choice.reasons)["bfloat16"] == "nobody has asked for bfloat16"


def test_where_the_processor_has_no_instruction():
    layer, x = Dense(2, dtype="mixed_bfloat16"), Ragged.from_list([drawn(3, 6)])
    library.force_instruction_set("portable")
    try:
        (choice,) = kernels.why(layer, x)
        assert kernels.info()["products"]["cpu"]["bfloat16"] == "float32"  # pyright: ignore
    finally:
        library.force_instruction_set(None)
    assert choice.path == "compiled"
    assert dict(choice.reasons)["bfloat16"] == (
        "this processor has no instruction for products of bfloat16"
    )


@pytest.mark.parametrize("make", [LAYERS["Dense"], LAYERS["Bidirectional"]])
def test_a_graph_computes_the_same_bits(make):
    layer, x = make(), Ragged.from_list([drawn(4, 6), drawn(2, 6)])
    eager = layer(x).values

    def run(values):
        return layer(Ragged(values, x.layout)).values

    torch._dynamo.reset()
    assert torch.equal(torch.compile(run, backend="eager")(x.values), eager)


def test_a_sum_of_odd_length_and_what_is_no_number():
    values = torch.tensor([[1.0, np.inf, np.nan], [1.0, 2.0, -3.0]])
    with kernels.force("bfloat16"):
        out = kernels.linear(values, torch.ones(3, 2), None, torch.bfloat16)
    assert out[0].isnan().all()
    assert out[1].tolist() == [0.0, 0.0]
