"""What is called with another kind of thing than it takes says who, what and the way out."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged

from ..messages import says

L = keras.layers


def dense():
    return keras.Sequential([keras.Input((3,)), L.Dense(2, name="d")])


ROWS = torch.ones(2, 3)
CALLS = [
    (
        lambda: Ragged.from_list([[1, 2], [3]], levels=2),
        "Ragged.from_list: levels=2 expects sequence 0 as a list of sequences, got [1, 2]. "
        "Sequences of steps: Ragged.from_list(x).",
    ),
    (
        lambda: L.Dense(2)(ROWS, ROWS),
        "Dense: too many positional arguments. It is called as layer(inputs).",
    ),
    (
        lambda: L.Dense(2)(ROWS, scale=1),
        "Dense: got an unexpected keyword argument 'scale'. It is called as layer(inputs).",
    ),
    (
        lambda: dense().set_weights(None),
        "Sequential: expected a list of 2 arrays, got NoneType.",
    ),
    (
        lambda: dense().layers[0].kernel.assign(np.ones((4, 2))),
        "d/kernel.assign: expected numbers of shape (3, 2), got (4, 2).",
    ),
    (
        lambda: dense().layers[0].kernel.assign_add(np.ones((5, 3, 2))),
        "d/kernel.assign_add: expected numbers of shape (3, 2), got (5, 3, 2).",
    ),
    (
        lambda: keras.utils.pad_sequences([[1], ["a"]]),
        "pad_sequences: sequence 1 holds text, ['a']. Make ids of it first, as TextVectorization "
        "does, or pad text: dtype=object, value=''.",
    ),
    (lambda: L.Rescaling("a"), "Rescaling: scale: expected numbers, got 'a'."),
    (lambda: L.Rescaling(1.0, [None]), "Rescaling: offset: expected numbers, got None in a list."),
]


@pytest.mark.parametrize(("call", "text"), CALLS)
def test_a_wrong_call(call, text):
    with says(text, (TypeError, ValueError)):
        call()


def test_a_weight_that_refuses_is_what_it_was():
    kernel = dense().layers[0].kernel
    before = kernel.numpy()
    with pytest.raises(ValueError, match=r"kernel\.assign"):
        kernel.assign(np.zeros((2, 3)))
    np.testing.assert_array_equal(kernel.numpy(), before)
    np.testing.assert_array_equal(kernel.assign(2.0).numpy(), np.full((3, 2), 2.0))
    np.testing.assert_array_equal(kernel.assign_sub([1.0, 0.0]).numpy(), [[1, 2]] * 3)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_a_nested_tensor_is_a_list_of_its_sequences(layout):
    parts = [torch.ones(2, 3), torch.zeros(0, 3), torch.full((4, 3), 2.0)]
    ragged = Ragged.from_list(torch.nested.nested_tensor(parts, layout=layout))
    assert ragged.lengths.tolist() == [2, 0, 4]
    torch.testing.assert_close(ragged.values, torch.cat(parts))
