"""Attention's paths against the reference, forward and backward; bits that hang on nothing else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unpad import kernels
from unpad.kernels import library
from unpad.kernels.attention import operator
from unpad.kernels.attention.calls import Call
from unpad.kernels.attention.dropping import Drop
from unpad.kernels.attention.pairs import Blocks, Grid
from unpad.ragged import Layout

from ..examples import draws
from ..messages import says

SIZES = st.lists(st.sampled_from([0, 1, 2, 7, 33, 48, 49, 64, 65, 100]), max_size=4)
COMPILED = pytest.mark.skipif(not library.available(), reason="there is no library")


def sides(sizes, others=None):
    asking = Layout.from_lengths(torch.tensor(sizes, dtype=torch.int64))
    return asking, asking if others is None else Layout.from_lengths(torch.tensor(others))


def numbers(seed, *shapes, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*s, generator=generator, dtype=dtype, requires_grad=True) for s in shapes]


def rows_and_slopes(path, tensors, layouts, **options):
    with kernels.force(path):
        found = operator.attend(Call(*tensors, *layouts, **options))
    found = [t for t in found if t is not None]
    total = sum((t * torch.arange(1.0, t.numel() + 1).cos().view_as(t).to(t)).sum() for t in found)
    slopes = torch.autograd.grad(total, tensors, allow_unused=True)
    pairs = zip(tensors, slopes, strict=True)
    zeros = [torch.zeros_like(t) if s is None else s for t, s in pairs]
    return [*(t.detach() for t in found), *zeros]


def masks(kind, layouts, heads, draw):
    """Which pairs are visible, in each of the ways to say it."""
    asking, looked_at = layouts
    longest, steps = [x.longest for x in layouts], [x.steps for x in layouts]
    if kind == "blocks":
        return Blocks(*(draw(n, 3) * 2**40 - 2**41 for n in steps))
    if kind == "runs":
        return Blocks(*(draw(n, 9).sort()[0] for n in steps))
    if kind in ("seen", "one for all"):
        shape = (1, 1) if kind == "one for all" else (asking.batch, heads)
        grid = draw(shape[0] * shape[1] * longest[0] * longest[1], 4).view(*shape, *longest) == 0

        def of_steps(q, k):
            of = asking.own.sequence_ids[q[:, 0]] if shape[0] > 1 else q[:, 0] * 0
            q, k = asking.own.positions[q], looked_at.own.positions[k]
            return grid[of[:, None, None], :, q[:, :, None], k[:, None]].movedim(-1, 1)

        return Grid(of_steps, lambda: grid)
    return None


@COMPILED
@given(
    sizes=SIZES, data=st.data(), heads=st.sampled_from([(1, 1), (2, 2), (4, 2), (3, 1)]),
    size=st.sampled_from([1, 4, 15, 16, 33]), value_size=st.sampled_from([1, 4, 16, 20]),
    causal=st.booleans(), window=st.sampled_from([None, 1, 3, 40]),
    scale=st.sampled_from([None, -0.7]), seed=st.integers(0, 99),
    mask=st.sampled_from([None, None, "blocks", "runs", "seen", "one for all"]),
    rate=st.sampled_from([0, 0, 0.3, 1]), with_weights=st.booleans(),
)  # fmt: skip
@draws(60)
def test_the_library_gives_what_the_reference_gives(
    sizes, data, heads, size, value_size, causal, window, scale, seed, mask, rate, with_weights
):
    own = st.lists(st.sampled_from([0, 1, 5, 64, 70]), min_size=len(sizes), max_size=len(sizes))
    others = data.draw(st.one_of(st.none(), own))
    keys = sum(sizes if others is None else others)
    shapes = (sum(sizes), heads[0], size), (keys, heads[1], size), (keys, heads[1], value_size)
    tensors, layouts = numbers(seed, *shapes), sides(sizes, others)
    generator = torch.Generator().manual_seed(seed)
    pairs = masks(mask, layouts, heads[0],
                  lambda n, high: torch.randint(high, (n,), generator=generator))  # fmt: skip
    drop = Drop(rate, torch.tensor(seed * 2**55)) if rate else None
    options = {"causal": causal, "window": window, "scale": scale, "drop": drop, "pairs": pairs,
               "with_weights": with_weights}  # fmt: skip
    want = rows_and_slopes("reference", tensors, layouts, **options)
    got = rows_and_slopes("compiled", tensors, layouts, **options)
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


@COMPILED
def test_bits_hang_on_neither_company_nor_threads_nor_strides():
    sizes = [70, 3, 0, 129]
    whole = torch.randn(sum(sizes), 3 * 2 * 20, generator=torch.Generator().manual_seed(0))
    parts = [p.unflatten(1, (2, 20)).detach().requires_grad_() for p in whole.chunk(3, 1)]
    assert not parts[0].is_contiguous()
    with kernels.own_threads():
        want = rows_and_slopes("compiled", parts, sides(sizes), causal=True)
    copies = [p.detach().contiguous().requires_grad_() for p in parts]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert all(map(torch.equal, rows_and_slopes("compiled", copies, sides(sizes), causal=True),
                       want))  # fmt: skip
    finally:
        torch.set_num_threads(before)
    start = 0
    for size in sizes:
        own = [p.detach()[start : start + size].clone().requires_grad_() for p in parts]
        with kernels.force("compiled"):
            alone, _ = operator.attend(Call(*own, *sides([size]), causal=True))
        assert torch.equal(alone, want[0][start : start + size])
        start += size


@COMPILED
def test_scores_that_are_no_numbers_stay_in_their_sequence():
    query, key, value = (t.detach() for t in numbers(0, *[(5, 1, 4)] * 3))
    key[1] = torch.nan
    rows, _ = operator.attend(Call(query, key, value, *sides([3, 2])))
    assert rows[:3].isnan().all() and rows[3:].isfinite().all()


@COMPILED
def test_large_scores_are_no_overflow():
    query, key, value = (100 * t.detach().float() for t in numbers(0, *[(90, 1, 8)] * 3))
    layouts = sides([90])
    want = rows_and_slopes("reference", [t.requires_grad_() for t in (query, key, value)], layouts)
    got = rows_and_slopes("compiled", [query, key, value], layouts)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-2)


@COMPILED
@pytest.mark.parametrize("isa", ["avx512", "avx2", "portable"])
def test_every_instruction_set(isa):
    try:
        library.force_instruction_set(isa)
    except ValueError:
        pytest.skip(f"this machine has no {isa}")
    try:
        tensors = numbers(1, *[(60, 2, 9)] * 3, dtype=torch.float32)
        want = rows_and_slopes("reference", tensors, sides([50, 10]), window=20)
        got = rows_and_slopes("compiled", tensors, sides([50, 10]), window=20)
        torch.testing.assert_close(got, want)
    finally:
        library.force_instruction_set(None)


@COMPILED
@pytest.mark.parametrize("path", ["compiled", "open"])
def test_what_is_dropped_hangs_on_the_seed_and_the_places_alone(path):
    """The weights are 1 / keys each, so that a row of ones gives the share that is kept."""
    value = torch.eye(500)[:, None].expand(500, 4, 500)
    zeros = torch.zeros(500, 4, 8)

    def kept(seed, rate=0.3, many=500):
        tensors = zeros[:many], zeros[:many], value[:many]
        drop = Drop(rate, torch.tensor(seed))
        with kernels.force(path):
            rows, _ = operator.attend(Call(*tensors, *sides([many]), drop=drop))
        return rows[..., :many] * many * (1 - rate)

    drawn = kept(5)
    assert torch.equal(drawn, kept(5)) and not torch.equal(drawn, kept(6))
    assert ((drawn < 1e-5) | ((drawn - 1).abs() < 1e-4)).all()
    there = drawn.round()
    # A million draws: shares within five deviations, and none known from its neighbours.
    assert abs(there.mean() - 0.7) < 5 * (0.21 / 1e6) ** 0.5
    assert (there.mean((0, 1)) - 0.7).abs().max() < 5 * (0.21 / 2000) ** 0.5
    assert (there.mean((1, 2)) - 0.7).abs().max() < 5 * (0.21 / 2000) ** 0.5
    off = there - 0.7
    for a, b in (
        (off[1:], off[:-1]), (off[:, 1:], off[:, :-1]), (off[..., 1:], off[..., :-1]),
        (off[1:, :, 1:], off[:-1, :, :-1]), (off, kept(6).round() - 0.7),
    ):  # fmt: skip
        assert abs((a * b).mean()) < 5 * 0.21 / 1e6**0.5
    assert torch.equal(kept(5, many=60).round(), there[:60, :, :60])


@COMPILED
def test_a_graph_drops_what_a_call_drops():
    tensors, layouts = numbers(4, *[(9, 2, 3)] * 3), sides([4, 0, 5])
    offsets, drop = [x.own.offsets for x in layouts], Drop(0.4, torch.tensor(11))
    blocks = [torch.arange(9) // 2] * 2
    want = rows_and_slopes("compiled", tensors, layouts, drop=drop, pairs=Blocks(*blocks))
    for path in ("compiled", "open", "reference"):
        with kernels.force(path):
            rows = operator.ATTENTION(*tensors, *offsets, None, False, None, *blocks, *drop)
        weights = torch.arange(1.0, rows.numel() + 1).cos().reshape(rows.shape).to(rows.dtype)
        slopes = torch.autograd.grad((rows * weights).sum(), tensors)
        torch.testing.assert_close([rows, *slopes], want)


@COMPILED
def test_blocks_in_one_sequence_are_as_sequences():
    """What a step sees is its block: bits may differ, as tiles begin elsewhere."""
    sizes = [3, 70, 1, 129, 20]
    tensors = numbers(3, *[(sum(sizes), 2, 16)] * 3)
    ids = torch.repeat_interleave(torch.arange(len(sizes)) * 7 % 5, torch.tensor(sizes))
    want = rows_and_slopes("compiled", tensors, sides(sizes))
    got = rows_and_slopes("compiled", tensors, sides([sum(sizes)]), pairs=Blocks(ids, ids))
    torch.testing.assert_close(got, want)


@COMPILED
def test_what_it_does_not_compute_it_says():
    query, key, value = (t.detach() for t in numbers(0, *[(3, 2, 4)] * 3))
    layouts = sides([3])
    with (
        kernels.force("compiled"),
        says(
            "attention: kernels.force('compiled'), but this path refuses: it knows the dot "
            "product, not another score."
        ),
    ):
        operator.attend(Call(query, key, value, *layouts, score=lambda q, k: q @ k.mT))
    seen = Grid(lambda q, k: q, lambda: torch.ones(1, 3, 3, 3, dtype=torch.bool))
    with says("attention: expected a mask (1 or 1, 1 or 2, *(3, 3)) bool, got (1, 3, 3, 3) "):
        operator.attend(Call(query, key, value, *layouts, pairs=seen))
    whole = [t.int() for t in (query, key, value)]
    told = kernels.why(lambda: operator.ATTENTION.choose(Call(*whole, *layouts)))
    assert dict(told[0].reasons)["compiled"] == (
        "the library knows float32 and float64, the values are torch.int32"
    )


@COMPILED
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types_are_computed_in_float32(dtype):
    tensors = [t.detach().to(dtype).requires_grad_() for t in numbers(0, *[(60, 2, 8)] * 3)]
    wide = [t.detach().float().requires_grad_() for t in tensors]
    got = rows_and_slopes("compiled", tensors, sides([50, 10]), causal=True)
    want = rows_and_slopes("compiled", wide, sides([50, 10]), causal=True)
    assert {t.dtype for t in got} == {dtype}
    torch.testing.assert_close(got, [t.to(dtype) for t in want], rtol=0.05, atol=0.05)
    assert torch.equal(got[0], want[0].to(dtype))
