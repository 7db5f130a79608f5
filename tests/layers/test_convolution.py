"""What convolutions, and layers that add or take off steps, give and refuse."""

import weakref

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given
from hypothesis import strategies as st

import unpad as keras
from unpad import Layout, Ragged
from unpad.core.spec import Lengths, Spec
from unpad.kernels import library
from unpad.layers.convolution.windows import Window
from unpad.testing import coded, grid

from ..messages import says
from ..strategies import lengths

L = keras.layers
# Products have the same bits for a sequence alone only on the library's own path.
BITS = {"rtol": 0, "atol": 0} if library.available() else {"rtol": 1e-5, "atol": 1e-6}

sizes = st.integers(1, 5)
windows = st.builds(Window, sizes, sizes, sizes, st.sampled_from(["valid", "same", "causal"]))


def built(layer, feature=3, dtype=torch.float64):
    layer.ensure_built(Spec((feature,), True, dtype))
    return layer.to(dtype)


# --- where the windows are -----------------------------------------------------------------------


@given(windows, lengths)
@example(Window(2, 2, 1, "valid"), [2, 0, 4])
def test_windows_are_those_of_each_sequence_alone(window, sizes):
    """Slot by slot, against the definition in words."""
    layout = Layout.from_lengths(sizes)
    found = window.on(layout)
    index = found.take(torch.arange(layout.steps), layout.steps)
    row = 0
    for start, n in zip(layout.offsets.tolist(), sizes, strict=False):
        reach = (window.size - 1) * window.dilation + 1
        firsts = range(0, n, window.stride)
        if window.padding == "valid":
            firsts = [f for f in firsts if f + reach <= n]
        elif window.padding == "causal":
            firsts = [f - reach + 1 for f in firsts]
        elif n:
            # The last window starts where the first does, (count - 1) * stride on.
            sticks_out = max(0, firsts[-1] + reach - n)
            firsts = [f - sticks_out // 2 for f in firsts]
        for first in firsts:
            places = [first + i * window.dilation for i in range(window.size)]
            want = [start + p if 0 <= p < n else layout.steps for p in places]
            assert index[row].tolist() == want
            row += 1
        assert window.count(n) == len(firsts)
    assert row == len(index) == found.layout.steps


def test_windows_are_computed_once_and_go_with_their_layout():
    layout = Layout.from_lengths([3, 0, 5])
    for window in (Window(3, padding="same"), Window(2, 2)):
        assert window.on(layout).index is Window(**vars(window)).on(layout).index
    assert Window(3, padding="same").on(layout).layout is layout
    gone = weakref.ref(layout)
    del layout
    assert gone() is None


def test_a_window_of_one_step_copies_nothing():
    ragged = coded([3, 1])
    assert Window(1).on(ragged.layout).take(ragged.values).data_ptr() == ragged.values.data_ptr()


# --- what is computed ----------------------------------------------------------------------------


@given(windows, lengths)
def test_conv1d_is_torch_s_on_each_sequence(window, sizes):
    if window.stride > 1:
        window = Window(window.size, window.stride, 1, window.padding)
    layer = built(L.Conv1D(2, window.size, window.stride, window.padding,
                           dilation_rate=window.dilation))  # fmt: skip
    ragged = coded(sizes, (3,))
    out = layer(ragged)
    for i, x in enumerate(ragged):
        left = int(window.before(torch.tensor([len(x)])))
        need = (window.count(len(x)) - 1) * window.stride + window.reach
        if not window.count(len(x)):
            assert len(out[i]) == 0
            continue
        x = F.pad(x.T, (left, max(0, need - left - len(x))))
        want = F.conv1d(x, layer.kernel.permute(2, 1, 0), layer.bias, window.stride,
                        dilation=window.dilation)  # fmt: skip
        torch.testing.assert_close(out[i], want.T)


@given(sizes, sizes, sizes, lengths)
def test_conv1d_transpose_is_conv1d_s_gradient(size, stride, dilation, sizes):
    """Of the same weights and window: <conv(x), y> is <x, transpose(y)>."""
    dilation = 1 if stride > 1 else dilation
    options = {"strides": stride, "dilation_rate": dilation, "use_bias": False}
    transpose = built(L.Conv1DTranspose(2, size, **options))
    y = coded(sizes, (3,))
    x = transpose(y)
    x = x.with_values(torch.cos(3 * x.values))
    forth = built(L.Conv1D(3, size, **options), 2)
    with torch.no_grad():
        forth.kernel.copy_(transpose.kernel)
    # A stride beyond the window leaves steps at the end that no window starts at.
    there = forth(x)
    assert there.lengths.tolist() == sizes
    torch.testing.assert_close((there.values * y.values).sum(),
                               (x.values * transpose(y).values).sum())  # fmt: skip


LAYERS = {
    "Conv1D": lambda: L.Conv1D(5, 3, padding="same"),
    "Conv1D valid": lambda: L.Conv1D(5, 2, 2),
    "Conv1D groups": lambda: L.Conv1D(6, 3, padding="causal", groups=3),
    "DepthwiseConv1D": lambda: L.DepthwiseConv1D(3, padding="same", depth_multiplier=2),
    "SeparableConv1D": lambda: L.SeparableConv1D(4, 3, 2, "same"),
    "Conv1DTranspose": lambda: L.Conv1DTranspose(4, 3, 2, "same"),
}


@pytest.mark.parametrize("name", LAYERS)
@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_the_bits_are_the_same_alone_and_in_company(name, sizes, seed):
    torch.manual_seed(seed)
    layer = built(LAYERS[name](), 3, torch.float32)
    x = torch.randn(sum(sizes), 3, requires_grad=True)
    ragged = Ragged(x, Layout.from_lengths(sizes))
    out = layer(ragged)
    ours = torch.randn_like(out.values)
    (grad,) = torch.autograd.grad(out.values, x, ours)
    ours, grad = out.with_values(ours), ragged.with_values(grad)
    for i in range(len(sizes)):
        alone = ragged[i].detach().requires_grad_()
        one = layer(Ragged(alone, Layout.from_lengths(sizes[i : i + 1])))
        torch.testing.assert_close(one.values, out[i], **BITS)
        (of_alone,) = torch.autograd.grad(one.values, alone, ours[i])
        torch.testing.assert_close(of_alone, grad[i], **BITS)


@pytest.mark.parametrize("name", LAYERS)
def test_a_neighbour_of_nan_is_not_seen(name):
    layer = built(LAYERS[name]())
    ragged = coded([4, 2, 5, 3], (3,))
    spoilt = ragged.values.clone()
    spoilt[ragged.sequence_ids == 1] = float("nan")
    spoilt.requires_grad_()
    out = layer(ragged.with_values(spoilt))
    want = layer(ragged)
    for i in (0, 2, 3):
        torch.testing.assert_close(out[i], want[i])
        (grad,) = torch.autograd.grad(out[i].sum(), spoilt, retain_graph=True)
        assert grad.isfinite().all()
        assert grad[ragged.sequence_ids != i].abs().sum() == 0


def test_lengths_that_stay_keep_their_places():
    ragged = coded([3, 0, 2], (3,))
    x, mask = grid(ragged, "holes")
    holes = Ragged.from_padded(x, mask=mask)
    for layer in (L.Conv1D(2, 3, padding="same"), L.Conv1D(2, 1), L.SeparableConv1D(2, 1),
                  L.Conv1DTranspose(2, 3, padding="same"), L.UpSampling1D(1),
                  L.ZeroPadding1D(0), L.Cropping1D(0)):  # fmt: skip
        assert layer(holes).layout is holes.layout
    layer = built(L.Conv1D(2, 3, padding="same"))
    torch.testing.assert_close(layer(holes).values, layer(ragged).values)
    assert torch.equal(layer(holes).mask, mask)


@pytest.mark.parametrize(
    ("layer", "width", "new"),
    [
        (L.Conv1D(2, 3), 6, [1, 0, 0]),
        (L.Conv1D(2, 3, 2, "same"), 4, [2, 0, 1]),
        (L.Conv1DTranspose(2, 3, 2), 17, [7, 0, 5]),
        (L.UpSampling1D(2), 16, [6, 0, 4]),
        (L.ZeroPadding1D((1, 2)), 11, [6, 3, 5]),
        (L.Cropping1D((1, 1)), 6, [1, 0, 0]),
    ],
)
def test_new_lengths_lie_in_a_grid_of_keras_s_width(layer, width, new):
    x, mask = grid(coded([3, 0, 2], (3,), torch.float32), "holes")
    out = layer(Ragged.from_padded(x, mask=mask))
    assert out.lengths.tolist() == new
    assert out.layout.width == width
    assert out.to_padded().shape[:2] == (3, width)


def test_what_the_spec_says_of_lengths():
    spec = Spec((3,), True, lengths=Lengths("x"))
    assert L.Conv1D(2, 3).output_spec(spec).lengths.table[:5] == (0, 0, 0, 1, 2)
    assert L.Conv1D(2, 3, 2, "same").output_spec(spec).lengths.table[:5] == (0, 1, 1, 2, 2)
    assert L.Conv1DTranspose(2, 3, 2).output_spec(spec).lengths.table[:4] == (0, 3, 5, 7)
    assert L.ZeroPadding1D(1).output_spec(spec).lengths.table[:3] == (2, 3, 4)
    there = L.ZeroPadding1D((2, 1)).output_spec(spec)
    assert L.Cropping1D((2, 1)).output_spec(there).lengths == spec.lengths
    dense = Spec((9, 3))
    assert L.Conv1D(2, 3, 2).output_spec(dense).shape == (4, 2)
    assert L.DepthwiseConv1D(3, depth_multiplier=2).output_spec(Spec((None, 3))).shape == (None, 6)
    assert L.UpSampling1D(3).output_spec(dense).shape == (27, 3)


def test_what_zero_padding_adds_cropping_takes_off():
    ragged = coded([3, 0, 1], (2,))
    padded = L.ZeroPadding1D((2, 1))(ragged)
    assert padded.lengths.tolist() == [6, 3, 4]
    assert padded[1].tolist() == [[0, 0]] * 3
    back = L.Cropping1D((2, 1))(padded)
    assert torch.equal(back.values, ragged.values)
    assert torch.equal(back.offsets, ragged.offsets)


def test_zero_padding_and_valid_are_same():
    ragged = coded([4, 0, 1], (3,))
    same, valid = built(L.Conv1D(2, 4, padding="same")), built(L.Conv1D(2, 4))
    valid.set_weights(same.get_weights())
    torch.testing.assert_close(
        valid(L.ZeroPadding1D((1, 2))(ragged)).values, same(ragged).values
    )  # fmt: skip


@pytest.mark.parametrize("kind", [L.Conv1D, L.SeparableConv1D, L.Conv1DTranspose])
def test_a_tagger_s_loss_is_of_logits(kind):
    layer = built(kind(4, 3, padding="same", activation="softmax"))
    ragged = coded([3, 0, 2], (3,))
    assert layer.tail == "softmax"
    logits = layer.before_tail(ragged)
    assert not torch.equal(logits.values, layer(ragged).values)
    torch.testing.assert_close(logits.values.softmax(-1), layer(ragged).values)
    dense = coded([4, 4], (3,)).values.reshape(2, 4, 3)
    torch.testing.assert_close(layer.before_tail(dense).softmax(-1), layer(dense))


def test_a_tagger_and_a_classifier_learn():
    x = [[1, 2, 3], [4, 5], [3, 3, 2, 1], [5]]
    y = [[i % 2 for i in s] for s in x]
    tagger = keras.Sequential([
        L.Embedding(6, 8), L.Conv1D(16, 3, padding="same", activation="relu"),
        L.Conv1D(2, 3, padding="causal", activation="softmax"),
    ])  # fmt: skip
    tagger.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    ids = Ragged.from_list([torch.tensor(s) for s in x])
    tags = Ragged.from_list([torch.tensor(s) for s in y])
    losses = tagger.fit(ids, tags, epochs=60, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    classifier = keras.Sequential([
        L.Embedding(6, 8), L.Conv1D(16, 2), L.MaxPooling1D(2, padding="same"),
        L.GlobalMaxPooling1D(), L.Dense(1, "sigmoid"),
    ])  # fmt: skip
    classifier.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    target = torch.tensor([[0.0], [1.0], [0.0], [1.0]])
    losses = classifier.fit(ids, target, epochs=60, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]


def test_dense_batches_without_a_row_or_a_step():
    for layer in (L.Conv1D(2, 3), L.SeparableConv1D(2, 3, 2, "same"), L.Cropping1D(2)):
        last = 2 if hasattr(layer, "filters") else 3
        rule = layer.window.count if hasattr(layer, "window") else layer.rule
        assert layer(torch.zeros(0, 5, 3)).shape == (0, rule(5), last)
        assert layer(torch.zeros(2, 0, 3)).shape == (2, 0, last)


# --- what is refused -----------------------------------------------------------------------------


def test_arguments_are_checked():
    for name in ("kernel_size", "strides", "dilation_rate"):
        for wrong in (0, (1, 2), 1.5, True):
            options = {"kernel_size": 2, name: wrong}
            with says(f"Conv1D: expected {name} as a positive integer, got {wrong!r}."):
                L.Conv1D(3, **options)
    with says("Conv1D: expected padding as 'valid', 'same' or 'causal', got 'full'."):
        L.Conv1D(3, 2, padding="full")
    with says("SeparableConv1D: expected padding as 'valid' or 'same', got 'causal'."):
        L.SeparableConv1D(3, 2, padding="causal")
    with says("Conv1D: groups=2 do not divide 3 filters."):
        L.Conv1D(3, 2, groups=2)
    with says("Conv1D: groups=2 do not divide 3 features."):
        L.Conv1D(4, 2, groups=2)(coded([3], (3,)))
    for kind in (L.Conv1D, L.Conv1DTranspose):
        with says(f"{kind.__name__}: expected strides or dilation_rate as 1, got strides=2 and "
                  "dilation_rate=3."):  # fmt: skip
            kind(3, 2, strides=2, dilation_rate=3)
    for wrong in (2, -1, 0.5, (0, 0)):
        with says("Conv1DTranspose: expected output_padding as an integer from 0 to 1 or None, "
                  f"got {wrong!r}."):  # fmt: skip
            L.Conv1DTranspose(3, 2, 2, output_padding=wrong)
    with says("DepthwiseConv1D: expected depth_multiplier as a positive integer, got 0."):
        L.DepthwiseConv1D(2, depth_multiplier=0)
    with says("Conv1D 'words': data_format='channels_first' is of grids (batch, feature, time), "):
        L.Conv1D(2, 2, data_format="channels_first", name="words")(coded((3,), (2,)))
    for kind, name in ((L.ZeroPadding1D, "padding"), (L.Cropping1D, "cropping")):
        for wrong in (-1, (1, 2, 3), 1.5, (0, -2)):
            with says(f"{kind.__name__}: expected {name} as an integer, or two as (at the start, "
                      f"at the end), none negative, got {wrong!r}."):  # fmt: skip
                kind(wrong)
    with says("UpSampling1D: expected size as a positive integer, got 0."):
        L.UpSampling1D(0)


def test_inputs_are_checked():
    with says(
        "Conv1D: expected sequences of feature vectors, (batch, steps*, feature), got (batch, "
        "steps*). Ids go through Embedding first; one number a step needs x[..., None] and "
        "Input(shape=(None, 1))."
    ):
        L.Conv1D(2, 3)(coded([2, 3]))
    layer = built(L.SeparableConv1D(2, 3))
    with says("SeparableConv1D: built for 3 features, got (batch, steps*, 4)."):
        layer.output_spec(Spec((4,), True))
    with says(
        "UpSampling1D: expected sequences, (batch, steps*, feature) or (batch, time, feature), got "
        "(batch, 4). One number a step needs x[..., None] and Input(shape=(None, 1))."
    ):
        L.UpSampling1D()(torch.zeros(2, 4))


@pytest.mark.parametrize(
    ("layer", "least"), [(L.Conv1D(2, 3, dilation_rate=2), 5), (L.Cropping1D((1, 2)), 4)]
)
def test_a_dense_batch_that_is_too_short(layer, least):
    text = (
        f"{type(layer).__name__}: nothing would be left of 3 steps: it needs {least}. In a Ragged, "
        "sequences that are too short become empty."
    )
    with says(text):
        layer.output_spec(Spec((3, 2)))
    layer(torch.zeros(1, 7, 2))
    with says(text):
        layer(torch.zeros(1, 3, 2))
    assert layer(coded([3], (2,), torch.float32)).lengths.tolist() == [0]
