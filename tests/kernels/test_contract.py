"""Sums of products over each sequence: paths against the reference, bits, second derivatives."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad
from unpad import Ragged, kernels
from unpad.kernels.contract import CONTRACT
from unpad.ragged import Layout

from ..examples import draws
from ..messages import says

SIZES = st.lists(st.sampled_from([0, 1, 2, 5, 40]), max_size=4)


def batch_of(sizes, m, n, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(sum(sizes), k, generator=generator, dtype=dtype) for k in (m, n))
    return x, y, Layout.from_lengths(torch.tensor(sizes, dtype=torch.int64))


def outcomes(path, x, y, layout):
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    with kernels.force(path):
        out = kernels.contract(x, y, layout)
    weights = torch.cos(torch.arange(out.numel()) * 0.7).to(out.dtype).reshape(out.shape)
    slopes = torch.autograd.grad(out, (x, y), weights, allow_unused=True, materialize_grads=True)
    return [out.detach(), *slopes]


@given(sizes=SIZES, m=st.sampled_from([1, 3, 33]), n=st.sampled_from([1, 5, 20]))
@draws(60)
def test_paths_against_the_reference(sizes, m, n):
    given = batch_of(sizes, m, n)
    want = outcomes("reference", *given)
    for path in ("compiled", "torch"):
        torch.testing.assert_close(outcomes(path, *given), want)


@given(sizes=SIZES, m=st.sampled_from([1, 33]), n=st.sampled_from([5, 20]))
@draws(40)
def test_alone_as_in_company_to_the_bit(sizes, m, n):
    x, y, layout = batch_of(sizes, m, n, torch.float32)
    whole = outcomes("compiled", x, y, layout)[0]
    for i, (start, end) in enumerate(zip(layout.offsets[:-1], layout.offsets[1:], strict=True)):
        own = Layout.from_lengths(torch.tensor([int(end - start)]))
        found = outcomes("compiled", x[start:end], y[start:end], own)[0]
        assert torch.equal(found[0], whole[i])


def test_bits_do_not_hang_on_the_threads():
    given = batch_of([40, 3, 900, 0, 200], 64, 33, torch.float32)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            found.append(outcomes("compiled", *given))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_it_can_be_differentiated_twice():
    x, y, layout = batch_of([3, 0, 2], 2, 3)

    def run(a, b):
        return kernels.contract(a, b, layout)

    assert torch.autograd.gradcheck(run, [x.requires_grad_(), y.requires_grad_()])
    assert torch.autograd.gradgradcheck(run, [x, y])


def test_a_gradient_of_one_alone():
    x, y, layout = batch_of([3, 2], 2, 3)
    want = outcomes("reference", x, y, layout)
    weights = torch.cos(torch.arange(12) * 0.7).double().reshape(2, 2, 3)
    for i, pair in enumerate([(x.clone().requires_grad_(), y), (x, y.clone().requires_grad_())]):
        (found,) = torch.autograd.grad(kernels.contract(*pair, layout), pair[i], weights)
        torch.testing.assert_close(found, want[1 + i])


def test_dot_takes_it():
    steps = Ragged.from_list([torch.randn(3, 4), torch.randn(2, 4)])
    layer = unpad.layers.Dot(axes=1)
    taken = [(c.operator, c.path) for c in kernels.why(layer, [steps, steps])]
    assert taken == [("contract", "compiled")]


def test_what_does_not_go_together_is_told():
    x = torch.ones(3, 4)
    with says("contract: expected x (steps, m) and y (steps, n), got (3, 4) on cpu and (2, 4) on "
              "cpu."):  # fmt: skip
        CONTRACT(x, x[:2], torch.tensor([0, 3]))
    for wrong in ([0, 2], [1, 3], [0, 4, 3]):
        with pytest.raises(ValueError, match=r"offsets that rise from 0 to 3, got \["):
            CONTRACT(x, x, torch.tensor(wrong))
