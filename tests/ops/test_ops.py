"""ops on Ragged and symbols: what a function does follows from its kind, for every function."""

import inspect
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given

import unpad as keras
from unpad import Ragged, ops

from ..examples import draws
from ..messages import says
from ..strategies import lengths
from .calls import OF_ONE, OF_TWO

FUNCTIONS = {n: getattr(ops, n) for n in ops.__all__ if inspect.isfunction(getattr(ops, n))}
KINDS = {n: f.kind for n, f in FUNCTIONS.items() if hasattr(f, "kind")}
W = torch.tensor([[1.0, -2.0], [0.5, 3.0], [2.0, 0.1]])


def batch(sizes, feature=(2, 3), seed=0, dtype=torch.float64):
    """Sequences of these lengths, of numbers between .1 and .9 that all differ."""
    made = torch.from_numpy(np.random.default_rng(seed).random((sum(sizes), *feature)))
    values = (made * 0.8 + 0.1).to(dtype)
    if not dtype.is_floating_point:
        values = (made * 9).to(dtype)
    return Ragged(values, keras.Layout.from_lengths(list(sizes)))


# Each along an axis that is a feature, (2, 3), and where it has a meaning along time.
ALONG = {
    **{n: lambda k, x, a, n=n: getattr(k, n)(x, axis=a) for n in (
        "sum", "mean", "max", "min", "amax", "amin", "prod", "var", "std", "ptp", "median",
        "nansum", "nanmean", "nanmax", "nanmin", "nanprod", "nanvar", "nanstd", "nanmedian",
        "argmax", "argmin", "nanargmax", "nanargmin", "count_nonzero", "average", "norm",
        "sort", "argsort", "cumsum", "cumprod", "nancumsum", "nancumprod", "flip",
        "softmax", "log_softmax", "sparsemax", "normalize", "layer_normalization",
        "rms_normalization", "diff", "trapezoid", "logsumexp",
    )},
    "sum_kept": lambda k, x, a: k.sum(x, axis=a, keepdims=True),
    "std_kept": lambda k, x, a: k.std(x, axis=a, keepdims=True),
    "any": lambda k, x, a: k.any(x > 0.5, axis=a),
    "all": lambda k, x, a: k.all(x > 0.2, axis=a),
    "quantile": lambda k, x, a: k.quantile(x, 0.3, axis=a),
    "percentile": lambda k, x, a: k.percentile(x, 30, axis=a),
    "nanquantile": lambda k, x, a: k.nanquantile(x, 0.3, axis=a),
    "nanpercentile": lambda k, x, a: k.nanpercentile(x, 30, axis=a),
    "argpartition": lambda k, x, a: k.argpartition(x, 0, axis=a),
    "roll": lambda k, x, a: k.roll(x, 1, axis=a),
    "repeat": lambda k, x, a: k.repeat(x, 2, axis=a),
    "take_along_axis": lambda k, x, a: k.take_along_axis(x, k.argsort(x, a), axis=a),
    "max_from": lambda k, x, a: k.max(x, axis=a, initial=0.3),
    "moments": lambda k, x, a: k.moments(x, [a])[1],
}  # fmt: skip
# Along features alone: time is refused, or is no axis of theirs.
FEATURES = {
    "expand_dims": lambda k, x: k.expand_dims(x, -1),
    "expand_two": lambda k, x: k.expand_dims(x, (2, -1)),
    "squeeze": lambda k, x: k.squeeze(k.expand_dims(x, 2), 2),
    "moveaxis": lambda k, x: k.moveaxis(x, 2, 3),
    "swapaxes": lambda k, x: k.swapaxes(x, 2, 3),
    "transpose": lambda k, x: k.transpose(x, (0, 1, 3, 2)),
    "diagonal": lambda k, x: k.diagonal(x, 0, 2, 3),
    "trace": lambda k, x: k.trace(x, 0, 2, 3),
    "tril": lambda k, x: k.tril(x),
    "triu": lambda k, x: k.triu(x, 1),
    "tile": lambda k, x: k.tile(x, (1, 1, 2, 1)),
    "pad": lambda k, x: k.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2)), constant_values=3),
    "reflect": lambda k, x: k.pad(x, ((0, 0), (0, 0), (0, 1), (1, 1)), "reflect"),
    "reshape": lambda k, x: k.reshape(x, (*k.shape(x)[:2], 6)),
    "concatenate": lambda k, x: k.concatenate([x, x * 2], -1),
    "append": lambda k, x: k.append(x, x * 2, -1) if isinstance(x, torch.Tensor) else
    k.concatenate([x, x * 2], -1),
    "stack": lambda k, x: k.stack([x, x * 2], 2),
    "split": lambda k, x: k.split(x, [1], -1)[1],
    "array_split": lambda k, x: k.array_split(x, 2, -1)[0],
    "unstack": lambda k, x: k.unstack(x, axis=2)[1],
    "take": lambda k, x: k.take(x, [0, -1], 3),
    "cross": lambda k, x: k.cross(x, x * x, axis=-1),
    "glu": lambda k, x: k.glu(x, axis=2),
    "one_hot": lambda k, x: k.one_hot(k.cast(x * 4, "int32"), 4),
    "one_hot_inside": lambda k, x: k.one_hot(k.cast(x * 4, "int32"), 4, axis=2),
    "top_k": lambda k, x: k.top_k(x, 2)[0],
    "softmax_of_two": lambda k, x: k.softmax(x, axis=(2, 3)),
    "matmul": lambda k, x: k.matmul(x, W.double()),
    "matmul_steps": lambda k, x: k.matmul(x, k.swapaxes(x, 2, 3)),
    "dot": lambda k, x: k.dot(x, W.double()),
    "tensordot": lambda k, x: k.tensordot(x, W.double(), ([3], [0])),
    "tensordot_last": lambda k, x: k.tensordot(x, W.double(), 1),
    "einsum": lambda k, x: k.einsum("btij,jk->btik", x, W.double()),
    "rfft": lambda k, x: k.rfft(x)[0],
    "fft": lambda k, x: k.fft((x, x * 2))[1],
    "irfft": lambda k, x: k.irfft((x, x * 0)),
    "extract_sequences": lambda k, x: k.extract_sequences(x, 2, 1),
    "in_top_k": lambda k, x: k.in_top_k(k.argmax(x, -1), x, 1),
    "batch_normalization": lambda k, x: k.batch_normalization(x, W[:, 0], W[:, 0], -1),
    "layer_normalization": lambda k, x: k.layer_normalization(x, W[:, 0], W[:, 1]),
    "categorical_crossentropy": lambda k, x: k.categorical_crossentropy(
        k.softmax(x), k.softmax(x * 2)
    ),
    "sparse_categorical_crossentropy": lambda k, x: k.sparse_categorical_crossentropy(
        k.argmax(x, -1), k.softmax(x)
    ),
    "binary_crossentropy": lambda k, x: k.binary_crossentropy(x, x * x),
    "where": lambda k, x: k.where(x > 0.5, x, 0.0),
    "select": lambda k, x: k.select([x > 0.7, x > 0.4], [x, x * 2], 0.0),
    "clip": lambda k, x: k.clip(x, 0.3, 0.6),
    "cast": lambda k, x: k.cast(x, "float32"),
    "isin": lambda k, x: k.isin(k.round(x), [0.0]),
    "digitize": lambda k, x: k.digitize(x, [0.3, 0.5]),
    "searchsorted": lambda k, x: k.searchsorted(torch.tensor([0.3, 0.5]).double(), x),
    "leaky_relu": lambda k, x: k.leaky_relu(x - 0.5, 0.3),
    "round": lambda k, x: k.round(x, 1),
    "full_like": lambda k, x: k.full_like(x, 2.0),
    "get_item": lambda k, x: k.get_item(x, (..., 0)),
    "det": lambda k, x: k.det(k.matmul(x, k.swapaxes(x, 2, 3))),
    "inv": lambda k, x: k.inv(k.matmul(x, k.swapaxes(x, 2, 3))),
    "svd": lambda k, x: k.svd(x, compute_uv=False),
    "stop_gradient": lambda k, x: k.stop_gradient(x),
}  # fmt: skip
# Over time only, of sequences of features.
OVER_TIME = {
    "conv": lambda k, x: k.conv(x, W.double()[:2, :, None].expand(2, 2, 3).clone(), padding="same"),
    "conv_valid": lambda k, x: k.conv(x, W.double()[:, :, None].expand(3, 2, 3).clone()),
    "depthwise_conv": lambda k, x: k.depthwise_conv(x, W.double()[:, :, None]),
    "max_pool": lambda k, x: k.max_pool(x, 2),
    "average_pool": lambda k, x: k.average_pool(x, 3, 1, "same"),
    "multi_hot": lambda k, x: k.multi_hot(k.cast(x[..., 0] * 4, "int32"), 4),
    "einsum_over_time": lambda k, x: k.einsum("btd,btd->bd", x, x),
    "attention": lambda k, x: k.dot_product_attention(*[k.expand_dims(x, 2)] * 3, is_causal=True),
}  # fmt: skip


def check_law(function, x):
    """On a batch what it is on each sequence as a grid of its own, forward and backward."""
    values = x.values.clone().requires_grad_(x.dtype.is_floating_point)
    found = function(x.with_values(values))
    alone = [part.detach().clone().requires_grad_() for part in x]
    assert len(found) == len(x)
    outs = []
    for part, one in zip(found, alone, strict=True):
        if len(one):
            expected = function(one[None])[0]
            torch.testing.assert_close(part, expected, equal_nan=True)
            outs.append(expected)
        else:
            assert not torch.as_tensor(part).isnan().any()
    made = found.values if isinstance(found, Ragged) else found
    if not made.requires_grad:
        return
    (mine,) = torch.autograd.grad(torch.nan_to_num(made).square().sum(), values, allow_unused=True)
    if outs and mine is not None:
        total = sum(torch.nan_to_num(out).square().sum() for out in outs)
        theirs = torch.autograd.grad(total, [a for a in alone if len(a)], allow_unused=True)
        theirs = [torch.zeros_like(a) if g is None else g
                  for g, a in zip(theirs, [a for a in alone if len(a)], strict=True)]  # fmt: skip
        torch.testing.assert_close(mine, torch.cat([*theirs, mine[:0]]), equal_nan=True)


@pytest.mark.parametrize("name", OF_ONE)
@draws(3)
@given(sizes=lengths)
def test_each_number(name, sizes):
    if KINDS[name] == "dense":
        return
    if name in ("logdet", "cholesky", "cholesky_inverse", "inv", "det"):
        return  # matrices, which have a test of their own
    of_bits = name.startswith("bitwise")
    x = batch(sizes, dtype=torch.int32 if of_bits else torch.float64)
    function = getattr(ops, name)
    found = function(x)
    assert found.layout is x.layout
    torch.testing.assert_close(found.values, function(x.values), equal_nan=True)
    if not of_bits:
        check_law(function, x)


@pytest.mark.parametrize("name", OF_TWO)
@draws(3)
@given(sizes=lengths)
def test_two_numbers_are_paired(name, sizes):
    """Step with step; a number, a row a sequence, a feature vector on either side."""
    if KINDS[name] == "dense":
        return
    of_bits = name.startswith("bitwise") or "shift" in name or name in ("gcd", "lcm")
    kind = torch.int32 if of_bits else torch.float64
    x, y = batch(sizes, dtype=kind), batch(sizes, seed=1, dtype=kind)
    function = getattr(ops, name)
    torch.testing.assert_close(function(x, y).values, function(x.values, y.values))
    assert function(x, y).layout is x.layout
    rows = torch.arange(1, 1 + 6 * len(sizes)).reshape(-1, 2, 3).to(kind)
    spread = rows[x.sequence_ids]
    features = torch.tensor([1, 2, 3]).to(kind)
    for other, there in ((rows, spread), (features, features), (2 if of_bits else 0.5,) * 2):
        torch.testing.assert_close(function(x, other).values, function(x.values, there))
        torch.testing.assert_close(function(other, x).values, function(there, x.values))


@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("name", ALONG)
@draws(5)
@given(sizes=lengths)
def test_along_an_axis(name, axis, sizes):
    check_law(lambda x: ALONG[name](ops, x, axis), batch(sizes))


@pytest.mark.parametrize("name", FEATURES)
@draws(3)
@given(sizes=lengths)
def test_of_features(name, sizes):
    check_law(lambda x: FEATURES[name](ops, x), batch(sizes))


@pytest.mark.parametrize("name", OVER_TIME)
@draws(5)
@given(sizes=lengths)
def test_over_time(name, sizes):
    check_law(lambda x: OVER_TIME[name](ops, x), batch(sizes, (2,)))


def as_input(x, ragged):
    shape = (None, *x.feature) if isinstance(x, Ragged) else tuple(x.shape[1:])
    return keras.Input(shape, dtype="float64", ragged=ragged)


DRAWN = {
    **{n: lambda x, n=n: getattr(ops, n)(x) for n in OF_ONE
       if KINDS[n] == "elementwise" and not n.startswith("bitwise")},
    **{n: lambda x, n=n: getattr(ops, n)(x, x * 2) for n in OF_TWO
       if KINDS[n] == "elementwise" and not n.startswith("bitwise") and "shift" not in n
       and n not in ("gcd", "lcm")},
    **{f"{n} along {a}": lambda x, n=n, a=a: ALONG[n](ops, x, a) for n in ALONG for a in (1, -1)},
    **{f"features: {n}": lambda x, n=n: FEATURES[n](ops, x) for n in FEATURES},
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("ragged", [True, False])
def test_drawn_into_a_graph(name, ragged):
    """What is drawn gives what is computed at once; its shape and type are known before."""
    x = batch([3, 1, 4]) if ragged else batch([4, 4]).values.reshape(2, 4, 2, 3)
    symbol = as_input(x, ragged)
    drawn = DRAWN[name](symbol)
    expected = DRAWN[name](x)
    found = keras.Model(symbol, drawn)(x)
    assert isinstance(found, Ragged) == isinstance(expected, Ragged) == drawn.spec.ragged
    shape = expected.feature if isinstance(expected, Ragged) else expected.shape[1:]
    assert all(n in (None, m) for n, m in zip(drawn.spec.shape, shape, strict=True))
    assert drawn.dtype == expected.dtype
    a, b = (r.values if isinstance(r, Ragged) else r for r in (found, expected))
    torch.testing.assert_close(a, b, equal_nan=True)
    data = keras.Model(symbol, drawn).to_json()
    assert keras.models.model_from_json(data).to_json() == data


@pytest.mark.parametrize("name", [n for n, k in KINDS.items() if k == "dense"])
def test_what_needs_a_grid_says_so(name):
    function = FUNCTIONS[name]
    count = sum(
        p.default is p.empty and p.kind is not p.VAR_POSITIONAL
        for p in inspect.signature(function).parameters.values()
    )
    given = [batch([2, 1])] * max(count, 1)
    with says(f"{name}: got a Ragged, whose sequences have different lengths. "):
        function(*given)


@pytest.mark.parametrize("name", [n for n in ALONG if "_" not in n and n in FUNCTIONS])
def test_the_batch_is_no_axis(name):
    with says(f"{name}: axis 0 is the batch, whose sequences have different lengths. Each seq"):
        ALONG[name](ops, batch([2, 1]), 0)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_can_be_pickled(name):
    assert pickle.loads(pickle.dumps(FUNCTIONS[name])) is FUNCTIONS[name]


def test_everything():
    """All axes: of all steps, whichever sequence they are of."""
    x = batch([3, 0, 2])
    for name in ("sum", "mean", "max", "std", "median", "prod", "logsumexp"):
        function = getattr(ops, name)
        torch.testing.assert_close(function(x), function(x.values))
        torch.testing.assert_close(function(x, axis=(0, 1, 2, 3)), function(x.values))
        assert function(x, keepdims=True).shape == (1, 1, 1, 1)
        none = function(batch([0, 0]))
        assert not none.isnan()


def test_of_no_steps():
    """What has a value for nothing gives it; all else 0."""
    x = batch([2, 0], ())
    assert [float(f(x, axis=1)[1]) for f in (ops.sum, ops.prod, ops.max, ops.mean, ops.var)] == [
        0, 1, 0, 0, 0,
    ]  # fmt: skip
    assert ops.all(x > 0, axis=1).tolist() == [True, True]
    assert ops.any(x > 0, axis=1).tolist() == [True, False]
    assert ops.logsumexp(x, axis=1)[1] == -torch.inf
    assert ops.max(x, axis=1, initial=-5.0)[1] == -5


def test_lengths_follow():
    x = batch([3, 0, 1], ())
    assert ops.diff(x, axis=1).lengths.tolist() == [2, 0, 0]
    assert ops.repeat(x, 2, axis=1).lengths.tolist() == [6, 0, 2]
    assert ops.rfft(x)[0].lengths.tolist() == [2, 0, 1]
    assert ops.extract_sequences(x, 2, 1).lengths.tolist() == [2, 0, 0]
    assert ops.concatenate([x, x], axis=0).lengths.tolist() == [3, 0, 1] * 2
    assert ops.concatenate([x, x], axis=1).lengths.tolist() == [6, 0, 2]


def test_slots_of_a_grid_stay():
    grid = torch.tensor([[0, 2.0, 1.0, 0], [3.0, 0, 0, 1.0]])
    x = Ragged.from_padded(grid, mask=grid != 0)
    assert ops.sort(x, axis=1).to_padded().tolist() == [[0, 1, 2, 0], [1, 0, 0, 3]]
    assert ops.shape(x) == (2, ops.shape(x + 1)[1])
    assert ops.ndim(x) == 2


SAYS = [
    (lambda: ops.cumsum(batch([2])), "cumsum: without an axis it would take a grid apart, and a"),
    (lambda: ops.sum(batch([2]), axis=4), "sum: there is no axis 4: x has 4."),
    (lambda: ops.split(batch([2]), 2, 1), "split: axis 1 of a Ragged is time. Steps of each sequ"),
    (lambda: ops.det(batch([2], (2,))), "det: axis (-2, -1) of a Ragged is time. Give matrices"),
    (lambda: ops.add(batch([2]), batch([1])), "add: expected inputs of equal lengths, but they d"),
    (lambda: ops.add(batch([2]), batch([2], (3,))), "add: expected steps with as many axes as "),
    (lambda: ops.add(batch([2]), torch.ones(7)), "add: got (7,). Expected a scalar, a feature ve"),
    (lambda: ops.matmul(batch([2], (2,)), batch([2], (2,))), "matmul: got two Ragged whose steps"),
    (lambda: ops.einsum("btd,bsd->bts", batch([2], (2,)), batch([2], (2,))),
     "einsum: got 'btd,bsd->bts'. Of a Ragged the first two letters are batch and time, as"),
    (lambda: ops.quantile(batch([2]), [0.1, 0.2], 1), "quantile: of a Ragged one q at a time, got"),
    (lambda: ops.tile(batch([2]), (1, 2, 1, 1)), "tile: got (1, 2, 1, 1) for a Ragged, whos"),
    (lambda: ops.reshape(batch([2]), (2, -1)), "reshape: got (2, -1) for a Ragged, whose batch a"),
    (lambda: ops.transpose(batch([2])), "transpose: a Ragged's batch and time stay in front, as"),
    (lambda: ops.arange(None), "arange: got None as a bound. The time of a Ragged is each sequen"),
    (lambda: ops.conv(torch.ones(1, 2, 2, 3), torch.ones(1, 1, 3, 1)),
     "conv: expected (batch, time, channels), got (1, 2, 2, 3): images are out of scope."),
    (lambda: ops.split(torch.ones(3), 2), "split: axis 0 has 3 entries, not 2 equal parts."),
    (lambda: ops.ctc_decode(torch.ones(1, 2, 3), [2], "beam_search"),
     "ctc_decode: expected strategy 'greedy', got 'beam_search'."),
    (lambda: ops.ctc_loss([[1, 2]], torch.ones(1, 4, 3), [2], [5]),
     "ctc_loss: expected output_length as (1,) numbers from 0 to 4, the slots of output, got [5]."),
    (lambda: ops.ctc_loss([[1, 2]], torch.ones(1, 4, 3), [1, 2], [4]),
     "ctc_loss: expected target_length as (1,) numbers from 0 to 2, the slots of target, got [1, "),
    (lambda: ops.ctc_loss([[1, 2]], torch.ones(1, 4, 3), [2], [4], 2),
     "ctc_loss: expected labels from 0 to 2 but for 2, the blank, within target_length, got [1,"),
    (lambda: ops.max(Ragged.from_list([[[1], [2, 3]]], levels=2), axis=1),
     "max: got sequences of sequences. One level at a time: x.map(...) of the inner ones, or "),
]  # fmt: skip


@pytest.mark.parametrize("blank", [0, 2, 4, -1])
def test_ctc_loss_is_torchs_whatever_the_blank(blank):
    """The library's blank is class 0; what stands beyond the lengths is not looked at."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(5, 9, 5, dtype=torch.float64, generator=generator).requires_grad_()
    others = torch.tensor([i for i in range(5) if i != blank % 5])
    labels = others[torch.randint(4, (5, 4), generator=generator)]
    lengths, spelt = torch.tensor([9, 5, 8, 9, 0]), torch.tensor([4, 2, 0, 3, 0])
    logs = logits.log_softmax(-1).swapaxes(0, 1)
    want = torch.nn.functional.ctc_loss(
        logs, labels, lengths, spelt, blank=blank % 5, reduction="none"
    )
    beyond = labels.masked_fill(torch.arange(4) >= spelt[:, None], 77)
    got = ops.ctc_loss(beyond, logits, spelt, lengths, blank)
    torch.testing.assert_close(got, want)
    slopes = [torch.autograd.grad(x.sum(), logits)[0] for x in (got, want)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize(("call", "text"), SAYS, ids=[text[:24] for _, text in SAYS])
def test_what_it_says(call, text):
    with says(text):
        call()


@pytest.mark.parametrize("name", ops.absent.NOT_HERE)
def test_what_is_not_here(name):
    with says(f"keras.ops.{name}: not here. {ops.absent.NOT_HERE[name]}", AttributeError):
        getattr(ops, name)


def test_levels():
    """Numbers of sequences of sequences, and their features."""
    x = Ragged.from_list([[[1.0, 2.0], [3.0]], []], levels=2)
    assert ops.exp(x).levels == 2
    assert ops.add(x, x).values.values.tolist() == [2, 4, 6]
    assert ops.add(x, torch.tensor([10.0, 20.0])).values.values.tolist() == [11, 12, 13]


def test_in_a_layer_of_ones_own():
    """What a pasted layer is written in: it trains, and padding changes nothing."""

    class Scores(keras.Layer):
        def build(self, shape):
            self.w = self.add_weight("w", (shape[-1], 1))

        def call(self, x):
            weights = ops.softmax(ops.tanh(ops.matmul(x, self.w)), axis=1)
            return ops.sum(x * weights, axis=1)

    model = keras.Sequential(
        [keras.Input((None, 3)), keras.layers.Masking(), Scores(), keras.layers.Dense(1)]
    )
    x = batch([3, 1, 2], (3,), dtype=torch.float32)
    grid = x.to_padded()
    torch.testing.assert_close(model(grid), model(torch.nn.functional.pad(grid, (0, 0, 0, 2))))
    model.compile(optimizer="sgd", loss="mse")
    before = model.layers[1].w.detach().clone()
    model.fit(grid, np.ones((3, 1)), verbose=0)
    assert not torch.equal(before, model.layers[1].w)
