"""Losses on a Ragged equal Keras's on the padded batch: sum(loss * weight) / real steps."""

import keras
import numpy as np
import pytest
import torch
from keras.src import backend
from loss_cases import CASES, LOGITS, YES_NO
from masked_batches import BATCH, MASKS, TIME, coded_like
from side_by_side import assert_close, assert_same_steps

import unpad
from unpad import Ragged

pytestmark = pytest.mark.by_day(120)

#: As unpad takes them, and as Keras does: under a mask it takes weights of steps only.
BY_SEQUENCE = np.array([1.0, 0.5, 0.0, 2.0])
BY_STEP = 1 + coded_like((BATCH, TIME))
WEIGHTS = {
    "none": (None, None),
    "by sequence": (BY_SEQUENCE, BY_SEQUENCE.repeat(TIME).reshape(BATCH, TIME)),
    "by step": (BY_STEP, BY_STEP),
}
REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", None, "none"]

cases = pytest.mark.parametrize(("name", "options", "true", "pred"), CASES.values(), ids=CASES)
weights = pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
masks = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)


def both(name, options, true, pred, mask, weight):
    """The loss and the gradient of the predictions, of unpad and of Keras."""
    real = torch.tensor(mask)
    x_ours, x_theirs = (torch.tensor(pred, requires_grad=True) for _ in range(2))
    ours = getattr(unpad.losses, name)(**options)
    theirs = getattr(keras.losses, name)(**options)
    w_ours, w_theirs = (None if w is None else torch.tensor(w) for w in weight)
    # At padded steps unpad is given what would be wrong anywhere else; Keras cannot take that.
    junk = np.where(mask.reshape(*mask.shape, *[1] * (true.ndim - 2)), true, 99)
    a = ours(torch.tensor(junk), Ragged.from_padded(x_ours, mask=real), w_ours)
    masked = x_theirs * 1
    backend.set_keras_mask(masked, real)
    b = theirs(torch.tensor(true), masked, w_theirs)
    a.backward()
    b.backward()
    return a.detach(), b.detach(), x_ours.grad, x_theirs.grad


@masks
@weights
@cases
def test_mean(float64, name, options, true, pred, weight, mask):
    """The number that is trained on and its gradient, with and without weights."""
    ours, theirs, grad, expected = both(name, options, true, pred, mask, weight)
    assert_close(ours, theirs, "loss")
    assert float(ours) != 0
    # Keras divides by the sum of the probabilities again where a class is ignored; to rounding.
    assert_close(grad, expected, "gradient of the predictions", rtol=1e-7, atol=1e-10)
    assert torch.count_nonzero(grad[torch.tensor(~mask)]) == 0


@weights
@cases
def test_mean_is_over_real_steps(float64, name, options, true, pred, weight):
    """Keras's number is what it is taken for: sum(loss * weight) / real steps."""
    if "ignore_class" in options:
        true = np.where(true == options["ignore_class"], 0, true)
    mask = MASKS["holes"]
    _, theirs, *_ = both(name, options, true, pred, mask, weight)
    per_step = getattr(keras.losses, name)(**options, reduction=None)
    losses = per_step(torch.tensor(true), torch.tensor(pred)).numpy()
    weighted = losses * (1 if weight[1] is None else weight[1])
    assert_close(weighted[mask].sum() / mask.sum(), theirs, "loss")


@weights
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", CASES)
def test_reductions(float64, case, reduction, weight):
    """Every reduction; without one, the loss of each real step, 0 where the class is ignored."""
    name, options, true, pred = CASES[case]
    mask = MASKS["holes"]
    options = {**options, "reduction": reduction}
    if reduction in (None, "none"):
        loss = getattr(unpad.losses, name)(**options)
        w = None if weight[0] is None else torch.tensor(weight[0])
        ragged = Ragged.from_padded(torch.tensor(pred), mask=torch.tensor(mask))
        ours = loss(torch.tensor(true), ragged, w)
        x = torch.tensor(pred)
        backend.set_keras_mask(x, torch.tensor(mask))
        w = None if weight[1] is None else torch.tensor(weight[1])
        theirs = getattr(keras.losses, name)(**options)(torch.tensor(true), x, w)
        assert_same_steps(ours, theirs, mask, "loss")
        return
    ours, theirs, grad, expected = both(name, options, true, pred, mask, weight)
    assert_close(ours, theirs, "loss")
    assert_close(grad, expected, "gradient of the predictions", rtol=1e-7, atol=1e-10)


def test_many_classes():
    """A model that is sure, of 5,000 classes: clipping leaves probabilities that sum to 1.0005."""
    sure = torch.zeros(3, 5000)
    sure[:, 7] = 1
    right, wrong = torch.tensor([7, 7, 7]), torch.tensor([7, 8, 9])
    for true in (right, wrong):
        ours, theirs = (
            m.losses.SparseCategoricalCrossentropy()(true, sure) for m in (unpad, keras)
        )
        assert_close(ours, theirs, "loss", rtol=1e-6, atol=1e-7)


@cases
def test_nothing_real(float64, name, options, true, pred):
    """Without a single real step the loss is 0, and so is the gradient."""
    mask = np.zeros((BATCH, TIME), dtype=bool)
    ours, theirs, grad, expected = both(name, options, true, pred, mask, (None, None))
    assert float(ours) == float(theirs) == 0
    assert torch.count_nonzero(grad) == torch.count_nonzero(expected) == 0


@weights
@cases
def test_rows(float64, name, options, true, pred, weight):
    """One prediction a sequence: dense, without a mask, weights by sequence."""
    w = None if weight[0] is None or weight[0].ndim > 1 else torch.tensor(weight[0])
    args = torch.tensor(true[:, 0]), torch.tensor(pred[:, 0]), w
    ours, theirs = (getattr(m.losses, name)(**options)(*args) for m in (unpad, keras))
    assert_close(ours, theirs, "loss")


@cases
def test_float32(name, options, true, pred):
    """In float32, the default of both."""
    args = torch.tensor(true), torch.tensor(pred, dtype=torch.float32)
    ours, theirs = (getattr(m.losses, name)(**options)(*args) for m in (unpad, keras))
    assert ours.dtype == theirs.dtype == torch.float32
    assert_close(ours, theirs, "loss", rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(2,), (2, 1)], ids=str)
def test_weight_a_sequence_under_a_mask(shape):
    """Pinned: weights of sequences work here; under a mask Keras refuses them in either shape."""
    true, pred = torch.zeros(2, 3, 1), torch.tensor([1.0, 3.0]).reshape(2, 1, 1).repeat(1, 3, 1)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    ragged = Ragged.from_padded(pred, mask=mask)
    assert float(unpad.losses.MeanSquaredError()(true, ragged, torch.tensor([1.0, 0.5]))) == (
        pytest.approx((1 + 1 + 9 / 2 + 9 / 2 + 9 / 2) / 5)
    )
    backend.set_keras_mask(pred, mask)
    with pytest.raises(RuntimeError, match=r"shape|size"):
        keras.losses.MeanSquaredError()(true, pred, torch.tensor([1.0, 0.5]).reshape(shape))


def test_weight_a_sequence_without_a_mask():
    """Pinned: weights (batch,) belong to sequences here; Keras lays them along time.

    That is an error where batch and time differ, and silently another number where they are equal.
    """
    ours, theirs = unpad.losses.MeanSquaredError(), keras.losses.MeanSquaredError()
    pred = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[..., None]
    weight = torch.tensor([1.0, 0.0])
    assert float(ours(pred * 0, Ragged.from_padded(pred, lengths=2), weight)) == (1 + 4) / 4
    assert float(theirs(pred * 0, pred, weight)) == (1 + 9) / 4
    longer = pred.repeat(1, 2, 1)
    assert float(ours(longer * 0, Ragged.from_padded(longer, lengths=4), weight)) == 10 / 8
    with pytest.raises(RuntimeError, match="must match the size"):
        theirs(longer * 0, longer, weight)


def test_nan_behind_the_mask():
    """Pinned: what stands at padded steps cannot be seen here; NaN there is Keras's whole loss."""
    mask = torch.tensor(MASKS["right"])
    true = torch.where(mask[..., None], torch.tensor(YES_NO), torch.nan)
    pred = torch.tensor(LOGITS)
    ours = unpad.losses.MeanSquaredError()(true, Ragged.from_padded(pred, mask=mask))
    backend.set_keras_mask(pred, mask)
    theirs = keras.losses.MeanSquaredError()
    assert bool(theirs(true, pred).isnan())
    assert_close(ours, theirs(true.nan_to_num(0), pred), "loss", rtol=1e-6)


# --- circle, whose pairs are those of the batch in Keras ------------------------------------------

VECTORS = np.cos(3 * coded_like((9, 4)))
VECTORS /= np.linalg.norm(VECTORS, axis=-1, keepdims=True)
CIRCLES = {"": {}, "options": {"gamma": 5.0, "margin": 0.2}, "itself": {"remove_diagonal": False}}


@pytest.mark.parametrize("classes", [[0] * 9, [0, 1, 2] * 3, range(9)], ids=["one", "three", "own"])
@pytest.mark.parametrize("options", CIRCLES.values(), ids=CIRCLES)
def test_circle(float64, options, classes):
    """On rows the loss and its gradient are Keras's; on a sequence those of its steps as rows."""
    labels = np.array(classes)
    ours, theirs, steps = (torch.tensor(VECTORS, requires_grad=True) for _ in range(3))
    a = unpad.losses.Circle(**options)(torch.tensor(labels), ours)
    b = keras.losses.Circle(**options)(torch.tensor(labels), theirs)
    of_one = Ragged.from_padded(steps[None], lengths=[9])
    c = unpad.losses.Circle(**options)(torch.tensor(labels)[None], of_one)
    assert_close(a.detach(), b.detach(), "loss")
    assert_close(c.detach(), b.detach(), "loss of a sequence")
    for loss in (a, c):
        loss.backward()
    assert torch.isfinite(ours.grad).all()
    if len(set(labels)) == 3:  # else Keras's is not finite
        b.backward()
        assert_close(ours.grad, theirs.grad, "gradient")
        assert_close(steps.grad, theirs.grad, "gradient of a sequence")
    others = {"ref_labels": torch.arange(5) % 3, "ref_embeddings": torch.tensor(VECTORS[:5])}
    known = torch.tensor(labels), torch.tensor(VECTORS)
    mine = unpad.losses.circle(*known, **others, remove_diagonal=False)
    assert_close(mine, keras.losses.circle(*known, **others, remove_diagonal=False), "others")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", ["MeanSquaredError", "CategoricalHinge", "KLDivergence"])
def test_dtype(name, dtype):
    """The result has the type that was asked for, and Keras's value to that type's rounding."""
    true, pred = np.eye(3), np.full((3, 3), 0.3)
    ours = getattr(unpad.losses, name)(dtype=dtype)
    expected = getattr(keras.losses, name)(dtype=keras.DTypePolicy(dtype))(true, pred)
    assert ours.dtype == dtype
    found = ours(true, pred)
    assert found.dtype is getattr(torch, dtype)
    torch.testing.assert_close(found.double(), expected.double(), rtol=2e-2, atol=1e-2)
    policy = (
        getattr(unpad.losses, name)(dtype=keras.DTypePolicy("mixed_" + dtype))
        if (dtype in ("float16", "bfloat16"))
        else ours
    )
    assert policy.dtype == dtype
