"""Activations with options, those that are layers, EinsumDense: beside Keras's."""

import keras
import numpy as np
import pytest
import torch
from masked_batches import MASKS, coded, coded_like
from side_by_side import assert_close, same_weights
from test_initializers import largest_gap

import unpad
from unpad import Ragged

GRID = np.concatenate([np.linspace(-8, 8, 96), [-3, -1, -0.5, 0, 0.25, 0.5, 1, 3, 6]])

OPTIONS = [
    ("relu", {"max_value": 2.0}), ("relu", {"max_value": 6}), ("relu", {"negative_slope": 0.3}),
    ("relu", {"threshold": 0.7}),
    ("relu", {"negative_slope": 0.3, "max_value": 1.0, "threshold": 0.7}),
    ("leaky_relu", {"negative_slope": 0.4}), ("elu", {"alpha": 0.5}), ("celu", {"alpha": 0.5}),
    ("gelu", {"approximate": True}), ("hard_shrink", {"threshold": 1.2}),
    ("soft_shrink", {"threshold": 1.2}), ("squareplus", {"b": 2.0}),
    ("threshold", {"threshold": 0.7, "default_value": -3.0}),
]  # fmt: skip


def both_ways(ours, theirs, x, **close):
    """The values of two functions, and their slopes."""
    found = []
    for function in (ours, theirs):
        leaf = torch.tensor(x, requires_grad=True)
        out = function(leaf)
        weigh = torch.tensor(coded_like(tuple(out.shape)))
        found.append((out.detach(), torch.autograd.grad((out * weigh).sum(), leaf)[0]))
    for what, a, b in zip(("values", "slopes"), *found, strict=True):
        assert_close(a, b, what, **close)


NAMES = sorted(
    name for name in vars(keras.activations)
    if name in unpad.weights.activations._BY_NAME and name != "glu"
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_arrays(name):
    """An array or a list comes in, as in Keras; a tensor comes out."""
    grid = GRID[:96].astype("float32").reshape(12, 8)
    ours = getattr(unpad.activations, name)(grid)
    assert isinstance(ours, torch.Tensor)
    theirs = getattr(keras.activations, name)(grid)
    if name != "sparsemax":  # see docs/coming-from-keras.md
        assert_close(ours, theirs, name, rtol=1e-5, atol=1e-6)
    assert torch.equal(getattr(unpad.activations, name)(grid.tolist()), ours)
    with pytest.raises(ValueError, match=f"^{ours_name(name)}: "):
        getattr(unpad.activations, name)(["a"])


def ours_name(name):
    """Of two spellings the one that speaks."""
    return {"swish": "silu", "hard_swish": "hard_silu"}.get(name, name)


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_options(float64, name, options):
    """With Keras's arguments, by name, where they bend and far out."""
    both_ways(
        lambda x: getattr(unpad.activations, name)(x, **options),
        lambda x: getattr(keras.activations, name)(x, **options),
        GRID,
        rtol=1e-7,
    )


@pytest.mark.parametrize(
    "name",
    sorted(set(unpad.weights.activations._BY_NAME) - {"sparsemax", "hard_sigmoid_of_keras_2"}),
)
def test_every_name(float64, name):
    """By its name, on steps with features; found in the module too, and known again."""
    x = GRID[:96].reshape(4, 4, 6)
    ours = unpad.activations.get(name)
    both_ways(ours, keras.activations.get(name), x, rtol=1e-6, atol=1e-8)
    assert getattr(unpad.activations, name) is ours
    known = unpad.weights.activations.name_of(ours)
    assert unpad.activations.get(known) is ours


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "glu"])
def test_axis(float64, name):
    """Those over features take another axis; a softmax several."""
    for axis in (1,) if name == "glu" else (1, (1, 2)):
        both_ways(
            lambda x, axis=axis: getattr(unpad.activations, name)(x, axis=axis),
            lambda x, axis=axis: getattr(keras.activations, name)(x, axis=axis),
            coded_like((3, 4, 5), 4.0),
        )


@pytest.mark.parametrize("axis", [-1, 1])
def test_sparsemax(float64, axis):
    """Pinned: the nearest probabilities; Keras's do not sum to 1 where several are kept."""
    x = torch.tensor(coded_like((3, 4, 5)))
    ours, theirs = (m.activations.sparsemax(x, axis) for m in (unpad, keras))
    assert_close(ours.sum(axis), np.ones(ours.sum(axis).shape), "sums")
    # x - p is one number, tau, where p is above 0, and not above tau elsewhere.
    kept = ours > 0
    tau = torch.where(kept, x - ours, -torch.inf).amax(axis, keepdim=True)
    assert_close(torch.where(kept, x - ours - tau, 0), np.zeros(x.shape), "tau")
    assert bool((kept | (x <= tau)).all())
    assert bool((kept.sum(axis) > 1).any())
    assert not bool((theirs.sum(axis) - 1).abs().max() < 0.1)
    both_ways(
        lambda v: unpad.activations.sparsemax(4 * v, axis),
        lambda v: keras.activations.sparsemax(4 * v, axis),
        torch.eye(3, 4).numpy(),  # one kept in each: there they agree
    )


def test_torch_functions_are_known():
    """What a user of torch gives is the activation of that name."""
    names = {torch.relu: "relu", torch.tanh: "tanh", torch.nn.functional.gelu: "gelu"}
    assert {f: unpad.weights.activations.name_of(f) for f in names} == names


@pytest.mark.parametrize("shared", [None, [1], 1, [2], [1, 2]])
def test_prelu_of_a_dense_batch(float64, shared):
    """A slope for each place in time too, where the length is known."""
    x = coded_like((3, 4, 5))
    ours, theirs = (m.layers.PReLU(shared_axes=shared) for m in (unpad, keras))
    theirs.build(x.shape)
    ours(torch.tensor(x))
    same_weights(ours, theirs)
    both_ways(ours, theirs, x)


def test_prelu_needs_no_shared_axes():
    """Pinned: without a known length Keras asks for shared_axes=[1]; here that is what it means."""
    ours = unpad.layers.PReLU()
    ours(Ragged.from_list([np.ones((2, 3)), np.ones((1, 3))]))
    assert tuple(ours.alpha.shape) == (1, 3)
    theirs = keras.layers.PReLU(shared_axes=[1])
    theirs.build((None, None, 3))
    assert tuple(theirs.alpha.shape) == (1, 3)
    with pytest.raises(ValueError, match="None"):
        keras.layers.PReLU().build((None, None, 3))


def test_softmax_of_a_masked_sequence():
    """Pinned: Keras raises; here it is over the features of each real step."""
    mask = MASKS["right"]
    x = torch.tensor(np.where(mask[..., None], coded(), 0))
    masked = keras.layers.Masking()(x)
    with pytest.raises(ValueError, match="mask"):
        keras.layers.Softmax()(masked)
    ours = unpad.layers.Softmax()(Ragged.from_padded(x, mask=mask))
    assert_close(ours.values.sum(-1), np.ones(mask.sum()), "sums")


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
def test_softmax_with_a_mask(float64, axis):
    """On dense inputs: what does not count gets 0, a row without anything too."""
    x, mask = coded_like((3, 4, 5), 4.0), coded_like((3, 4, 5)) > 0.2
    mask[1] = False
    both_ways(
        lambda v: unpad.layers.Softmax(axis)(v, mask=torch.tensor(mask)),
        lambda v: keras.layers.Softmax(axis)(v, mask=torch.tensor(mask)),
        x,
    )
    numbers = torch.tensor(mask, dtype=torch.float64)
    a = unpad.layers.Softmax(axis)(torch.tensor(x), mask=numbers)
    assert_close(a, keras.layers.Softmax(axis)(torch.tensor(x), mask=numbers), "a mask of numbers")
    of_array = unpad.layers.Softmax(axis)(x, mask=mask[:1])
    assert_close(of_array, keras.layers.Softmax(axis)(torch.tensor(x), mask=mask[:1]), "an array")
    for wrong in (mask[None], mask[:2]):
        with pytest.raises(ValueError, match="must not have more dimensions than the inputs"):
            unpad.layers.Softmax(axis)(x, mask=wrong)


EQUATIONS = [
    ("ab,bc->ac", (3,), 5, "c"),
    ("...x,xy->...y", (4, 2, 3), 5, "y"),
    ("ab...,bc->ac...", (3, 4, 2), 5, "c"),
    ("...ab,bc->...ac", (4, 2, 3), (None, 5), "ac"),
    ("abc,bcd->abd", (4, 3), (None, 5), "bd"),  # a weight for each place in time
    ("abc,bd->adc", (4, 3), (5, 3), "d"),  # over time
    ("abc,cd->adb", (4, 3), (5, 4), None),
    ("abcd,cde->abe", (4, 2, 3), (4, 5), "e"),
]


@pytest.mark.parametrize(("equation", "shape", "output", "bias"), EQUATIONS, ids=str)
def test_einsum_dense_of_a_dense_batch(float64, equation, shape, output, bias):
    """Equations that Ragged refuses too."""
    if equation in ("...ab,bc->...ac", "abc,bcd->abd") and bias is not None:
        output = (shape[-2], 5)  # the bias of an axis needs its size
    ours, theirs = (m.layers.EinsumDense(equation, output, "tanh", bias) for m in (unpad, keras))
    x = coded_like((2, *shape))
    theirs.build(x.shape)
    ours(torch.tensor(x))
    same_weights(ours, theirs, 0.3)
    both_ways(ours, theirs, x)


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal", "lecun_uniform"])
def test_einsum_dense_draws_by_its_own_fans(initializer):
    """Axes that are summed over are inputs, the others outputs, wherever they stand."""
    ours, theirs = (
        m.layers.EinsumDense("abcd,ecd->abe", (None, 50), kernel_initializer=initializer)
        for m in (unpad, keras)
    )
    ours(torch.zeros(1, 2, 40, 30))
    theirs.build((1, 2, 40, 30))
    a, b = ours.get_weights()[0], theirs.kernel.value.detach().numpy()
    assert abs(a.std() / b.std() - 1) < 0.02
    assert largest_gap(a, b) < 0.015


def test_variance_scaling_of_given_axes():
    """Axes of the fans may be given, as in Keras."""
    options = {"seed": 1, "input_axes": [1, 2], "output_axes": [0]}
    a, b = (
        torch.as_tensor(m.initializers.VarianceScaling(2.0, "fan_out", **options)((50, 40, 30)))
        for m in (unpad, keras)
    )
    assert abs(float(a.std() / b.std()) - 1) < 0.02
