"""Convolutions and pooling beside Keras's, apart from what tests/cases compares."""

import keras
import numpy as np
import pytest
import torch
from keras.src.initializers.random_initializers import compute_fans
from masked_batches import coded_like
from side_by_side import assert_close

import unpad
from unpad import Ragged
from unpad.layers import Spec

KINDS = {
    "Conv1D": lambda k: k.layers.Conv1D(4, 3),
    "Conv1D groups": lambda k: k.layers.Conv1D(4, 3, groups=2, use_bias=False),
    "DepthwiseConv1D": lambda k: k.layers.DepthwiseConv1D(3, depth_multiplier=2),
    "SeparableConv1D": lambda k: k.layers.SeparableConv1D(4, 3, depth_multiplier=2),
    "Conv1DTranspose": lambda k: k.layers.Conv1DTranspose(4, 3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_weights_have_keras_s_names_shapes_and_size(kind):
    """glorot_uniform counts what a window sees."""
    ours, theirs = KINDS[kind](unpad), KINDS[kind](keras)
    ours.ensure_built(Spec((6,), True))
    theirs.build((None, None, 6))
    named = {n: tuple(w.shape) for n, w in ours.named_parameters()}
    assert list(named.items()) == [(w.name, tuple(w.shape)) for w in theirs.weights]
    for name, weight in ours.named_parameters():
        if name == "bias":
            assert torch.count_nonzero(weight) == 0
            continue
        limit = np.sqrt(6 / sum(compute_fans(tuple(weight.shape))))
        assert 0.7 * limit < float(weight.detach().abs().max()) <= limit


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["MaxPooling1D", "MaxPooling1D same", "GlobalMaxPooling1D"])
def test_the_gradient_of_equal_steps(float64, kind, seed):
    """After relu many steps are 0: who of them takes the gradient is the same."""
    name, *same = kind.split()
    more = {} if name.startswith("Global") else {"pool_size": 3, "strides": 1}
    more |= {"padding": "same"} if same else {}
    ours, theirs = (getattr(k.layers, name)(**more) for k in (unpad, keras))
    x = torch.randint(0, 3, (4, 7, 5), generator=torch.Generator().manual_seed(seed)).double()
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    ragged = ours(Ragged.from_padded(a, lengths=7))
    out = ragged.values.unflatten(0, (4, -1)) if isinstance(ragged, Ragged) else ragged
    want = theirs(b)
    assert_close(out.detach(), want.detach(), "output")
    coefficients = torch.tensor(coded_like(tuple(want.shape)))
    (out * coefficients).sum().backward()
    (want * coefficients).sum().backward()
    assert_close(a.grad, b.grad, "gradient")


def test_average_pooling_where_padding_is_uneven(float64):
    """Pinned: Keras on torch counts the end's step again for what is missing; here it is not.

    Keras on TensorFlow and on JAX divides by the steps that a window holds, as here.
    """
    x = torch.tensor([[[1.0], [2.0], [6.0], [8.0]]])
    ours, theirs = (m.layers.AveragePooling1D(3, 2, "same") for m in (unpad, keras))
    assert ours(x).flatten().tolist() == [3, 7]
    assert theirs(x).flatten().tolist() == [3, pytest.approx((6 + 8 + 8) / 3)]


def test_global_average_of_nothing(float64):
    """Pinned: 0 here, NaN in Keras."""
    mask = torch.tensor([[False, False]])
    x = torch.zeros(1, 2, 3)
    ours = unpad.layers.GlobalAveragePooling1D()(Ragged.from_padded(x, mask=mask))
    theirs = keras.layers.GlobalAveragePooling1D()(x, mask=mask)
    assert ours.tolist() == [[0, 0, 0]]
    assert theirs.isnan().all()


def test_a_mask_at_the_door_of_a_convolution(float64):
    """Pinned: a convolution of Keras's sees padding, so that the same sequence gives another row.

    Here it gives what it gives in Keras alone.
    """
    ours, theirs = (m.layers.Conv1D(2, 3, padding="same") for m in (unpad, keras))
    alone = torch.tensor(coded_like((1, 3, 2)))
    padded = torch.cat([alone, torch.full((1, 2, 2), 9.0)], 1)
    theirs(alone)
    ours.ensure_built(Spec((2,), True, torch.float64))
    ours.set_weights([coded_like(tuple(w.shape)) for w in theirs.weights])
    theirs.set_weights([coded_like(tuple(w.shape)) for w in theirs.weights])
    out = ours(Ragged.from_padded(padded, lengths=[3]))
    assert_close(out[0].detach(), theirs(alone)[0].detach(), "output")
    with pytest.raises(AssertionError, match="differ"):
        assert_close(out[0].detach(), theirs(padded)[0, :3].detach(), "output")


FIRST = {
    **KINDS,
    "MaxPooling1D": lambda k, **o: k.layers.MaxPooling1D(2, **o),
    "AveragePooling1D": lambda k, **o: k.layers.AveragePooling1D(2, **o),
    "GlobalMaxPooling1D": lambda k, **o: k.layers.GlobalMaxPooling1D(**o),
    "GlobalAveragePooling1D": lambda k, **o: k.layers.GlobalAveragePooling1D(keepdims=True, **o),
    "AdaptiveMaxPooling1D": lambda k, **o: k.layers.AdaptiveMaxPooling1D(2, **o),
    "ZeroPadding1D": lambda k, **o: k.layers.ZeroPadding1D((1, 2), **o),
    "Flatten": lambda k, **o: k.layers.Flatten(**o),
    "Conv1D": lambda k, **o: k.layers.Conv1D(4, 3, activation="softmax", **o),
    "Conv1DTranspose": lambda k, **o: k.layers.Conv1DTranspose(4, 3, **o),
    "SeparableConv1D": lambda k, **o: k.layers.SeparableConv1D(4, 3, **o),
    "DepthwiseConv1D": lambda k, **o: k.layers.DepthwiseConv1D(3, **o),
}
del FIRST["Conv1D groups"]


@pytest.mark.parametrize("kind", FIRST)
def test_features_that_come_first(float64, kind):
    """A grid (batch, feature, time) gives what the one turned gives, in its own shape."""
    x = torch.tensor(coded_like((2, 3, 6), 0.7))
    ours, theirs = (FIRST[kind](k, data_format="channels_first") for k in (unpad, keras))
    plain = FIRST[kind](unpad, data_format="channels_last")
    ours(x), plain(x.movedim(1, -1))
    plain.set_weights(ours.get_weights())
    got, want = ours(x), plain(x.movedim(1, -1))
    if got.ndim > 2:
        want = want.movedim(-1, 1)
    assert_close(got.detach(), want.detach(), "turned")
    assert tuple(ours.compute_output_shape((2, 3, 6))) == tuple(got.shape)
    if kind != "Conv1D":  # whose softmax Keras takes over time here, not over the features
        theirs.build((2, 3, 6))
        if theirs.weights:
            theirs.set_weights(ours.get_weights())
        assert_close(got.detach(), theirs(x).detach(), "Keras")


def test_a_model_that_ends_in_features_that_come_first():
    """The softmax over time cannot be left out for the loss."""
    model = unpad.Sequential(
        [unpad.Input((3, 4)), unpad.layers.Conv1D(3, 1, data_format="channels_first")]
    )
    assert model.tail is None
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 3, 4)), np.ones((2, 3, 4)), verbose=0)


def test_a_mask_that_global_pooling_is_told(float64):
    x, mask = coded_like((2, 3, 2)), np.array([[1, 1, 0], [1, 0, 0]], bool)
    got = unpad.layers.GlobalAveragePooling1D()(x, mask)
    want = keras.layers.GlobalAveragePooling1D()(torch.tensor(x), torch.tensor(mask))
    assert_close(got, want, "mean")
