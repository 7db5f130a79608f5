"""What pooling gives and refuses."""

import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad.core.spec import Spec
from unpad.testing import coded, grid

from ..messages import says

L = keras.layers


def ragged(*sequences):
    made = Ragged.from_list([torch.tensor(s, dtype=torch.float64) for s in sequences])
    made.values.requires_grad_()
    return made


def test_windows_hold_what_there_is():
    """'valid' within a sequence; 'same' beyond its ends, where nothing is."""
    x = ragged([1, -5, -2, -4], [], [-3])
    assert [s.tolist() for s in L.MaxPooling1D(3, 1)(x)] == [[1, -2], [], []]
    assert [s.tolist() for s in L.MaxPooling1D(3, 1, "same")(x)] == [[1, 1, -2, -2], [], [-3]]
    assert [s.tolist() for s in L.MaxPooling1D(2, 3, "same")(x)] == [[1, -4], [], [-3]]
    means = L.AveragePooling1D(3, 1, "same")(x)
    assert [s.tolist() for s in means] == [[-2, -2, pytest.approx(-11 / 3), -3], [], [-3]]
    assert [s.tolist() for s in L.AveragePooling1D(3, 2, "same")(x)] == [[-2, -3], [], [-3]]
    assert [s.tolist() for s in L.AveragePooling1D(2)(x)] == [[-2, -3], [], []]


def test_a_neighbour_of_nan_or_infinity_is_not_seen():
    inf, nan = float("inf"), float("nan")
    x = ragged([1, 2, 3], [nan, inf], [4, 5])
    for layer in (L.MaxPooling1D(2, 1, "same"), L.AveragePooling1D(3, 1, "same")):
        out = layer(x)
        for i in (0, 2):
            assert out[i].isfinite().all()
            (grad,) = torch.autograd.grad(out[i].sum(), x.values, retain_graph=True)
            assert grad.isfinite().all()
            assert grad[x.sequence_ids != i].abs().sum() == 0


def test_of_equal_steps_the_first_takes_the_gradient():
    x = ragged([0, 0, 0, 0], [2, 2, 1])
    L.MaxPooling1D(2, padding="same")(x).values.sum().backward()
    assert x.values.grad.tolist() == [1, 0, 1, 0, 1, 0, 1]


def test_over_a_sequence_equal_steps_share_it():
    for sign in (1, -1):
        x = ragged([0, 0], [], [2, 2, 1])
        (sign * L.GlobalMaxPooling1D()(x)).sum().backward()
        assert x.values.grad.tolist() == [0.5 * sign] * 4 + [0]


def test_prediction_and_training_agree():
    x = coded([7, 0, 3, 1], (4,))
    for padding in ("valid", "same"):
        layer = L.MaxPooling1D(3, 2, padding)
        trained = layer(x.with_values(x.values.clone().requires_grad_()))
        assert torch.equal(trained.values.detach(), layer(x).values)
        with torch.no_grad():
            assert torch.equal(trained.values, layer(x).values)


@pytest.mark.parametrize("feature", [(), (1,), (2, 3)])
@pytest.mark.parametrize("kind", [L.MaxPooling1D, L.AveragePooling1D])
def test_any_features(kind, feature):
    """A step's numbers are pooled each by itself, however they are arranged."""
    x = coded([5, 0, 2], feature)
    flat = x.with_values(x.values.reshape(x.steps, -1))
    for given in (x, x.with_values(x.values.clone().requires_grad_())):
        out = kind(3, 2, "same")(given)
        assert out.feature == feature
        want = kind(3, 2, "same")(flat).values
        assert torch.equal(out.values.detach().reshape(out.steps, -1), want)


def test_integers():
    """The largest of integers is an integer, their mean is not."""
    x = Ragged.from_list([[-3, -1, -2], [], [-7]])
    for padding in ("valid", "same"):
        layer = L.MaxPooling1D(2, padding=padding)
        assert layer(x).dtype == layer.output_spec(Spec((), True, torch.int64)).dtype == torch.int64
    assert L.MaxPooling1D(2, padding="same")(x).values.tolist() == [-1, -2, -7]
    assert L.GlobalMaxPooling1D()(x).tolist() == [-1, 0, -7]
    for layer in (L.AveragePooling1D(2, padding="same"), L.GlobalAveragePooling1D()):
        assert layer.output_spec(Spec((), True, torch.int64)).dtype == torch.float32
    assert L.AveragePooling1D(2, padding="same")(x).values.tolist() == [-2, -2, -7]
    assert L.GlobalAveragePooling1D()(x).tolist() == [-2, 0, -7]


@pytest.mark.parametrize("kind", [L.GlobalMaxPooling1D, L.GlobalAveragePooling1D])
def test_an_empty_sequence_gives_0(kind):
    x = ragged([[1.0, 2.0]], [[3.0, 4.0]])[:1]
    nothing = ragged([[1.0, 2.0]])[:0]
    empties = Ragged.from_padded(torch.zeros(2, 1, 2), lengths=0)
    assert kind()(empties).tolist() == [[0, 0], [0, 0]]
    assert kind(keepdims=True)(empties).shape == (2, 1, 2)
    assert kind()(nothing).shape == (0, 2)
    assert kind()(torch.zeros(3, 0, 2)).tolist() == [[0, 0]] * 3
    assert kind()(x).tolist() == [[1, 2]]


def test_a_row_is_a_tensor_whatever_came_in():
    """Data from numpy is handed back as numpy, but between layers there are tensors."""
    x, mask = grid(coded([2, 0], (3,), torch.float32), "left")
    for layer in (L.GlobalMaxPooling1D(), L.GlobalAveragePooling1D()):
        assert isinstance(layer(Ragged.from_padded(x.numpy(), mask=mask.numpy())), torch.Tensor)


def test_lengths_that_stay_keep_their_places():
    x, mask = grid(coded([3, 0, 2], (3,)), "holes")
    holes = Ragged.from_padded(x, mask=mask)
    assert L.MaxPooling1D(3, 1, "same")(holes).layout is holes.layout
    out = L.AveragePooling1D(2)(holes)
    assert out.lengths.tolist() == [1, 0, 1]
    assert out.layout.width == x.shape[1] // 2


def test_what_is_refused():
    for wrong in (0, (1, 2), 1.5):
        with says(f"MaxPooling1D: expected pool_size as a positive integer, got {wrong!r}."):
            L.MaxPooling1D(wrong)
        with says(f"MaxPooling1D: expected strides as a positive integer, got {wrong!r}."):
            L.MaxPooling1D(2, wrong)
    with says("AveragePooling1D: expected padding as 'valid' or 'same', got 'causal'."):
        L.AveragePooling1D(2, padding="causal")
    with says("GlobalMaxPooling1D: unknown data_format 'first'; Known are: None, channels"):
        L.GlobalMaxPooling1D("first")
    for layer in (L.MaxPooling1D(2), L.GlobalAveragePooling1D()):
        with says(
            f"{type(layer).__name__}: expected sequences, (batch, steps*, feature) or (batch, "
            "time, feature), got (batch, 4). One number a step needs x[..., None] and "
            "Input(shape=(None, 1))."
        ):
            layer(torch.zeros(2, 4))
    with says(
        "MaxPooling1D: nothing would be left of 2 steps: it needs 3. In a Ragged, sequences that "
        "are too short become empty."
    ):
        L.MaxPooling1D(3)(torch.zeros(2, 2, 1))
