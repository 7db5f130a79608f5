"""Runs a layer of unpad and Keras's own on the same padded batch, forward and backward."""

import numpy as np
import torch
from keras.src import backend
from masked_batches import coded_like

from unpad import Ragged
from unpad.layers import Spec


def assert_close(ours, theirs, what, rtol=1e-9, atol=1e-11):
    """Entries agree; the error names the first that does not."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"{what}: {ours.shape} here, {theirs.shape} in Keras"
    wrong = np.argwhere(~np.isclose(ours, theirs, rtol=rtol, atol=atol))
    if len(wrong):
        first = tuple(int(i) for i in wrong[0])
        raise AssertionError(
            f"{what}: {len(wrong)} of {ours.size} differ, first at {first}: {ours[first]} here, "
            f"{theirs[first]} in Keras"
        )


def assert_same_steps(ours, theirs, mask, what, rtol=1e-9, atol=1e-11):
    """(steps, ...) here and (batch, time, ...) in Keras agree at every real step."""
    ours, picked = np.asarray(ours), np.asarray(theirs)[mask]
    assert ours.shape == picked.shape, f"{what}: {ours.shape} here, {picked.shape} in Keras"
    for (sequence, step), a, b in zip(np.argwhere(mask), ours, picked, strict=True):
        assert_close(a, b, f"{what} of sequence {sequence}, slot {step}", rtol, atol)


def same_weights(ours, theirs, scale=1.0):
    """Gives both built layers the same value-coded weights, through Keras's order and layout."""
    shapes = [tuple(w.shape) for w in theirs.weights]
    assert [tuple(w.shape) for w in ours.weights] == shapes
    weights = [coded_like(shape, scale) + 0.01 * i for i, shape in enumerate(shapes)]
    theirs.set_weights(weights)
    ours.set_weights(weights)


def start_alike(ours, theirs, shape, scale=1.0):
    """Builds both layers, unless they are, and gives them the same weights."""
    if not theirs.built:
        theirs.build(shape)
    if not ours.built:
        ours.ensure_built(Spec(shape[2:], True, torch.get_default_dtype()))
        same_weights(ours, theirs, scale)


def keras_weights(layer):
    """Keras's get_weights; that one warns under numpy 2, of an `__array__` without `copy`."""
    return [w.value.detach().numpy().copy() for w in layer.weights]


def compare(
    ours, theirs, x, mask, flip=(), scale=1.0, rtol=1e-9, atol=1e-11, theirs_only=None, **call
):
    """Asserts that both layers give the same at real steps, and the same gradients.

    The loss weighs every entry of every output at a real step with a coefficient of its own, so no
    two mistakes cancel.

    Args:
        ours: a layer of unpad.
        theirs: Keras's, with the same arguments.
        x: (batch, time, feature).
        mask: (batch, time), True where a step is real.
        flip: outputs that Keras gives with time reversed, by their place among the outputs.
        scale: of the weights.
        rtol: relative tolerance.
        atol: absolute tolerance.
        theirs_only: further arguments of Keras's call, as training=True.
        call: further arguments of the call, arrays.
    """
    real = torch.tensor(mask)
    x_ours, x_theirs = (torch.tensor(x, requires_grad=True) for _ in range(2))
    start_alike(ours, theirs, x.shape, scale)
    states = [
        [torch.tensor(s, requires_grad=True) for s in call.get("initial_state", ())] for _ in "ab"
    ]
    more = [{"initial_state": s} if s else {} for s in states]

    ragged = Ragged.from_padded(x_ours, mask=real)
    out_ours = _flat(ours(ragged, **more[0]))
    masked = _mask_for(theirs, x_theirs, real)
    out_theirs = _flat(theirs(x_theirs, **masked, **more[1], **(theirs_only or {})))
    assert len(out_ours) == len(out_theirs)

    losses = [0.0, 0.0]
    for i, (a, b) in enumerate(zip(out_ours, out_theirs, strict=True)):
        if isinstance(a, Ragged):
            a = (a.reversed() if i in flip else a).values
            b = b.flip(1) if i in flip else b
            assert_same_steps(a.detach(), b.detach(), mask, f"output {i}", rtol, atol)
            b = b[real]
        else:
            assert_close(a.detach(), b.detach(), f"output {i}", rtol, atol)
        coefficients = torch.tensor(coded_like(tuple(a.shape)), dtype=a.dtype)
        losses[0] = losses[0] + (a * coefficients).sum()
        losses[1] = losses[1] + (b * coefficients).sum()

    names = ["input", *(f"initial state {i}" for i in range(len(states[0])))]
    # Statistics that are kept beside the weights have no gradient.
    trained = [w for w in theirs.weights if w.value.requires_grad]
    names += [w.path for w in trained]
    of = [
        [x_ours, *states[0], *(w for w in ours.weights if w.requires_grad)],
        [x_theirs, *states[1], *(w.value for w in trained)],
    ]
    grads = [
        torch.autograd.grad(loss, tensors, allow_unused=True, materialize_grads=True)
        for loss, tensors in zip(losses, of, strict=True)
    ]
    for name, a, b in zip(names, *grads, strict=True):
        assert_close(a, b, f"gradient of {name}", rtol, atol)
    return out_ours, out_theirs


def _mask_for(theirs, x, real):
    """The mask as an argument where there is one, else on the tensor, where Keras looks for it."""
    if theirs._call_has_mask_arg:
        return {"mask": real}
    backend.set_keras_mask(x, real)
    return {}


def _flat(outputs):
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
