"""Pooling's paths against the reference, its bits, ties, and its second derivatives."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad
from unpad import Ragged, kernels

from ..examples import draws
from ..messages import says

WINDOWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=6)


def bounds(windows, apart):
    """Where each window begins and ends, of pairs (gap or step, size), and the number of rows."""
    first, last, at, end = [], [], 0, 0
    for step, size in windows:
        at = end + step if apart else min(end, at + step)
        end = max(end, at + size)
        first.append(at)
        last.append(end)
    return *(torch.tensor(b, dtype=torch.int64) for b in (first, last)), end + 2


def outcomes(path, values, *rest):
    """What comes out, and the gradient of the values."""
    values = values.clone().requires_grad_()
    with kernels.force(path):
        out = kernels.pool(values, *rest)
    weights = torch.cos(torch.arange(out.numel()) * 0.7).to(out.dtype).reshape(out.shape)
    return [out.detach(), *torch.autograd.grad(out, values, weights)]


@given(
    windows=WINDOWS, apart=st.booleans(), largest=st.booleans(), seed=st.integers(0, 99),
    feature=st.sampled_from([(), (1,), (3,), (2, 9)]), ties=st.booleans(), single=st.booleans(),
)  # fmt: skip
@draws(80)
def test_paths_against_the_reference(windows, apart, largest, seed, feature, ties, single):
    first, last, rows = bounds(windows, apart)
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(rows, *feature, generator=generator, dtype=torch.float64)
    values = values.round() if ties else values
    longest = max([1, *(last - first).tolist()])
    rest = first, last, largest, longest
    out, slopes = outcomes("reference", values, *rest)
    if ties and largest:  # torch's max gives the gradient to any of them
        slopes = outcomes("torch", values, *rest)[1]
    for path in ("compiled", "torch"):
        torch.testing.assert_close(outcomes(path, values, *rest), [out, slopes])
    if single:
        found = [t.double() for t in outcomes("compiled", values.float(), *rest)]
        torch.testing.assert_close(found, [out, slopes], rtol=1e-5, atol=1e-5)


@given(windows=WINDOWS, apart=st.booleans(), largest=st.booleans())
@draws(40)
def test_alone_as_in_company_to_the_bit(windows, apart, largest):
    first, last, rows = bounds(windows, apart)
    values = torch.randn(rows, 33, generator=torch.Generator().manual_seed(0))
    whole = kernels.pool(values, first, last, largest, 9)
    for i, (start, end) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        one = torch.tensor([0]), torch.tensor([end - start])
        assert torch.equal(kernels.pool(values[start:end], *one, largest, 9)[0], whole[i])


@pytest.mark.parametrize("largest", [True, False])
def test_bits_do_not_hang_on_the_threads(largest):
    first = torch.arange(0, 3000, 2)
    values = torch.randn(3002, 70, generator=torch.Generator().manual_seed(0))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            found.append(outcomes("compiled", values, first, first + 3, largest, 3))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_of_equal_rows_the_first_takes_the_gradient():
    values = torch.tensor([[1.0], [2.0], [2.0], [2.0]])
    rest = torch.tensor([0, 2]), torch.tensor([3, 4]), True, 3
    for path in ("compiled", "torch"):
        _, slopes = outcomes(path, values, *rest)
        assert [bool(g) for g in slopes[:, 0]] == [False, True, True, False]


@pytest.mark.parametrize("path", ["compiled", "torch", "reference"])
def test_nan_is_the_largest(path):
    values = torch.tensor([[1.0], [float("nan")], [2.0], [3.0]])
    with kernels.force(path):
        found = kernels.pool(values, torch.tensor([0, 2]), torch.tensor([2, 4]), True, 2)
    assert found[0].isnan().all() and found[1] == 3


@pytest.mark.parametrize("largest", [True, False])
def test_it_can_be_differentiated_twice(largest):
    values = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    first, last = torch.tensor([0, 1, 4]), torch.tensor([3, 4, 4])

    def run(x):
        return kernels.pool(x, first, last, largest, 3)

    assert torch.autograd.gradcheck(run, [values.requires_grad_()])
    assert torch.autograd.gradgradcheck(run, [values])


def test_layers_take_it():
    steps = Ragged.from_list([torch.randn(3, 8), torch.randn(2, 8)])
    for name, argument in [
        ("MaxPooling1D", 2), ("AveragePooling1D", 2), ("AdaptiveMaxPooling1D", 2),
        ("AdaptiveAveragePooling1D", 2),
    ]:  # fmt: skip
        layer = getattr(unpad.layers, name)(argument)
        for inputs in (steps, torch.randn(2, 4, 8)):
            taken = [(c.operator, c.path) for c in kernels.why(layer, inputs)]
            assert taken == [("pool", "compiled")]


def test_what_does_not_go_together_is_told():
    x, bound = torch.ones(3, 4), torch.tensor([0, 2])
    with says("pool: expected last (2,) int64 on cpu, got (1,) torch.int64 on cpu."):
        kernels.pool(x, bound, bound[:1], True, 2)
    with says("pool: expected first (2,) int64 on cpu, got (2,) torch.int32 on cpu."):
        kernels.pool(x, bound.int(), bound, True, 2)
    for first, last in [([0, 2], [1, 4]), ([2, 0], [2, 2]), ([0, 2], [1, 1]), ([-1, 0], [1, 1])]:
        with pytest.raises(RuntimeError, match="index is out of range"):
            kernels.pool(x, torch.tensor(first), torch.tensor(last), True, 2)
