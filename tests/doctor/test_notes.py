"""What is noted beside what was made, and what the doctor reads in it."""

import gc
import warnings

import numpy as np
import pytest
import torch

from unpad import Ragged, Sequential, layers
from unpad.doctor import DataWarning, examine
from unpad.notes import _NOTED, Cut, Scaled, Words, noted
from unpad.scaling import Scaler

RNG = np.random.default_rng(0)
TEXTS = ["a b c d", "b c"] * 30


class Standard:
    def fit(self, rows):
        self.mean, self.deviation = rows.mean(0), rows.std(0)

    def transform(self, rows):
        return (rows - self.mean) / self.deviation


def parts(mean=50.0, n=60):
    return [RNG.normal(mean, 10, (4 + i % 9, 3)) for i in range(n)]


FORMS = {
    "array": lambda: RNG.normal(size=(6, 5, 3)),
    "tensor": lambda: torch.randn(6, 5, 3),
    "list": parts,
    "Ragged": lambda: Ragged.from_list(parts()),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_scaler_notes_by_which_means_and_how_often(form):
    x, scaler = FORMS[form](), Scaler(Standard())
    once = scaler.fit_transform(x)
    found = noted(once, Scaled)
    rows = np.concatenate(
        [np.reshape(np.asarray(s), (-1, 3)) for s in (x.to_list() if form == "Ragged" else x)]
    )
    assert (found.fitted.by, found.steps, found.times) == ("Standard", len(rows), 1)
    np.testing.assert_allclose(found.fitted.mean, rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found.fitted.deviation, rows.std(0), rtol=1e-5)
    assert noted(scaler.transform(once), Scaled).times == 2
    assert noted(Scaler(Standard()).fit_transform(once), Scaled).times == 1
    if form != "Ragged":
        assert noted(once[1:], Scaled) is found  # a view
    del once
    gc.collect()
    assert all(found not in notes.values() for _, notes in _NOTED.values())


def test_text_vectorization_notes_what_it_cut_and_did_not_know():
    layer = layers.TextVectorization(output_sequence_length=3)
    layer.adapt(["a b c d", "b c"])
    made = layer(["a b x d e", "c"])
    assert noted(made, Words) == Words(4, 1)
    assert noted(made, Cut) == Cut("TextVectorization", 6, 2, 1, 1, "post", "post")
    made = layers.TextVectorization(vocabulary=["a"])(["a b x d e", "c"])
    assert noted(made, Words) == Words(6, 5) and noted(made, Cut).cut == 0
    assert noted(layers.TextVectorization(vocabulary=["a"])("a"), Words) is None


def test_texts_that_were_cut_are_told():
    layer = layers.TextVectorization(output_sequence_length=2)
    layer.adapt(TEXTS)
    report = examine(layer(TEXTS))
    assert report.kinds == ["cut"]
    assert report["cut"].what == "TextVectorization cut 33% of the steps of x."
    assert report.seen.cut == (60, 180, 30)


def test_words_that_are_not_known_are_told_of_both_sides():
    layer = layers.TextVectorization(vocabulary=["a", "b", "c", "d"])
    others = ["a x y z", "p q"] * 30
    assert examine(layer(TEXTS)) == []
    report = examine(layer(others))
    assert report.kinds == ["unknown ids"]
    assert report["unknown ids"].evidence == {"share": pytest.approx(5 / 6), "words": 180}
    found = examine(layer(TEXTS), validation=(layer(others), None))["unknown ids"]
    assert "of the held-out part" in found.what


def test_two_fits_for_two_sides_are_told_and_one_is_not():
    train, held = parts(50), parts(54)
    one, other = Scaler(Standard()).fit(train), Scaler(Standard()).fit(held)
    found = examine(one.transform(train), validation=(other.transform(held), None))
    assert found.kinds == ["other scale"]
    assert found["other scale"].what == "The held-out part was scaled by a fit of its own."
    assert found["other scale"].evidence["deviations moved"] == pytest.approx(0.4, abs=0.1)
    assert examine(one.transform(train), validation=(one.transform(held), None)) == []
    alike = Scaler(Standard()).fit(parts(50))
    assert examine(one.transform(train), validation=(alike.transform(train), None)).kinds != [
        "other scale"
    ]


def test_rows_that_no_id_reads_are_told_with_the_model():
    x = [RNG.integers(1, 50, 4 + i % 9) for i in range(200)]
    held = [np.where(np.arange(len(s)) < 1, 900, s) for s in x[:40]]
    y = np.arange(200) % 2
    large, fitting = (Sequential([layers.Embedding(n, 4), layers.LSTM(2)]) for n in (1000, 50))
    report = examine(x, y, large, only={"rows"})
    assert report.kinds == ["dead rows"] and report["dead rows"].where.layer is not None
    assert report["dead rows"].evidence["share"] == 0.95
    assert examine(x, y, fitting, only={"rows"}) == []
    found = examine(x, y, large, validation=(held, None), only={"rows"})["dead rows"]
    assert found.evidence["share of held-out steps that read them"] == pytest.approx(
        40 / sum(map(len, held))
    )


def test_fit_is_told_what_was_noted():
    train, held = parts(50), parts(54)
    one, other = Scaler(Standard()).fit(train), Scaler(Standard()).fit(held)
    x, y = one.transform(train), np.arange(60) % 2

    def told(*, steps=x, **options):
        net = Sequential([layers.LSTM(2), layers.Dense(2, activation="softmax")])
        net.compile("adam", "sparse_categorical_crossentropy")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            net.fit(steps, y, verbose=0, **options)
        return [str(w.message) for w in caught if w.category is DataWarning]

    assert told(validation_data=(one.transform(held), y)) == told(validation_split=0.5) == []
    (text,) = told(validation_data=(other.transform(held), y))
    assert text.startswith("fit: The held-out part was scaled by a fit of its own.")
    (text,) = told(steps=one.transform(x))
    assert text.startswith("fit: x was scaled 2 times by one and the same Scaler.")
