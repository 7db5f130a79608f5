"""States of a metric of one's own: added to, set back, moved, copied; and torchmetrics' metrics."""

import copy
import pickle

import pytest
import torch
import torchmetrics

import unpad as keras
from unpad.metrics.carried import carried, carry, merged

from ..messages import says

M = keras.metrics


class Spread(M.Metric):
    """The largest of all less the smallest, as people who know torchmetrics write it."""

    def __init__(self):
        super().__init__()
        self.add_state("low", torch.tensor(torch.inf, dtype=torch.float64), "min")
        self.add_state("high", torch.tensor(-torch.inf, dtype=torch.float64), dist_reduce_fx="max")
        self.add_state("seen", [], "cat")

    def update(self, y_true, y_pred, weight=None, layout=None):
        self.low, self.high = y_pred.min().minimum(self.low), y_pred.max().maximum(self.high)
        self.seen.append(y_pred)

    def compute(self):
        return self.high - self.low


class Twice(Spread):
    """Calls what it stands on, and computes no number but a dict."""

    computed = 0

    def update(self, y_true, y_pred, weight=None, layout=None):
        super().update(y_true, y_pred)
        super().update(y_true, 2 * y_pred)

    def compute(self):
        self.computed += 1
        return {"spread": super().compute(), "low": self.low}


def fed(kind, *batches):
    metric = kind()
    for batch in batches:
        metric.update(None, torch.tensor(batch))
    return metric


def test_states_add_up_and_are_set_back():
    metric = fed(Spread, [1.0, 3.0], [2.0, 7.0])
    assert (float(metric.result()), metric.update_count, len(metric.seen)) == (6, 2, 2)
    kept = metric.seen
    metric.reset()
    assert (float(metric.result()), metric.update_count, metric.seen) == (0, 0, [])
    assert len(kept) == 2
    metric.update(None, torch.tensor([5.0]))
    assert float(metric.low) == float(metric.high) == 5


def test_one_call_counts_once_and_is_computed_once():
    metric = fed(Twice, [1.0, 3.0])
    assert (metric.update_count, len(metric.seen)) == (1, 2)
    assert metric.compute() == metric.compute() == {"spread": 5, "low": 1}
    assert metric.computed == 1
    metric.update(None, torch.tensor([0.0]))
    assert metric.compute() == {"spread": 6, "low": 0}


def test_what_was_computed_is_nobodys_state():
    metric = fed(Twice, [1.0])
    metric.compute()["low"].add_(10)
    assert float(metric.low) == 1


def test_no_gradient_is_followed():
    metric = Spread()
    metric.update(None, torch.ones(3, requires_grad=True) * 2)
    assert not metric.low.requires_grad
    assert torch.is_grad_enabled()


def test_what_raises_leaves_the_way_free():
    metric = Spread()
    with pytest.raises(AttributeError):
        metric.update(None, None)
    metric.update(None, torch.ones(3))
    assert float(metric.result()) == 0


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_goes_on_by_itself(again):
    metric = fed(Twice, [1.0, 3.0])
    metric.compute()
    other = again(metric)
    other.update(None, torch.tensor([-5.0]))
    assert other.compute() == {"spread": 16, "low": -10}
    assert metric.compute() == {"spread": 5, "low": 1} and len(metric.seen) == 2


@pytest.mark.parametrize("to", [torch.float16, torch.bfloat16])
def test_states_keep_their_types_within_a_model_of_another(to):
    area = M.AUC(num_thresholds=3, multi_label=True, label_weights=[0.25, 1])
    metrics = torch.nn.ModuleList([fed(Spread, [1.0]), M.SparseCategoricalAccuracy(), area])
    share = area.add_weight(name="share")
    metrics.to(to).half().float()
    assert {metrics[0].low.dtype, metrics[1].total.dtype, share.dtype} == {torch.float64}
    assert area.label_weights.dtype == torch.float64
    metrics[0].reset()
    assert metrics[0].low.dtype == torch.float64


def test_states_go_where_the_module_goes():
    metric = fed(Spread, [1.0])
    metric.compute()
    metric.to("meta")
    assert {metric.device, metric.low.device, metric.seen[0].device} == {torch.device("meta")}
    assert metric.compute().device == torch.device("meta")
    metric.reset()
    assert metric.low.device == torch.device("meta")


def test_states_are_no_weights():
    metric = fed(Spread, [1.0])
    assert (*metric.state_dict(), *metric.parameters(), *metric.buffers()) == ()


def test_what_makes_no_state_is_refused():
    with says("Spread.add_state: expected default as a tensor or an empty list, got [1]."):
        Spread().add_state("n", [1])
    text = "Spread.add_state: unknown dist_reduce_fx 'summ'; did you mean 'sum'"
    with says(text):
        Spread().add_state("n", torch.zeros(()), "summ")
    assert not hasattr(Spread(), "n")


def largest_but_one(several):
    return several.sort(0).values[-2]


@pytest.mark.parametrize(
    ("reduction", "want"),
    [
        ("sum", [10, 11]),
        ("mean", [5, 5.5]),
        ("max", [6, 7]),
        ("min", [4, 4]),
        ("cat", [6, 4, 4, 7]),
        (None, [[6, 4], [4, 7]]),
        (largest_but_one, [4, 4]),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_reductions_are_those_of_torchmetrics(reduction, want):
    """Of two that have each seen something, and one that has seen nothing and counts nothing."""

    def several(base):
        class Kept(base):
            def __init__(self):
                super().__init__()
                self.add_state("x", torch.zeros(2), reduction)

            def update(self, x):
                self.x = self.x + x

            def compute(self):
                return self.x

        metrics = [Kept() for _ in range(3)]
        metrics[0].update(torch.tensor([6.0, 4.0]))
        metrics[1].update(torch.tensor([4.0, 7.0]))
        return metrics

    for base in (M.Metric, torchmetrics.Metric):
        metrics = several(base)
        found = merged(metrics[0], [carried(m) for m in metrics])
        carry(metrics[2], found)
        assert metrics[2].compute().tolist() == want
        assert metrics[2].update_count == 2


# --- torchmetrics' own ----------------------------------------------------------------------------


def test_metrics_of_torchmetrics_are_taken_as_classes_and_instances():
    for given in (torchmetrics.MeanSquaredError, torchmetrics.MeanSquaredError()):
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=[given])
        logs = model.fit([[[1.0]], [[2.0]]], [[1.0], [2.0]], verbose=0).history
        assert logs["meansquarederror"] == pytest.approx(logs["loss"])


def asked(metrics, units=3, loss="sparse_categorical_crossentropy"):
    """What `evaluate` gives of a model's metrics, and its outputs and the targets, a row a step."""
    keras.utils.set_random_seed(0)
    last = keras.layers.Dense(units, "softmax" if units > 1 else None)
    model = keras.Sequential([keras.Input((None, 2)), last])
    model.compile("sgd", loss, metrics=metrics)
    x = [torch.randn(n, 2) for n in (3, 0, 5, 1)]
    y = [torch.arange(len(s)) % 3 for s in x]
    rows = torch.cat([torch.as_tensor(p) for p in model.predict(x, verbose=0)])
    return model.evaluate(x, y, verbose=0, return_dict=True), rows, torch.cat(y)


def test_a_collection_is_its_metrics_by_their_names():
    from torchmetrics.classification import MulticlassAUROC, MulticlassF1Score

    def several():
        parts = {"f": MulticlassF1Score(3), "area": MulticlassAUROC(3)}
        return torchmetrics.MetricCollection(parts, prefix="their_")

    for given in (several(), [several()], ["accuracy", several()]):
        logs, rows, y = asked(given)
        assert {"loss", "their_f", "their_area"} <= {*logs}
        want = several()(rows, y)
        assert logs["their_f"] == pytest.approx(float(want["their_f"]))
        assert logs["their_area"] == pytest.approx(float(want["their_area"]))


def test_wrappers_count_what_they_hold_and_are_fed_as_it_is():
    from torchmetrics.classification import MulticlassAccuracy

    inside = MulticlassAccuracy(3, average="micro")
    logs, rows, y = asked([torchmetrics.wrappers.Running(inside, 9)])
    assert logs["running"] == pytest.approx(float((rows.argmax(-1) == y).double().mean()))
    with says("metric 'minmaxmetric': expected one number, got dict."):
        asked([torchmetrics.MinMaxMetric(inside)])


def test_what_fails_while_it_is_fed_is_named_with_what_it_got():
    def mine(y_true, y_pred):
        return y_pred.no_such

    two = torchmetrics.classification.MulticlassAccuracy(2)
    for given, name in ((two, "multiclassaccuracy"), (mine, "mine")):
        with pytest.raises((ValueError, AttributeError)) as caught:
            asked([given])
        assert caught.value.__notes__ == [
            f"metric {name!r} was given targets (9,) and outputs (9, 3): a row a step."
        ]


def test_a_class_that_must_be_told_more_says_so():
    for name, options in (
        ("Accuracy", {"metrics": [torchmetrics.Accuracy]}),
        ("MulticlassF1Score", {"metrics": [torchmetrics.classification.MulticlassF1Score]}),
        ("AdaptiveLogSoftmaxWithLoss", {"loss": torch.nn.AdaptiveLogSoftmaxWithLoss}),
    ):
        kind = "loss" if "loss" in options else "metric"
        with says(f"compile: {kind} {name!r} must be told more: give an instance, as {name}(...)."):
            keras.Sequential([keras.layers.Dense(2)]).compile("sgd", **options)


def test_a_class_of_torch_losses_is_taken():
    for given in (torch.nn.NLLLoss, torch.nn.NLLLoss()):
        logs, rows, y = asked([], loss=given)
        want = torch.nn.functional.nll_loss(rows, y)
        assert logs["loss"] == pytest.approx(float(want), rel=1e-5)


def test_a_metric_of_ones_own_says_what_it_lacks():
    class Nothing(M.Metric):
        pass

    class Half(M.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            pass

    for kind, name, of_keras in ((Nothing, "add", "update_state"), (Half, "score", "result")):
        want = (
            f"{kind.__name__}: a metric of one's own defines `{name}`, or `{of_keras}` as in "
            "Keras, and it has neither."
        )
        with pytest.raises(NotImplementedError, match=want):
            asked([kind()])


def test_what_came_by_an_update_state_of_one_s_own_is_computed():
    class Seen(keras.metrics.Metric):
        def __init__(self):
            super().__init__()
            self.seen = self.add_weight()

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.seen.assign_add(len(y_pred))

        def score(self):
            return self.seen.data

    metric = Seen()
    metric.update_state(torch.zeros(3), torch.zeros(3))
    assert float(metric.compute()) == float(metric.result()) == 3
