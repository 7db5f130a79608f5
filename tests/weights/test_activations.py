"""Activations by name, activations that are layers, EinsumDense: what they give and refuse."""

import pytest
import torch

import unpad
from unpad import Ragged
from unpad.layers import Spec
from unpad.testing import coded
from unpad.weights import activations

from ..messages import says

L = unpad.layers
STEPS = Spec((4,), True)


def test_names():
    with says(
        "activations.get: activation='threshold' needs two numbers. Give a function: lambda x: "
        "activations.threshold(x, 0.5, 0.0)."
    ):
        unpad.activations.get("threshold")
    with says("Dense: unknown activation 'hardtanh'; did you mean 'hard_tanh'"):
        L.Dense(3, "hardtanh")
    with says("activations.get: expected activation as a name or a callable, got 3."):
        unpad.activations.get(3)


def test_features_after():
    glu = unpad.activations.get("glu")
    assert activations.features_after(glu, 6, "Dense") == 3
    assert activations.features_after(glu, None, "Dense") is None
    assert activations.features_after(torch.tanh, 5, "Dense") == 5
    with says(
        "Dense: glu multiplies one half of the features by the sigmoid of the other, but there are "
        "5. Give it an even number."
    ):
        activations.features_after(glu, 5, "Dense")


def test_sparsemax_is_a_distribution():
    x = 3 * torch.randn(50, 7, dtype=torch.float64)
    p = unpad.activations.sparsemax(x)
    assert torch.allclose(p.sum(-1), torch.ones(50).double())
    assert bool((p >= 0).all())
    assert bool(((p > 0).sum(-1) > 1).any())
    small = x[:4].clone().requires_grad_()
    assert torch.autograd.gradcheck(unpad.activations.sparsemax, small)
    assert unpad.activations.sparsemax(x[:0]).shape == (0, 7)


def test_layers_keep_the_layout():
    x = coded([3, 0, 2], (4,))
    for layer in (L.ReLU(), L.LeakyReLU(), L.ELU(), L.PReLU(), L.Softmax(), L.Identity()):
        assert layer.double()(x).layout is x.layout


def test_leaky_relu_of_older_scripts():
    assert L.LeakyReLU(alpha=0.1).negative_slope == 0.1


def test_prelu_shares_over_time():
    for shared in (None, [1], [2]):
        layer = L.PReLU(shared_axes=shared)
        layer.ensure_built(STEPS)
        assert tuple(layer.alpha.shape) == (1, 1 if shared == [2] else 4)


def test_softmax_over_each_sequence():
    x = coded([3, 0, 2], (4,))
    out = L.Softmax(axis=1)(x)
    assert torch.equal(out.values, x.softmax().values)
    both = L.Softmax(axis=[1, 2])(x)
    totals = torch.as_tensor(both.sum()).sum(-1)
    assert torch.allclose(totals, torch.tensor([1.0, 0.0, 1.0]).double())
    large = L.Softmax(axis=[1, 2])(x + 1000.0)
    assert torch.allclose(large.values, both.values)


def test_softmax_ends_a_model():
    """The loss takes the logits before it, as of Dense's own softmax."""
    assert L.Softmax().tail == "softmax"
    assert L.Softmax(axis=1).tail is None
    x = coded([3, 2], (4,))
    assert L.Softmax().before_tail(x) is x


def test_identity_of_several():
    x, y = coded([3]), coded([2])
    assert [len(z.values) for z in L.Identity()([x, y])] == [3, 2]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: L.ReLU(-1), "ReLU: expected max_value as a number from 0 or None, got -1."),
        (
            lambda: L.ReLU(1, None),
            "ReLU: expected negative_slope as a finite number from 0, got None.",
        ),
        (
            lambda: L.ReLU(threshold=-1),
            "ReLU: expected threshold as a finite number from 0, got -1.",
        ),
        (
            lambda: L.LeakyReLU(-1),
            "LeakyReLU: expected negative_slope as a finite number from 0, got -1.",
        ),
    ],
)
def test_refused(make, text):
    with says(text):
        make()


def test_refused_when_built():
    with says(
        "PReLU: expected a known size along axis 1, got (batch, time, 4). Share the slopes along "
        "it: PReLU(shared_axes=[1])."
    ):
        L.PReLU().ensure_built(Spec((None, 4)))
    with says("PReLU: shared_axes=[0] names the batch, over which slopes are always shared. Time"):
        L.PReLU(shared_axes=[0]).ensure_built(STEPS)
    with says(
        "Softmax: axis=0 is over the batch of (batch, steps*, 4): what comes out would depend on "
        "what else is in it. Time is axis 1, the last features -1."
    ):
        L.Softmax(0).ensure_built(STEPS)
    with says(
        "Softmax: got a mask for (batch, steps*, 4), which has real steps only. Leave it out; to "
        "drop more steps: ragged.keep(...)."
    ):
        L.Softmax()(coded([2, 1], (4,)), mask=torch.ones(2, 2, dtype=torch.bool))


# --- EinsumDense ---------------------------------------------------------------------------------


def test_einsum_dense_is_dense():
    x = coded([3, 0, 2], (4,))
    dense, einsum = L.Dense(5), L.EinsumDense("...x,xy->...y", 5, bias_axes="y")
    for layer in (dense, einsum):
        layer.double()(x)
        layer.double()
    einsum.set_weights(dense.get_weights())
    assert torch.allclose(einsum(x).values, dense(x).values)
    # Built for sequences, it takes a grid too.
    assert torch.allclose(einsum(x.values[None]), dense(x.values)[None])


def test_einsum_dense_says_what_comes_out():
    spec = L.EinsumDense("abc,cde->abde", (None, 2, 6), "glu").ensure_built(STEPS)
    assert spec.shape == (2, 3)
    assert L.EinsumDense("abc,c->ab", (None,)).ensure_built(STEPS).shape == ()
    assert L.EinsumDense("abc,cd->abd", (None, 5)).tail == "linear"


REFUSED = [
    ("abc,cd->ad", 5, None, "axis 'b' of 'abc,cd->ad' is the time of (batch, steps*, 4), and is "
     "summed over. Keep it in the output; one row a sequence comes of GlobalAveragePooling1D, or "
     "of a recurrent layer."),
    ("abc,cd->adb", (5, None), None, "axis 'b' of 'abc,cd->adb' is the time of (batch, steps*, 4), "
     "and is moved. Keep batch and time first, as in 'abc,cd->abd'."),
    ("abc,bcd->abd", (None, 5), None, "axis 'b' of 'abc,bcd->abd' is the time of (batch, steps*, "
     "4), but a weight for each place in time needs sequences of one length. Leave 'b' out of the "
     "kernel and of bias_axes."),
    ("abc,cd->abd", (None, 5), "bd", "axis 'b' of 'abc,cd->abd' is the time of (batch, steps*, 4), "
     "but a weight for each place in time needs sequences of one length. Leave 'b' out of the "
     "kernel and of bias_axes."),
    ("ab...,bc->ac...", 5, None, "axis 'b' of 'ab...,bc->ac...' is the time of"),
    ("ab,bc->ac", 5, None, "'ab,bc->ac' is for inputs of 2 axes, the batch among them, got 3."),
    ("abc,cd->bd", 5, None, "'abc,cd->bd' does not keep the batch, its first axis. A layer gives "
     "one row for each that it takes, in the same order."),
    ("abc,cd->abde", (None, 5, 6), None, "axis 'e' of 'abc,cd->abde' stands in one part only. An "
     "axis of the kernel is summed over with the input's, or goes to the output."),
    ("abc,cd->abd", 5, None, "expected output_shape with 2 sizes, for b, d of 'abc,cd->abd', got "
     "(5,)."),
    ("abc,cd->abcd", (None, 9, 5), None, "axis 'c' of 'abc,cd->abcd' is 4 in the input, but 9 in "
     "output_shape=(None, 9, 5)."),
    ("abc,cd->abd", (None, None), None, "the kernel of 'abc,cd->abd' would have the shape (4, None)"
     " for (batch, steps*, 4) and output_shape=(None, None). Name each size in output_shape, and "
     "keep the batch out of it."),
    ("abc,cd->abd", (None, 5), "x", "expected bias_axes as letters of the output of 'abc,cd->abd', "
     "got 'x'."),
]  # fmt: skip


@pytest.mark.parametrize(("equation", "shape", "bias", "text"), REFUSED)
def test_einsum_dense_refused_when_built(equation, shape, bias, text):
    with says(f"EinsumDense: {text}"):
        L.EinsumDense(equation, shape, bias_axes=bias).ensure_built(STEPS)


@pytest.mark.parametrize("wrong", ["abc,cd", "abc->ab", "a...b,bc->a...c", "aab,bc->ac", "...,->."])
def test_equation_refused(wrong):
    with says(
        "EinsumDense 'e': expected an equation as 'abc,cd->abd', '...x,xy->...y' or "
        f"'ab...,bc->ac...', each letter once in each part, got {wrong!r}."
    ):
        L.EinsumDense(wrong, 5, name="e")


def test_einsum_dense_built_for_others():
    layer = L.EinsumDense("...x,xy->...y", 5)
    layer.ensure_built(STEPS)
    with says("EinsumDense: built for a kernel of (4, 5), but (batch, steps*, 3) needs (3, 5)."):
        layer.ensure_built(Spec((3,), True))


def test_einsum_dense_of_nothing():
    layer = L.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d")
    out = layer(Ragged.from_list([torch.zeros(0, 4), torch.zeros(0, 4)]))
    out.values.sum().backward()
    assert out.lengths.tolist() == [0, 0]
    assert torch.count_nonzero(layer.kernel.grad) == 0
