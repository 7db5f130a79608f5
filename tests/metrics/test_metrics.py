"""Every metric through its laws; the suite catches what breaks one; spans against brute force."""

import copy
import pickle

import numpy as np
import pytest
import torch
import torchmetrics
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.classification import (
    BinaryAveragePrecision,
    MulticlassAUROC,
    MulticlassAveragePrecision,
    MulticlassConfusionMatrix,
    MulticlassPrecision,
    MulticlassRecall,
)
from torchmetrics.text import Perplexity as TorchPerplexity

import unpad as keras
from unpad import Ragged
from unpad.metrics.names import BY_NAME
from unpad.testing import LawBroken, coded
from unpad.testing.laws import LENGTHS
from unpad.testing.metrics import check_metric

from ..examples import draws
from ..messages import says
from ..strategies import lengths

M = keras.metrics
CPU = torch.device("cpu")
TAGS = ["O", "B-PER", "I-PER", "B-LOC"]

# --- data, value-coded ----------------------------------------------------------------------------


def probabilities(classes=4, sizes=LENGTHS):
    return coded(sizes, (classes,)).map(lambda v: torch.softmax(3 * v, -1))


def labels(pred):
    """Half of them right."""
    right = pred.values.argmax(-1)
    other = torch.arange(pred.steps) * 3 % pred.feature[-1]
    return pred.with_values(torch.where(torch.arange(pred.steps) % 2 == 0, right, other))


def labelled(sizes=LENGTHS):
    pred = probabilities(sizes=sizes)
    return labels(pred), pred


def one_hot(sizes=LENGTHS):
    true, pred = labelled(sizes)
    return true.map(lambda y: torch.nn.functional.one_hot(y, 4)), pred


def yes_or_no(features=1, sizes=LENGTHS):
    pred = coded(sizes, (features,)).map(torch.sigmoid)
    return pred.map(lambda p: (torch.sin(40 * p) > 0).long()), pred


def several(sizes=LENGTHS):
    return yes_or_no(3, sizes)


def signs(sizes=LENGTHS):
    true, pred = yes_or_no(2, sizes)
    return true.map(lambda y: 2 * y - 1), pred


def numbers(sizes=LENGTHS):
    pred = coded(sizes, (3,))
    return pred.map(lambda v: 1.5 + torch.cos(3 * v)), pred.map(lambda v: 1.6 + v)


def decided(sizes=LENGTHS):
    """A decoder's output: integers."""
    true, pred = labelled(sizes)
    return true, pred.map(lambda p: p.argmax(-1))


def distributions(sizes=LENGTHS):
    pred = probabilities(sizes=sizes)
    return pred.map(lambda p: p.flip(-1)), pred


def apart(y_true, y_pred):
    return (y_true - y_pred).abs()


CASES = {
    "Accuracy": (lambda: M.Accuracy(), decided),
    "AUC": (M.AUC, yes_or_no),
    "AUC, minoring": (lambda: M.AUC(11, summation_method="minoring"), yes_or_no),
    "AUC, several": (lambda: M.AUC(multi_label=True, curve="PR"), several),
    "AUC, weighted labels": (lambda: M.AUC(label_weights=[1.0, 2.0, 0.5]), several),
    "AUC, labels": (M.AUC, labelled),
    "AveragePrecision": (M.AveragePrecision, yes_or_no),
    "AveragePrecision, labels": (M.AveragePrecision, labelled),
    "BinaryAccuracy": (M.BinaryAccuracy, several),
    "BinaryCrossentropy": (M.BinaryCrossentropy, several),
    "CategoricalAccuracy": (M.CategoricalAccuracy, one_hot),
    "CategoricalCrossentropy": (M.CategoricalCrossentropy, one_hot),
    "CategoricalHinge": (M.CategoricalHinge, one_hot),
    "ConfusionMatrix": (M.ConfusionMatrix, labelled),
    "ConfusionMatrix, decided": (lambda: M.ConfusionMatrix(4), decided),
    "ConfusionMatrix, normalized": (lambda: M.ConfusionMatrix(normalize="true"), labelled),
    "ConfusionMatrix, one output": (M.ConfusionMatrix, yes_or_no),
    "ConcordanceCorrelation": (M.ConcordanceCorrelation, numbers),
    "CosineSimilarity": (M.CosineSimilarity, numbers),
    "F1Score": (M.F1Score, one_hot),
    "F1Score, macro": (lambda: M.F1Score("macro"), labelled),
    "FalseNegatives": (M.FalseNegatives, several),
    "FalsePositives": (M.FalsePositives, labelled),
    "FBetaScore": (lambda: M.FBetaScore("weighted", 2.0, 0.5), several),
    "Hinge": (M.Hinge, signs),
    "Hinge, 0 and 1": (M.Hinge, several),
    "KLDivergence": (M.KLDivergence, distributions),
    "LogCoshError": (M.LogCoshError, numbers),
    "MeanAbsoluteError": (M.MeanAbsoluteError, numbers),
    "MeanAbsolutePercentageError": (M.MeanAbsolutePercentageError, numbers),
    "MeanMetricWrapper": (lambda: M.MeanMetricWrapper(apart), numbers),
    "MeanSquaredError": (M.MeanSquaredError, numbers),
    "MeanSquaredLogarithmicError": (M.MeanSquaredLogarithmicError, numbers),
    "PearsonCorrelation": (M.PearsonCorrelation, numbers),
    "Perplexity": (M.Perplexity, labelled),
    "Poisson": (M.Poisson, numbers),
    "Precision": (M.Precision, yes_or_no),
    "Precision, one-hot": (M.Precision, one_hot),
    "Precision, labels": (M.Precision, labelled),
    "Precision, thresholds": (lambda: M.Precision([0.7, 0.3, 0.5]), several),
    "Precision, top_k": (lambda: M.Precision(top_k=2), labelled),
    "PrecisionAtRecall": (lambda: M.PrecisionAtRecall(0.6), several),
    "R2Score": (M.R2Score, numbers),
    "R2Score, by variance": (lambda: M.R2Score("variance_weighted_average"), numbers),
    "R2Score, each": (lambda: M.R2Score(None), numbers),
    "Recall": (lambda: M.Recall(class_id=1), one_hot),
    "RecallAtPrecision": (lambda: M.RecallAtPrecision(0.3), labelled),
    "RootMeanSquaredError": (M.RootMeanSquaredError, numbers),
    "SensitivityAtSpecificity": (lambda: M.SensitivityAtSpecificity(0.4), yes_or_no),
    "SequenceAccuracy": (M.SequenceAccuracy, labelled),
    "SequenceAccuracy, decided": (M.SequenceAccuracy, decided),
    "SequenceAccuracy, yes or no": (lambda: M.SequenceAccuracy(0.4), several),
    "SpanF1": (lambda: M.SpanF1(TAGS), labelled),
    "SpanF1, decided": (lambda: M.SpanF1(TAGS, average="macro"), decided),
    "SpanPrecision": (lambda: M.SpanPrecision(TAGS), labelled),
    "SpanRecall": (lambda: M.SpanRecall(["S-A", "B-A", "E-A", "O"], "BIOES", None), labelled),
    "SpecificityAtSensitivity": (lambda: M.SpecificityAtSensitivity(0.4, 20, 1), labelled),
    "SparseCategoricalAccuracy": (M.SparseCategoricalAccuracy, labelled),
    "SparseCategoricalCrossentropy": (M.SparseCategoricalCrossentropy, labelled),
    "SparseTopKCategoricalAccuracy": (lambda: M.SparseTopKCategoricalAccuracy(2), labelled),
    "SquaredHinge": (M.SquaredHinge, signs),
    "TopKCategoricalAccuracy": (lambda: M.TopKCategoricalAccuracy(2), one_hot),
    "TrueNegatives": (M.TrueNegatives, several),
    "TruePositives": (lambda: M.TruePositives([0.6, 0.2]), several),
    "a callable": (lambda: apart, numbers),
    "a loss": (keras.losses.SparseCategoricalCrossentropy, labelled),
    "a loss with a class that does not count": (
        lambda: keras.losses.SparseCategoricalCrossentropy(ignore_class=3),
        labelled,
    ),
    "a torch loss": (
        lambda: keras.losses.get(torch.nn.L1Loss(reduction="none")),
        numbers,
    ),
    "of torchmetrics": (lambda: torchmetrics.classification.MulticlassRecall(4), labelled),
}
#: The data of names that cannot do with labels of classes.
NAMED = {
    **dict.fromkeys(["binary_accuracy", "binary_crossentropy", "bce", "BCE"], several),
    **dict.fromkeys(["categorical_crossentropy", "categorical_hinge"], one_hot),
    **dict.fromkeys(["kld", "KLD"], distributions),
    **dict.fromkeys(["hinge", "squared_hinge"], signs),
    "kl_divergence": distributions,
    **{
        name: numbers
        for name in BY_NAME
        if any(part in name.lower() for part in ("mean", "ms", "ma", "log", "cos", "poi", "r2"))
    },
}

cases = pytest.mark.parametrize(("make", "data"), CASES.values(), ids=CASES)


@cases
def test_metrics_keep_the_laws(make, data):
    check_metric(make, *data(), tolerance=1e-8)


@pytest.mark.parametrize("name", BY_NAME)
def test_names_keep_the_laws(name):
    check_metric(name, *NAMED.get(name, labelled)(), tolerance=1e-8)


def test_every_metric_is_checked():
    classes = {n for n in M.__all__ if isinstance(getattr(M, n), type)}
    of_metrics = {n for n in classes if issubclass(getattr(M, n), M.Metric)}
    assert of_metrics - {"Metric", "Mean", "Sum"} == {n.split(",")[0] for n in CASES} & of_metrics


@cases
@given(lengths)
@draws(10)
def test_any_lengths(make, data, sizes):
    """One sequence at a time, and all at once: the same, and a number."""
    true, pred = data(sizes=sizes)
    at_once, one_by_one = (M.step_metric.wrap(make()).start(pred.feature[-1] if pred.feature else 1,
                           keras.losses.MeanSquaredError(), CPU) for _ in range(2))  # fmt: skip
    at_once.update(true.values, pred.values, None, pred.layout)
    for i in range(len(pred)):
        one, other = true[i : i + 1], pred[i : i + 1]
        one_by_one.update(one.values, other.values, None, other.layout)
    assert bool(at_once.value().isfinite().all())
    torch.testing.assert_close(at_once.value(), one_by_one.value(), rtol=1e-8, atol=1e-8)


@cases
def test_dense_outputs(make, data):
    """(batch, time, feature) outputs are sequences without a Ragged: the same number."""
    true, pred = data(sizes=(4, 4, 4))
    weight = torch.tensor([2.0, 0.5, 1.0])
    metric = M.step_metric.wrap(make())
    dense, ragged = (metric.start(4, keras.losses.MeanSquaredError(), CPU) for _ in range(2))
    grids = [r.values.reshape(3, 4, *r.feature) for r in (true, pred)]
    if metric.takes_weight:
        dense.update(*grids, weight[:, None])
        ragged.update(true.values, pred.values, weight[pred.sequence_ids], pred.layout)
    else:
        dense.update(*grids)
        ragged.update(true.values, pred.values, None, pred.layout)
    torch.testing.assert_close(dense.value(), ragged.value())


@cases
def test_copies(make, data):
    """A copy and a pickle go on from where the metric is; and stand by themselves."""
    metric = make()
    if not isinstance(metric, M.Metric):
        return
    true, pred = data()
    metric.update_state(true, pred)
    others = [copy.deepcopy(metric)]
    if "lambda" not in repr(getattr(metric, "_fn", "")):
        others.append(pickle.loads(pickle.dumps(metric)))
    want = metric.result()
    for other in others:
        torch.testing.assert_close(other.result(), want)
        other.reset_state()
        assert float(other.result().abs().sum()) == 0
    torch.testing.assert_close(metric.result(), want)


# --- wrong metrics are caught ---------------------------------------------------------------------


class MeanOfBatchMeans(torchmetrics.Metric):
    """The mean of the batches' accuracies: short batches count too much."""

    def __init__(self):
        super().__init__()
        self.add_state("total", torch.zeros(()), "sum")
        self.add_state("batches", torch.zeros(()), "sum")

    def update(self, y_pred, y_true):
        self.total = self.total + (y_pred.argmax(-1) == y_true).float().mean()
        self.batches = self.batches + 1

    def compute(self):
        return self.total / self.batches


class PaddingCounts(M.SparseCategoricalAccuracy):
    """Steps that are not there count as wrong."""

    reads_sequences = True

    def add(self, steps):
        right = self.per_step(steps.y_true, steps.y_pred).double()
        grid = Ragged(right, steps.layout).to_padded()
        weight = steps.weight
        if weight is not None:
            weight = Ragged(weight, steps.layout).to_padded()
        self.add_values(grid, weight)


class NoEmpties(M.SequenceAccuracy):
    """Divides by the batch's sequences, empty ones included."""

    def add(self, steps):
        right = self.per_step(steps.y_true, steps.y_pred).double()
        self.add_values(Ragged(right, steps.layout).min(empty=1), None)


class OfNothing(M.SparseCategoricalAccuracy):
    """1 where there was no step."""

    def result(self):
        return super().result() if self.update_count else torch.ones(())


class CountsIgnored(M.SparseCategoricalAccuracy):
    """The loss's ignored class is not heard of."""

    def update(self, y_true, y_pred, weight=None, layout=None):
        self.ignored = ()
        super().update(y_true, y_pred, weight, layout)


class DeafToWeights(M.SparseCategoricalAccuracy):
    """Takes weights and forgets them."""

    def add(self, steps):
        super().add(steps._replace(weight=None))


class Squared(M.SparseCategoricalAccuracy):
    """Weighs by the weight's square."""

    def add(self, steps):
        weight = steps.weight
        super().add(steps._replace(weight=None if weight is None else weight**2))


class LastWins(M.SparseCategoricalAccuracy):
    """Forgets all batches but the last."""

    def add(self, steps):
        self.total, self.count = self.total * 0, self.count * 0
        super().add(steps)


WRONG = {
    MeanOfBatchMeans: "metric 'meanofbatchmeans' breaks law 4, one denominator: in batches of 1 "
    "it is 0.733333, at once 0.666667.",
    PaddingCounts: "metric 'sparse_categorical_accuracy' breaks law 4, one denominator: in "
    "batches of 1 it is 0.666667, at once 0.32.",
    NoEmpties: "metric 'sequence_accuracy' breaks law 4, one denominator: in batches of 1 ",
    OfNothing: "metric 'sparse_categorical_accuracy' breaks law 5, empty is legal: with no batch "
    "it is 1; expected 0.",
    CountsIgnored: "metric 'sparse_categorical_accuracy' breaks ignored steps change nothing: "
    "with ignored steps among the others it is ",
    DeafToWeights: "metric 'sparse_categorical_accuracy' breaks law 4, weights: with weight 2 for "
    "sequence 0 it is 0.666667, with it twice ",
    Squared: "metric 'sparse_categorical_accuracy' breaks law 4, weights: with weight 2 for "
    "sequence 0 it is ",
    LastWins: "metric 'sparse_categorical_accuracy' breaks law 4, one denominator: in batches of 1",
}


@pytest.mark.parametrize("make", WRONG, ids=lambda c: c.__name__)
def test_the_suite_catches(make):
    with says(WRONG[make], LawBroken):
        check_metric(make)


def test_the_suite_catches_nan():
    class ZeroByZero(M.SparseCategoricalAccuracy):
        def score(self):
            return self.total / self.count

    text = "metric 'sparse_categorical_accuracy' breaks ignored steps change nothing: with "
    with says(text + "everything ignored it is nan; expected 0.", LawBroken):
        check_metric(ZeroByZero)


# --- against torchmetrics -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (M.AUC(20001), MulticlassAUROC(4)),
        (M.AveragePrecision(), MulticlassAveragePrecision(4)),
        (M.ConfusionMatrix(), MulticlassConfusionMatrix(4)),
        (M.ConfusionMatrix(normalize="pred"), MulticlassConfusionMatrix(4, normalize="pred")),
        (M.Precision(), MulticlassPrecision(4)),
        (M.Recall(), MulticlassRecall(4)),
    ],
    ids=lambda m: type(m).__name__,
)
def test_labels_of_classes(ours, theirs):
    """Where Keras refuses integer labels the number is torchmetrics'."""
    true, pred = torch.randint(0, 4, (60,)), torch.rand(60, 4).softmax(-1)
    ours.update_state(true, pred)
    theirs.update(pred, true)
    torch.testing.assert_close(ours.result().double(), theirs.compute().double(), rtol=1e-3, atol=0)


def test_a_class_that_never_occurs():
    true = torch.tensor([0, 1, 1])
    pred = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    for ours, theirs in (
        (M.Precision(), MulticlassPrecision(3)),
        (M.Recall(), MulticlassRecall(3)),
    ):
        ours.update_state(true, pred)
        theirs.update(pred, true)
        assert float(ours.result()) == pytest.approx(float(theirs.compute()))
    f1 = M.F1Score("macro")  # Keras's mean is over all three
    f1.update_state(true, pred)
    assert float(f1.result()) == pytest.approx(4 / 9, abs=1e-6)


def test_average_precision_with_ties():
    pred = torch.tensor([0.5, 0.5, 0.2, 0.9, 0.5, 0.2])
    true = torch.tensor([1, 0, 1, 0, 1, 0])
    ours, theirs = M.AveragePrecision(), BinaryAveragePrecision()
    ours.update_state(true, pred)
    theirs.update(pred, true)
    assert float(ours.result()) == pytest.approx(float(theirs.compute()))


def test_perplexity():
    true, pred = labelled()
    ours, theirs = M.Perplexity(from_logits=True, ignore_class=2), TorchPerplexity(ignore_index=2)
    ours.update_state(true, pred)
    theirs.update(pred.values[None].float(), true.values[None])
    assert float(ours.result()) == pytest.approx(float(theirs.compute()), rel=1e-6)


# --- spans ----------------------------------------------------------------------------------------


def conlleval(tags):
    """Spans (type, first, last) of one sequence, by the rules of conlleval's two functions."""
    found, start = set(), None
    before = ("O", "")
    for i, tag in enumerate([*tags, "O"]):
        letter, _, kind = tag.partition("-")
        last, last_kind = before
        ends = last in ("E", "S") or (last in ("B", "I") and letter in ("B", "S", "O"))
        ends = ends or (last != "O" and last_kind != kind)
        begins = letter in ("B", "S")
        begins = begins or (last in ("E", "S", "O") and letter in ("E", "I"))
        begins = begins or (letter != "O" and last_kind != kind)
        if start is not None and ends:
            found.add((last_kind, start, i - 1))
            start = None
        if begins:
            start = i
        before = letter, kind
    return found


def by_hand(true, pred, tags):
    there, given = (
        {(i, *span) for i, s in enumerate(r.to_list()) for span in conlleval([tags[t] for t in s])}
        for r in (true, pred)
    )
    both = len(there & given)
    precision = both / len(given) if given else 0.0
    recall = both / len(there) if there else 0.0
    total = len(there) + len(given)
    return precision, recall, 2 * both / total if total else 0.0


SCHEMES = {
    "BIO": ["O", "B-A", "I-A", "B-B", "I-B"],
    "BIOES": [f"{c}-{t}" for t in "AB" for c in "BIES"] + ["O"],
    "IOB2": ["I-A", "O", "B-A"],
    "IOBES": ["S-", "O", "B-", "E-", "I-"],
}


@pytest.mark.parametrize("scheme", SCHEMES)
@given(data=st.data(), sizes=lengths)
@draws(150)
def test_spans_equal_brute_force(scheme, data, sizes):
    tags = SCHEMES[scheme]
    steps = sum(sizes)
    draws = st.lists(st.integers(0, len(tags) - 1), min_size=steps, max_size=steps)
    drawn = data.draw(draws)
    # Predictions that often agree, so that spans match.
    changed = data.draw(st.lists(st.integers(0, 3), min_size=steps, max_size=steps))
    other = [t if c else (t + 1) % len(tags) for t, c in zip(drawn, changed, strict=True)]
    layout = coded(sizes).layout
    true, pred = (Ragged(torch.tensor(x, dtype=torch.int64), layout) for x in (drawn, other))
    want = by_hand(true, pred, tags)
    for kind, number in zip((M.SpanPrecision, M.SpanRecall, M.SpanF1), want, strict=True):
        metric = kind(tags, scheme)
        metric.update_state(true, pred)
        assert float(metric.result()) == pytest.approx(number)
        metric.reset_state()
        metric.update_state(true, pred, true.with_values(torch.full((steps,), 3.0)))
        assert float(metric.result()) == pytest.approx(number)


def test_spans_by_hand():
    tags = SCHEMES["BIO"]
    index = {tag: i for i, tag in enumerate(tags)}
    true = Ragged.from_list(
        [[index[t] for t in s.split()] for s in ("B-A I-A O B-B", "O I-B I-B", "B-A B-A I-B")]
    )
    pred = Ragged.from_list(
        [[index[t] for t in s.split()] for s in ("B-A I-A O O", "O B-B I-B", "B-A I-A I-B")]
    )
    # There: A 0-1, B 3; B 1-2; A 0, A 1, B 2. Given: A 0-1; B 1-2; A 0-1, B 2. Both: 3.
    for kind, number in ((M.SpanPrecision, 3 / 4), (M.SpanRecall, 3 / 6), (M.SpanF1, 6 / 10)):
        metric = kind(tags)
        metric.update_state(true, pred)
        assert float(metric.result()) == pytest.approx(number)
    each = M.SpanRecall(tags, average=None)
    each.update_state(true, pred)
    assert each.types == ["A", "B"]
    assert each.result().tolist() == pytest.approx([1 / 3, 2 / 3])
    macro = M.SpanRecall(tags, average="macro")
    macro.update_state(true, pred)
    assert float(macro.result()) == pytest.approx(1 / 2)


def test_ignored_steps_are_not_in_a_span():
    """Later pieces of a word, marked -100: spans go on across them."""
    true = Ragged.from_list([[1, -100, 2, -100, 0]])
    pred = Ragged.from_list([[1, 0, 2, 1, 0]])
    metric = M.SpanF1(["O", "B-A", "I-A"], ignore_class=-100)
    metric.update_state(true, pred)
    assert float(metric.result()) == 1


def test_tags_outside_of_spans():
    metric = M.SpanF1(["<pad>", "O", "B-A"], outside=["O", "<pad>"])
    metric.update_state(Ragged.from_list([[1, 2]]), Ragged.from_list([[0, 2]]))
    assert float(metric.result()) == 1


# --- by themselves --------------------------------------------------------------------------------


def test_as_in_keras():
    metric = M.SparseCategoricalAccuracy()
    assert float(metric.result()) == 0
    metric.update_state([[2], [1]], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]], sample_weight=[0.7, 0.3])
    assert float(metric.result()) == pytest.approx(0.3)
    metric.reset_state()
    assert float(metric.result()) == 0
    metric.update_state(np.array([1]), np.array([[0.1, 0.9]]))
    assert float(metric.result()) == 1
    metric = M.Precision()
    assert float(metric([1, 0], [0.9, 0.8])) == 0.5
    assert float(metric([1, 1], [0.9, 0.8])) == 0.75


def test_ragged_by_itself():
    true, pred = labelled()
    by_sequence = torch.tensor([1.0, 7.0, 0.5, 2.0, 0.0])
    a, b = M.SparseCategoricalAccuracy(), M.SparseCategoricalAccuracy()
    a.update_state(true, pred, by_sequence)
    right = (pred.values.argmax(-1) == true.values).double()
    weight = by_sequence[pred.sequence_ids]
    assert float(a.result()) == pytest.approx(float((right * weight).sum() / weight.sum()))
    b.update_state(true, pred, pred.with_values(weight))
    assert float(b.result()) == pytest.approx(float(a.result()))


def test_sequences_that_are_all_right():
    right = Ragged.from_list([[0, 1, 2], [], [2, 2], [1], [0, 0]])
    given_ = Ragged.from_list([[0, 1, 2], [], [2, 1], [1], [1, 1]])
    metric = M.SequenceAccuracy()
    metric.update_state(right, given_)
    assert float(metric.result()) == 2 / 4
    metric.reset_state()
    metric.update_state(right, given_, torch.tensor([1.0, 9.0, 1.0, 3.0, 0.0]))
    assert float(metric.result()) == pytest.approx(4 / 5)


def test_auc_of_classes_that_occur():
    """A class without targets has no area: the mean is over the others."""
    true = torch.tensor([0, 1, 0, 1])
    pred = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    metric = M.AUC()
    metric.update_state(true, pred)
    assert float(metric.result()) == pytest.approx(1)


def test_mean():
    metric = M.Mean()
    metric.update_state(3.0)
    metric.update_state([[1, 2], [3, 4]], sample_weight=[1, 0])
    assert float(metric.result()) == pytest.approx((3 + 1 + 2) / 3)
    metric.reset_state()
    metric.update_state(Ragged.from_list([[1.0, 2.0], [], [6.0]]), sample_weight=np.ones(3))
    assert float(metric.result()) == 3


def test_constant_targets():
    """R2 where there is nothing to explain."""
    for error, want in ((0.0, 1.0), (0.5, 0.0)):
        metric = M.R2Score()
        metric.update_state(torch.full((5, 1), 0.1), torch.full((5, 1), 0.1 + error))
        assert float(metric.result()) == want


def test_half_precision_adds_up():
    metric = M.MeanSquaredError()
    for _ in range(3000):
        metric.update_state(torch.zeros(1, 1), torch.full((1, 1), 1.5, dtype=torch.bfloat16))
    assert float(metric.result()) == 2.25


def test_one_label_a_step_in_a_column():
    """(steps, 1) labels, given and decided."""
    true, pred = labelled()
    column = true.map(lambda y: y[:, None])
    for metric in (M.SequenceAccuracy(), M.SpanF1(TAGS), M.SparseCategoricalAccuracy()):
        metric.update_state(true, pred)
        want = float(metric.result())
        metric.reset_state()
        metric.update_state(column, pred)
        assert float(metric.result()) == want > 0
        if metric.takes_labels:
            metric.reset_state()
            metric.update_state(column, pred.map(lambda p: p.argmax(-1, keepdim=True)))
            assert float(metric.result()) == want


def test_decided_or_scored():
    true, pred = labelled()
    for make in (
        lambda: M.SequenceAccuracy(),
        lambda: M.SpanF1(TAGS),
        lambda: M.ConfusionMatrix(4),
    ):
        a, b = make(), make()
        a.update_state(true, pred)
        b.update_state(true, pred.map(lambda p: p.argmax(-1)))
        torch.testing.assert_close(a.result(), b.result())


# --- in compile -----------------------------------------------------------------------------------


def started(name, size, loss):
    return M.as_metric(name).start(size, loss, CPU)


def test_names_that_hang_on_the_loss():
    L = keras.losses
    logits = torch.tensor([[-1.0], [0.3], [2.0]])
    yes = torch.tensor([0, 1, 1])
    for loss in (
        L.BinaryCrossentropy(from_logits=True),
        L.CustomLoss(torch.nn.BCEWithLogitsLoss()),
    ):
        for name in ("accuracy", "precision", "recall", "f1", "binary_accuracy", "auc"):
            metric = started(name, 1, loss)
            metric.update(yes, logits)
            assert metric.result() == pytest.approx(1, abs=1e-3), name
    metric = started("acc", 3, L.BinaryCrossentropy())
    metric.update(torch.tensor([[1, 0, 1]]), torch.tensor([[0.9, 0.6, 0.7]]))
    assert metric.result() == pytest.approx(2 / 3)


def test_the_ignored_class_of_the_loss():
    true, pred = labelled()
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=2)
    keep = true.values != 2
    several_kinds = ["accuracy", "perplexity", "auc", apart_of_labels, MulticlassRecall(4)]
    for name in several_kinds:
        with_class, without = started(name, 4, loss), started(name, 4, type(loss)())
        with_class.update(true.values, pred.values, None, pred.layout)
        without.update(true.values[keep], pred.values[keep], None, pred.layout.keep(keep))
        assert with_class.result() == pytest.approx(without.result())
        assert with_class.result() > 0


def apart_of_labels(y_true, y_pred):
    return (y_pred.argmax(-1) - y_true).abs()


def test_classes_instances_and_names():
    for given_, name in (
        ("accuracy", "accuracy"),
        ("AUC", "AUC"),
        (M.AUC, "auc"),
        (M.AUC(name="area"), "area"),
        (M.LogCoshError(), "logcosh"),
        (keras.losses.MeanSquaredError(), "mean_squared_error"),
        (apart, "apart"),
        (torchmetrics.MeanMetric(), "meanmetric"),
    ):
        assert M.as_metric(given_).name == name


def test_a_given_metric_is_left_alone():
    metric = M.SparseCategoricalAccuracy()
    ours = M.as_metric(metric).start(4, keras.losses.MeanSquaredError(), CPU)
    true, pred = labelled()
    ours.update(true.values, pred.values)
    assert ours.result() > 0
    assert float(metric.result()) == 0


def test_trained_with_metrics():
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(n, 3)).astype("float32") for n in (3, 0, 5, 1)]
    y = [(s.sum(1) > 0).astype(int) for s in x]
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Dense(4, "softmax")])
    chosen = ["accuracy", M.Precision(name="p"), "auc", "perplexity", M.F1Score("macro")]
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=chosen)
    history = model.fit(x, y, batch_size=2, verbose=0).history
    assert [*history] == ["loss", "accuracy", "p", "auc", "perplexity", "f1_score"]
    logs = model.evaluate(x, y, batch_size=1, verbose=0, return_dict=True)
    assert logs == pytest.approx(model.evaluate(x, y, verbose=0, return_dict=True))
    assert logs["perplexity"] == pytest.approx(np.exp(logs["loss"]), rel=1e-5)


# --- errors ---------------------------------------------------------------------------------------

REFUSED = [
    (
        lambda: M.as_metric("acuracy"),
        "compile: unknown metric 'acuracy'; did you mean 'accuracy' or 'binary_accuracy'",
    ),
    (
        lambda: M.as_metric(3),
        "compile: expected a metric's name, a torchmetrics metric or a callable, got 3.",
    ),
    (
        lambda: M.as_metric(M.ConfusionMatrix()),
        "compile: metric 'confusion_matrix': it gives a matrix. Use it by itself, on Ragged "
        "targets and predictions: m.update_state(y, model.predict(x)); m.result().",
    ),
    (
        lambda: M.as_metric("F1Score"),
        "compile: metric 'F1Score': it gives a number for each class. Give average='macro'.",
    ),
    (
        lambda: M.as_metric(M.Recall([0.2, 0.4])),
        "compile: metric 'recall': it gives a number for each threshold. Give one.",
    ),
    (
        lambda: M.as_metric(M.R2Score(None)),
        "compile: metric 'r2_score': it gives a number for each output. Give "
        "class_aggregation='uniform_average'.",
    ),
    (
        lambda: M.as_metric(M.SpanF1(TAGS, average=None)),
        "compile: metric 'span_f1': it gives a number for each type. Give average='micro'.",
    ),
    (
        lambda: M.as_metric(M.Mean()),
        "compile: metric 'mean': it averages values, not targets and predictions. Give a function "
        "of (y_true, y_pred) that gives a number for each step: its mean is the metric.",
    ),
    (
        lambda: M.as_metric("span_f1"),
        "compile: metric 'span_f1' must be told the tags' names: unpad.metrics.SpanF1(tags, "
        "scheme).",
    ),
    (
        lambda: M.as_metric("SpanRecall"),
        "compile: metric 'SpanRecall' must be told more: give an instance, as "
        "unpad.metrics.SpanRecall(...).",
    ),
    (
        lambda: M.as_metric(keras.losses.CTC()),
        "compile: metric 'ctc': as a metric a loss is the mean over steps, and this one is not. "
        "The epoch's log has the loss itself; for another mean give a function of (y_true, "
        "y_pred).",
    ),
    (lambda: M.as_metric("Metric"), "compile: unknown metric 'Metric'; "),
    (
        lambda: M.as_metric(MulticlassRecall(4), weighted=True),
        "compile: 'multiclassrecall' takes no weights: what it adds up has none. Leave it among "
        "metrics, or use one of unpad.metrics, which all take weights.",
    ),
    (
        lambda: M.Precision(1.5),
        "Precision: expected thresholds as a number from 0 to 1, got 1.5. For logits give "
        "from_logits=True: "
        "thresholds are then of their sigmoid.",
    ),
    (
        lambda: M.Precision([]),
        "Precision: expected thresholds as a list of numbers, at least one, got [].",
    ),
    (lambda: M.Recall(top_k=0), "Recall: expected top_k as a positive integer or None, got 0."),
    (
        lambda: M.TopKCategoricalAccuracy(2.0),
        "TopKCategoricalAccuracy: expected k as a positive integer",
    ),
    (lambda: M.AUC(1), "AUC: expected num_thresholds as an integer from 2, got 1."),
    (lambda: M.AUC(curve="RC"), "AUC: unknown curve 'RC'; did you mean "),
    (
        lambda: M.AUC(summation_method="mean"),
        "AUC: unknown summation_method 'mean'; ",
    ),
    (lambda: M.AUC(num_labels=3), "AUC: num_labels goes with multi_label=True. Leave it out."),
    (lambda: M.F1Score("mean"), "F1Score: unknown average 'mean'; "),
    (lambda: M.FBetaScore(beta=0), "FBetaScore: expected beta as a finite positive number, got 0."),
    (lambda: M.ConfusionMatrix(normalize="all"), "ConfusionMatrix: unknown normalize 'all'; "),
    (
        lambda: M.ConfusionMatrix(0),
        "ConfusionMatrix: expected num_classes as a positive integer or None, got 0.",
    ),
    (lambda: M.R2Score("mean"), "R2Score: unknown class_aggregation 'mean'; "),
    (
        lambda: M.CosineSimilarity(axis=1),
        "CosineSimilarity: axis=1 is not supported. Leave it out.",
    ),
    (lambda: M.SpanF1(TAGS, "BILOU"), "SpanF1: unknown scheme 'BILOU'; "),
    (
        lambda: M.SpanF1(["O", "B-A", "E-A"]),
        "SpanF1: tag 2 is 'E-A', but BIO has B-type, I-type and 'O'. Other tags that are part of "
        "no span: outside=['O', 'E-A'].",
    ),
    (lambda: M.SpanRecall(["O"]), "SpanRecall: expected tags of spans, as 'B-PER', got ['O']."),
]


@pytest.mark.parametrize(("make", "text"), REFUSED, ids=lambda v: v if isinstance(v, str) else "")
def test_refused(make, text):
    with says(text):
        make()


P = torch.tensor([[0.1, 0.9, 0.0], [0.8, 0.1, 0.1]])
R = Ragged(P, torch.tensor([0, 1, 2]))
FED = [
    (
        M.SparseCategoricalAccuracy(),
        (torch.tensor([1, 0, 2]), P),
        "sparse_categorical_accuracy: expected targets of shape (2, 3), as the predictions, or "
        "(2,), got (3,).",
    ),
    (
        M.BinaryAccuracy(),
        (torch.tensor([1, 0]), P),
        "binary_accuracy: expected 3 targets a step, one for each output, got one. For integer "
        "labels use a sparse metric, as sparse_categorical_accuracy.",
    ),
    (
        M.AUC(),
        (torch.tensor([1, 3]), P),
        "auc: label 3 in step 1 of the batch, but there are 3 classes. If it marks steps that do "
        "not count: ignore_class=3.",
    ),
    (
        M.BinaryAccuracy(),
        (P.round(), P, torch.ones(3)),
        "binary_accuracy: expected a weight for each of (2,) steps, got (3,).",
    ),
    (
        M.MeanSquaredError(),
        (R, P),
        "mean_squared_error: y_true is Ragged, but y_pred is not. Give both as Ragged: "
        "Ragged.from_padded(y_pred, mask=...).",
    ),
    (
        M.SparseCategoricalAccuracy(),
        (Ragged.from_list([[1, 0], []]), R),
        "y_true: its sequences and the model's output differ: sequence 0 has 2 steps against 1.",
    ),
    (
        M.F1Score(),
        (torch.tensor([1, 0]), P[:, 0]),
        "f1_score: one output needs a threshold, as threshold=0.5: without one the highest output "
        "says yes, and with one output that is every step.",
    ),
    (
        M.Precision(class_id=3),
        (torch.tensor([1, 0]), P),
        "precision: class_id=3, but there are 3 outputs. Classes go from 0 to 2.",
    ),
    (
        M.AUC(multi_label=True, num_labels=2),
        (P.round(), P),
        "auc: num_labels is for 2 labels, but 3 outputs came.",
    ),
    (
        M.AUC(label_weights=[1.0]),
        (P.round(), P),
        "auc: label_weights is for 1 labels, but 3 outputs came.",
    ),
    (
        M.ConfusionMatrix(),
        (torch.tensor([1, 0]), torch.tensor([1, 1])),
        "confusion_matrix: the predictions are labels, so that the number of classes is not "
        "known. Give num_classes.",
    ),
    (
        M.ConfusionMatrix(2),
        (torch.tensor([1, 0]), P),
        "confusion_matrix: num_classes=2, but 3 outputs came.",
    ),
    (
        M.SpanF1(TAGS),
        (Ragged.from_list([[1], [0]]), R),
        "span_f1: 4 tags, but the model has 3 outputs. Name the tag of every output, in order.",
    ),
    (
        M.SequenceAccuracy(),
        (torch.tensor([1, 0]), P),
        "sequence_accuracy: expected outputs for each step of a sequence, Ragged or (batch, time, "
        "classes), got one row for each of 2. For one output a sequence use accuracy.",
    ),
    (
        M.SequenceAccuracy(),
        (R.map(lambda v: v[:, None] > 0), R.map(lambda v: v[:, None])),
        "sequence_accuracy: expected one label for each of 2 steps, got outputs of (2, 1).",
    ),
    (
        M.MeanMetricWrapper(lambda a, b: (a - b).mean(), "m"),
        (P, P, torch.ones(2)),
        "m: it gives one number for the whole batch, so that weights have nothing to weigh. Let "
        "it give one for each step.",
    ),
    (
        M.MeanMetricWrapper(lambda a, b: (a - b)[:1], "m"),
        (P, P, torch.ones(2)),
        "m: expected a value for each weight of (2,), got (1, 3).",
    ),
]


@pytest.mark.parametrize(
    ("metric", "args", "text"), FED, ids=lambda v: v if isinstance(v, str) else ""
)
def test_what_does_not_fit(metric, args, text):
    with says(text):
        metric.update_state(*args)


def test_another_model():
    metric = M.Precision()
    metric.update_state(torch.tensor([1, 0]), P)
    with says("precision: got 2 outputs a step after 3 before. A metric goes with one model: "):
        metric.update_state(torch.tensor([1, 0]), P[:, :2])


def test_no_single_number():
    metric = M.as_metric(MulticlassConfusionMatrix(3)).start(
        3, keras.losses.MeanSquaredError(), CPU
    )
    metric.update(torch.tensor([1, 0]), P)
    with says(
        "metric 'multiclassconfusionmatrix': expected one number, got (3, 3). Use it by itself, "
        "on targets and predictions, or let it average."
    ):
        metric.result()


def test_weights_that_it_cannot_take():
    metric = M.as_metric(MulticlassRecall(3)).start(3, keras.losses.MeanSquaredError(), CPU)
    with says("multiclassrecall: 'multiclassrecall' takes no weights: what it adds up has none. "):
        metric.update(torch.tensor([1, 0]), P, torch.ones(2))


def test_check_metric_of_something_else():
    with says("check_metric: expected a metric's name, or a callable that gives a metric, got one"):
        check_metric(lambda: 3)


@pytest.mark.parametrize("name", ["accuracy", "categorical_accuracy", "f1_score", "auc"])
def test_targets_of_yes_and_no_are_numbers(name):
    metric, same = (keras.metrics.get(name) for _ in range(2))
    scores = torch.tensor([[0.7, 0.3], [0.4, 0.6], [0.9, 0.1]])
    truth = torch.tensor([[1, 0], [1, 0], [1, 0]])
    metric.update_state(truth.bool(), scores)
    same.update_state(truth, scores)
    assert torch.equal(metric.result(), same.result())
