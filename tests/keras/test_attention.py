"""Attention's weights, masks, penalties and blocks against Keras's own layers."""

import keras
import pytest
import torch
from masked_batches import coded_like
from side_by_side import assert_close, same_weights
from tests.cases import OTHER

import unpad
from unpad import Ragged
from unpad.testing import coded, grid

pytestmark = pytest.mark.filterwarnings(
    "ignore:(.|\\n)*You are using a softmax over axis:UserWarning"
)

QUERY = (3, 0, 5, 1, 3)


def inputs():
    query = coded(QUERY, (3,))
    return query, coded(OTHER, (3,)).map(lambda v: torch.cos(3 * v + 1))


LAYERS = {
    "Attention": lambda k: k.layers.Attention(use_scale=True),
    "Attention concat": lambda k: k.layers.Attention(score_mode="concat"),
    "AdditiveAttention": lambda k: k.layers.AdditiveAttention(),
    "MultiHeadAttention": lambda k: k.layers.MultiHeadAttention(2, 3),
    "MultiHeadAttention window": lambda k: k.layers.MultiHeadAttention(2, 3, sliding_window=2),
    "GroupQueryAttention": lambda k: k.layers.GroupQueryAttention(3, 4, 2),
}


def call(layer, query, value, **options):
    if "Multi" in type(layer).__name__ or "Group" in type(layer).__name__:
        return layer(query, value, return_attention_scores=True, **options)
    return layer([query, value], return_attention_scores=True, **options)


def start(name, query, value):
    """Both layers, with the same weights."""
    ours, theirs = LAYERS[name](unpad), LAYERS[name](keras)
    call(ours, query, value)
    call(theirs, query[0][None], value[0][None])
    if theirs.weights:
        same_weights(ours, theirs)
    return ours, theirs


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_scores(float64, name, causal):
    """Of a Ragged for each query, of a dense batch in Keras's order, heads before time."""
    query, value = inputs()
    ours, theirs = start(name, query, value)
    out, scores = call(ours, query, value, use_causal_mask=causal)
    for i in (0, 3, 4):
        want_out, want = call(theirs, query[i][None], value[i][None], use_causal_mask=causal)
        seen = scores[i][..., : OTHER[i]]
        seen = seen if seen.ndim == 2 else seen.transpose(0, 1)
        assert_close(out[i].detach(), want_out[0].detach(), f"output of sequence {i}")
        assert_close(seen.detach(), want[0].detach(), f"scores of sequence {i}")
    dense = [x.values[:6].reshape(2, 3, 3) for x in (query, value)]
    got, want = (call(x, *dense, use_causal_mask=causal) for x in (ours, theirs))
    for a, b in zip(got, want, strict=True):
        assert_close(a.detach(), b.detach(), "dense")


@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
@pytest.mark.parametrize("axes", [2, 3, 4])
def test_a_mask_of_pairs_in_keras(float64, name, axes):
    """(queries, keys), with the batch and the heads in front; each query sees itself."""
    query, value = (torch.cos(torch.arange(36.0).reshape(2, 6, 3) * k) for k in (1, 3))
    ours, theirs = LAYERS[name](unpad), LAYERS[name](keras)
    ours(query, value), theirs(query, value)
    same_weights(ours, theirs)
    heads = ours._sizes()[0]
    seen = torch.rand(2, heads, 6, 6, generator=torch.Generator().manual_seed(0)) < 0.5
    seen |= torch.eye(6, dtype=torch.bool)
    seen = {2: seen[0, 0], 3: seen[:, 0], 4: seen}[axes]
    for causal in (False, True):
        options = {"attention_mask": seen, "use_causal_mask": causal}
        got, want = (layer(query, value, **options).detach() for layer in (ours, theirs))
        assert_close(got, want, f"{name}, {axes} axes")


@pytest.mark.parametrize("side", ["left", "right", "holes"])
@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention", "Attention"])
def test_a_mask_in_keras(float64, name, side):
    """On a padded batch with masks Keras gives the same at real steps."""
    lengths = (3, 2, 5, 1)
    query = coded(lengths, (3,))
    x, real = grid(query, side, fill=0.0)
    ours, theirs = start(name, query, query)
    padded = Ragged.from_padded(x, mask=real)
    got, _ = call(ours, padded, padded)
    if name == "Attention":
        want = theirs([x, x], mask=[real, real])
    else:
        want = theirs(x, x, query_mask=real, value_mask=real)
    assert_close(got.values.detach(), want[real].detach(), "real steps", 1e-8, 1e-10)


def test_a_query_that_the_window_leaves_nothing(float64):
    """Pinned: Keras's fused kernel takes the mean of all values there, ours 0.

    Its own path with weights gives 0 as well.
    """
    query, value = coded((5,), (3,)), coded((2,), (3,))
    ours, theirs = (
        k.layers.MultiHeadAttention(1, 3, sliding_window=1, use_bias=False) for k in (unpad, keras)
    )
    ours(query, value), theirs(query[0][None], value[0][None])
    same_weights(ours, theirs)
    fused = theirs(query[0][None], value[0][None])[0].detach()
    shown, _ = theirs(query[0][None], value[0][None], return_attention_scores=True)
    out = ours(query, value).values.detach()
    assert_close(out[:2], fused[:2], "queries with a key")
    assert_close(out, shown[0].detach(), "with weights")
    assert not out[2:].any()
    mean = value.values.mean(0) @ ours.value_projection.kernel.detach()[:, 0]
    assert_close(fused[4], mean @ ours.output_projection.kernel.detach()[0], "the mean")


@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
def test_penalties(float64, name):
    """Of kernels, of biases, and of what the projections give."""

    def make(k):
        options = {
            "kernel_regularizer": k.regularizers.L2(0.1),
            "bias_regularizer": k.regularizers.L1(0.2),
            "activity_regularizer": k.regularizers.L2(0.3),
        }  # fmt: skip
        if name == "MultiHeadAttention":
            return k.layers.MultiHeadAttention(2, 3, **options)
        return k.layers.GroupQueryAttention(3, 4, 2, **options)

    x = torch.tensor(coded_like((2, 4, 3)))
    ours, theirs = make(unpad), make(keras)
    ours(x, x), theirs(x, x)
    same_weights(ours, theirs)
    ours(x, x), theirs(x, x)
    totals = [float(sum(layer.losses).detach()) for layer in (ours, theirs)]
    assert totals[0] == pytest.approx(totals[1], rel=1e-10)


@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
def test_kernels_start_with_the_same_spread(name):
    """The fans of a kernel of three axes are those of the matrix it is."""

    def make(k):
        if name == "MultiHeadAttention":
            return k.layers.MultiHeadAttention(6, 20)
        return k.layers.GroupQueryAttention(20, 6, 2)

    x = torch.zeros(1, 2, 50)
    ours, theirs = make(unpad), make(keras)
    ours(x, x), theirs(x, x)
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        a, b = a.detach(), b.value.detach()
        assert tuple(a.shape) == tuple(b.shape)
        assert float(a.abs().max()) == pytest.approx(float(b.abs().max()), rel=0.03)
        assert float(a.std()) == pytest.approx(float(b.std()), rel=0.06)


# --- blocks, composed of Keras's layers as keras_hub composes them -------------------------------


class Block:
    """An encoder of Keras's layers, or a decoder, on one sequence without padding."""

    def __init__(self, first, size, across, activation="relu"):
        layers = keras.layers
        self.first, self.across = first, across
        heads = lambda: layers.MultiHeadAttention(2, size // 2)  # noqa: E731
        norm = lambda: layers.LayerNormalization(epsilon=1e-5)  # noqa: E731
        self.look, self.look_norm = heads(), norm()
        self.other, self.other_norm = heads(), norm()
        self.inner, self.outer = layers.Dense(5, activation), layers.Dense(size)
        self.network_norm = norm()

    def around(self, x, norm, inner):
        return x + inner(norm(x)) if self.first else norm(x + inner(x))

    def __call__(self, x, memory=None, causal=False):
        x = self.around(x, self.look_norm, lambda h: self.look(h, h, use_causal_mask=causal))
        if self.across:
            x = self.around(x, self.other_norm, lambda h: self.other(h, memory))
        return self.around(x, self.network_norm, lambda h: self.outer(self.inner(h)))

    def weights(self, order):
        return [w for name in order for w in getattr(self, name).weights]


ENCODER = ("look", "look_norm", "network_norm", "inner", "outer")
DECODER = ("look", "look_norm", "inner", "outer", "network_norm")
ACROSS = ("look", "look_norm", "other", "other_norm", "inner", "outer", "network_norm")


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("kind", ["encoder", "decoder", "across"])
def test_blocks(float64, kind, first):
    """Outputs and gradients, weights in keras_hub's order; heads of unequal size in one case."""
    size = 4 if kind == "encoder" else 5  # 5 features make two heads of 2
    x, memory = coded(QUERY, (size,)), coded((2, 4, 3, 1, 5), (3,)).map(lambda v: torch.cos(3 * v))
    given = [memory] if kind == "across" else []
    theirs = Block(first, size, kind == "across", "gelu")
    layers = unpad.layers
    make = layers.TransformerEncoder if kind == "encoder" else layers.TransformerDecoder
    ours = make(5, 2, activation=exact_gelu, normalize_first=first)

    def run(i, x, memory):
        return theirs(x[None], memory[None] if given else None, causal=kind != "encoder")[0]

    ours(x, *given)
    run(0, x[0], memory[0])
    order = {"encoder": ENCODER, "decoder": DECODER, "across": ACROSS}[kind]
    weights = theirs.weights(order)
    values = [coded_like(tuple(w.shape), 0.5) + 0.01 * i for i, w in enumerate(weights)]
    ours.set_weights(values)
    for w, v in zip(weights, values, strict=True):
        w.assign(v)
    leaves = [v.values.clone().requires_grad_() for v in (x, memory)]
    x, memory = (r.with_values(v) for r, v in zip((x, memory), leaves, strict=True))
    given = [memory] if given else []
    out = ours(x, *given)
    totals = [torch.zeros(()), torch.zeros(())]
    for i in range(len(x)):
        if len(x[i]):
            want = run(i, x[i], memory[i])
            assert_close(out[i].detach(), want.detach(), f"sequence {i}", 1e-8, 1e-10)
            code = torch.tensor(coded_like(tuple(want.shape)))
            totals = [t + (code * o).sum() for t, o in zip(totals, (out[i], want), strict=True)]
    mine = [*leaves, *ours.weights]
    others = [*leaves, *(w.value for w in weights)]
    more = {"allow_unused": True, "materialize_grads": True, "retain_graph": True}
    for k, (a, b) in enumerate(
        zip(torch.autograd.grad(totals[0], mine, **more),
            torch.autograd.grad(totals[1], others, **more), strict=True)
    ):  # fmt: skip
        assert_close(a, b, f"gradient {k}", 1e-7, 1e-9)


def exact_gelu(x):
    return torch.nn.functional.gelu(x)


def test_a_script_of_keras_runs():
    """Its functional API, with names of arguments as people write them."""
    found = []
    for k in (unpad, keras):
        x = k.Input((None, 6))
        h = k.layers.MultiHeadAttention(num_heads=2, key_dim=3)(query=x, value=x, key=x)
        h = k.layers.Attention()([h, x])
        model = k.Model(x, k.layers.Dense(2)(h))
        data = torch.tensor(coded_like((3, 4, 6)), dtype=torch.float32)
        shapes = [tuple(w.shape) for w in model.weights]
        model.set_weights([coded_like(s) for s in shapes])
        found.append(model(data).detach())
    assert_close(found[0], found[1], "predictions", 1e-4, 1e-5)
