"""Names, arguments and defaults of Keras's losses, its functions, CTC, and where we differ."""

import inspect

import keras
import numpy as np
import pytest
import torch
from keras.src import losses as source
from loss_cases import CASES
from masked_batches import MASKS, TIME, coded
from side_by_side import assert_close

import unpad
from unpad import Ragged, losses

#: Of images; not of sequences.
LEFT_OUT = {"Dice", "LossFunctionWrapper", "Tversky", "dice", "tversky"}
SHARED = sorted(set(source.ALL_OBJECTS_DICT) - LEFT_OUT)
CLASSES = [n for n in SHARED if inspect.isclass(source.ALL_OBJECTS_DICT[n]) and n != "Loss"]
FUNCTIONS = sorted({f.__name__ for f in source.ALL_OBJECTS_DICT.values()} - set(CLASSES) - LEFT_OUT)
FUNCTIONS.remove("Loss")

cases = pytest.mark.parametrize(("name", "options", "true", "pred"), CASES.values(), ids=CASES)


def arguments(function):
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("name", [*CLASSES, "Loss"])
def test_arguments_of_classes(name):
    ours, theirs = getattr(losses, name), getattr(keras.losses, name)
    assert arguments(ours.__init__) == arguments(theirs.__init__)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_of_functions(name):
    assert arguments(getattr(losses, name)) == arguments(getattr(keras.losses, name))


@pytest.mark.parametrize("name", [n for n in SHARED if n != "Loss"])
def test_every_name_of_keras_is_known(name):
    theirs = keras.losses.get(name)
    theirs = theirs.__name__ if inspect.isfunction(theirs) else theirs.name
    assert type(losses.get(name)) is type(losses.get(theirs))


def test_nothing_else_is_left_out():
    named = {n for n in dir(keras.losses) if not n.startswith("_")}
    assert named - LEFT_OUT <= set(losses.__all__)


def function_of(name):
    """The function of a class, by the name that Keras gives the class's losses."""
    own = getattr(keras.losses, name)().name
    return {"huber_loss": "huber"}.get(own, own)


@cases
def test_functions(float64, name, options, true, pred):
    """One number a step, on grids and on a Ragged, and the gradient of its sum."""
    name = function_of(name)
    x_ours, x_theirs = (torch.tensor(pred, requires_grad=True) for _ in range(2))
    ours = getattr(losses, name)(torch.tensor(true), x_ours, **options)
    theirs = getattr(keras.losses, name)(torch.tensor(true), x_theirs, **options)
    assert_close(ours.detach(), theirs.detach(), "loss of each step")
    ours.sum().backward()
    theirs.sum().backward()
    assert_close(x_ours.grad, x_theirs.grad, "gradient", rtol=1e-7, atol=1e-10)
    mask = MASKS["holes"]
    y, p = (Ragged.from_padded(torch.tensor(v), mask=torch.tensor(mask)) for v in (true, pred))
    each = getattr(losses, name)(y, p, **options)
    assert_close(each.values, theirs.detach()[mask], "loss of each step of a Ragged")


@cases
@pytest.mark.parametrize("weighted", [False, True])
def test_grids(float64, name, options, true, pred, weighted):
    """Dense (batch, time, feature) without a mask, with a weight a step."""
    weight = torch.tensor(1 + coded(feature=1)[..., 0]) if weighted else None
    args = torch.tensor(true), torch.tensor(pred), weight
    ours, theirs = (getattr(m.losses, name)(**options)(*args) for m in (unpad, keras))
    assert_close(ours, theirs, "loss")


# --- CTC ------------------------------------------------------------------------------------------

LOGITS = 3 * coded(feature=5)
LABELS = np.array([[1, 2, 0, 0], [3, 3, 4, 0], [2, 0, 0, 0], [4, 1, 4, 1]])
WEIGHT = np.array([1.0, 0.5, 0.0, 2.0])


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_ctc(float64, reduction, weight):
    """Sequences of full length: all that Keras's loss can be given."""
    x_ours, x_theirs = (torch.tensor(LOGITS, requires_grad=True) for _ in range(2))
    w = None if weight is None else torch.tensor(weight)
    ragged = Ragged.from_padded(x_ours, lengths=TIME)
    targets = Ragged.from_padded(LABELS, padding=0)
    ours = losses.CTC(reduction)(targets, ragged, w)
    theirs = keras.losses.CTC(reduction)(torch.tensor(LABELS), x_theirs, w)
    assert_close(ours.detach(), theirs.detach(), "loss")
    ours.backward()
    theirs.backward()
    assert_close(x_ours.grad, x_theirs.grad, "gradient", rtol=1e-7, atol=1e-10)
    dense = losses.CTC(reduction)(torch.tensor(LABELS), torch.tensor(LOGITS), w)
    assert_close(dense, theirs.detach(), "loss of a grid")


def test_ctc_of_each_sequence(float64):
    args = torch.tensor(LABELS), torch.tensor(LOGITS)
    for ours, theirs in (
        (losses.ctc(*args), keras.losses.ctc(*args)),
        (losses.CTC(None)(*args), keras.losses.CTC(None)(*args)),
    ):
        assert_close(ours, theirs, "loss of each sequence")


@pytest.mark.parametrize("mask", [m for m in MASKS if m != "ones"])
def test_ctc_of_sequences_of_their_own_lengths(float64, mask):
    """What Keras's operator gives when it is told the lengths; its loss cannot be told."""
    pred = Ragged.from_padded(torch.tensor(LOGITS), mask=torch.tensor(MASKS[mask]))
    labels = np.array([[1, 2], [3, 0], [2, 0], [4, 0]])
    if int(pred.lengths.min()) < 2:
        labels[:, 1] = 0
    theirs = keras.ops.nn.ctc_loss(
        torch.tensor(labels),
        Ragged(pred.values, pred.offsets).to_padded(),
        torch.tensor((labels != 0).sum(1)),
        pred.lengths,
    )
    assert_close(losses.ctc(torch.tensor(labels), pred), theirs, "loss of each sequence")


def test_ctc_of_a_target_that_is_too_long():
    """Pinned: an infinite loss in Keras, an error that names the sequence here."""
    labels, logits = torch.tensor([[1, 2], [3, 3]]), torch.zeros(2, 2, 4)
    assert float(keras.losses.CTC()(labels, logits)) == float("inf")
    with pytest.raises(ValueError, match="ctc: sequence 1 has 2 steps of output, but its target"):
        losses.CTC()(labels, logits)


# --- pinned: where the numbers differ -------------------------------------------------------------


@pytest.mark.parametrize("name", ["BinaryFocalCrossentropy", "CategoricalFocalCrossentropy"])
def test_focal_losses_from_logits_go_on(float64, name):
    """Pinned: Keras turns logits into clipped probabilities: surely wrong costs 16, and no slope.

    Here the logarithm is taken of the logits, as both do it in the other cross-entropies.
    """
    y, grads, values = torch.tensor([[1.0, 0.0]]), [], []
    for module in (unpad, keras):
        x = torch.tensor([[-40.0, 40.0]], requires_grad=True)
        loss = getattr(module.losses, name)(from_logits=True, gamma=1.0, alpha=1.0)(y, x)
        loss.backward()
        values.append(float(loss.detach()))
        grads.append(float(x.grad.abs().sum()))
    exact = 40.0 if name.startswith("Binary") else 80.0
    assert values == pytest.approx([exact, -np.log(1e-7)], rel=1e-6)
    assert grads[0] == pytest.approx(1 if name.startswith("Binary") else 2, rel=1e-6)
    assert grads[1] < 1e-16


def test_hinge_of_mixed_labels():
    """Pinned: Keras takes 0 for -1 only where the whole batch, padding too, has no other label."""
    p = torch.full((4, 1), 0.5)
    alone, beside = torch.tensor([[0.0]]), torch.tensor([[0.0], [-1.0], [1.0], [-1.0]])
    assert float(keras.losses.hinge(alone, p[:1])[0]) == 1.5
    assert float(keras.losses.hinge(beside, p)[0]) == 1.0
    assert float(losses.hinge(alone, p[:1])[0]) == float(losses.hinge(beside, p)[0]) == 1.5


def test_gradients_that_are_nan_in_keras():
    """Pinned: at a vector of zeros, and at certainty with gamma below 1."""
    zeros, ones = torch.zeros(1, 3), torch.ones(1, 3)
    for name, options, y, p in (
        ("CosineSimilarity", {}, ones, zeros),
        ("BinaryFocalCrossentropy", {"gamma": 0.5}, ones, ones),
        ("CategoricalCrossentropy", {}, ones, zeros),
    ):
        found = []
        for module in (unpad, keras):
            x = p.clone().requires_grad_()
            getattr(module.losses, name)(**options)(y, x).backward()
            found.append(bool(x.grad.isfinite().all()))
        assert found == [True, False], name


def test_nothing_is_broadcast():
    """Pinned: targets (batch,) beside predictions (batch, batch) are a number in Keras."""
    y, p = torch.tensor([1.0, 2.0]), torch.zeros(2, 2)
    assert float(keras.losses.MeanSquaredError()(y, p)) == 2.5
    with pytest.raises(ValueError, match="expected targets of shape"):
        losses.MeanSquaredError()(y, p)
