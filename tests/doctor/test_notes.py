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


COPIES = {
    "array": {
        "copy": lambda x: x.copy(),
        "some": lambda x: x[[3, 1]],
        "type": lambda x: x.astype("f4"),
        "together": lambda x: np.concatenate([x, x]),
        "tensor": torch.from_numpy,
        "Ragged": lambda x: Ragged.from_padded(x, padding=0.0),
    },
    "tensor": {
        "clone": lambda x: x.clone(),
        "some": lambda x: x[torch.tensor([3, 1])],
        "type": lambda x: x.double(),
        "numpy": lambda x: x.numpy(),
    },
    "list": {
        "copies": lambda x: [part.copy() for part in x],
        "drawn anew": lambda x: [x[i].copy() for i in (3, 1)],
        "Ragged": lambda x: Ragged.from_list(x),
    },
    "Ragged": {
        "slice": lambda x: x[2:],
        "some": lambda x: x[[3, 1]],
        "type": lambda x: x.to(dtype=torch.float64),
        "padded": lambda x: x.to_padded(),
        "list": lambda x: x.to_list(),
    },
}


@pytest.mark.parametrize(("form", "how"), [(f, h) for f, hows in COPIES.items() for h in hows])
def test_copies_are_known_by_what_they_hold(form, how):
    made = Scaler(Standard()).fit_transform(FORMS[form]())
    assert noted(COPIES[form][how](made), Scaled) is noted(made, Scaled)
    # What was computed from it is no copy, nor are other numbers.
    other = FORMS[form]()
    assert noted(COPIES[form][how](other), Scaled) is None


def test_a_copy_without_its_original_has_no_notes():
    made = Scaler(Standard()).fit_transform(FORMS["array"]())
    copy = made.copy()
    del made
    gc.collect()
    assert noted(copy, Scaled) is None


def test_copies_of_padded_ids_are_known():
    from unpad.preprocessing.sequence import pad_sequences

    x = pad_sequences([RNG.integers(1, 90, 6 + i % 9) for i in range(60)], 6)
    assert noted(x[RNG.permutation(60)], Cut) is noted(x, Cut)
    assert noted(x.astype("i4").copy(), Cut) is noted(x, Cut)
    assert noted(pad_sequences([[1, 2, 3]], 6) * 2, Cut) is None
    assert noted(RNG.integers(1, 90, (60, 6)), Cut) is None
    assert noted(np.zeros((60, 6), int), Cut) is None
    assert noted(np.arange(60) % 2, Cut) is None


def test_a_scaler_that_saw_the_held_out_part_is_a_note():
    whole = Scaler(Standard()).fit_transform(parts(n=80))
    report = examine(whole[:60], validation=(whole[60:], None))
    assert report.kinds == ["scaled on all"]
    assert examine(whole, validation_split=0.25).kinds == ["scaled on all"]
    order = RNG.permutation(80)
    mixed = [whole[i].copy() for i in order]
    assert examine(mixed[:60], validation=(mixed[60:], None)).kinds == ["scaled on all"]
    x = parts(n=80)
    scaler = Scaler(Standard()).fit(x[:60])
    train, held = scaler.transform(x[:60]), scaler.transform(x[60:])
    assert examine(train, validation=(held, None)) == []
    # A taste of what it was fitted on.
    assert examine(train[:40], validation=(held, None)) == []


def test_two_vocabularies_that_are_numbered_as_words_come_are_told():
    shares = 1 / np.arange(1, 2001)
    words = RNG.permutation(2000)

    def texts(n, seed):
        """Each word is followed by one of five, for the most part."""
        rng = np.random.default_rng(seed)
        found = []
        for _ in range(n):
            word, text = rng.choice(2000, p=shares / shares.sum()), []
            for _ in range(rng.integers(5, 20)):
                text.append(int(words[word]))
                follows = (word * 7 + rng.integers(5)) % 2000 % 300
                word = follows if rng.random() < 0.8 else rng.choice(2000, p=shares / shares.sum())
            found.append(text)
        return found

    def numbered(every, index):
        return [np.array([index.setdefault(w, len(index) + 1) for w in text]) for text in every]

    one, other = texts(600, 1), texts(300, 2)
    index = {}
    train = numbered(one, index)
    assert examine(train, validation=(numbered(other, {}), None)).kinds == ["other ids"]
    assert examine(train, validation=(numbered(other, index), None)) == []
    # One vocabulary, numbered from the held-out part on, or over both.
    first = {}
    held = numbered(other, first)
    assert examine(numbered(one, first), validation=(held, None)) == []
    # Places are numbered so on both sides, and are the same.
    places = [np.arange(1, 61 + i % 9) for i in range(60)]
    found = examine(places[:40], validation=(places[40:], None), only={"split"})
    assert "other ids" not in {f.kind for f in found.findings}
