"""CTC's paths against the reference: lengths that do not fit, labels alike, scores far apart."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unpad import kernels
from unpad.kernels import chain

from ..examples import draws

SIZES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=4)


def batch_of(sizes, classes, seed=0, scale=1.0, dtype=torch.float64):
    """Scores, offsets, labels, their offsets."""
    generator = torch.Generator().manual_seed(seed)
    steps, labels = ([pair[i] for pair in sizes] for i in (0, 1))
    scores = torch.randn(sum(steps), classes, generator=generator, dtype=dtype) * scale
    drawn = torch.randint(1, classes, (sum(labels),), generator=generator)
    return scores, torch.tensor([0, *steps]).cumsum(0), drawn, torch.tensor([0, *labels]).cumsum(0)


def losses(path, scores, *rest):
    """Each sequence's number, and the gradient of the scores."""
    scores = scores.clone().requires_grad_()
    with kernels.force(path):
        found = chain.ctc(scores, *rest)
    weights = torch.arange(1.0, len(found) + 1).to(found.dtype)
    (slope,) = torch.autograd.grad((found.masked_fill(found.isinf(), 0) * weights).sum(), [scores])
    return found.detach(), slope


@given(
    sizes=SIZES, classes=st.integers(2, 5), seed=st.integers(0, 99),
    scale=st.sampled_from([1.0, 10.0, 300.0]), forbids=st.booleans(),
)  # fmt: skip
@draws(60)
def test_paths_against_the_reference(sizes, classes, seed, scale, forbids):
    scores, *rest = batch_of(sizes, classes, seed, scale)
    if forbids and len(scores):
        scores[::3, -1] = -torch.inf
    want = losses("reference", scores, *rest)
    torch.testing.assert_close(losses("compiled", scores, *rest), want, rtol=1e-9, atol=1e-9)
    if not forbids:  # of what is forbidden torch makes NaN
        torch.testing.assert_close(losses("torch", scores, *rest), want, rtol=1e-9, atol=1e-9)


def test_a_way_that_is_lost_half_way_may_be_the_only_one():
    """A model that is sure of blanks, of which every label takes 40 powers of e."""
    scores = torch.zeros(400, 4, dtype=torch.float64)
    scores[:, 0] = 40
    labels = torch.arange(180) % 3 + 1
    rest = torch.tensor([0, 400]), labels, torch.tensor([0, 180])
    want = losses("reference", scores, *rest)
    assert 7200 > float(want[0]) > 6900
    torch.testing.assert_close(losses("compiled", scores, *rest), want, rtol=1e-9, atol=1e-9)
    single = losses("compiled", scores.float(), *rest)
    torch.testing.assert_close([x.double() for x in single], list(want), rtol=1e-5, atol=1e-6)


def test_where_labels_have_no_room():
    """inf, and no gradient; nothing spelt by nothing is sure."""
    sizes = [(2, 3), (3, 1), (0, 0), (0, 1), (2, 2), (3, 2)]
    scores, offsets, _, bounds = batch_of(sizes, 3)
    labels = torch.tensor([1, 2, 1, 2, 1, 2, 2, 1, 1])
    for path in ("compiled", "torch", "reference"):
        found, slope = losses(path, scores, offsets, labels, bounds)
        assert found.isinf().tolist() == [True, False, False, True, True, False]
        assert float(found[2]) == 0
        assert (
            slope.abs().sum(1).gt(0).tolist() == [False] * 2 + [True] * 3 + [False] * 2 + [True] * 3
        )


def test_a_nan_stays_in_its_sequence():
    scores, *rest = batch_of([(3, 1), (4, 2)], 3)
    scores[1, 2] = torch.nan
    found, slope = losses("compiled", scores, *rest)
    assert found.isnan().tolist() == [True, False]
    assert slope.isnan().any(1).tolist() == [True] * 3 + [False] * 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_alone_as_in_company_and_on_any_number_of_threads(dtype):
    sizes = [(90, 20), (0, 0), (5, 2), (300, 40), (1, 1), (64, 8)]
    scores, offsets, labels, bounds = batch_of(sizes, 12, 0, 3.0, dtype)
    want = losses("compiled", scores, offsets, labels, bounds)
    before = torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        got = losses("compiled", scores, offsets, labels, bounds)
        assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))
    torch.set_num_threads(before)
    for i in range(len(sizes)):
        steps, spelt = slice(offsets[i], offsets[i + 1]), slice(bounds[i], bounds[i + 1])
        alone = torch.tensor([0, sizes[i][0]]), labels[spelt], torch.tensor([0, sizes[i][1]])
        own = scores[steps].clone().requires_grad_()
        found = chain.ctc(own, *alone)
        assert torch.equal(found[0], want[0][i])
        if len(own):
            (slope,) = torch.autograd.grad(found * (i + 1), own)
            assert torch.equal(slope, want[1][steps])


def test_what_does_not_go_together_is_refused():
    scores, offsets, labels, bounds = batch_of([(3, 1)], 3)
    with pytest.raises(ValueError, match=r"ctc: expected scores \(steps, classes\), got \(3,\)."):
        chain.ctc(scores[:, 0], offsets, labels, bounds)
    with pytest.raises(ValueError, match=r"ctc: expected label_offsets \(2,\) int64 on cpu, got"):
        chain.ctc(scores, offsets, labels, bounds[:1])
    with pytest.raises(RuntimeError, match="an index is out of range"):
        chain.ctc(scores, offsets, labels + 3, bounds)
