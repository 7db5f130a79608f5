"""Every layer that Keras has too: the same numbers at real steps, outputs and gradients.

Most are compared with Keras's layer on each sequence by itself, without padding: there is no mask
then that could be lost, so that what Keras makes of a sequence is what it means. Layers whose
statistics are over the batch are compared on the padded batch with its mask.
"""

import keras
import numpy as np
import pytest
import torch
from masked_batches import coded_like
from side_by_side import assert_close, compare
from tests.cases import CASES, RAN

import unpad
from unpad import Ragged


def of_kind(kind):
    return [name for name, case in CASES.items() if case.keras == kind]


def keras_weights_of(layer):
    """Without the states of random generators, which Keras counts among the weights."""
    return [w for w in layer.weights if "seed_generator" not in w.path]


def same_weights_in(ours, theirs):
    shapes = [tuple(w.shape) for w in keras_weights_of(theirs)]
    assert [tuple(w.shape) for w in ours.weights] == shapes
    values = [coded_like(shape, 0.5) + 0.01 * i for i, shape in enumerate(shapes)]
    # A variance is positive.
    paths = [w.path for w in keras_weights_of(theirs)]
    values = [np.abs(v) + 0.1 if "variance" in p else v for p, v in zip(paths, values, strict=True)]
    ours.set_weights(values)
    for weight, value in zip(keras_weights_of(theirs), values, strict=True):
        weight.assign(value)


def flat(outputs):
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def weighed(output):
    """A sum in which no two mistakes cancel."""
    return (output * torch.tensor(coded_like(tuple(output.shape)), dtype=output.dtype)).sum()


# Keras warns of a softmax over one key, which a sequence of one step has.
@pytest.mark.filterwarnings("ignore:(.|\n)*You are using a softmax over axis:UserWarning")
@pytest.mark.parametrize("name", of_kind("alone"))
def test_equals_keras_on_each_sequence(float64, name):
    case = CASES[name]
    RAN["Keras"] += 1
    inputs = case.batch()
    leaves = [values(x).detach().clone() for x in inputs]
    for leaf in leaves:
        leaf.requires_grad_(leaf.is_floating_point())
    given = [
        x.with_values(v) if isinstance(x, Ragged) else v
        for x, v in zip(inputs, leaves, strict=True)
    ]
    ours, theirs = case.make(unpad).train(case.training), case.make(keras)
    case.run(ours, given)
    fit = [
        i for i in range(len(inputs[0]))
        if all(len(x[i]) >= case.shortest for x in inputs if isinstance(x, Ragged))
    ]  # fmt: skip
    assert fit, "no sequence is long enough for Keras"
    alone = {i: [alone_of(x, i) for x in inputs] for i in fit}
    run_keras(case, theirs, alone[fit[0]])
    if theirs.weights:
        same_weights_in(ours, theirs)
    out_ours = flat(case.run(ours, given))
    total_ours = torch.zeros((), dtype=torch.float64)
    grads_theirs = [torch.zeros_like(w.value) for w in keras_weights_of(theirs)]
    input_grads = {}
    for i in fit:
        mine = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in alone[i]]
        out_theirs = flat(run_keras(case, theirs, mine))
        assert len(out_theirs) == len(out_ours)
        total = torch.zeros((), dtype=torch.float64)
        for k, (a, b) in enumerate(zip(out_ours, out_theirs, strict=True)):
            a, b = a[i], b[0]
            what = f"output {k} of sequence {i}"
            assert_close(a.detach(), b.detach(), what, case.parity, 1e-10)
            total_ours = total_ours + weighed(a)
            total = total + weighed(b)
        weights = [w.value for w in keras_weights_of(theirs) if w.value.requires_grad]
        free = [x for x in mine if x.requires_grad]
        if total.requires_grad and (free or weights):
            found = torch.autograd.grad(
                total, [*free, *weights], allow_unused=True, materialize_grads=True
            )
            input_grads[i] = found[: len(free)]
            for g, f in zip(
                [g for g, w in zip(grads_theirs, keras_weights_of(theirs), strict=True)
                 if w.value.requires_grad], found[len(free) :], strict=True,
            ):  # fmt: skip
                g += f
    if not total_ours.requires_grad:
        return
    trained = [w for w in ours.weights if w.requires_grad]
    free = [(x, v) for x, v in zip(inputs, leaves, strict=True) if v.requires_grad]
    found = torch.autograd.grad(
        total_ours, [*(v for _, v in free), *trained], allow_unused=True, materialize_grads=True
    )
    for k, ((x, _), g) in enumerate(zip(free, found, strict=False)):
        g = x.with_values(g) if isinstance(x, Ragged) else g
        for i in input_grads:
            what = f"gradient of input {k}, sequence {i}"
            assert_close(g[i], input_grads[i][k][0], what, case.parity, 1e-10)
    theirs_of = [
        (w.path, g) for w, g in zip(keras_weights_of(theirs), grads_theirs, strict=True)
        if w.value.requires_grad
    ]  # fmt: skip
    for (path, b), a in zip(theirs_of, found[len(free) :], strict=True):
        assert_close(a, b, f"gradient of {path}", case.parity, 1e-10)


def run_keras(case, layer, inputs):
    """Called as ours is; several inputs go into one list where our layer takes one."""
    if case.call is not None:
        return case.call(layer, inputs)
    takes = getattr(case.make(unpad), "takes", "any")
    more = {"training": True} if case.training else {}
    return layer(inputs, **more) if takes == "several" else layer(*inputs, **more)


def values(batch):
    return batch.values if isinstance(batch, Ragged) else batch


def dense_of(batch):
    """Sequences of one length as a dense tensor."""
    if not isinstance(batch, Ragged):
        return batch
    return batch.values.unflatten(0, (len(batch), -1))


def alone_of(batch, i):
    """One sequence as a batch of one, without padding."""
    return batch[i][None] if isinstance(batch, Ragged) else batch[i : i + 1]


@pytest.mark.parametrize("name", of_kind("alone"))
def test_equals_keras_on_a_dense_batch(float64, name):
    """Without any sequence of its own length: a dense tensor flows as in Keras."""
    case = CASES[name]
    RAN["Keras"] += 1
    inputs = [dense_of(x) for x in case.batch((4, 4, 4), other=(6, 6, 6))]
    leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    ours, theirs = case.make(unpad).train(case.training), case.make(keras)
    a = flat(case.run(ours, leaves))
    run_keras(case, theirs, inputs)
    if theirs.weights:
        same_weights_in(ours, theirs)
        a = flat(case.run(ours, leaves))
    mine = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    b = flat(run_keras(case, theirs, mine))
    assert len(a) == len(b)
    totals = [torch.zeros((), dtype=torch.float64)] * 2
    for k, (x, y) in enumerate(zip(a, b, strict=True)):
        # What opens the door gives sequences where Keras gives a grid.
        x = dense_of(x)
        assert_close(x.detach(), y.detach(), f"output {k}", case.parity, 1e-10)
        totals = [totals[0] + weighed(x), totals[1] + weighed(y)]
    for x, y in zip(leaves, mine, strict=True):
        if totals[0].requires_grad and x.requires_grad:
            g, h = (
                torch.autograd.grad(t, v, retain_graph=True, allow_unused=True,
                                    materialize_grads=True)[0]
                for t, v in zip(totals, (x, y), strict=True)
            )  # fmt: skip
            assert_close(g, h, "gradient of an input", case.parity, 1e-10)


@pytest.mark.parametrize("name", of_kind("masked"))
@pytest.mark.parametrize("side", ["right", "left", "holes"])
def test_equals_keras_with_a_mask(float64, name, side):
    case = CASES[name]
    RAN["Keras"] += 1
    (inputs,) = case.batch((3, 2, 5, 1, 3))
    x, mask = unpad.testing.grid(inputs, side, fill=0.0)
    ours, theirs = case.make(unpad).train(case.training), case.make(keras)
    more = {"training": True} if case.training else {}
    compare(ours, theirs, x.numpy(), mask.numpy(), rtol=case.parity, atol=1e-10, theirs_only=more)


def test_every_case_says_what_keras_does():
    """What is not compared says why."""
    assert [n for n, c in CASES.items() if c.keras not in ("alone", "masked") and not c.why] == []
