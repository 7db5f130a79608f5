"""Activations: the library's against the formula and torch's, at the edges, bits, twice."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad
from unpad import Ragged, kernels
from unpad.kernels.pointwise import ACTIVATE

from ..examples import draws
from ..messages import says

KINDS = ["tanh", "silu", "elu", "selu"]


def outcomes(path, values, kind, alpha=1.0):
    values = values.clone().requires_grad_()
    with kernels.force(path):
        out = kernels.activate(values, kind, alpha)
    weights = torch.cos(torch.arange(out.numel()) * 0.7).to(out.dtype).reshape(out.shape)
    return [out.detach(), *torch.autograd.grad(out, values, weights)]


@given(
    kind=st.sampled_from(KINDS), rows=st.sampled_from([0, 1, 3, 90]),
    width=st.sampled_from([256, 300]), scale=st.sampled_from([1e-3, 1.0, 8.0]),
    alpha=st.sampled_from([1.0, 0.3]), seed=st.integers(0, 99), single=st.booleans(),
)  # fmt: skip
@draws(60)
def test_paths_against_the_reference(kind, rows, width, scale, alpha, seed, single):
    generator = torch.Generator().manual_seed(seed)
    values = scale * torch.randn(rows, width, generator=generator, dtype=torch.float64)
    want = outcomes("reference", values, kind, alpha)
    for path in ("compiled", "torch"):
        found = outcomes(path, values, kind, alpha)
        torch.testing.assert_close(found, want, rtol=1e-10, atol=1e-13)
    if single:
        found = [t.double() for t in outcomes("compiled", values.float(), kind, alpha)]
        torch.testing.assert_close(found, want, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_the_edges_are_torchs(kind, dtype):
    infinity = [] if kind == "silu" else [float("inf"), -float("inf")]  # torch's slope is NaN
    edges = [0.0, -0.0, 1e-30, -1e-30, 1e4, -1e4, 80.0, -80.0, -20.0, *infinity]
    values = torch.tensor(edges, dtype=dtype).repeat(2, 30)
    # Beyond what is told of silu, -4e-36 for 0, nothing is forgiven.
    atol = 1e-35 if kind == "silu" else 0
    found, want = outcomes("compiled", values, kind), outcomes("torch", values, kind)
    torch.testing.assert_close(found, want, rtol=1e-5, atol=atol)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_nan_stays_nan_both_ways(kind, dtype):
    """Of elu torch has another slope of NaN at the end of its vectors: the gradient itself."""
    values = torch.full((3, 261), float("nan"), dtype=dtype)
    assert all(bool(t.isnan().all()) for t in outcomes("compiled", values, kind))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_silu_far_out_is_a_number(dtype):
    values = torch.tensor([-float("inf"), float("inf")], dtype=dtype).repeat(1, 128)
    out, slopes = outcomes("compiled", values, "silu")
    assert bool((out[0, ::2].abs() < 1e-34).all() and out[0, 1::2].isinf().all())
    weights = torch.cos(torch.arange(256) * 0.7).to(dtype)
    assert torch.equal(slopes[0, 1::2], weights[1::2])
    assert bool((slopes[0, ::2].abs() < 1e-34).all())


@pytest.mark.parametrize("kind", KINDS)
def test_alone_as_in_company_to_the_bit_and_by_any_threads(kind):
    values = torch.randn(900, 260, generator=torch.Generator().manual_seed(0))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            found.append(outcomes("compiled", values, kind))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))
    assert torch.equal(outcomes("compiled", values[7:8], kind)[0], found[0][0][7:8])


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_differentiated_twice(kind):
    values = torch.randn(1, 256, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def run(x):
        return kernels.activate(x, kind, 0.7)

    assert torch.autograd.gradcheck(run, [values.requires_grad_()])
    assert torch.autograd.gradgradcheck(run, [values])


def test_in_place_after_it_is_noticed():
    out = kernels.activate(torch.randn(2, 256, requires_grad=True), "tanh")
    out.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_layers_take_it_where_rows_are_wide():
    for width, taken in ((256, [("activate", "compiled")]), (63, [])):
        steps = Ragged.from_list([torch.randn(3, width), torch.randn(2, width)])
        for layer in (*map(unpad.layers.Activation, KINDS), unpad.layers.ELU()):
            found = kernels.why(layer, steps)
            assert [(c.operator, c.path) for c in found] == taken


def test_an_unknown_one_is_told():
    with says("activate: expected one of tanh, silu, elu, selu, got 'swoosh'."):
        kernels.activate(torch.ones(2, 3), "swoosh")
    with says("activate: expected one of tanh, silu, elu, selu, got 'swoosh'."):
        ACTIVATE(torch.ones(2, 3), "swoosh", 1.0)
