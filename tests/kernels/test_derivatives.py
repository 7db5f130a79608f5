"""What torch can ask of a call beside its gradient: right, or refused with the way out."""

import pytest
import torch

import unpad as keras
from unpad import Ragged, kernels

from ..messages import says
from .test_kernels import arguments, asking

L = keras.layers
# torch warns of each trace that it is deprecated, and of each question after a size.
torch_jit = pytest.mark.filterwarnings(
    "ignore:.*torch.jit.*", "ignore::torch.jit.TracerWarning", "ignore:.*trace.*:UserWarning"
)
RECURRENT = [L.LSTM, L.GRU, L.SimpleRNN]


def batch(dtype=torch.float64):
    values = torch.randn(7, 3, dtype=dtype, requires_grad=True)
    return values, lambda v: Ragged(v, torch.tensor([0, 3, 3, 7]))


def penalty(layer, values, ragged):
    """A gradient penalty, as of Gulrajani et al. (2017), and its own gradient of the weights."""
    out = layer(ragged(values))
    out = out.values if isinstance(out, Ragged) else out
    (slope,) = torch.autograd.grad(out.cos().sum(), values, create_graph=True)
    weights = list(layer.parameters())
    found = torch.autograd.grad((slope.norm(dim=1) - 1).square().sum(), weights, allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for g, w in zip(found, weights, strict=True)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: L.Dense(4, "tanh", dtype="float64"),
        lambda: L.Conv1D(4, 3, padding="same", activation="tanh", dtype="float64"),
        lambda: L.TimeDistributed(L.Dense(4, dtype="float64")),
    ],
)
def test_second_derivatives_of_products_are_products(make):
    layer, (values, ragged) = make(), batch()
    layer(ragged(values))
    got = penalty(layer, values, ragged)
    with kernels.force("torch"):
        want = penalty(layer, values, ragged)
    assert any(bool(w.any()) for w in want)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b)


def test_linear_s_second_derivatives():
    given = [
        torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((4, 3), (3, 2), (2,))
    ]
    assert torch.autograd.gradgradcheck(kernels.linear, given)


@pytest.mark.parametrize("make", RECURRENT)
@pytest.mark.parametrize("path", ["compiled", "torch"])
def test_second_derivatives_of_a_recurrence_are_refused_with_the_way_out(make, path):
    if path not in kernels.info()["paths"]:
        return
    layer, (values, ragged) = make(4, dtype="float64"), batch()
    layer(ragged(values))
    with (
        kernels.force(path),
        says("recurrent: the kernels have first derivatives only.", RuntimeError),
    ):
        penalty(layer, values, ragged)
    # A first derivative with a graph is what it is without one.
    with kernels.force(path):
        slopes = [
            torch.autograd.grad(layer(ragged(values)).sum(), values, create_graph=graph)[0]
            for graph in (False, True)
        ]
    assert torch.equal(*slopes)


@pytest.mark.parametrize("cell", kernels.GATES)
def test_the_reference_has_second_derivatives(cell):
    call = arguments([2, 0, 1], 2, 2, cell=cell, masks=0)
    tensors = asking(call)[:2]

    def function(values, kernel):
        with kernels.force("reference"):
            return kernels.recurrent(**{**call, "values": values, "kernels": [kernel]})[0]

    assert torch.autograd.gradgradcheck(function, tensors)


@pytest.mark.parametrize(
    "make",
    [
        lambda: L.MultiHeadAttention(2, 3, dtype="float64"),
        lambda: L.GroupQueryAttention(2, 4, 2, dtype="float64"),
        lambda: L.Attention(),
        lambda: L.TransformerEncoder(6, 2, dtype="float64"),
    ],
)
def test_second_derivatives_of_attention_are_refused_or_right(make):
    layer = make()
    values = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    several = isinstance(layer, (L.MultiHeadAttention, L.GroupQueryAttention))

    def function(values):
        x = Ragged(values, torch.tensor([0, 3, 3, 7]))
        if isinstance(layer, L.TransformerEncoder):
            return layer(x).values
        return (layer(x, x) if several else layer([x, x])).values

    def slope(graph):
        return torch.autograd.grad(function(values).cos().sum(), values, create_graph=graph)[0]

    # A first derivative with a graph is what it is without one.
    assert torch.equal(slope(True), slope(False))
    for path, whose in (("compiled", "the library's"), ("torch", "torch's")):
        with (
            kernels.force(path),
            says(f"attention: {whose} kernel has first derivatives only.", RuntimeError),
        ):
            slope(True).sum().backward()
    for path in ("open", "reference"):
        with kernels.force(path):
            assert torch.autograd.gradgradcheck(function, (values,))


# --- tangents and torch.func ----------------------------------------------------------------------


def slope_along(function, values, direction):
    """By differences: what a tangent must be."""
    step = 1e-6
    with torch.no_grad():
        return (
            (function(values + step * direction) - function(values - step * direction)) / 2 / step
        )


def of_values(layer, ragged):
    def function(values):
        out = layer(ragged(values))
        return out.values if isinstance(out, Ragged) else out

    return function


LAYERS = [
    lambda: L.Dense(4, "tanh", dtype="float64"),
    lambda: L.Conv1D(4, 3, padding="same", dtype="float64"),
    *(lambda make=make: make(4, dtype="float64") for make in RECURRENT),
    lambda: L.Bidirectional(L.LSTM(2, return_sequences=True, dtype="float64")),
]


@pytest.mark.parametrize("make", LAYERS)
def test_tangents_are_right(make):
    layer, (values, ragged) = make(), batch()
    function, direction = of_values(layer, ragged), torch.randn(7, 3, dtype=torch.float64)
    function(values)
    want = slope_along(function, values.detach(), direction)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(values.detach(), direction)
        got = torch.autograd.forward_ad.unpack_dual(function(dual)).tangent
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-7)
    _, also = torch.func.jvp(function, (values.detach(),), (direction,))
    torch.testing.assert_close(also, want, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("make", LAYERS)
def test_torch_func_gives_what_autograd_gives(make):
    layer, (values, ragged) = make(), batch()
    function = of_values(layer, ragged)
    want = torch.autograd.grad(function(values).cos().sum(), values)[0]
    got = torch.func.grad(lambda v: function(v).cos().sum())(values.detach())
    torch.testing.assert_close(got, want)
    many = torch.randn(3, 7, 3, dtype=torch.float64)
    torch.testing.assert_close(
        torch.func.vmap(function)(many), torch.stack([function(m) for m in many])
    )
    weights = {k: v.detach() for k, v in layer.named_parameters()}

    def loss(weights):
        out = torch.func.functional_call(layer, weights, (ragged(values.detach()),))
        return (out.values if isinstance(out, Ragged) else out).cos().sum()

    found = torch.func.grad(loss)(weights)
    out = function(values.detach()).cos().sum()
    for (name, weight), want in zip(
        layer.named_parameters(), torch.autograd.grad(out, list(layer.parameters())), strict=True
    ):
        torch.testing.assert_close(found[name], want, msg=name)
        del weight


@pytest.mark.parametrize("make", LAYERS)
def test_what_has_leaked_out_of_a_transform_is_its_numbers(make):
    layer, (values, ragged) = make(), batch()
    want = of_values(layer, ragged)(values)
    leaked = []
    torch.func.grad(lambda v: leaked.append(v) or v.sum())(values.detach())
    torch.testing.assert_close(of_values(layer, ragged)(leaked[0]), want)


@torch_jit
def test_a_trace_of_products_is_right_and_one_of_a_recurrence_is_refused():
    dense, lstm, x = L.Dense(3), L.LSTM(3), torch.randn(2, 4, 5)
    for layer in (dense, lstm):
        layer(x)
        layer.requires_grad_(False)
    with torch.no_grad():
        traced = torch.jit.trace(lambda x: dense(x), x)
        torch.testing.assert_close(traced(x + 1), dense(x + 1))
        with says("recurrent: torch.jit.trace would write down this batch's", RuntimeError):
            torch.jit.trace(lambda x: lstm(x), x)


# --- devices and types ----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: L.Dense(3), lambda: L.LSTM(3), lambda: L.Conv1D(3, 2)])
def test_weights_on_another_device_are_told(make):
    layer, (values, ragged) = make(), batch(torch.float32)
    layer(ragged(values))
    layer.to("meta")
    with pytest.raises(ValueError, match=r": kernels? are torch.float32 on meta, values torch"):
        layer(ragged(values))


@pytest.mark.parametrize("library", [True, False])
@pytest.mark.parametrize(
    "make", [lambda: L.Dense(3), lambda: L.LSTM(3), lambda: L.GRU(3), lambda: L.Conv1D(3, 2)]
)
def test_autocast_means_the_same_with_and_without_the_library(make, library, monkeypatch):
    layer, (values, ragged) = make(), batch(torch.float32)
    plain = layer(ragged(values))
    if not library:
        monkeypatch.setattr(kernels.library, "library", lambda: None)
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(ragged(values))
    assert out.dtype == torch.bfloat16
    close = {"rtol": 0.05, "atol": 0.05}
    got, want = ((o.values if isinstance(o, Ragged) else o).float() for o in (out, plain))
    torch.testing.assert_close(got, want, **close)
    got.sum().backward()
    assert all(w.grad is not None and w.grad.dtype == torch.float32 for w in layer.parameters())
