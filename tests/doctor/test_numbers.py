"""Numbers that depend on padding, on batches, on accumulation; and those that do not."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import unpad
from unpad import layers
from unpad.doctor import probe

from .modules import ForwardsOnly, MaskedMean

RNG = np.random.default_rng(0)
IDS = [RNG.integers(1, 50, n) for n in (9, 4, 6, 7, 12, 3)]
TAGS = [ids % 3 for ids in IDS]
OF_SEQUENCES = np.array([0, 1, 2, 0, 1, 2])


def found(*args, **options):
    return {f.kind for f in probe(*args, **options).findings}


def each(outputs, labels):
    return F.cross_entropy(outputs.transpose(1, 2), labels, reduction="none")


def over_slots(outputs, labels):
    return each(outputs, labels).mean()


def over_slots_of_padding(outputs, labels, mask):
    """The sum is right, the divisor is not."""
    return (each(outputs, labels) * mask).sum(), mask.numel()


def over_steps(outputs, labels, mask):
    return (each(outputs, labels) * mask).sum() / mask.sum()


def mask_is_padding(outputs, labels, mask):
    return (each(outputs, labels) * ~mask).sum(), (~mask).sum()


def by_lengths(outputs, labels, lengths):
    real = torch.arange(labels.shape[1]) < lengths[:, None]
    return (each(outputs, labels) * real).sum(), lengths.sum()


def summed(outputs, labels, mask):
    return (each(outputs, labels) * mask).sum()


@pytest.mark.parametrize(
    ("loss", "kinds"),
    [
        (over_slots, {"padding counted"}),
        (over_slots_of_padding, {"padding counted"}),
        (over_steps, {"batch size", "accumulation"}),
        (mask_is_padding, set()),
        (by_lengths, set()),
        (summed, {"batch size"}),  # but its gradients add up
        (nn.CrossEntropyLoss(), {"padding counted"}),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_losses_of_torch(loss, kinds):
    # Of equally long sequences every batch has as many slots.
    asked = {"y": TAGS, "loss": loss, "accumulate": True}
    said = found(ForwardsOnly(), IDS, **asked)
    assert kinds <= said, said
    assert kinds or not said


def test_ignored_labels_are_no_padding():
    asked = {"y": TAGS, "loss": nn.CrossEntropyLoss(), "y_pad": -100}
    assert found(ForwardsOnly(), IDS, **asked) == {"batch size"}
    grid = np.full((6, 12), -100)
    for row, tags in zip(grid, TAGS, strict=True):
        row[: len(tags)] = tags
    asked = {"y": grid, "loss": nn.CrossEntropyLoss()}
    assert found(ForwardsOnly(), IDS, **asked) == {"batch size"}


def test_metrics_of_torch():
    from torchmetrics.classification import MulticlassAccuracy

    def accuracy(outputs, labels):
        return (outputs.argmax(-1) == labels).float().mean()

    report = probe(ForwardsOnly(), IDS, y=TAGS, metrics={"accuracy": accuracy})
    assert {f.kind for f in report.findings} == {"padding counted"}
    numbers = report["padding counted"].evidence
    assert numbers["accuracy"] > 0.3 and numbers["accuracy with more padding"] < numbers["accuracy"]
    micro = {"num_classes": 3, "average": "micro"}
    counts = MulticlassAccuracy(**micro)
    assert found(ForwardsOnly(), IDS, y=TAGS, metrics={"a": counts}) == {"padding counted"}
    ignores = MulticlassAccuracy(**micro, ignore_index=-100)
    assert found(ForwardsOnly(), IDS, y=TAGS, metrics={"a": ignores}, y_pad=-100) == set()


def test_labels_of_sequences():
    report = probe(MaskedMean(), IDS, y=OF_SEQUENCES, loss=nn.CrossEntropyLoss(), accumulate=True)
    assert report == []
    assert [a.answer for a in report.asked][-3:] == [
        "the outputs are one a sequence.", "holds", "holds",
    ]  # fmt: skip


def tagger(of, **options):
    net = of.Sequential([
        of.layers.Embedding(50, 4, **options),
        of.layers.LSTM(4, return_sequences=True),
        of.layers.Dense(3, activation="softmax"),
    ])  # fmt: skip
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def test_numbers_of_unpad_do_not_depend_on_anything():
    for net, x in ((tagger(unpad, mask_zero=True), IDS), (tagger(unpad), IDS)):
        report = probe(net, x, y=TAGS)
        assert report == []
        assert max(a.number for a in report.asked[-2:] if a.number is not None) < 1e-5
    pooled = unpad.Sequential([layers.Embedding(50, 4, mask_zero=True), layers.LSTM(3)])
    pooled.compile("adam", unpad.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert probe(pooled, IDS, y=OF_SEQUENCES) == []


def test_numbers_of_keras():
    import keras

    assert found(tagger(keras, mask_zero=True), IDS, y=TAGS) == {"batch size"}
    assert found(tagger(keras), IDS, y=TAGS) == {"padding counted"}
    twice = tagger(keras, mask_zero=True)
    adam = keras.optimizers.Adam(gradient_accumulation_steps=2)
    twice.compile(adam, "sparse_categorical_crossentropy")
    assert found(twice, IDS, y=TAGS) == {"batch size", "accumulation"}


def test_what_cannot_be_asked_is_said():
    report = probe(ForwardsOnly(), IDS, y=TAGS)
    assert "neither a loss nor metrics are given" in report.asked[-1].answer
    report = probe(ForwardsOnly(), IDS, y=TAGS, loss=lambda o, y: o.missing)
    assert "fails: AttributeError" in report.asked[-1].answer
    with pytest.raises(ValueError, match="probe: y: expected targets of 6 sequences, got 2"):
        probe(ForwardsOnly(), IDS, y=TAGS[:2], loss=over_slots)
