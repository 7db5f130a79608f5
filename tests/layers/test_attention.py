"""Attention against its formula, blocks against torch's, positions, pooling; what is refused."""

import copy
import math
import weakref

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

import unpad
from unpad import Layout, Ragged
from unpad.core.spec import Lengths
from unpad.kernels.attention.blocks import _SPARE_PAIRS, blocks_of
from unpad.layers import (
    AdditiveAttention,
    Attention,
    AttentionPooling1D,
    FirstStep,
    GroupQueryAttention,
    LastStep,
    MultiHeadAttention,
    PositionEmbedding,
    RotaryEmbedding,
    SinePositionEncoding,
    Spec,
    TokenAndPositionEmbedding,
    TransformerDecoder,
    TransformerEncoder,
)
from unpad.layers.attention.attend import attend
from unpad.testing import coded, grid

from ..examples import draws
from ..messages import says

F64 = torch.float64
LENGTHS, OTHER = (3, 0, 5, 1, 3, 2), (2, 4, 0, 1, 5, 7)


def batch(lengths, feature, twist=1.0):
    return coded(lengths, feature).map(lambda v: torch.cos(twist * v))


def leaf(ragged):
    return ragged.with_values(ragged.values.detach().clone().requires_grad_())


# --- the core ------------------------------------------------------------------------------------


class Even:
    """Steps whose positions together are even; a query at 1 sees nothing of a single key."""

    def __call__(self, i, j):
        return (i + j) % 2 == 0

    def __repr__(self):
        return "even"


def by_formula(q, k, v, causal=False, window=None, pairs=None):
    """One sequence after the other, one query head after the other, one query after the other."""
    rows, weights = [], []
    for i in range(len(q)):
        shared = q.feature[0] // k.feature[0]
        for step, asked in enumerate(q[i]):
            row, seen = [], []
            for head in range(q.feature[0]):
                keys, values = k[i][:, head // shared], v[i][:, head // shared]
                places = torch.arange(len(keys))
                visible = torch.ones(len(keys), dtype=torch.bool)
                if causal:
                    visible &= places <= step
                if window is not None:
                    visible &= (places - step).abs() < window
                if pairs is not None:
                    visible &= pairs(torch.tensor(step), places)
                scores = (keys * asked[head]).sum(-1) / math.sqrt(q.feature[1])
                w = torch.zeros(len(keys), dtype=F64)
                if visible.any():
                    w = torch.where(visible, scores, -math.inf).softmax(0)
                row.append((w[:, None] * values).sum(0))
                seen.append(torch.nn.functional.pad(w, (0, k.layout.longest - len(w))))
            rows.append(torch.stack(row))
            weights.append(torch.stack(seen))
    shape = (0, q.feature[0], v.feature[-1])
    if not rows:
        return torch.zeros(shape, dtype=F64), torch.zeros(0, q.feature[0], k.layout.longest)
    return torch.stack(rows), torch.stack(weights)


# torch's kernel, and in steps: where values are of another size than keys, or weights are wanted.
KERNELS = [(False, 3), (False, 5), (True, 3)]
WAYS = [
    {}, {"causal": True}, {"window": 1}, {"window": 3}, {"causal": True, "window": 2},
    {"pairs": Even()}, {"pairs": Even(), "causal": True},
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(("with_weights", "size"), KERNELS)
@given(sizes=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=6))
@example(sizes=[*zip(LENGTHS, OTHER, strict=True)])
@example(sizes=[(6, 1), (6, 5), (4, 2)])
@draws(15)
def test_core_is_the_formula(way, with_weights, size, sizes):
    """Forward and backward, with lengths of both sides drawn, and heads that are shared."""
    lengths, other = [q for q, _ in sizes], [k for _, k in sizes]
    inputs = [batch(lengths, (4, 3)), batch(other, (2, 3), 3.0), batch(other, (2, size), 5.0)]
    ours, theirs = [leaf(x) for x in inputs], [leaf(x) for x in inputs]
    got, weights = attend(*ours, with_weights=with_weights, **way)
    want, want_weights = by_formula(*theirs, **way)
    torch.testing.assert_close(got.values, want, rtol=1e-10, atol=1e-12)
    totals = [
        (x * torch.arange(x.numel()).reshape(x.shape).cos()).sum() for x in (got.values, want)
    ]
    if with_weights:
        torch.testing.assert_close(weights.values, want_weights.double(), rtol=1e-10, atol=1e-12)
        totals = [
            t + (w * torch.arange(w.numel()).reshape(w.shape).sin()).sum()
            for t, w in zip(totals, (weights.values, want_weights), strict=True)
        ]
    if not totals[1].requires_grad:
        return
    grads = [
        torch.autograd.grad(t, [x.values for x in xs], allow_unused=True, materialize_grads=True)
        for t, xs in zip(totals, (ours, theirs), strict=True)
    ]
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(("with_weights", "size"), KERNELS)
def test_core_gradcheck(way, with_weights, size):
    q, k, v = batch(LENGTHS, (2, 3)), batch(OTHER, (1, 3), 3.0), batch(OTHER, (1, size), 5.0)

    def function(*values):
        given = [x.with_values(w) for x, w in zip((q, k, v), values, strict=True)]
        out = attend(*given, with_weights=with_weights, **way)
        return tuple(x.values for x in out if x is not None)

    leaves = [x.values.clone().requires_grad_() for x in (q, k, v)]
    assert torch.autograd.gradcheck(function, leaves)


@pytest.mark.parametrize("with_weights", [False, True])
def test_nan_stays_in_its_sequence(with_weights):
    """Spare slots hold a sequence's own steps, so nothing of it reaches another."""
    lengths = (3, 5, 4)
    q, k = leaf(batch(lengths, (1, 3))), leaf(batch(lengths, (1, 3), 3.0))
    assert len(blocks_of(q.layout, k.layout).blocks) == 1
    for i, (start, end) in enumerate([(0, 3), (3, 8), (8, 12)]):
        broken = torch.zeros(len(k.values), 1, 1, dtype=F64)
        broken[start:end] = math.nan
        keys = k.with_values(k.values + broken)
        out, _ = attend(q, keys, keys, with_weights=with_weights)
        assert [bool(x.isnan().any()) for x in out] == [i == n for n in range(3)]
        total = sum(x.sum() for n, x in enumerate(out) if n != i)
        for g in torch.autograd.grad(total, [q.values, k.values]):
            assert not torch.cat([g[:start], g[end:]]).isnan().any()


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("with_weights", [False, True])
def test_nothing_to_look_at_gives_zero(way, with_weights):
    q, k = leaf(batch((2, 3), (1, 3))), leaf(batch((0, 2), (1, 3)))
    out, _ = attend(q, k, k, with_weights=with_weights, **way)
    assert torch.equal(out[0], torch.zeros(2, 1, 3, dtype=F64))
    for g in torch.autograd.grad(out.values.sum(), [q.values, k.values]):
        assert g.isfinite().all()
        assert not g[:2].any() or g is not q.values
    of_query = torch.autograd.grad(attend(q, k, k, **way)[0][0].sum(), q.values)[0]
    assert not of_query.any()


def test_no_key_at_all_keeps_the_way_of_gradients():
    q, k = leaf(batch((2, 1), (1, 3))), leaf(batch((0, 0), (1, 3)))
    out, _ = attend(q, k, k)
    assert torch.equal(out.values, torch.zeros(3, 1, 3, dtype=F64))
    (gradient,) = torch.autograd.grad(out.values.sum(), q.values)
    assert not gradient.any()


def test_dense_is_a_batch_of_equal_lengths():
    q, k = batch((3, 3), (2, 3)), batch((4, 4), (2, 3), 3.0)
    grids = [x.values.unflatten(0, (2, -1)) for x in (q, k)]
    want, weights = attend(q, k, k, causal=True, with_weights=True)
    out, of_grid = attend(grids[0], grids[1], grids[1], causal=True, with_weights=True)
    assert torch.equal(out.flatten(0, 1), want.values)
    assert torch.equal(of_grid.flatten(0, 1), weights.values)
    mixed, _ = attend(grids[0], k, grids[1], causal=True)
    assert torch.equal(mixed.flatten(0, 1), attend(q, k, k, causal=True)[0].values)


# --- blocks --------------------------------------------------------------------------------------


@given(sizes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=40))
def test_blocks_waste_little(sizes):
    """Each sequence with steps on both sides is in one block, and no block has much to spare."""
    queries, keys = (Layout.from_lengths([s[i] for s in sizes]) for i in (0, 1))
    made = blocks_of(queries, keys)
    busy = [(q, k) for q, k in sizes if q and k]
    assert sum(b.count for b in made.blocks) == len(busy)
    assert made.complete == all(k for q, k in sizes if q)
    slots = 0
    for block in made.blocks:
        pairs = block.count * block.queries * block.keys
        if block.query_steps is None:
            assert pairs == sum(q * k for q, k in busy)
            continue
        held = block.query_steps.unflatten(0, (block.count, -1))
        ids = queries.sequence_ids[held]
        assert (ids == ids[:, :1]).all()
        key_ids = keys.sequence_ids[block.key_steps.unflatten(0, (block.count, -1))]
        assert (key_ids == ids[:, :1]).all()
        real = sum(sizes[int(i)][0] * sizes[int(i)][1] for i in ids[:, 0])
        assert pairs - real <= _SPARE_PAIRS
        slots += block.count * block.queries
    if made.places is not None:
        answered = keys.lengths[queries.sequence_ids] > 0
        held = torch.cat([b.query_steps for b in made.blocks] + [torch.tensor([-1])])
        assert torch.equal(
            held[made.places], torch.where(answered, torch.arange(queries.steps), -1)
        )
        assert (made.places[~answered] == slots).all()


def test_equal_lengths_are_not_copied():
    layout = Layout.from_lengths([4, 4, 4])
    (block,) = blocks_of(layout, layout).blocks
    assert block.query_steps is None and block.key_steps is None and block.real is None


def test_blocks_are_made_once_and_go_with_their_layouts():
    layout, other = Layout.from_lengths([3, 1]), Layout.from_lengths([2, 2])
    assert blocks_of(layout, other) is blocks_of(layout, other)
    assert blocks_of(layout, other) is not blocks_of(layout, layout)
    made = weakref.ref(layout.own)
    del layout
    assert made() is None


def test_the_same_bits_with_any_number_of_threads():
    lengths = [7, 30, 0, 61, 17, 90, 33]
    q, k, v = (leaf(batch(lengths, (2, 16), t).to(dtype=torch.float32)) for t in (1.0, 3.0, 5.0))
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        try:
            for way in ({}, {"causal": True}, {"with_weights": True}):
                out, _ = attend(q, k, v, **way)
                sources = [x.values for x in (q, k, v)]
                found.append([out.values, *torch.autograd.grad(out.values.square().sum(), sources)])
        finally:
            torch.set_num_threads(1)
    for later in (found[3:6], found[6:]):
        for a, b in zip(found[:3], later, strict=True):
            assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# --- layers of attention -------------------------------------------------------------------------


def test_scores_come_back_on_the_query():
    q, v = batch(LENGTHS, (3,)).to(torch.float32), batch(OTHER, (3,), 3.0).to(torch.float32)
    for layer, inputs, heads in (
        (Attention(), ([q, v],), ()),
        (AdditiveAttention(), ([q, v],), ()),
        (MultiHeadAttention(2, 3), (q, v), (2,)),
        (GroupQueryAttention(3, 4, 2), (q, v), (4,)),
    ):
        out, scores = layer(*inputs, return_attention_scores=True)
        assert scores.layout is q.layout
        assert tuple(scores.feature) == (*heads, 7)
        torch.testing.assert_close(out.values, layer(*inputs).values)
        for i, n in enumerate(OTHER):
            assert not scores[i][..., n:].any()
            total = scores[i].sum(-1)
            torch.testing.assert_close(total, torch.full_like(total, float(n > 0)))


@pytest.mark.parametrize("make", [
    lambda **o: MultiHeadAttention(2, 3, **o),
    lambda **o: GroupQueryAttention(3, 4, 2, **o),
    lambda **o: Attention(use_scale=True, **o),
    lambda **o: AdditiveAttention(**o),
])  # fmt: skip
def test_dropout_is_of_the_weights(make):
    """In training only, from the layer's own seed, and right on average."""
    x = batch((40, 0, 13, 1), (3,)).to(torch.float32)

    def run(layer, **more):
        return layer([x, x], **more) if layer.takes == "several" else layer(x, x, **more)

    layer = make(dropout=0.5, seed=3)
    run(layer)
    again = copy.deepcopy(layer)
    layer.eval()
    plain = run(layer).values
    assert torch.equal(run(layer).values, plain)
    a, b = run(layer, training=True).values, run(again, training=True).values
    assert torch.equal(a, b)
    assert not torch.equal(a, run(again, training=True).values)
    mean = torch.stack([run(layer, training=True).values for _ in range(300)]).mean(0)
    assert (mean - plain)[:40].abs().max() < 0.15
    assert (a - plain).abs().max() > 0.01


def test_a_row_a_sequence_asks():
    """One query a sequence is a sequence of one query."""
    rows = torch.randn(6, 3)
    v = batch(OTHER, (3,), 3.0).to(torch.float32)
    as_steps = Ragged(rows, Layout.full(6, 1))
    for layer, several in ((MultiHeadAttention(2, 3), False), (Attention(), True)):
        one = layer([rows, v]) if several else layer(rows, v)
        want = layer([as_steps, v]) if several else layer(as_steps, v)
        assert torch.equal(one, want.values)
    out, scores = MultiHeadAttention(2, 3)(rows, v, return_attention_scores=True)
    assert out.shape == (6, 3) and scores.shape == (6, 2, 7)


@pytest.mark.parametrize("make", [
    lambda: MultiHeadAttention(2, 3), lambda: Attention(), lambda: AdditiveAttention(),
])  # fmt: skip
def test_rows_that_ask_keep_the_laws(make):
    for other in ((2, 4, 0, 1, 5), (3,), (0, 0)):
        rows = coded([1] * len(other), (3,)).values
        unpad.testing.check_layer(make, batch=[rows, batch(other, (3,), 3.0)])


def test_query_and_value_by_name():
    x = batch(LENGTHS, (3,))  # float64 into float32 weights
    layer = MultiHeadAttention(2, 3)
    got = layer(query=x, value=x, key=x)
    assert got.dtype == torch.float32
    assert torch.equal(got.values, layer(x, x).values)


def test_holes_and_sides_do_not_matter_to_causal():
    x = batch(LENGTHS, (4,)).to(torch.float32)
    layer = MultiHeadAttention(2, 3)
    want = layer(x, x, use_causal_mask=True)
    for side in ("left", "right", "holes"):
        padded, mask = grid(x, side)
        given = Ragged.from_padded(padded, mask=mask)
        out = layer(given, given, use_causal_mask=True)
        assert out.layout is given.layout
        torch.testing.assert_close(out.values, want.values)


def test_kernels_start_as_keras_counts_their_fans():
    x = Ragged(torch.zeros(4, 50), Layout.full(2, 2))
    layer = MultiHeadAttention(8, 10)
    layer(x, x)
    limit = math.sqrt(6 / (50 + 80))
    for kernel in (layer.query_projection.kernel, layer.output_projection.kernel):
        assert 0.95 * limit < float(kernel.detach().abs().max()) <= limit


# --- positions -----------------------------------------------------------------------------------


def test_position_embedding_is_the_row_of_the_place():
    layer = PositionEmbedding(6)
    x = batch((3, 0, 5), (4,)).to(torch.float32)
    layer(x)
    table = layer.position_embeddings
    assert torch.equal(layer(x).values, table[[0, 1, 2, 0, 1, 2, 3, 4]])
    assert torch.equal(layer(x, start_index=1).values, table[[1, 2, 3, 1, 2, 3, 4, 5]])
    dense = torch.zeros(2, 5, 4)
    assert torch.equal(layer(dense), table[:5].expand(2, 5, 4))
    assert torch.equal(layer(dense, start_index=1)[0], table[1:6])
    assert [tuple(w.shape) for w in layer.get_weights()] == [(6, 4)]


@pytest.mark.parametrize("layer", [
    PositionEmbedding(20), SinePositionEncoding(), RotaryEmbedding(),
])  # fmt: skip
def test_left_padding_and_holes_change_nothing(layer):
    x = batch((3, 0, 5), (4,)).to(torch.float32)
    want = layer(x)
    for side in ("left", "right", "holes"):
        padded, mask = grid(x, side)
        given = Ragged.from_padded(padded, mask=mask)
        assert torch.equal(layer(given).values, want.values)
    for i, n in enumerate((3, 0, 5)):
        assert torch.equal(layer(x[i][None])[0], want[i]), n


@pytest.mark.parametrize("size", [1, 4, 5])
def test_sine_encoding_is_its_formula(size):
    x = coded((3, 0, 6), (size,))
    out = SinePositionEncoding(100)(x, start_index=2)
    for step, place in enumerate(x.positions.tolist()):
        for f in range(size):
            angle = (place + 2) / 100 ** (2 * (f // 2) / size)
            want = math.cos(angle) if f % 2 else math.sin(angle)
            assert float(out.values[step, f]) == pytest.approx(want, rel=1e-12)
    dense = SinePositionEncoding(100)(torch.zeros(2, 6, size, dtype=F64), start_index=2)
    assert torch.equal(dense[1], out[2])


def test_rotary_turns_halves_by_the_place():
    x = coded((3, 0, 6), (2, 4))
    out = RotaryEmbedding(100, scaling_factor=2.0)(x, start_index=1)
    for step, place in enumerate(x.positions.tolist()):
        for pair in (0, 1):
            angle = (place + 1) / 2 / 100 ** (2 * pair / 4)
            cos, sin = math.cos(angle), math.sin(angle)
            a, b = x.values[step, :, pair], x.values[step, :, pair + 2]
            torch.testing.assert_close(out.values[step, :, pair], a * cos - b * sin)
            torch.testing.assert_close(out.values[step, :, pair + 2], b * cos + a * sin)
    dense = RotaryEmbedding(100, scaling_factor=2.0)(x[2][None], start_index=1)
    assert torch.equal(dense[0], out[2])


def test_rotary_products_depend_on_the_distance_alone():
    step, other = torch.randn(2, 8, dtype=F64)
    turned = [
        RotaryEmbedding()(Ragged(x.expand(9, 8), Layout.full(1, 9))).values for x in (step, other)
    ]
    products = turned[0] @ turned[1].T
    for apart in range(-4, 5):
        line = products.diagonal(apart)
        torch.testing.assert_close(line, line[:1].expand(len(line)))


def test_tokens_and_positions_are_summed():
    layer = TokenAndPositionEmbedding(9, 10, 4, mask_zero=True)
    ids = torch.tensor([[0, 0, 5], [3, 0, 7], [0, 0, 0]])
    out = layer(ids)
    tokens, places = (torch.tensor(w) for w in layer.get_weights())
    assert out.lengths.tolist() == [1, 2, 0]
    assert torch.equal(out.values, tokens[[5, 3, 7]] + places[[0, 0, 1]])
    dense = TokenAndPositionEmbedding(9, 10, 4)
    assert dense(ids).shape == (3, 3, 4)
    assert layer.open(ids).lengths.tolist() == [1, 2, 0]


# --- blocks of layers ----------------------------------------------------------------------------


def mha_into(ours, theirs):
    """Keras's layout (dim, heads, size) into torch's (heads * size, dim)."""
    q, k, v, o = (getattr(ours, f"{n}_projection") for n in ("query", "key", "value", "output"))
    flat = [p.kernel.flatten(1).T for p in (q, k, v)]
    theirs.in_proj_weight.copy_(torch.cat(flat))
    theirs.in_proj_bias.copy_(torch.cat([p.bias.flatten() for p in (q, k, v)]))
    theirs.out_proj.weight.copy_(o.kernel.flatten(0, 1).T)
    theirs.out_proj.bias.copy_(o.bias)


def network_into(ours, theirs):
    for name, dense in (
        ("linear1", ours.feedforward_intermediate_dense),
        ("linear2", ours.feedforward_output_dense),
    ):
        getattr(theirs, name).weight.copy_(dense.kernel.T)
        getattr(theirs, name).bias.copy_(dense.bias)


def norm_into(ours, theirs):
    theirs.weight.copy_(ours.gamma)
    theirs.bias.copy_(ours.beta)


def shaken(layer):
    """Weights that are all different from what they start as."""
    with torch.no_grad():
        for i, w in enumerate(layer.parameters()):
            w.add_(torch.arange(w.numel(), dtype=F64).reshape(w.shape).add(i).cos(), alpha=0.3)
    return layer


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_encoder_is_torchs(first, activation):
    x = leaf(coded(LENGTHS, (6,)))
    ours = TransformerEncoder(5, 2, activation=activation, normalize_first=first, dtype=F64)
    ours(x)
    shaken(ours)
    theirs = nn.TransformerEncoderLayer(
        6, 2, 5, 0.0, activation, batch_first=True, norm_first=first, dtype=F64
    )
    with torch.no_grad():
        mha_into(ours.self_attention_layer, theirs.self_attn)
        network_into(ours, theirs)
        norm_into(ours.self_attention_layer_norm, theirs.norm1)
        norm_into(ours.feedforward_layer_norm, theirs.norm2)
    out = ours(x)
    want = torch.cat([theirs(x[i][None])[0] for i in range(len(x)) if len(x[i])])
    torch.testing.assert_close(out.values, want, rtol=1e-6, atol=1e-6)
    grads = [
        torch.autograd.grad((o * o.detach().cos()).sum(), x.values)[0] for o in (out.values, want)
    ]
    torch.testing.assert_close(*grads, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("first", [False, True])
def test_decoder_is_torchs(first):
    x, memory = leaf(coded(LENGTHS, (6,))), leaf(batch((2, 4, 3, 1, 5, 7), (6,), 3.0))
    ours = TransformerDecoder(5, 2, normalize_first=first, dtype=F64)
    ours(x, memory)
    shaken(ours)
    theirs = nn.TransformerDecoderLayer(6, 2, 5, 0.0, batch_first=True, norm_first=first, dtype=F64)
    with torch.no_grad():
        mha_into(ours.self_attention, theirs.self_attn)
        mha_into(ours.cross_attention, theirs.multihead_attn)
        network_into(ours, theirs)
        norm_into(ours.self_attention_layer_norm, theirs.norm1)
        norm_into(ours.cross_attention_layer_norm, theirs.norm2)
        norm_into(ours.feedforward_layer_norm, theirs.norm3)
    out = ours(x, encoder_sequence=memory)

    def alone(i):
        mask = nn.Transformer.generate_square_subsequent_mask(len(x[i]), dtype=F64)
        return theirs(x[i][None], memory[i][None], tgt_mask=mask, tgt_is_causal=True)[0]

    want = torch.cat([alone(i) for i in range(len(x)) if len(x[i])])
    torch.testing.assert_close(out.values, want, rtol=1e-6, atol=1e-6)
    sources = [x.values, memory.values]
    grads = [torch.autograd.grad((o * o.detach().cos()).sum(), sources) for o in (out.values, want)]
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


def test_decoder_looks_back_only():
    x = leaf(coded((5, 3), (4,)))
    layer = TransformerDecoder(5, 2, dtype=F64)
    (gradient,) = torch.autograd.grad(layer(x)[0][2, 0], x.values)
    assert gradient[:3].any(1).all() and not gradient[3:].any()
    (gradient,) = torch.autograd.grad(layer(x, use_causal_mask=False)[0][2, 0], x.values)
    assert gradient[:5].any(1).all() and not gradient[5:].any()


def test_encoder_gives_its_attentions_weights():
    x = coded(LENGTHS, (4,)).to(torch.float32)
    layer = TransformerEncoder(5, 2)
    out, scores = layer(x, return_attention_scores=True)
    torch.testing.assert_close(out.values, layer(x).values)
    assert scores.layout is x.layout and tuple(scores.feature) == (2, 5)
    _, scores = layer(torch.zeros(2, 3, 4), return_attention_scores=True)
    assert scores.shape == (2, 2, 3, 3)
    spec = layer.output_spec(Spec((3, 4)), return_attention_scores=True)
    assert [str(s) for s in spec] == ["(batch, 3, 4)", "(batch, 2, 3, 3)"]


def test_dropout_in_a_block():
    x = coded((20, 0, 7), (4,)).to(torch.float32)
    for layer in (TransformerEncoder(5, 2, dropout=0.4), TransformerDecoder(5, 2, dropout=0.4)):
        plain = layer(x, training=False).values
        assert torch.equal(plain, layer(x, training=False).values)
        assert not torch.allclose(plain, layer(x, training=True).values)


def test_a_model_of_blocks_learns():
    """Drawn as a graph and as a Sequential, on grids that are padded on the left."""
    layers = unpad.layers
    ids = torch.randint(1, 9, (32, 7))
    ids[torch.arange(7) < torch.randint(0, 4, (32, 1))] = 0
    y = (ids == 3).any(1).float()[:, None]
    model = unpad.Sequential([
        unpad.Input((None,)), layers.TokenAndPositionEmbedding(9, 7, 8, mask_zero=True),
        layers.TransformerEncoder(16, 2), layers.AttentionPooling1D(), layers.Dense(1, "sigmoid"),
    ])  # fmt: skip
    model.compile("adam", "binary_crossentropy")
    losses = model.fit(ids.numpy(), y.numpy(), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]

    words = unpad.Input((None,))
    h = layers.Embedding(9, 8, mask_zero=True)(words)
    h = h + layers.SinePositionEncoding()(h)
    h, scores = layers.MultiHeadAttention(2, 4)(h, h, return_attention_scores=True)
    h = layers.TransformerDecoder(8, 2)(h, encoder_sequence=h)
    graph = unpad.Model(words, [layers.LastStep()(h), scores])
    last, weights = graph(ids)
    assert last.shape == (32, 8) and tuple(weights.feature) == (2, 7)


# --- pooling, first, last ------------------------------------------------------------------------


@pytest.mark.parametrize("units", [None, 5])
def test_attention_pooling_is_its_formula(units):
    x = coded(LENGTHS, (3,))
    layer = AttentionPooling1D(units, dtype=F64)
    layer(x)
    shaken(layer)
    out, weights = layer(x, return_attention_scores=True)
    w, b, c = layer.kernel, layer.bias, layer.context
    assert tuple(w.shape) == (3, units or 3)
    for i, steps in enumerate(x):
        if not len(steps):
            assert not out[i].any()
            continue
        share = (torch.tanh(steps @ w + b) @ c)[:, 0].softmax(0)
        torch.testing.assert_close(weights[i], share)
        torch.testing.assert_close(out[i], share @ steps)
    dense = x[2][None]
    pooled, share = layer(dense, return_attention_scores=True)
    assert torch.equal(pooled[0], out[2]) and torch.equal(share[0], weights[2])


def test_first_and_last():
    x = coded((3, 0, 1), (2,))
    assert torch.equal(FirstStep()(x), x.first())
    assert torch.equal(LastStep()(x), x.last())
    dense = torch.arange(12.0).reshape(2, 3, 2)
    assert torch.equal(FirstStep()(dense), dense[:, 0])
    assert torch.equal(LastStep()(dense), dense[:, 2])
    assert torch.equal(LastStep()(dense[:, :0]), torch.zeros(2, 2))
    assert torch.equal(FirstStep()(dense[:, :0]), torch.zeros(2, 2))


# --- what is refused -----------------------------------------------------------------------------

X = coded((3, 0, 5), (4,)).to(torch.float32)
MASKED = (
    ", but a Ragged knows its steps, and no step looks beyond its own sequence. Leave it out; a "
    "grid is told its steps by Ragged.from_padded(x, mask=mask)."
)


@pytest.mark.parametrize("built", [False, True])
def test_a_mask_of_a_ragged_is_refused(built):
    mask = torch.ones(3, 5, dtype=torch.bool)
    heads, plain = MultiHeadAttention(2, 3, name="look"), Attention()
    encoder, decoder = TransformerEncoder(5, 2), TransformerDecoder(5, 2)
    if built:
        heads(X, X), plain([X, X]), encoder(X), decoder(X, X)
    for name in ("query_mask", "value_mask"):
        with says(f"MultiHeadAttention 'look': got {name}={MASKED}"):
            heads(X, X, **{name: mask})
    with says(f"MultiHeadAttention 'look': got key_mask={MASKED}"):
        heads(X, X, X, key_mask=mask)
    with says(f"Attention: got mask={MASKED}"):
        plain([X, X], mask=[mask, mask])
    with says(f"TransformerEncoder: got padding_mask={MASKED}"):
        encoder(X, padding_mask=mask)
    for name in ("decoder_padding_mask", "encoder_padding_mask"):
        with says(f"TransformerDecoder: got {name}={MASKED}"):
            decoder(X, X, **{name: mask})


GRID, REAL = X.to_padded(), X.layout.mask
BUILT = {
    "heads": MultiHeadAttention(2, 3), "shared": GroupQueryAttention(3, 4, 2),
    "plain": Attention(), "added": AdditiveAttention(),
    "encoder": TransformerEncoder(5, 2), "decoder": TransformerDecoder(5, 2),
}  # fmt: skip
#: A batch, and what each layer is told of its steps or of pairs of them.
CALLS = {
    "heads": lambda m, x, **told: m(x, x, **told),
    "shared": lambda m, x, **told: m(x, x, **told),
    "plain": lambda m, x, **told: m([x, x], **told),
    "added": lambda m, x, **told: m([x, x], **told),
    "encoder": lambda m, x, **told: m(x, **told),
    "decoder": lambda m, x, **told: m(x, x, **told),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_grid_is_told_its_steps_by_its_mask(name):
    own = {
        "heads": {"query_mask": REAL, "value_mask": REAL},
        "encoder": {"padding_mask": REAL},
        "decoder": {"decoder_padding_mask": REAL, "encoder_padding_mask": REAL},
    }
    told = own.get(name.replace("shared", "heads"), {"mask": [REAL, REAL]})
    layer = BUILT[name]
    want, got = CALLS[name](layer, X), CALLS[name](layer, GRID, **told)
    assert torch.equal(got.lengths, X.lengths)
    torch.testing.assert_close(got.values, want.values)


@pytest.mark.parametrize("name", CALLS)
def test_pairs_are_told_by_a_mask_a_function_or_blocks(name):
    """Three ways to say that a step looks at its own half of the sequence."""
    layer = BUILT[name]
    own = "decoder_attention_mask" if name == "decoder" else "attention_mask"
    half = torch.arange(5) // 2
    blocks = X.map(lambda v: v[:, 0].long()).with_values(X.layout.positions // 2)
    ways = (half[:, None] == half, lambda i, j: i // 2 == j // 2, blocks, (blocks, blocks))
    found = [CALLS[name](layer, X, **{own: way}).values for way in ways]
    for other in found[1:]:
        assert torch.equal(found[0], other)
    assert not torch.allclose(found[0], CALLS[name](layer, X).values)
    # A sequence alone, and each half of it alone, give the same: no step looks beyond its block.
    if name in ("heads", "shared", "plain", "added"):
        alone = CALLS[name](layer, X[2:][:, :2]).values
        torch.testing.assert_close(found[0][X.lengths[:2].sum() :][:2], alone)


@pytest.mark.parametrize("make", [TransformerEncoder, TransformerDecoder])
def test_a_block_may_be_given_a_mask_of_pairs_at_its_first_call(make):
    """Its parts are built by a trial, whose batch has other lengths than the mask."""
    own, batches = ("attention_mask", [X]) if make is TransformerEncoder else (
        "decoder_attention_mask", [X, X]
    )  # fmt: skip
    seen = torch.ones(5, 5, dtype=torch.bool).tril()
    layer = make(5, 2)
    first = layer(*batches, **{own: seen})
    torch.testing.assert_close(first.values, layer(*batches, **{own: lambda i, j: j <= i}).values)


def test_a_mask_of_pairs_is_over_the_slots_of_the_grid():
    """With holes and padding before, the entry of two slots is that of the steps in them."""
    real = torch.tensor([[False, True, False, True, True], [True, False, True, False, False]])
    grid = torch.cos(torch.arange(40.0, dtype=F64)).reshape(2, 5, 4)
    x = Ragged.from_padded(grid, mask=real)
    seen = torch.rand(2, 2, 5, 5, generator=torch.Generator().manual_seed(0)) < 0.6
    layer = MultiHeadAttention(2, 3, dtype="float64")
    got = layer(x, x, attention_mask=seen)
    for i in range(2):
        steps, slots = x[i][None], real[i].nonzero().flatten()
        own = seen[i : i + 1, :, slots][:, :, :, slots]
        torch.testing.assert_close(got[i], layer(steps, steps, attention_mask=own)[0])


def test_what_no_mask_of_pairs_is():
    heads = MultiHeadAttention(2, 3)
    heads(X, X)
    with says("MultiHeadAttention: expected attention_mask as (5, 5), with the batch (3) and the "):
        heads(X, X, attention_mask=torch.ones(3, 4, 5))
    with says("MultiHeadAttention: expected the function attention_mask to give a tensor of bool "):
        heads(X, X, attention_mask=lambda i, j: i + j)
    ids = Ragged.from_list([[1], [], [1, 2, 3, 4, 5]])
    with says("MultiHeadAttention: expected attention_mask with a block id for each step of the "):
        heads(X, X, attention_mask=ids)
    with says("MultiHeadAttention: expected attention_mask as block ids, a Ragged of one whole "):
        heads(X, X, attention_mask=X)


def test_batches_that_differ():
    two = X[:2]
    text = "expected one batch, got 3 sequences as query and 2 as value."
    with says(f"MultiHeadAttention: {text}"):
        MultiHeadAttention(2, 3)(X, two)
    with says(f"Attention: {text}"):
        Attention()([X, two])
    with says(
        "TransformerDecoder: expected one batch, got 3 sequences as decoder_sequence and 2 as "
        "encoder_sequence."
    ):
        TransformerDecoder(5, 2)(X, two)
    with says("MultiHeadAttention: expected one batch, got 3 sequences as query and 2 as key."):
        MultiHeadAttention(2, 3)(X, X, two)


def test_key_and_value_share_their_steps():
    other = coded((3, 1, 5), (4,)).to(torch.float32)
    with says(
        "MultiHeadAttention: expected key and value on the same steps: sequence 1 has 1 steps "
        "against 0."
    ):
        MultiHeadAttention(2, 3)(X, X, other)
    layer = MultiHeadAttention(2, 3)
    with says("MultiHeadAttention: expected key and value on the same steps, got 4 and 3 of them."):
        layer.ensure_built(Spec((4,), True), Spec((3, 4)), Spec((4, 4)))
    with says(
        "MultiHeadAttention: expected key and value on the same steps, got key (batch, 4, 4) and "
        "value (batch, steps*, 4)."
    ):
        layer.ensure_built(Spec((4,), True), Spec((4,), True), Spec((4, 4)))
    value = Spec((4,), True, lengths=Lengths("x"))
    with says(
        "MultiHeadAttention: expected key and value on the same steps, but of a sequence of 1 key "
        "has 2 and value 1."
    ):
        layer.ensure_built(value, value, value.with_steps(lambda n: 2 * n))


def test_shapes_that_attention_cannot_take():
    ids = Spec((), True, torch.int64)
    hint = "Ids go through Embedding first; several axes a step through Reshape."
    with says(
        "MultiHeadAttention: expected query as (batch, steps*, feature) or (batch, time, feature), "
        f"or one row a sequence, (batch, feature), got (batch, steps*). {hint}"
    ):
        MultiHeadAttention(2, 3).ensure_built(ids, Spec((3,), True))
    with says(
        "Attention: expected value as (batch, steps*, feature) or (batch, time, feature), got "
        f"(batch, 3). {hint}"
    ):
        Attention().ensure_built([Spec((3,), True), Spec((3,))])
    with says(
        "Attention: expected query and value of one feature size, got (batch, steps*, 3) and "
        "(batch, steps*, 4). Map one of them first: Dense(3)(value)."
    ):
        Attention().ensure_built([Spec((3,), True), Spec((4,), True)])
    with says(
        "AdditiveAttention: expected query and key of one feature size, got (batch, steps*, 3) and "
        "(batch, steps*, 4). Map one of them first: Dense(3)(key)."
    ):
        AdditiveAttention().ensure_built([Spec((3,), True), Spec((3,), True), Spec((4,), True)])
    with says(
        "MultiHeadAttention: use_causal_mask=True needs a query for each step, got one row a "
        "sequence, (batch, 4), which has no position. Leave it out."
    ):
        MultiHeadAttention(2, 3)(torch.zeros(3, 4), X, use_causal_mask=True)
    layer = MultiHeadAttention(2, 3)
    layer(X, X)
    with says("MultiHeadAttention: built for 4 features of value, got (batch, steps*, 3)."):
        layer.ensure_built(Spec((4,), True), Spec((3,), True))
    with says(
        "MultiHeadAttention: expected a query and a value, got one input. For sequences that look "
        "at themselves: layer(x, x); in a Sequential TransformerEncoder."
    ):
        unpad.Sequential([unpad.Input((None, 4)), MultiHeadAttention(2, 3)])


def test_how_many_inputs():
    text = "Attention: expected [query, value] or [query, value, key], got"
    with says(f"{text} 1."):
        Attention()([X])
    with says(f"{text} 4."):
        Attention()([X, X, X, X])
    with says("Attention: expected a list of inputs, got one."):
        Attention()(X)


def test_arguments():
    with says("Attention: expected score_mode as 'dot' or 'concat', got 'general'."):
        Attention(score_mode="general")
    with says("AdditiveAttention: score_mode='dot' is not supported. Leave it out."):
        AdditiveAttention(score_mode="dot")
    with says("MultiHeadAttention: flash_attention=True is not supported. Leave it out."):
        MultiHeadAttention(2, 3, flash_attention=True)
    with says(
        "MultiHeadAttention: expected attention_axes=1, which is time, got (1, 2). Attention over "
        "other axes of a step is not supported."
    ):
        MultiHeadAttention(2, 3, attention_axes=(1, 2))
    with says("MultiHeadAttention: expected sliding_window as a positive integer or None, got 0."):
        MultiHeadAttention(2, 3, sliding_window=0)
    with says("MultiHeadAttention: expected dropout as a number from 0 to 1, got 2."):
        MultiHeadAttention(2, 3, dropout=2)
    with says(
        "GroupQueryAttention: expected num_query_heads as a multiple of num_key_value_heads, got 3 "
        "and 2."
    ):
        GroupQueryAttention(4, 3, 2)
    with says("RotaryEmbedding: expected sequence_axis=1, got 2. Time is the axis after the batch"):
        RotaryEmbedding(sequence_axis=2)
    with says("RotaryEmbedding: expected scaling_factor as a finite positive number, got 0."):
        RotaryEmbedding(scaling_factor=0)
    with says("SinePositionEncoding: expected max_wavelength as a finite positive number, got -1."):
        SinePositionEncoding(-1)
    with says(
        "TokenAndPositionEmbedding: tie_weights=False is not supported: there is no reverse "
        "projection. Back to ids: Dense(vocabulary_size)."
    ):
        TokenAndPositionEmbedding(9, 9, 4, tie_weights=False)


def test_positions_that_do_not_fit():
    with says(
        "PositionEmbedding 'where': sequence 2 has 5 steps, but sequence_length is 4. Build with "
        "sequence_length=5, or cut the sequences: x[:, :4]."
    ):
        PositionEmbedding(4, name="where")(X)
    with says(
        "PositionEmbedding: sequence 0 has 3 steps from place 2 on, but sequence_length is 4. "
        "Build with sequence_length=7, or cut the sequences: x[:, :2]."
    ):
        PositionEmbedding(4)(X, start_index=2)
    layer = PositionEmbedding(4)
    text = (
        "PositionEmbedding: the sequences have 5 steps, but sequence_length is 4. Build with "
        "sequence_length=5, or cut the sequences: x[:, :4]."
    )
    with says(text):
        layer.ensure_built(Spec((5, 4)))
    layer(X[:2])
    with says(text):
        layer(torch.zeros(2, 5, 4))
    with says("PositionEmbedding: built for 4 features, got (batch, steps*, 3)."):
        layer.ensure_built(Spec((3,), True))
    with says(
        "PositionEmbedding: expected (batch, steps*, feature) or (batch, time, feature), got "
        "(batch, steps*). Ids go through Embedding first."
    ):
        PositionEmbedding(4).ensure_built(Spec((), True))
    with says(
        "RotaryEmbedding: expected an even number of features, which are turned in pairs, got "
        "(batch, steps*, 3)."
    ):
        RotaryEmbedding().ensure_built(Spec((3,), True))
    with says("Embedding 'words': id 9 in sequence 0, step 1, but input_dim is 9."):
        TokenAndPositionEmbedding(9, 9, 4, name="words")(torch.tensor([[3, 9]]))


def test_blocks_that_do_not_fit():
    with says(
        "TransformerEncoder: expected at least one feature for each of 5 heads, got (batch, "
        "steps*, 4). Use fewer heads, or map to more features first."
    ):
        TransformerEncoder(5, 5)(X)
    with says(
        "TransformerEncoder: expected its input as (batch, steps*, feature) or (batch, time, "
        "feature), got (batch, steps*). Ids go through TokenAndPositionEmbedding first."
    ):
        TransformerEncoder(5, 2).ensure_built(Spec((), True))
    layer = TransformerDecoder(5, 2)
    layer(X)
    with says(
        "TransformerDecoder: built without an encoder_sequence, got one. Cross-attention is there "
        "from the first call on, or never."
    ):
        layer(X, X)
    layer = TransformerDecoder(5, 2)
    layer(X, X)
    with says("TransformerDecoder: built with an encoder_sequence, got none."):
        layer(X)
    with says(
        "TransformerDecoder: expected encoder_sequence as (batch, steps*, feature) or (batch, "
        "time, feature), got (batch, 4)."
    ):
        TransformerDecoder(5, 2).ensure_built(Spec((4,), True), Spec((4,)))
    with says(
        "TransformerDecoder: built for 4 features of decoder_sequence, got (batch, steps*, 6)."
    ):
        layer.ensure_built(Spec((6,), True), Spec((4,), True))


def test_pooling_that_does_not_fit():
    with says(
        "AttentionPooling1D: expected (batch, steps*, feature) or (batch, time, feature), got "
        "(batch, 4). Ids go through Embedding first."
    ):
        AttentionPooling1D().ensure_built(Spec((4,)))
    with says("LastStep: expected sequences, (batch, time, ...), got (batch)."):
        LastStep().ensure_built(Spec(()))
