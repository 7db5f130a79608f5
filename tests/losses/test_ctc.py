"""CTC against every path spelt out, forward and backward; lengths of its own; what it refuses."""

import itertools
from itertools import groupby

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unpad import Ragged, losses
from unpad.layers import Spec
from unpad.testing import coded, grid

from ..examples import draws
from ..messages import says

CLASSES = 3


def spelt(path):
    """What a path of one class a step spells: repeats merged, blanks dropped."""
    return [c for c, _ in itertools.groupby(path) if c != 0]


def by_paths(labels, logits):
    """-log of the summed probability of every path that spells the labels."""
    log_p = torch.log_softmax(logits, -1)
    paths = itertools.product(range(logits.shape[-1]), repeat=len(logits))
    fitting = [
        sum((log_p[t, c] for t, c in enumerate(path)), logits.new_zeros(()))
        for path in paths
        if spelt(path) == labels
    ]
    return -torch.logsumexp(torch.stack(fitting), 0)


def feasible(labels, steps):
    return len(labels) + sum(a == b for a, b in itertools.pairwise(labels)) <= steps


pairs = st.lists(
    st.tuples(st.integers(0, 4), st.lists(st.integers(1, CLASSES - 1), max_size=3)).filter(
        lambda pair: feasible(pair[1], pair[0])
    ),
    max_size=4,
)


def labels_of(batch):
    return Ragged.from_list([torch.tensor(y, dtype=torch.int64) for _, y in batch])


@given(batch=pairs)
@draws(60)
def test_it_is_the_sum_over_all_paths(batch):
    """Each sequence's number and the gradient of its logits, empty ones among them."""
    pred = coded([n for n, _ in batch], (CLASSES,))
    x_ours, x_paths = (pred.values.clone().requires_grad_() for _ in range(2))
    ours = losses.ctc(labels_of(batch), pred.with_values(x_ours))
    paths = [by_paths(y, x) for (_, y), x in zip(batch, pred.with_values(x_paths), strict=True)]
    want = torch.stack(paths) if paths else torch.zeros(0, dtype=torch.float64)
    torch.testing.assert_close(ours, want, rtol=1e-10, atol=1e-12)
    coefficients = torch.cos(torch.arange(len(batch), dtype=torch.float64))
    grads = [
        torch.autograd.grad((total * coefficients).sum(), x, allow_unused=True)[0]
        if total.requires_grad
        else torch.zeros_like(x)
        for total, x in ((ours, x_ours), (want, x_paths))
    ]
    torch.testing.assert_close(*grads, rtol=1e-10, atol=1e-12)


def test_no_steps_and_no_labels_do_not_count():
    pred = coded([3, 0, 2], (CLASSES,))
    true = Ragged.from_list([torch.tensor([1]), torch.tensor([], dtype=torch.int64), [2]])
    each = losses.CTC(reduction=None)(true, pred)
    assert each[1] == 0
    assert float(losses.CTC()(true, pred)) == pytest.approx(float(each.sum() / 2))
    assert float(losses.CTC("sum")(true, pred)) == pytest.approx(float(each.sum()))
    weight = torch.tensor([1.0, 5.0, 3.0])
    weighted = float((each * weight).sum())
    assert float(losses.CTC()(true, pred, weight)) == pytest.approx(weighted / 2)
    by_weight = losses.CTC("mean_with_sample_weight")(true, pred, weight[:, None])
    assert float(by_weight) == pytest.approx(weighted / 4)


def test_steps_without_labels_cost_the_way_of_blanks():
    pred = coded([3], (CLASSES,))
    true = Ragged.from_list([torch.tensor([], dtype=torch.int64)])
    want = -torch.log_softmax(pred.values, -1)[:, 0].sum()
    assert float(losses.CTC()(true, pred)) == pytest.approx(float(want))


def test_holes_and_sides_do_not_matter():
    pred = coded([4, 2, 3], (CLASSES,))
    true = Ragged.from_list([[1, 2], [2], [1, 1]])
    want = losses.ctc(true, pred)
    for side in ("left", "right", "holes"):
        x, mask = grid(pred, side)
        y, _ = grid(true, side, fill=0)
        assert torch.equal(losses.ctc(y, Ragged.from_padded(x, mask=mask)), want)
    column = true.map(lambda v: v[:, None])
    assert torch.equal(losses.ctc(column, pred), want)
    assert torch.equal(losses.ctc(true.to(torch.float64), pred), want)


def test_a_thousand_steps_in_float32():
    pred = coded([1000], (5,), torch.float32).map(lambda v: 30 * v)
    true = Ragged.from_list([torch.arange(300) % 4 + 1])
    x = pred.values.clone().requires_grad_()
    loss = losses.CTC()(true, pred.with_values(x))
    loss.backward()
    assert bool(loss.isfinite()) and bool(x.grad.isfinite().all())
    exact = float(losses.CTC()(true, pred.to(torch.float64)))
    assert float(loss.detach()) == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    pred = coded([4, 2], (CLASSES,)).to(dtype)
    true = Ragged.from_list([[1, 2], [2]])
    assert torch.equal(losses.ctc(true, pred), losses.ctc(true, pred.to(torch.float32)))


LENGTHS = [
    (
        [2, 1], [[1], [1, 2]],
        "ctc: sequence 1 has 1 step of output, but its target of 2 labels needs 2. Leave it out, "
        "or let the model give more steps.",
    ),
    (
        [3, 1, 3], [[1], [1], [1, 1, 1]],
        "ctc: sequence 2 has 3 steps of output, but its target of 3 labels, 2 of them like the one "
        "before, needs 5. Leave it out, or",
    ),
    (
        [0, 2], [[2], [1]],
        "ctc: sequence 0 has 0 steps of output, but its target of 1 label needs 1.",
    ),
    ([0], [[2]], "ctc: sequence 0 has 0 steps of output, but its target of 1 label needs 1."),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "labels", "text"), LENGTHS)
def test_targets_that_are_too_long(steps, labels, text):
    true, pred = Ragged.from_list(labels), coded(steps, (CLASSES,))
    with says(text):
        losses.CTC()(true, pred)
    with says(text):  # when the data are checked, before a model has run
        losses.CTC().check_lengths(true, pred.layout)


LABELS = [
    (
        [[1], [0]],
        "ctc: label 0 in sequence 1, step 0, but the model has 3 classes with the blank. Class 0 "
        "is the blank: add 1 to every label, and a class to the model.",
    ),
    (
        [[1, 3], [1]],
        "ctc: label 3 in sequence 0, step 1, but the model has 3 classes with the blank. Labels go "
        "from 1 to 2.",
    ),
    (
        [[1], [-1]],
        "ctc: label -1 in sequence 1, step 0, but the model has 3 classes with the blank. Labels "
        "go from 1 to 2.",
    ),
    ([[1], [1.5]], "ctc: the label in sequence 1, step 0 is 1.5; expected integers."),
]  # fmt: skip


@pytest.mark.parametrize(("labels", "text"), LABELS)
def test_labels_that_are_wrong(labels, text):
    true = Ragged.from_list(labels)
    with says(text):
        losses.CTC().check(true, Spec((CLASSES,), True))
    with says(text):
        losses.CTC()(true, coded([4, 4], (CLASSES,)))


def test_shapes_that_do_not_fit():
    true, pred = Ragged.from_list([[1], [2]]), coded([2, 2], (CLASSES,))
    loss = losses.CTC()
    with says(
        "ctc: expected one output for each class at each step, the blank first, got (batch, 3)."
    ):
        loss.check(true, Spec((3,)))
    with says("ctc: expected one output for each class at each step, the blank first, got (batch,"):
        loss.check(true, Spec((1,), True))
    loss.check(true, Spec((5, 3)))
    with says("ctc: 1 targets for 2 sequences; each needs its own."):
        loss(true[:1], pred)
    with says(
        "ctc: expected labels as a Ragged, or as a grid (batch, time) where 0 is no label, got "
        "(2,)."
    ):
        loss(torch.tensor([1, 2]), pred)
    with says("ctc: expected one integer a label, got labels of shape (3,)."):
        loss(true.map(lambda v: torch.zeros(len(v), 3)), pred)
    with says("ctc: expected a Ragged, or outputs (batch, time, ...), got (2,)."):
        loss(true, torch.zeros(2))
    with says("ctc gives one number a sequence: expected sample_weight as (2,), got one a step."):
        loss(true, pred, pred.map(lambda v: v[:, 0]))
    with says("ctc gives one number a sequence: expected sample_weight as (2,), got (2, 2)."):
        loss(true, pred, np.ones((2, 2)))


class OwnLengths(losses.SequenceLoss):
    own_lengths = True

    def per_sequence(self, y_true, y_pred):
        return torch.zeros(3)


def test_a_sequence_loss_of_one_s_own_is_told_what_is_wrong():
    pred = coded([2, 2], (CLASSES,))
    with says(
        "own: expected targets as a Ragged, got (2, 4). Ragged.from_padded(y, lengths=...) says "
        "which slots are labels."
    ):
        OwnLengths("own")(torch.zeros(2, 4), pred)
    with says("own: expected one number for each of 2 sequences, got (3,)."):
        OwnLengths("own")(pred, pred)


@given(st.lists(st.lists(st.integers(0, 3), max_size=7), max_size=5))
def test_decoding_is_that_of_brute_force(rows):
    """Runs of one class are one label, blanks none; nothing reaches over a sequence's end."""
    best = Ragged.from_list([torch.tensor(row, dtype=torch.int64) for row in rows])
    if not rows:
        best = Ragged(torch.zeros(0, dtype=torch.int64), torch.tensor([0]))
    shares = best.map(lambda v: torch.nn.functional.one_hot(v.long(), 4).double())
    want = [[k for k, _ in groupby(row) if k] for row in rows]
    got = losses.ctc_decode(shares)
    assert [s.tolist() for s in got] == want
    assert got.layout.slots is None
