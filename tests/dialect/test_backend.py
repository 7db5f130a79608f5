"""keras.backend as K: on tensors as numpy says, on Ragged by sequence or step, on symbols."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad import backend as K

from ..messages import says

RNG = np.random.default_rng(0)
LENGTHS = [3, 0, 1, 4]
X = Ragged.from_list([torch.from_numpy(RNG.normal(size=(n, 2, 3))) for n in LENGTHS])
IDS = Ragged.from_list([torch.from_numpy(RNG.integers(0, 3, size=n)) for n in LENGTHS])
GRID = torch.from_numpy(RNG.normal(size=(4, 5, 3)))

# Each with one argument, on Ragged and grids alike: what a step gives is its own business.
TOKEN_WISE = {
    "equal": lambda x: K.equal(x, 0.5),
    "not_equal": lambda x: K.not_equal(x, 0),
    "greater": lambda x: K.greater(x, 0),
    "greater_equal": lambda x: K.greater_equal(x, 0),
    "less": lambda x: K.less(x, 0),
    "less_equal": lambda x: K.less_equal(x, 0),
    "cast": lambda x: K.cast(K.greater(x, 0), K.floatx()),
    "cast_to_floatx": K.cast_to_floatx,
    "maximum": lambda x: K.maximum(x, 0.3),
    "minimum": lambda x: K.minimum(x, x * 2),
    "switch": lambda x: K.switch(K.greater(x, 0), x, lambda: x * 0),
    "abs": K.abs,
    "square": K.square,
    "sqrt": K.sqrt,
    "exp": K.exp,
    "log": lambda x: K.log(K.abs(x)),
    "pow": lambda x: K.pow(x, 2),
    "sign": K.sign,
    "round": K.round,
    "sin": K.sin,
    "cos": K.cos,
    "clip": lambda x: K.clip(x, -0.5, 0.5),
    "tanh": K.tanh,
    "sigmoid": K.sigmoid,
    "hard_sigmoid": K.hard_sigmoid,
    "relu": lambda x: K.relu(x, 0.1, 1.0),
    "elu": K.elu,
    "softplus": K.softplus,
    "softsign": K.softsign,
    "softmax": K.softmax,
    "l2_normalize": K.l2_normalize,
    "stop_gradient": K.stop_gradient,
    "sum": lambda x: K.sum(x, axis=-1),
    "mean": lambda x: K.mean(x, axis=-1, keepdims=True),
    "var": lambda x: K.var(x, axis=-1),
    "std": lambda x: K.std(x, axis=-1),
    "max": lambda x: K.max(x, axis=-1),
    "min": lambda x: K.min(x, axis=-1),
    "prod": lambda x: K.prod(x, axis=-1),
    "any": lambda x: K.any(K.greater(x, 0), axis=-1),
    "all": lambda x: K.all(K.greater(x, 0), axis=-1, keepdims=True),
    "argmax": K.argmax,
    "argmin": K.argmin,
    "cumsum": lambda x: K.cumsum(x, axis=-1),
    "expand_dims": K.expand_dims,
    "squeeze": lambda x: K.squeeze(K.expand_dims(x), -1),
    "repeat_elements": lambda x: K.repeat_elements(x, 2, axis=-1),
    "tile": lambda x: K.tile(x, 2),
    "concatenate": lambda x: K.concatenate([x, x * 2]),
    "stack": lambda x: K.stack([x, x * 2], axis=-1),
    "reverse": lambda x: K.reverse(x, -1),
    "zeros_like": K.zeros_like,
    "ones_like": lambda x: K.ones_like(x, dtype="int32"),
    "one_hot": lambda x: K.one_hot(K.cast(K.greater(x, 0), "int64"), 2),
    "gather": lambda x: K.gather(GRID[0], K.cast(K.greater(x, 0), "int64")),
    "dot": lambda x: K.dot(x, GRID[0, :3]),
    "categorical_crossentropy": lambda x: K.categorical_crossentropy(K.softmax(x), K.softmax(x)),
    "binary_crossentropy": lambda x: K.binary_crossentropy(K.sigmoid(x), K.sigmoid(x)),
}  # fmt: skip


@pytest.mark.parametrize("name", TOKEN_WISE)
def test_each_step_as_if_it_were_alone(name):
    """On a Ragged what the function gives for each sequence as a batch of its own."""
    function = TOKEN_WISE[name]
    found = function(X)
    assert found.layout is X.layout
    for part, given in zip(found, X, strict=True):
        torch.testing.assert_close(part, function(given[None])[0])
    np.testing.assert_array_equal(function(GRID), function(GRID.numpy()))  # arrays too


@pytest.mark.parametrize("name", TOKEN_WISE)
def test_on_symbols(name):
    """In a graph, dense and Ragged, the same as at once; and the shape is known before."""
    function = TOKEN_WISE[name]
    for symbol, batch in (
        (keras.Input((None, 2, 3), dtype="float64", ragged=True), X),
        (keras.Input((5, 3), dtype="float64"), GRID),
    ):
        drawn = function(symbol)
        found = keras.Model(symbol, drawn)(batch)
        expected = function(batch)
        assert K.int_shape(drawn)[1:] == (None,) * isinstance(batch, Ragged) + tuple(
            expected.feature if isinstance(batch, Ragged) else expected.shape[1:]
        )
        if isinstance(batch, Ragged):
            found, expected = found.values, expected.values
        torch.testing.assert_close(found, expected)


REDUCTIONS = {
    "sum": (K.sum, np.sum), "mean": (K.mean, np.mean), "max": (K.max, np.max),
    "min": (K.min, np.min), "var": (K.var, np.var), "std": (K.std, np.std),
    "any": (K.any, np.any), "all": (K.all, np.all),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), [0, 1, 2]])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_of_a_grid_are_numpys(name, axis, keepdims):
    ours, theirs = REDUCTIONS[name]
    axes = tuple(axis) if isinstance(axis, list) else axis
    flags = GRID > 0 if name in ("any", "all") else GRID
    np.testing.assert_allclose(
        ours(flags, axis, keepdims), theirs(flags.numpy(), axis=axes, keepdims=keepdims), rtol=1e-6
    )


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", [1, (1, 3), (1, 2, 3)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_of_sequences_are_over_their_own_steps(name, axis, keepdims):
    if name in ("var", "std") and axis != 1:
        return
    ours, theirs = REDUCTIONS[name]
    batch = K.greater(X, 0) if name in ("any", "all") else X
    found = ours(batch, axis, keepdims)
    for row, given in zip(found, batch, strict=True):
        if len(given):
            alone = theirs(given[None].numpy(), axis=axis, keepdims=keepdims)[0]
            np.testing.assert_allclose(row, alone, rtol=1e-6)
        else:
            assert (row == (name == "all")).all()


def test_reductions_of_everything():
    assert float(K.mean(X)) == pytest.approx(float(X.values.mean()))
    assert float(K.var(X)) == pytest.approx(float(X.values.var(correction=0)))
    assert K.sum(IDS, axis=-1).tolist() == IDS.sum().tolist()
    assert K.sum(X, keepdims=True).shape == (1, 1, 1, 1)
    assert K.mean(GRID, axis=[]) is GRID  # as Keras: no axis, no mean
    assert float(K.mean(Ragged.from_list([[], []]))) == 0
    assert K.mean(torch.tensor([[True, False]])).item() == 0.5


def test_gradients_flow():
    values = X.values.clone().requires_grad_()
    total = K.sum(K.mean(K.square(X.with_values(values)), axis=1))
    total.backward()
    lengths = torch.tensor([n for n in LENGTHS for _ in range(n)])[:, None, None]
    torch.testing.assert_close(values.grad, 2 * X.values / lengths)
    (K.stop_gradient(values) * 1).sum()
    assert not K.stop_gradient(values).requires_grad


def test_the_mask_of_the_documents():
    """greater, cast, expand_dims, repeat_elements: a mask of ids, as features."""
    ids = torch.tensor([[3, 5, 0]])
    mask = K.cast(K.greater(ids, 0), dtype=K.floatx())
    wide = K.repeat_elements(K.expand_dims(mask), 4, axis=2)
    assert K.int_shape(wide) == (1, 3, 4)
    assert wide.sum(-1).tolist() == [[4, 4, 0]]
    turned = K.permute_dimensions(K.repeat(mask, 4), (0, 2, 1))
    assert torch.equal(turned, wide)


def test_time_of_sequences():
    assert K.softmax(X, axis=1).layout is X.layout
    torch.testing.assert_close(K.softmax(X, axis=1).sum(), (X * 0 + 1).max())
    assert [p.tolist() for p in K.reverse(IDS, 1)] == [p.tolist()[::-1] for p in IDS]
    assert K.repeat_elements(IDS, 2, axis=1).lengths.tolist() == [2 * n for n in LENGTHS]
    assert K.concatenate([IDS, IDS], axis=1).lengths.tolist() == [2 * n for n in LENGTHS]
    assert K.int_shape(K.reshape(X, (-1, -1, 6))) == (4, None, 6)
    assert K.permute_dimensions(X, (0, 1, 3, 2)).feature == (3, 2)
    contracted = K.batch_dot(IDS.to(torch.float64), K.reshape(X, (-1, -1, 6)), axes=1)
    assert contracted.shape == (4, 6)


def test_shapes_of_tensors():
    assert K.int_shape(K.reshape(GRID, (-1, 15))) == (4, 15)
    assert K.shape(K.batch_flatten(GRID)) == (4, 15)
    assert K.flatten(GRID).shape == (60,)
    assert torch.equal(K.transpose(GRID[0]), GRID[0].T)
    assert K.ndim(GRID) == K.ndim(IDS) + 1 == K.ndim(keras.Input((5, 3))) == 3
    assert K.concatenate([GRID, GRID], axis=0).shape == (8, 5, 3)
    assert K.stack([GRID, GRID]).shape == (2, 4, 5, 3)
    assert K.permute_dimensions(GRID, (1, 0, 2)).shape == (5, 4, 3)
    assert K.batch_dot(GRID[:, 0], GRID[:, 1]).shape == (4, 1)
    assert torch.equal(K.batch_dot(GRID, GRID.mT), GRID @ GRID.mT)
    assert K.squeeze(GRID[:, :1], 1).shape == (4, 3)
    assert K.repeat(GRID[:, 0], 6).shape == (4, 6, 3)
    assert K.is_tensor(X)
    assert K.is_tensor(keras.Input((2,)))
    assert K.is_keras_tensor(keras.Input((2,)))
    assert not K.is_keras_tensor(GRID)


def test_sparse_crossentropy_picks_the_class():
    p = torch.softmax(X.values[:, 0], -1)
    batch = X.with_values(p)
    found = K.sparse_categorical_crossentropy(IDS, batch)
    picked = p[torch.arange(len(p)), IDS.values]
    torch.testing.assert_close(found.values, -picked.log())
    logits = K.sparse_categorical_crossentropy(IDS.values[:, None], X.values[:, 0], True)
    torch.testing.assert_close(logits, found.values)
    one_hot = K.categorical_crossentropy(K.one_hot(IDS, 3), X.with_values(X.values[:, 0]), True)
    torch.testing.assert_close(one_hot.values, found.values)
    binary = K.binary_crossentropy(torch.ones(2), torch.tensor([0.0, 3.0]), from_logits=True)
    torch.testing.assert_close(binary, -torch.sigmoid(torch.tensor([0.0, 3.0])).log())


def test_numbers_and_types():
    assert (K.backend(), K.floatx(), K.epsilon()) == ("torch", "float32", 1e-7)
    assert K.dtype(GRID) == K.dtype(X) == "float64"
    assert K.dtype(np.zeros(2, "int32")) == "int32"
    K.set_floatx("float64")
    try:
        assert K.cast_to_floatx([1]).dtype == np.float64
        assert K.zeros((2,)).dtype == keras.layers.Dense(1)(K.ones((2, 3))).dtype == torch.float64
    finally:
        K.set_floatx("float32")
    assert K.constant(3, shape=(2, 2)).tolist() == [[3, 3], [3, 3]]
    assert K.eye(2, dtype="int32").tolist() == [[1, 0], [0, 1]]
    assert K.arange(3).tolist() == K.arange(0, 3).tolist() == [0, 1, 2]
    kept = K.variable([1.0, 2.0])
    K.set_value(kept, [3.0, 4.0])
    assert K.get_value(kept).tolist() == K.eval(kept).tolist() == [3.0, 4.0]
    assert [part.tolist() for part in K.get_value(IDS)] == [part.tolist() for part in IDS]
    assert K.get_value(0.5) == 0.5
    assert K.clear_session() is None


SAYS = [
    (lambda: K.sum(X, axis=0), "sum: axis 0 is the batch, whose sequences have different lengths. "
     "Each sequence: axis=1; each step: axis=-1; everything: axis=None."),
    (lambda: K.sum(X, axis=4), "sum: there is no axis 4: x has 4."),
    (lambda: K.argmax(IDS, 0), "argmax: axis 0 is the batch, whose sequences have different len"),
    (lambda: K.expand_dims(X, 1), "expand_dims: axis 1 of a Ragged is time. An axis of a step's"),
    (lambda: K.squeeze(GRID, 1), "squeeze: expected axis 1 of size 1, got 5."),
    (lambda: K.tile(X, (1, 2, 1, 1)), "tile: got (1, 2, 1, 1) for a Ragged, whose"),
    (lambda: K.flatten(X), "flatten: got a Ragged, whose sequences have different lengths. Its"),
    (lambda: K.reverse(X, 0), "flip: axis 0 is the batch, whose sequences have different length"),
    (lambda: K.sum(Ragged.from_list([[[1], [2, 3]]], levels=2), axis=1),
     "sum: got sequences of sequences. One level at a time: x.map(...) of the inner ones, or x."),
    (lambda: K.set_floatx("float31"), "set_floatx: expected floatx as 'float32' or another"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "text"), SAYS, ids=[text[:24] for _, text in SAYS])
def test_what_it_says(call, text):
    with says(text):
        call()


def test_what_is_not_here():
    with says("keras.backend.rnn: not here. Use layers.RNN(cell).", AttributeError):
        _ = K.rnn
    with says("keras.backend.foo: not here. Use Keras 3's functions: unpad.ops.", AttributeError):
        _ = K.foo
    with says(
        "set_value: expected a tensor, got float. A learning rate is set as "
        "model.optimizer.learning_rate = 0.001.",
        TypeError,
    ):
        K.set_value(0.1, 0.2)
