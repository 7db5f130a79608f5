"""Chains' paths against the reference, on scores that forbid, lie far apart, or know some tags."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unpad import kernels
from unpad.kernels import chain

from ..examples import draws

SIZES = st.lists(st.integers(0, 5), max_size=4)


def scores_of(sizes, tags, seed, scale=1.0, forbids=False, dtype=torch.float64):
    """Scores of tags, transitions and both ends, of which some may be forbidden; offsets."""
    generator = torch.Generator().manual_seed(seed)

    def numbers(*shape):
        drawn = torch.randn(*shape, generator=generator, dtype=dtype) * scale
        there = torch.rand(*shape, generator=generator) > 0.3
        return drawn.masked_fill(~there, -torch.inf) if forbids else drawn

    shapes = (sum(sizes), tags), (tags, tags), (tags,), (tags,)
    return chain.Scores(*(numbers(*shape) for shape in shapes)), torch.tensor([0, *sizes]).cumsum(0)


def asking(scores):
    return chain.Scores(*(part.clone().requires_grad_() for part in scores))


def likelihood(path, scores, offsets, tags):
    """Each sequence's number, and the gradients of all scores."""
    scores = asking(scores)
    with kernels.force(path):
        found = chain.negative_log_likelihood(scores, offsets, tags, tags >= 0)
    weights = torch.arange(1.0, len(found) + 1).to(found.dtype)
    total = (found.masked_fill(~found.isfinite(), 0) * weights).sum()
    slopes = torch.autograd.grad(total, list(scores), allow_unused=True)
    return found.detach(), [
        torch.zeros_like(part) if slope is None else slope
        for part, slope in zip(scores, slopes, strict=True)
    ]


@given(
    sizes=SIZES, tags=st.integers(1, 4), seed=st.integers(0, 99), data=st.data(),
    scale=st.sampled_from([1.0, 30.0, 1000.0]), forbids=st.booleans(),
)  # fmt: skip
@draws(60)
def test_the_likelihood_of_tags_of_which_some_are_not_known(
    sizes, tags, seed, data, scale, forbids
):
    scores, offsets = scores_of(sizes, tags, seed, scale, forbids)
    each = st.integers(data.draw(st.integers(-1, 0)), tags - 1)
    path = torch.tensor([data.draw(each) for _ in range(sum(sizes))], dtype=torch.int64)
    want = likelihood("reference", scores, offsets, path)
    got = likelihood("compiled", scores, offsets, path)
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9, equal_nan=True)
    if not forbids:  # of sequences without a path the walk makes NaN
        got = likelihood("torch", scores, offsets, path)
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


@given(
    sizes=SIZES, tags=st.integers(1, 4), seed=st.integers(0, 99), count=st.integers(1, 5),
    forbids=st.booleans(),
)  # fmt: skip
@draws(40)
def test_marginals_and_best_paths(sizes, tags, seed, count, forbids):
    scores, offsets = scores_of(sizes, tags, seed, 3.0, forbids)
    with kernels.force("reference"):
        want = chain.marginals(scores, offsets), *chain.best_paths(scores, offsets, count)
    got = chain.marginals(scores, offsets), *chain.best_paths(scores, offsets, count)
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)
    one = chain.best_path(scores, offsets)
    assert torch.equal(one[got[1][:, 0] >= 0], got[1][:, 0][got[1][:, 0] >= 0])


def test_float32_is_as_exact_as_its_scores():
    """Of a path that is nearly sure, after 3,000 steps, what is left of 1."""
    scores, offsets = scores_of([3000], 3, 0, dtype=torch.float32)
    tags = chain.best_path(scores, offsets)
    sure = torch.nn.functional.one_hot(tags, 3) * 20.0
    scores = scores._replace(values=scores.values + sure)
    got = chain.negative_log_likelihood(scores, offsets, tags)
    want = chain.negative_log_likelihood(scores.map(torch.Tensor.double), offsets, tags)
    torch.testing.assert_close(got.double(), want, rtol=1e-6, atol=0)


def test_a_tag_that_all_have_left_long_ago_may_still_win():
    """Scaled probabilities have lost it at the first step; at the tenth it is all that counts."""
    values = torch.tensor([[0.0, -900.0]] + 19 * [[-100.0, 0.0]], dtype=torch.float64)
    apart = torch.tensor([[0.0, -torch.inf], [-torch.inf, 0.0]], dtype=torch.float64)
    scores, offsets = asking(chain.Scores(values, apart)[:2]), torch.tensor([0, 20])
    total = chain.log_partition(scores, offsets)
    assert float(total.detach()) == -900
    total.sum().backward()
    assert scores.values.grad[:, 1].tolist() == [1.0] * 20
    assert torch.equal(scores.transitions.grad, torch.tensor([[0.0, 0.0], [0.0, 19.0]]).double())


def test_what_is_lost_beside_a_row_that_is_nearly_lost_may_still_win():
    """A transition so far below the highest, which nobody takes, that its exp is 0."""
    none = -torch.inf
    values = torch.tensor(
        [[0.0, -20.0, none, none], [0.0, none, 0.0, none], [none, none, 0.0, none]]
    )
    ways = torch.full((4, 4), none)
    far = {(3, 3): 0, (1, 0): -600, (0, 2): -709, (1, 2): -700, (2, 2): -1}
    for (before, after), score in far.items():
        ways[before, after] = score
    ends = torch.zeros(2, 4, dtype=torch.float64)
    scores, offsets = chain.Scores(values.double(), ways.double(), *ends), torch.tensor([0, 3])
    tags = torch.tensor([-1, -1, 2])
    with kernels.force("reference"):
        want = chain.log_partition(scores, offsets)
        slopes = likelihood("reference", scores, offsets, tags)
    torch.testing.assert_close(chain.log_partition(scores, offsets), want, rtol=1e-12, atol=0)
    torch.testing.assert_close(likelihood("compiled", scores, offsets, tags), slopes)


def test_where_no_path_is_possible():
    values = torch.zeros(3, 2, dtype=torch.float64)
    none = torch.full((2, 2), -torch.inf, dtype=torch.float64)
    scores, offsets = asking(chain.Scores(values, none)[:2]), torch.tensor([0, 2, 3])
    total = chain.log_partition(scores, offsets)
    assert total.tolist() == [-torch.inf, pytest.approx(0.6931471805599453)]
    total[1:].sum().backward()
    assert scores.values.grad.tolist() == [[0.0, 0.0], [0.0, 0.0], [0.5, 0.5]]
    assert chain.marginals(scores, offsets).tolist() == [[0.0, 0.0], [0.0, 0.0], [0.5, 0.5]]
    paths, found = chain.best_paths(scores, offsets, 2)
    assert paths.tolist() == [[-1, -1], [-1, -1], [0, 1]]
    assert found.tolist() == [[-torch.inf, -torch.inf], [0.0, 0.0]]


def test_a_nan_stays_in_its_sequence():
    scores, offsets = scores_of([3, 2], 2, 0)
    scores.values[1, 0] = torch.nan
    total, (d_values, *_) = likelihood("compiled", scores, offsets, torch.tensor([0, 1, 1, 0, 0]))
    assert total.isnan().tolist() == [True, False]
    asked = asking(scores)
    chain.log_partition(asked, offsets).sum().backward()
    assert asked.values.grad.isnan().any(1).tolist() == [True] * 3 + [False] * 2
    assert not d_values[3:].isnan().any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("count", "partly"), [(20, True), (9, False), (3, False)])
def test_alone_as_in_company_and_on_any_number_of_threads(dtype, count, partly):
    """Of few tags sequences are walked side by side, in company alone."""
    sizes = [40, 0, 3, 200, 1, 90, 60, 7, *[30 + i for i in range(12)]]
    scores, offsets = scores_of(sizes, count, 0, 3.0, dtype=dtype)
    tags = torch.arange(sum(sizes)) % (count + partly) - int(partly)
    want = likelihood("compiled", scores, offsets, tags)
    best = chain.best_path(scores, offsets)
    before = torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        got = likelihood("compiled", scores, offsets, tags)
        assert torch.equal(got[0], want[0])
        assert all(torch.equal(a, b) for a, b in zip(got[1], want[1], strict=True))
        assert torch.equal(chain.best_path(scores, offsets), best)
    torch.set_num_threads(before)
    start = 0
    for i, size in enumerate(sizes):
        at = slice(start, start + size)
        one = scores._replace(values=scores.values[at])
        alone = torch.tensor([0, size])
        assert torch.equal(chain.best_path(one, alone), best[at])
        asked, (total, _) = asking(one), likelihood("compiled", one, alone, tags[at])
        assert torch.equal(total, want[0][i : i + 1])
        found = chain.negative_log_likelihood(asked, alone, tags[at], tags[at] >= 0)
        (slope,) = torch.autograd.grad(found.sum() * (i + 1), [asked.values])
        assert torch.equal(slope, want[1][0][at])
        start += size


def test_no_pairs_of_tags_are_laid_out():
    """2,000 steps of 16 tags: a row of each, not 16."""
    scores, offsets = scores_of([2000], 16, 0, dtype=torch.float32)
    scores, sizes = asking(scores), []

    class Sizes(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            found = function(*args, **(kwargs or {}))
            sizes.append(found.numel() if isinstance(found, torch.Tensor) else 0)
            return found

    with Sizes():
        chain.log_partition(scores, offsets).sum().backward()
    assert max(sizes) <= 2000 * 16


def test_second_derivatives_are_refused_not_wrong():
    scores, offsets = scores_of([3], 2, 0)
    scores = asking(scores)
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
    total = (chain.log_partition(scores, offsets) * weight).sum()
    (slope,) = torch.autograd.grad(total, [scores.values], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()
    # Those of marginals are the walk's in torch's operators.
    assert torch.autograd.gradcheck(
        lambda *parts: chain.marginals(chain.Scores(*parts), offsets), tuple(scores)
    )
