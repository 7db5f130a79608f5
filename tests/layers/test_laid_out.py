"""Flatten and the Dense after it: what is computed from the steps alone is what the grid gives."""

import contextlib
import copy
import pickle

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged, kernels
from unpad.layers import Dense, Flatten
from unpad.layers.basic import laid_out

LENGTHS = [3, 0, 1, 5, 5, 0, 2]


@pytest.fixture(autouse=True)
def _any_width(monkeypatch):
    monkeypatch.setattr(laid_out, "_WORTH", 0)


@pytest.fixture(params=[torch.float32, torch.float64], ids=str)
def dtype(request):
    return request.param


@pytest.fixture(params=["avx512", "avx2", "portable"])
def instruction_set(request):
    # A machine that lacks it: the best it has is tested again.
    with contextlib.suppress(ValueError):
        kernels.library.force_instruction_set(request.param)
    yield request.param
    kernels.library.force_instruction_set(None)


@pytest.mark.parametrize("units", [1, 25, 40])
@pytest.mark.parametrize("feature", [1, 30, 400])
def test_any_sizes_on_any_instruction_set(instruction_set, dtype, feature, units):
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([9, 0, 1, 30, 12, 30, 2, 30, 7])
    values = torch.randn(int(lengths.sum()), feature, generator=generator, dtype=torch.float64)
    values = values.to(dtype).requires_grad_()
    kernel = torch.randn(30 * feature, units, generator=generator, dtype=torch.float64)
    kernel, bias = kernel.to(dtype).requires_grad_(), torch.ones(units, dtype=dtype)
    rows = Flatten(length=30)(Ragged(values, keras.Layout.from_lengths(lengths)))
    out = laid_out.linear(rows, kernel, bias)
    found = torch.autograd.grad(out.square().sum(), [values, kernel])
    expected = rows.grid() @ kernel + bias
    wanted = torch.autograd.grad(expected.square().sum(), [values, kernel])
    limits = {"rtol": 1e-4, "atol": 1e-5} if dtype is torch.float32 else {}
    for a, b in zip((out, *found), (expected, *wanted), strict=True):
        torch.testing.assert_close(a / b.abs().max(), b / b.abs().max(), **limits)


def batch(dtype, feature=(3,), side="left"):
    """A grid of 7 slots with padding on one side, holes, and empty sequences."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(len(LENGTHS), 7, dtype=torch.bool)
    for row, n in zip(mask, LENGTHS, strict=True):
        row[slice(7 - n, 7) if side == "left" else slice(n)] = True
    mask[3, 3] = False
    values = torch.randn(int(mask.sum()), *feature, generator=generator, dtype=torch.float64)
    grid = torch.zeros(*mask.shape, *feature, dtype=dtype)
    grid[mask] = values.to(dtype)
    return Ragged.from_padded(grid, mask=mask), grid


def weights(dtype, rows):
    generator = torch.Generator().manual_seed(1)
    kernel = torch.randn(rows, 4, generator=generator, dtype=torch.float64).to(dtype)
    bias = torch.randn(4, generator=generator, dtype=torch.float64).to(dtype)
    return kernel.requires_grad_(), bias.requires_grad_()


def is_unwritten(rows):
    return isinstance(rows, laid_out._LaidOut) and rows.written is None


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("feature", [(3,), (), (2, 3)])
def test_the_product_is_that_of_the_grid(dtype, feature, side):
    ragged, grid = batch(dtype, feature, side)
    flat = grid.reshape(len(grid), -1)
    kernel, bias = weights(dtype, flat.shape[1])
    values = ragged.values.clone().requires_grad_()
    rows = Flatten()(ragged.with_values(values))
    out = laid_out.linear(rows, kernel, bias)
    assert is_unwritten(rows)
    expected = flat.requires_grad_() @ kernel + bias
    torch.testing.assert_close(out, expected)

    pull = torch.linspace(-1, 1, out.numel(), dtype=dtype).reshape(out.shape)
    found = torch.autograd.grad((out * pull).sum(), [values, kernel, bias])
    d_flat, *wanted = torch.autograd.grad((expected * pull).sum(), [flat, kernel, bias])
    d_values = d_flat.reshape(grid.shape)[ragged.mask]
    for got, right in zip(found, [d_values, *wanted], strict=True):
        torch.testing.assert_close(got, right)
    assert is_unwritten(rows)


def test_without_a_bias_and_without_a_gradient_for_the_steps(dtype):
    ragged, grid = batch(dtype)
    kernel, _ = weights(dtype, 21)
    out = laid_out.linear(Flatten()(ragged), kernel, None)
    torch.testing.assert_close(out, grid.reshape(len(grid), -1) @ kernel)
    out.sum().backward()
    torch.testing.assert_close(kernel.grad, grid.reshape(len(grid), -1).T @ torch.ones_like(out))


def test_gradcheck():
    ragged, _ = batch(torch.float64)
    kernel, bias = weights(torch.float64, 21)

    def function(values, kernel, bias):
        return laid_out.linear(Flatten()(ragged.with_values(values)), kernel, bias)

    values = ragged.values.clone().requires_grad_()
    assert torch.autograd.gradcheck(function, (values, kernel, bias))


@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 0]])
def test_no_steps_give_the_bias(lengths, dtype):
    values = torch.zeros(0, 3, dtype=dtype, requires_grad=True)
    ragged = Ragged(values, keras.Layout.from_lengths(torch.tensor(lengths, dtype=torch.int64)))
    kernel, bias = weights(dtype, 12)
    out = laid_out.linear(Flatten(length=4)(ragged), kernel, bias)
    assert torch.equal(out, bias.expand(len(lengths), 4))
    out.sum().backward()
    assert not kernel.grad.any()
    assert bias.grad.tolist() == [len(lengths)] * 4


def test_a_sequence_has_the_same_bits_alone_and_with_any_number_of_threads():
    ragged, _ = batch(torch.float32)
    dense = Dense(4)
    together = dense(Flatten(length=7)(ragged))
    for i, row in enumerate(together):
        assert torch.equal(dense(Flatten(length=7)(ragged[[i]]))[0], row)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert torch.equal(dense(Flatten(length=7)(ragged)), together)
    finally:
        torch.set_num_threads(before)


def doubled(rows):
    return rows * 2


class Doubled(torch.autograd.Function):
    """A derivative of somebody's own: torch hands it the rows without asking them first."""

    @staticmethod
    def forward(ctx, rows):
        return rows * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2


@pytest.mark.parametrize("double", [doubled, Doubled.apply])
def test_whoever_looks_finds_the_grid(double):
    ragged, grid = batch(torch.float32)
    flat = grid.reshape(len(grid), -1)
    values = ragged.values.clone().requires_grad_()
    rows = Flatten()(ragged.with_values(values))
    assert rows.shape == (7, 21) and len(rows) == 7 and rows.requires_grad and is_unwritten(rows)
    out = double(rows)
    assert type(out) is torch.Tensor and torch.equal(out, flat * 2)
    (out * flat).sum().backward()
    assert torch.equal(values.grad, 2 * ragged.values)

    rows = Flatten()(ragged)
    assert np.array_equal(rows.numpy(), flat.numpy()) and rows.tolist() == flat.tolist()
    assert repr(Flatten()(ragged)) == repr(flat) and torch.equal(rows[2], flat[2])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda rows: pickle.loads(pickle.dumps(rows))])
def test_a_copy_is_a_plain_tensor(copied):
    ragged, grid = batch(torch.float32)
    rows = copied(Flatten()(ragged))
    assert type(rows) is torch.Tensor
    assert torch.equal(rows, grid.reshape(7, -1))


def test_its_gradient_can_be_kept():
    ragged, _ = batch(torch.float32)
    rows = Flatten()(ragged.with_values(ragged.values.clone().requires_grad_()))
    rows.retain_grad()
    (laid_out.linear(rows, *weights(torch.float32, 21)) * 2).sum().backward()
    assert rows.grad.shape == (7, 21)
    assert rows.grad.any()


def test_what_is_written_is_what_counts():
    ragged, grid = batch(torch.float32)
    rows = Flatten()(ragged)
    rows.add_(1)
    kernel, bias = weights(torch.float32, 21)
    expected = (grid.reshape(7, -1) + 1) @ kernel + bias
    torch.testing.assert_close(laid_out.linear(rows, kernel, bias), expected)


def test_a_model_never_writes_the_grid(monkeypatch):
    monkeypatch.setattr(laid_out, "_grid", None)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Embedding(9, 4, mask_zero=True),
            Flatten(),
            Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    x = np.array([[0, 0, 0, 1, 2, 3], [0, 0, 0, 0, 0, 0], [4, 5, 6, 7, 8, 1]])
    assert np.isfinite(model.fit(x, np.array([0, 1, 2]), verbose=0).history["loss"][0])
    model.predict(x, verbose=0)


def test_where_the_library_does_not_serve_the_grid_is_written(monkeypatch):
    monkeypatch.setattr(kernels.library, "refuses", lambda values: "it is not used")
    ragged, grid = batch(torch.float32)
    assert type(Flatten()(ragged)) is torch.Tensor
    assert torch.equal(Flatten()(ragged), grid.reshape(7, -1))


def test_torch_compile_sees_plain_tensors():
    ragged, _ = batch(torch.float32)
    layer = Flatten(length=7)
    compiled = torch.compile(lambda values: layer(ragged.with_values(values)) * 2, backend="eager")
    assert torch.equal(compiled(ragged.values), layer(ragged) * 2)
