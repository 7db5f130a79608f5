"""A model used for a moment: its loss at the start, overfitting, what is left without the input."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import unpad
from unpad import Sequential, layers
from unpad.doctor import examine

from .modules import ForwardsOnly, MaskedMean

RNG = np.random.default_rng(0)
WORDS = [RNG.integers(1, 50, n) for n in RNG.integers(3, 12, 60)]
TAGS = [ids % 3 for ids in WORDS]
LABELS = RNG.integers(0, 3, 60)


def tagger(of=unpad, zero=True, **options):
    net = of.Sequential([
        of.layers.Embedding(50, 8, mask_zero=zero),
        of.layers.LSTM(8, return_sequences=True),
        of.layers.Dense(3, activation="softmax"),
    ])  # fmt: skip
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return net


def grid(parts, width=12):
    found = np.zeros((len(parts), width), int)
    for row, part in zip(found, parts, strict=True):
        row[: len(part)] = part
    return found


def over_steps(outputs, labels, mask):
    each = F.cross_entropy(outputs.transpose(1, 2), labels, reduction="none")
    return (each * mask).sum(), mask.sum()


def test_the_model_itself_stays_as_it_is():
    net = tagger()
    net.predict(grid(WORDS), verbose=0)
    before = [w.copy() for w in net.get_weights()]
    state = torch.get_rng_state()
    report = examine(grid(WORDS), grid(TAGS), net, only={"loss at start", "overfit"})
    assert report == [] and [a.answer for a in report.asked] == ["nothing", "nothing"]
    assert all((a == b).all() for a, b in zip(before, net.get_weights(), strict=True))
    assert bool((torch.get_rng_state() == state).all())


def test_modules_of_torch_with_a_loss():
    asked = {"only": {"loss at start", "overfit"}, "loss": over_steps, "seconds": 120.0}
    assert examine(WORDS, TAGS, ForwardsOnly(), **asked) == []
    pooled = {**asked, "loss": nn.CrossEntropyLoss()}
    assert examine(WORDS, LABELS, MaskedMean(), **pooled) == []

    class Loud(MaskedMean):
        def forward(self, x, mask):
            return 300 * super().forward(x, mask)

    assert examine(WORDS, LABELS, Loud(), **pooled).kinds == ["loss at start"]

    class Cut(MaskedMean):
        def forward(self, x, mask):
            return super().forward(x, mask).detach() + 0 * self.narrow.bias.sum()

    report = examine(WORDS, LABELS, Cut(), **{**pooled, "seconds": 0.0})
    assert "0 updates took 0 seconds, and 100 are needed" in report.asked[-1].answer
    (finding,) = examine(WORDS, LABELS, Cut(), **pooled)
    assert finding.kind == "cannot overfit"
    assert finding.evidence["after"] >= 0.97 * finding.evidence["before"]


def test_models_of_keras():
    import keras

    asked = {"only": {"loss at start", "overfit"}, "seconds": 20.0}
    assert examine(grid(WORDS), grid(TAGS), tagger(keras), **asked) == []


def test_targets_that_are_far_away_explain_the_loss():
    net = Sequential([layers.Masking(), layers.LSTM(4), layers.Dense(1)])
    net.compile("adam", "mse")
    x = [RNG.normal(size=(n, 2)) for n in RNG.integers(3, 9, 60)]
    y = RNG.normal(50_000, 900, 60)
    report = examine(x, y, net)
    assert report.kinds == ["unscaled targets"] and "loss at start" in report
    assert examine(x, (y - y.mean()) / y.std(), net) == []


def test_scores_as_reported_and_on_real_steps():
    words, tags = grid(WORDS, 40), grid([1 + RNG.integers(0, 2, len(w)) for w in WORDS], 40)
    net = tagger(zero=False)
    net.compile(
        unpad.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    with unpad.doctor.quiet():
        net.fit(words, tags, epochs=3, batch_size=16, verbose=0)
    report = examine(words, tags, net, only={"scores"})
    assert "padding counted" in report
    numbers = report["padding counted"].evidence
    assert numbers["reported"] > 0.7 > numbers["on real steps"]
    assert "on real steps" in report.asked[0].answer and "worst classes" in report.asked[0].answer


def test_what_cannot_be_scored_is_said():
    net = Sequential([layers.LSTM(4), layers.Dense(3, activation="softmax")])
    net.compile("adam", "sparse_categorical_crossentropy")
    x = [RNG.normal(size=(n, 2)) for n in RNG.integers(3, 9, 90)]
    y = RNG.integers(0, 3, 90)
    (asked,) = examine(x, y, net, only={"without input"}).asked
    assert not asked.could and "no accuracy among its metrics" in asked.answer


def of_numbers(masked, wrong=True):
    """Sixty series, a number to be told at each step, and a model that says the step itself."""
    rng = np.random.default_rng(0)
    x = np.zeros((60, 20, 2), "f4")
    for i in range(60):
        n = 4 + i % 16
        x[i, :n] = 3 + rng.normal(size=(n, 2))
    y = np.where(x != 0, x + (4.0 if wrong else 0.0), 0).astype("f4")[..., :1]
    door = [layers.Masking()] if masked else []
    model = Sequential([*door, layers.Dense(1, use_bias=False)])
    model.compile("adam", "mse", metrics=["mae"])
    model.predict(x[:2], verbose=0)
    model.layers[-1].set_weights([np.array([[1], [0]], "f4")])
    return x, y, model


def test_errors_of_numbers_are_those_at_real_steps():
    x, y, model = of_numbers(False)
    report = examine(x, y, model, only={"scores"})
    assert set(report.kinds) == {"padding counted", "no better"}
    found = report["padding counted"].evidence
    assert found["at real steps"] == pytest.approx(4, abs=1e-4)
    assert found["reported"] == pytest.approx(4 * (y != 0).mean(), rel=1e-3)
    x, y, model = of_numbers(True, wrong=False)
    report = examine(x, y, model, only={"scores"})
    assert report == []
    assert "mean absolute error: reported" in report.asked[0].answer
