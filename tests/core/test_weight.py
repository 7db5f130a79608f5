"""Weights: torch parameters with Keras's ways to change and to read them."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch

import unpad as keras
from unpad.core.weight import Weight


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
