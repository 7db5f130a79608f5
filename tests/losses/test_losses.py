"""Every loss through every law, forward and backward; and the suite catches what breaks one."""

import inspect
import re

import pytest
import torch
from hypothesis import given

import unpad as keras
from unpad import losses
from unpad.testing import LawBroken, coded
from unpad.testing.losses import check_loss

from ..examples import draws
from ..loss_data import CASES, REDUCTIONS, cases, data, made
from ..messages import says
from ..strategies import lengths


@cases
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_losses_keep_the_laws(case, reduction):
    check_loss(lambda: made(case, reduction=reduction), *data(case))


@cases
@given(sizes=lengths)
@draws(4)
def test_on_any_lengths(case, sizes):
    for reduction in ("mean", "mean_over_sequences"):
        check_loss(lambda r=reduction: made(case, reduction=r), *data(case, sizes))


def mean_of_features(y_true, y_pred):
    return (y_pred - y_true).square().mean(-1)


@pytest.mark.parametrize(
    "loss", [mean_of_features, torch.nn.MSELoss(), torch.nn.L1Loss(reduction="none"), "mse"]
)
def test_callables_keep_the_laws(loss):
    check_loss(lambda: loss)


class OfOneSOwn(losses.Loss):
    def call(self, y_true, y_pred):
        return (y_pred - y_true).abs()  # an entry a feature, as Keras allows


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_loss_of_one_s_own_keeps_the_laws(reduction):
    check_loss(lambda: OfOneSOwn(reduction=reduction))


class SumOfSquares(losses.SequenceLoss):
    def per_sequence(self, y_true, y_pred):
        return (y_pred - y_true).map(torch.square).sum().sum(-1)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_sequence_loss_of_one_s_own_keeps_the_laws(reduction):
    check_loss(lambda: SumOfSquares("squares", reduction))


def test_every_loss_is_under_the_laws():
    bases = {"Loss", "SequenceLoss", "CustomLoss"}
    classes = {n for n in losses.__all__ if inspect.isclass(getattr(losses, n))}
    assert classes - bases == {name for name, *_ in CASES.values()}


# --- what the suite catches -----------------------------------------------------------------------


class MeanOverTheGrid(losses.MeanSquaredError):
    def reduce(self, y_true, y_pred, weight, *, layout=None):
        total = super().reduce(y_true, y_pred, weight, layout=layout).total
        slots = len(y_pred) if layout is None else layout.batch * layout.longest
        return losses.loss.Reduced(total, total.new_tensor(float(slots)))


class WeightsAlongTime(losses.MeanSquaredError):
    def reduce(self, y_true, y_pred, weight, *, layout=None):
        if weight is not None and weight.ndim > 1:
            weight = weight.squeeze(-1).expand(y_pred.shape[:-1])
        return super().reduce(y_true, y_pred, weight, layout=layout)


class NanOnEmpty(losses.MeanSquaredError):
    def reduce(self, y_true, y_pred, weight, *, layout=None):
        losses_ = self.per_step(y_true, y_pred)
        losses_ = losses_ if weight is None else losses_ * weight
        steps = losses_.new_tensor(float(losses_.numel()))
        return losses.loss.Reduced(losses_.mean() * steps, steps)


class CountsEmptySequences(losses.MeanSquaredError):
    def reduce(self, y_true, y_pred, weight, *, layout=None):
        total, divisor = super().reduce(y_true, y_pred, weight, layout=layout)
        return losses.loss.Reduced(total, divisor * 0 + (1 if layout is None else layout.batch))


class SeesPadding(losses.MeanSquaredError):
    def align(self, y_true, y_pred, sample_weight=None):
        true, pred, weight, layout = super().align(y_true, y_pred, sample_weight)
        return true, pred * (1 if layout is None else layout.time), weight, layout


class WeighsTwice(losses.MeanSquaredError):
    def reduce(self, y_true, y_pred, weight, *, layout=None):
        weight = None if weight is None else weight.square()
        return super().reduce(y_true, y_pred, weight, layout=layout)


class FirstSequenceOnly(losses.MeanSquaredError):
    def per_step(self, y_true, y_pred):
        return super().per_step(y_true, y_pred) * (torch.arange(len(y_pred)) < 2)


class CutGradient(losses.MeanSquaredError):
    def per_step(self, y_true, y_pred):
        return super().per_step(y_true, y_pred).detach() + 0 * y_pred.sum(-1)


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (
            MeanOverTheGrid,
            r"MeanOverTheGrid breaks law 4, one denominator: the denominator summed over batches "
            r"of \[1, 4\] is 23 against 25\.",
        ),
        (
            WeightsAlongTime,
            r"breaks law 4, weights by named axis: of a dense \(3, 3, \.\.\.\) with a weight a row "
            "the loss is .* against",
        ),
        (NanOnEmpty, r"NanOnEmpty breaks law 4, one denominator: the total .* is nan against"),
        (
            CountsEmptySequences,
            "breaks law 5, empty is legal: with an empty sequence more the divisor is 6 against 5",
        ),
        (SeesPadding, r"SeesPadding breaks law 4, one denominator: the total summed over batches"),
        (WeighsTwice, "breaks law 4, weights by named axis: with a weight a sequence the total is"),
        (FirstSequenceOnly, "breaks law 4, one denominator: the total summed over batches of"),
        (CutGradient, r"breaks the law of gradients: it is \[0, 0, .*of the loss itself"),
        (lambda: lambda t, p: (p - t).sum(), "<lambda> breaks law 4, one denominator: the total"),
    ],
)
def test_typical_mistakes_are_caught(loss, text):
    with pytest.raises(LawBroken, match=text):
        check_loss(loss)


def test_nan_on_empty_is_caught_where_no_sequence_is_empty():
    full = coded([2, 3], (3,))
    with pytest.raises(LawBroken, match=r"NanOnEmpty breaks law 5, .*: lengths \[\] give nan\."):
        check_loss(NanOnEmpty, full, full.map(torch.cos))


OWN = {
    "squares": lambda y, p: (y - p) ** 2,
    "their mean": lambda y, p: ((y - p) ** 2).mean(),
    "a mean a step": lambda y, p: keras.ops.mean(keras.ops.square(y - p), axis=-1),
    "torch's": torch.nn.MSELoss(),
    "torch's, each": torch.nn.MSELoss(reduction="none"),
}


def one_number_a_step(loss, metrics=()):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.Dense(1)])
    model.compile("sgd", loss, metrics=list(metrics))
    x = [torch.randn(n, 2) for n in (3, 0, 5, 1)]
    return model.evaluate(x, [s[:, 0] for s in x], verbose=0, return_dict=True)


@pytest.mark.parametrize("name", OWN)
def test_targets_of_one_number_a_step_stand_beside_their_own_outputs(name):
    want = one_number_a_step("mse")["loss"]
    found = one_number_a_step(OWN[name], [] if "torch" in name else [OWN[name]])
    assert [*found.values()] == pytest.approx([want] * len(found), rel=1e-5)


def test_a_function_that_pairs_all_with_all_is_refused():
    def apart(y, p):
        return (y - p[:, 0]).abs()

    want = (
        "{}: expected a number for each of 9 steps, got (9, 9): each target set against each "
        "output. Targets and outputs come as (9, 1): squeeze both or neither."
    )
    for options, who in (((apart,), "loss 'apart'"), (("mse", [apart]), "apart")):
        with says(want.format(who)), pytest.warns(UserWarning, match="each target set against"):
            one_number_a_step(*options)


@pytest.mark.parametrize("options", ["loss", "metric"])
def test_a_mean_of_all_paired_with_all_is_warned_of(options):
    def mean_apart(y, p):
        return (y - p[:, 0]).abs().mean()

    def both_squeezed(y, p):
        return (y[:, 0] - p[:, 0]).abs().mean()

    def ranked(y, p):
        return torch.relu(1 - (y - y.T).sign() * (p - p.T)).mean()

    def told(function):
        given = (function,) if options == "loss" else ("mse", [function])
        return one_number_a_step(*given)

    who = "loss 'mean_apart'" if options == "loss" else "mean_apart"
    want = f"{who}: (9, 1) beside (9,) gave (9, 9), each target set against each output."
    with pytest.warns(UserWarning, match=re.escape(want)):
        told(mean_apart)
    for function in (both_squeezed, ranked):
        told(function)
