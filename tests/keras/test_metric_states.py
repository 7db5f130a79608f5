"""A metric's states under Keras's names, and the metrics that a metric of one's own holds."""

import keras as theirs
import numpy as np
import pytest
import torch

import unpad as keras

Y = np.array([[0, 1, 0, 1], [1, 1, 0, 0]])
P = np.array([[0.1, 0.7, 0.45, 0.2], [0.95, 0.3, 0.6, 0.1]], dtype="float32")
KEPT = [
    ("TruePositives", {"thresholds": [0.9, 0.4]}),
    ("FalseNegatives", {}),
    ("Precision", {"thresholds": [0.9, 0.4]}),
    ("Recall", {"top_k": 2, "class_id": 1}),
    ("SensitivityAtSpecificity", {"specificity": 0.4, "num_thresholds": 5}),
    ("AUC", {"num_thresholds": 5}),
    ("AUC", {"num_thresholds": 5, "multi_label": True}),
]


@pytest.mark.parametrize(("name", "options"), KEPT)
def test_counts_are_those_that_keras_keeps(name, options):
    ours, other = (getattr(home.metrics, name)(**options) for home in (keras, theirs))
    if "multi_label" not in options:  # theirs has none before it knows the labels
        assert len(ours.variables) == len(other.variables)
    for metric in (ours, other):
        metric.update_state(Y, P)
    for a, b in zip(ours.variables, other.variables, strict=True):
        assert b.name in (a.name, "accumulator")
        assert a.tolist() == b.value.tolist()
    ours.reset_state()
    assert not any(state.any() for state in ours.variables)


def test_a_count_is_read_and_not_set():
    metric = keras.metrics.Precision()
    metric.update_state(Y, P)
    assert metric.true_positives.tolist() == [2] and metric.true_negatives.tolist() == [3]
    with pytest.raises(ValueError, match="the counts of all thresholds are one table"):
        metric.true_positives.assign([0.0])


class F1(keras.metrics.Metric):
    """As people write it: of two metrics, one in a list, and a state of its own."""

    def __init__(self, name="f1"):
        super().__init__(name=name)
        self.parts = {"precision": [keras.metrics.Precision()]}
        self.recall = keras.metrics.Recall()
        self.seen = self.add_weight(name="seen")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.parts["precision"][0].update_state(y_true, y_pred)
        self.recall.update_state(y_true, y_pred)
        self.seen.assign_add(1)

    def result(self):
        p, r = self.parts["precision"][0].result(), self.recall.result()
        return 2 * p * r / (p + r + 1e-9)


def test_a_metric_forgets_with_those_that_it_holds():
    metric = F1()
    assert [v.name for v in metric.variables][:1] == ["seen"] and len(metric.variables) == 5
    metric.update_state(Y, P)
    first = metric.result()
    metric.update_state(1 - Y, P)
    assert metric.result() != first
    metric.reset_state()
    assert not any(v.any() for v in metric.variables)
    metric.update_state(Y, P)
    assert torch.equal(metric.result(), first)


def test_each_epoch_of_a_fit_begins_with_an_empty_one():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "sigmoid")])
    model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy", metrics=[F1()])
    history = model.fit(P, Y, epochs=3, verbose=0).history["f1"]
    assert history[0] > 0 and history == [history[0]] * 3
