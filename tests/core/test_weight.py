"""Weights: torch parameters with Keras's ways to change and to read them."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch

import unpad as keras
from unpad.core.weight import Weight

from ..messages import says


def layer():
    made = keras.layers.Dense(3, name="out")
    made(torch.ones(2, 4))
    return made


def test_every_layers_weights_can_be_assigned():
    kernel = layer().kernel
    kernel.assign(np.ones((4, 3)))
    assert kernel.assign_add(1.0).assign_sub(np.full((4, 3), 0.5)) is kernel
    assert kernel.numpy().tolist() == [[1.5] * 3] * 4
    assert kernel.value is kernel
    assert (kernel.name, kernel.path, kernel.trainable) == ("kernel", "out/kernel", True)
    with pytest.raises(ValueError, match=r"out/kernel\.assign: expected numbers of shape \(4, 3\)"):
        kernel.assign(np.ones((5, 3)))
    assert kernel.numpy().tolist() == [[1.5] * 3] * 4


def test_what_numpy_gives_is_a_copy():
    kernel = layer().kernel
    kernel.numpy()[:] = 9
    assert not (kernel == 9).any()


def test_trainable_is_torchs_requires_grad():
    kernel = layer().kernel
    kernel.trainable = False
    assert not kernel.requires_grad
    kernel.trainable = True
    assert kernel.requires_grad


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_weights_too(again):
    made = layer()
    made.bias.trainable = False
    other = again(made)
    assert type(other.kernel) is Weight
    assert (other.kernel.path, other.bias.trainable) == ("out/kernel", False)
    assert torch.equal(other.kernel, made.kernel)
    other.kernel.assign_add(1.0)
    assert not torch.equal(other.kernel, made.kernel)


def test_shared_weights_stay_shared_in_a_copy():
    made = layer()
    made.again = made.kernel
    other = copy.deepcopy(made)
    assert other.again is other.kernel


def test_it_is_a_parameter():
    made = layer()
    assert isinstance(made.kernel, torch.nn.Parameter)
    assert [n for n, _ in made.named_parameters()] == ["kernel", "bias"]
    assert type(made.kernel * 2) is type(made.kernel.detach()) is torch.Tensor
    assert type(made.to(torch.float64).kernel) is Weight
    file = io.BytesIO()
    torch.save(made.state_dict(), file)
    file.seek(0)
    kept = torch.load(file, weights_only=True)
    assert {type(v) for v in kept.values()} == {torch.Tensor}
    made.load_state_dict(kept)
    made(torch.ones(2, 4)).sum().backward()
    for optimizer in (torch.optim.Adam, torch.optim.SGD, torch.optim.AdamW):
        before = made.kernel.detach().clone()
        optimizer(made.parameters(), 0.1).step()
        assert not torch.equal(before, made.kernel)
        assert type(made.kernel) is Weight


def test_it_compiles_without_a_break():
    made = layer()
    x = torch.ones(2, 4)
    expected = made(x)
    found = torch.compile(made, backend="eager", fullgraph=True)(x)
    torch.testing.assert_close(found, expected)


def test_a_variable_of_ones_own():
    class Scale(keras.Layer):
        def __init__(self):
            super().__init__()
            self.scale = keras.Variable("ones", (3,), name="scale")
            self.count = keras.Variable(0, trainable=False, dtype="int32")

        def call(self, x):
            self.count.assign_add(1)
            return x * self.scale

    made = Scale()
    made(torch.ones(2, 3))
    made(torch.ones(2, 3))
    assert int(made.count) == 2
    assert made.count.dtype == torch.int32
    assert len(made.weights) == 2
    assert made.scale.trainable
    assert not made.count.trainable
    assert keras.Variable([1.0, 2.0]).dtype == torch.float32
    assert keras.Variable(np.ones(2)).numpy().tolist() == [1, 1]
    assert "Weight 'scale' containing:\ntensor([1., 1., 1.]" in repr(made.scale)
    source = torch.ones(2)
    keras.Variable(source).assign_add(1.0)
    assert source.tolist() == [1, 1]


def test_what_it_is_kept_to_can_be_set():
    """As Keras's variables: read, set and obeyed, by the weight or by the layer's option."""
    layer = keras.layers.Dense(2, kernel_constraint="non_neg", bias_regularizer="l2")
    layer.build((None, 3))
    assert type(layer.kernel.constraint).__name__ == "NonNeg"
    assert layer.kernel.regularizer is None
    assert type(layer.bias.regularizer).__name__ == "L2"
    layer.kernel.constraint = keras.constraints.MaxNorm(0.1)
    layer.kernel.regularizer = "l1"
    model = keras.Sequential([layer])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert (layer.kernel.norm(dim=0) <= 0.1001).all()
    want = 0.01 * (layer.bias**2).sum() + 0.01 * layer.kernel.abs().sum()
    torch.testing.assert_close(sum(layer.losses), want)
    layer.kernel_constraint = None
    assert layer.kernel.constraint is None
    with says("Weight 'dense/kernel': unknown constraint 'none_neg'; did you mean 'non_neg'"):
        layer.kernel.constraint = "none_neg"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_is_kept_by_its_own_layer(again):
    layer = keras.layers.Dense(2, kernel_constraint="non_neg")
    layer.build((None, 3))
    other = again(layer)
    other.kernel.constraint = None
    assert other.constrained() == []
    assert len(layer.constrained()) == 1


def test_a_loose_weight_brings_its_constraint():
    class Scale(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = given

        def call(self, x):
            return x * self.scale

    given = keras.Variable([-1.0, 2.0], name="w")
    given.constraint = "non_neg"
    layer = Scale()
    assert [type(c).__name__ for _, c in layer.constrained()] == ["NonNeg"]
    model = keras.Sequential([layer])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 2)), verbose=0)
    assert layer.scale[0] == 0
