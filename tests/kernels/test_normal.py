"""Normalisation's paths against the reference, its bits, and its second derivatives."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad
from unpad import Ragged, kernels

from ..examples import draws
from ..messages import says

SIZES = st.lists(st.sampled_from([0, 1, 2, 5, 70]), max_size=4)


def batch_of(sizes, groups, size, seed=0, dtype=torch.float64):
    """Values, gamma, beta, offsets."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (sum(sizes), groups * size), (groups * size,), (groups * size,)
    drawn = [torch.randn(*s, generator=generator, dtype=dtype) + 0.5 for s in shapes]
    return *drawn, torch.tensor([0, *sizes]).cumsum(0)


def outcomes(path, values, gamma, beta, offsets, *rest):
    """What comes out, and the gradients of all that is followed."""
    given = [None if t is None else t.clone().requires_grad_() for t in (values, gamma, beta)]
    with kernels.force(path):
        out = kernels.normalize(*given, offsets, *rest)
    weights = torch.cos(torch.arange(out.numel()) * 0.7).to(out.dtype).reshape(out.shape)
    asked = [t for t in given if t is not None]
    slopes = torch.autograd.grad(out, asked, weights, allow_unused=True, materialize_grads=True)
    return [out.detach(), *slopes]


@given(
    sizes=SIZES, groups=st.integers(1, 3), size=st.sampled_from([1, 2, 5, 33]),
    seed=st.integers(0, 99), by_rows=st.booleans(), centred=st.booleans(),
    weighted=st.booleans(), single=st.booleans(),
)  # fmt: skip
@draws(80)
def test_paths_against_the_reference(sizes, groups, size, seed, by_rows, centred, weighted, single):
    values, gamma, beta, offsets = batch_of(sizes, groups, size, seed)
    gamma, beta = (gamma, beta) if weighted else (None, None)
    rest = None if by_rows else offsets, groups, centred, 0.1
    want = outcomes("reference", values, gamma, beta, *rest)
    for path in ("compiled", "torch"):
        found = outcomes(path, values, gamma, beta, *rest)
        torch.testing.assert_close(found, want, rtol=1e-9, atol=1e-9)
    if single:
        given = [None if t is None else t.float() for t in (values, gamma, beta)]
        found = [t.double() for t in outcomes("compiled", *given, *rest)]
        torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-4)


@given(sizes=SIZES, groups=st.integers(1, 3), size=st.sampled_from([1, 5, 33]))
@draws(40)
def test_alone_as_in_company_to_the_bit(sizes, groups, size):
    values, gamma, beta, offsets = batch_of(sizes, groups, size, dtype=torch.float32)
    whole = outcomes("compiled", values, gamma, beta, offsets, groups, True, 1e-3)[0]
    rows = outcomes("compiled", values, gamma, beta, None, groups, True, 1e-3)[0]
    for start, end in zip(offsets.tolist(), offsets[1:].tolist(), strict=False):
        own = torch.tensor([0, end - start])
        part = outcomes("compiled", values[start:end], gamma, beta, own, groups, True, 1e-3)[0]
        assert torch.equal(part, whole[start:end])
        part = outcomes("compiled", values[start:end], gamma, beta, None, groups, True, 1e-3)[0]
        assert torch.equal(part, rows[start:end])


@pytest.mark.parametrize("by_rows", [True, False])
def test_bits_do_not_hang_on_the_threads(by_rows):
    values, gamma, beta, offsets = batch_of([40, 3, 900, 0, 200], 2, 64, dtype=torch.float32)
    rest = None if by_rows else offsets, 2, True, 1e-3
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            found.append(outcomes("compiled", values, gamma, beta, *rest))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("by_rows", [True, False])
@pytest.mark.parametrize("centred", [True, False])
def test_it_can_be_differentiated_twice(by_rows, centred):
    values, gamma, beta, offsets = batch_of([3, 0, 2], 2, 2)
    given = [t.requires_grad_() for t in (values, gamma, beta)]

    def run(*tensors):
        return kernels.normalize(*tensors, None if by_rows else offsets, 2, centred, 0.1)

    assert torch.autograd.gradcheck(run, given)
    assert torch.autograd.gradgradcheck(run, given)


def test_far_from_zero_a_long_sequence_keeps_its_digits():
    """Sums of 100,000 steps in one float would be off by some of a thousand."""
    values = torch.randn(100_000, 4, generator=torch.Generator().manual_seed(0)) + 1000
    offsets = torch.tensor([0, 100_000])
    found = kernels.normalize(values, None, None, offsets, 2, True, 1e-3)
    pairs = values.double().reshape(-1, 2, 2)
    mean, variance = pairs.mean((0, 2)), pairs.var((0, 2), correction=0)
    want = (pairs - mean[:, None]) * torch.rsqrt(variance + 1e-3)[:, None]
    torch.testing.assert_close(found.double(), want.reshape(-1, 4), rtol=0, atol=2e-4)


def test_layers_take_it():
    steps = Ragged.from_list([torch.randn(3, 8), torch.randn(2, 8)])
    grid = torch.randn(2, 3, 8)
    rms, groups = unpad.layers.RMSNormalization(), unpad.layers.GroupNormalization(4)
    for layer, inputs in [(rms, steps), (rms, grid), (groups, steps)]:
        assert [(c.operator, c.path) for c in kernels.why(layer, inputs)] == [
            ("normalize", "compiled")
        ]


def test_what_does_not_go_together_is_told():
    x = torch.ones(3, 4)
    with says("normalize: 4 features cannot be divided into 3 groups."):
        kernels.normalize(x, None, None, None, 3, True, 1e-3)
    with says("normalize: expected gamma (4,), got (3,)."):
        kernels.normalize(x, torch.ones(3), None, None, 1, True, 1e-3)
    with says("normalize: expected values (rows, feature), got (3, 4, 1)."):
        kernels.normalize(x[..., None], None, None, torch.tensor([0, 3]), 1, True, 1e-3)
    with pytest.raises(RuntimeError, match="offsets do not rise"):
        kernels.normalize(x, None, None, torch.tensor([0, 2, 1]), 1, True, 1e-3)
