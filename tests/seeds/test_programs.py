"""The programs of the founding documents run as they stand: only their imports are mapped.

Where the documents are not at hand there is nothing to run. Complete programs are the autoencoder
of 003 and, with the data in the same document, the training and prediction of 002. The other blocks
lack names that the document only describes, or imports that it takes for granted: each gets them
here, from the dict or the `prelude` that its test gives to `run`.

What is not as it stands there: numpy's array is that before 1.24 in 003, pandas's DataFrame has
`append` as before 2.0 in 002, of whose labels all but the first 15 are missing and drawn here; the
embedding of 001 has 24 or 4 numbers a word instead of 300. Not run are the six dots in the answer
of 001 and the lines that they repeat, and what the documents print.
"""

import re
import sys
import types
import warnings
from importlib.machinery import ModuleSpec

import numpy as np
import pytest
import torch

import unpad
from unpad import spellings
from unpad.doctor import DataWarning

from .documents import DOCUMENTS, block


def run(code, names=None, prelude=""):
    """Runs code as a script of its own whose Keras is unpad.

    Args:
        code: as it stands in the document.
        names: what it finds defined.
        prelude: imports that it takes for granted, with Keras's own names.
    """
    names = {"__name__": "__main__", **(names or {})}
    with unpad.as_keras(), warnings.catch_warnings():
        # Old spellings, mistakes in the data that the document is about, and its mse of labels:
        # tests below ask for them.
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DataWarning)
        warnings.filterwarnings("ignore", "mean_squared_error: there is one target a step")
        exec(prelude, names)
        exec(compile(code, "document", "exec"), names)
    return names


def as_below_unpad(code):
    """The same code with the module paths below `unpad` in its imports."""
    code = re.sub(r"^import tensorflow as tf$", "import types, unpad\n"
                  "tf = types.SimpleNamespace(keras=unpad)", code, flags=re.M)  # fmt: skip
    code = re.sub(r"^import keras$", "import unpad as keras", code, flags=re.M)
    return re.sub(r"^(from|import) keras\b", r"\1 unpad", code, flags=re.M)


def older_array(rows):
    """numpy's array before 1.24: lists of different lengths are an array of lists."""
    if len({len(row) for row in rows}) == 1:
        return np.array(rows)
    return np.array(rows, dtype=object)


class Frame:
    """As much of pandas's DataFrame as document 002 uses; pandas itself lost `append` in 2.0."""

    def __init__(self, columns):
        self.columns = {name: np.array([]) for name in columns}

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.columns[key]
        chosen = Frame([])
        chosen.columns = {name: column[key] for name, column in self.columns.items()}
        return chosen

    def __setitem__(self, name, values):
        self.columns[name] = np.array(values)

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def append(self, other, ignore_index):
        joined = Frame([])
        for name, column in self.columns.items():
            joined[name] = np.concatenate([column, other[name]])
        return joined


def newsgroups(seed, count, words=60, labels=3, slots=1100):
    """Texts as ids, padded in front, of which the words tell the label."""
    rng = np.random.default_rng(seed)
    y = rng.integers(labels, size=count)
    x = np.zeros((count, slots), "int32")
    for i, label in enumerate(y):
        length = int(rng.integers(20, 60))
        x[i, -length:] = 1 + label * (words // labels) + rng.integers(words // labels, size=length)
    return x, np.eye(labels)[y]


def tagged_batches(seed, count=10, embedding=5, longest=20):
    """Batches of one sequence as document 002 describes: (embedding, time), zeros at the end.

    Embeddings of class 1 and class 2 are drawn from truncated normal distributions that overlap.
    """
    rng = np.random.default_rng(seed)
    batches = []
    for length in rng.integers(5, longest, size=count):
        y = np.zeros(longest)
        y[:length] = rng.integers(1, 3, size=length)
        x = np.clip(rng.normal(np.where(y == 1, 0.0, 1.5), 1.0, (embedding, longest)), -2.5, 4)
        x[:, length:] = 0
        batches.append((x, y))
    return batches


if DOCUMENTS:
    TAGGER = block("000", "model = keras.Sequential([", 'metrics=["accuracy"]') + ")\n"
    IMPORTS_001 = """
from keras import backend as K
from keras.callbacks import EarlyStopping
from keras.constraints import NonNeg
from keras.initializers import RandomUniform
from keras.layers import (
    Dense, Dropout, Embedding, Flatten, Input, Lambda, Multiply, Reshape
)
from keras.models import Model
"""
    COMPILE = "model.compile(loss='categorical_crossentropy'"
    PLAIN = block("001", "EMBEDDING_DIM = 300", COMPILE)
    FIT = block("001", "earlystop = EarlyStopping", "history = model.fit")
    PRINT = block("001", "print ('Best validation", "print ('Best validation")
    MASKED = block("001", "def myMask(x):", COMPILE)
    UPDATE = block("001", "layer_size = 25", COMPILE, nth=2)
    PROGRAM_002 = block("002", "import pandas as pd", "preds = preds[preds['true']!=0]")
    ZIPPED = block("002", "data_train = list(zip", "data_test = list(zip")
    ACCURACY = block("002", "np.round(sum(preds", "np.round(sum(preds")
    MASKS = block("002", "for i, l in enumerate(model.layers):", "print(f'has output mask")
    BETTER_LINE = block("002", "# I would prefer softmax", "model.add(TimeDistributed(Dense(2")
    AUTOENCODER = block("003", "# lstm autoencoder recreate", "print(yhat[0,:,0])")
    BILSTM = block("003", "iclf = Sequential()", "iclf.add(TimeDistributed(Dense(1")
    PADDED = block("003", "X = pad_sequences(", "X = pad_sequences(")
    MODEL_004 = block("004", "model = tf.keras.Sequential()", "model.add(Dense(1")
    OBJECTIVE = block("004", "def weighted_masked_objective", "return weighted")

    def test_000_the_tagger():
        sizes = {"max_length": 12, "vocab_size": 30, "embedding_dim": 8, "num_tags": 4}
        for prelude in ("import keras", "import unpad as keras"):
            model = run(TAGGER, sizes, prelude)["model"]
            lengths = np.random.default_rng(0).integers(1, 13, size=40)
            real = np.arange(12) < lengths[:, None]
            x = np.where(real, np.random.default_rng(1).integers(1, 30, size=(40, 12)), 0)
            y = np.where(real, x % 4, -1)  # padded with -1, as the document advises
            losses = model.fit(x, y, batch_size=10, epochs=6, verbose=0).history["loss"]
            assert losses == sorted(losses, reverse=True)
            assert model.predict(x, verbose=0).shape == (40, 12, 4)
            # What is not there has no value, and -1 is never looked at.
            loss = model.evaluate(x, y, verbose=0)
            assert loss == model.evaluate(x, np.where(real, y, 3), verbose=0)

    @pytest.fixture(scope="module")
    def texts():
        x, y = newsgroups(0, 96)
        x_test, y_test = newsgroups(1, 32)
        return {
            "word_index": {f"word{i}": i for i in range(1, 61)}, "num_labels": 3,
            "BATCH_SIZE": 32, "x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test,
        }  # fmt: skip

    def test_001_the_networks(texts, capsys):
        """Plain, and with the Lambda mask; its EarlyStopping, its history by the old name."""
        unpad.utils.set_random_seed(0)
        reduced = PLAIN.replace("EMBEDDING_DIM = 300", "EMBEDDING_DIM = 24")
        plain = run(reduced + FIT + PRINT, texts, IMPORTS_001)
        assert "Best validation accuracy is" in capsys.readouterr().out
        masked = run(MASKED + FIT + PRINT, plain)
        last = {n: p["history"].history["val_accuracy"][-1] for n, p in
                (("plain", plain), ("masked", masked))}  # fmt: skip
        assert last["masked"] > 0.9
        assert last["masked"] >= last["plain"]
        assert "val_acc" not in plain["history"].history  # found by it, but not twice there

    def test_001_the_lambda_mask_is_what_mask_zero_does(texts):
        """What Embedding(mask_zero=True) and Flatten do by themselves."""
        sized = PLAIN.replace("EMBEDDING_DIM = 300", "EMBEDDING_DIM = 4")
        names = run(sized + MASKED, texts, IMPORTS_001)
        zeroed = sized.replace(
            ", name = 'embedding_dnn'", ", name = 'embedding_dnn', mask_zero=True"
        )
        ours = run(zeroed, texts, IMPORTS_001)["model"]
        theirs = names["model"]
        ours.set_weights(theirs.get_weights())
        x = texts["x_test"]
        np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), 1e-5)
        for model in (ours, theirs):
            row = model.get_layer("embedding_dnn").get_weights()[0][0]
            model.fit(texts["x_train"], texts["y_train"], epochs=1, verbose=0)
            np.testing.assert_array_equal(model.get_layer("embedding_dnn").get_weights()[0][0], row)

    def test_001_the_update(texts):
        update = UPDATE.replace("EMBEDDING_DIM", "4")
        names = run(PLAIN.replace("300", "4") + MASKED + update, texts, IMPORTS_001)
        model = names["model"]
        model.fit(texts["x_train"], texts["y_train"], epochs=2, verbose=0)
        table = model.get_layer("embedding_dnn").get_weights()[0]
        assert (table >= 0).all()

    def data_002():
        array = DOCUMENTS["002"].split("X_batches_train\n", 1)[1].split("Run Code Online")[0]
        train = eval(array, {"array": np.array})
        found = re.search(r"y_batches_train\s+\[array\(\[([^\]\[]*?)\n", DOCUMENTS["002"])
        first = [float(number) for number in found[1].split(",")]
        y = [
            np.pad(np.ones(int((x[0] != 0).sum())), (0, 20 - int((x[0] != 0).sum()))) for x in train
        ]
        y[0][: len(first)] = first  # the document breaks off within the first sequence's labels
        rng = np.random.default_rng(2)
        for labels in y[1:]:
            labels[labels > 0] = rng.integers(1, 3, size=int(labels.sum()))
        test = tagged_batches(3, 4)
        return {
            "np": np, "X_batches_train": train, "y_batches_train": y,
            "X_batches_test": [x for x, _ in test], "y_batches_test": [y for _, y in test],
        }  # fmt: skip

    @pytest.fixture
    def pandas(monkeypatch):
        module = types.ModuleType("pandas")
        module.__spec__ = ModuleSpec("pandas", None)  # who looks whether it is there looks here
        module.DataFrame = Frame
        monkeypatch.setitem(sys.modules, "pandas", module)

    @pytest.mark.parametrize("mapped", [False, True], ids=["as it stands", "below unpad"])
    def test_002_the_program(pandas, mapped):
        data = data_002()
        assert len(data["X_batches_train"]) == 10
        assert {x.shape for x in data["X_batches_train"]} == {(5, 20)}
        code = ZIPPED + PROGRAM_002
        names = run(as_below_unpad(code) if mapped else code, data)
        assert names["model"].count_params() == 4283  # as the document's summary says
        assert len(names["preds"]) == sum((y != 0).sum() for y in data["y_batches_test"])
        # What the reshape made of the padding is a step, 0 too is predicted; -1 where 5 zeros
        # happen to be one.
        assert set(names["preds"]["pred"]) <= {-1, 0, 1, 2}
        run(ACCURACY, names)

    def test_002_the_masks_are_printed(pandas, capsys):
        names = run(ZIPPED + PROGRAM_002, data_002())
        run(MASKS, names)
        said = capsys.readouterr().out.splitlines()
        masks = [line.split(": ", 1) for line in said if line.startswith("has ")]
        # As in the document: none goes into the first layer, each layer hands one on.
        assert masks[0] == ["has input mask", "None"]
        assert [has for has, _ in masks[1:]] == ["has output mask"] + [
            "has input mask", "has output mask",
        ] * 3  # fmt: skip
        assert all("(batch, 20)" in mask for _, mask in masks[1:])

    def test_002_transposed_and_shifted(pandas):
        """The answer's line, labels shifted, and the transpose that was meant: steps are masked."""
        data = data_002()
        old = "model.add(TimeDistributed(Dense(3, activation='sigmoid')))\n"
        assert old in PROGRAM_002
        code = PROGRAM_002.replace(old, BETTER_LINE)
        code = code.replace("X = X.reshape(1, 20, 5)", "X = X.T[None]")
        for key in ("y_batches_train", "y_batches_test"):
            data[key] = [np.maximum(y - 1, 0) for y in data[key]]
        names = run(ZIPPED + code.partition("# *** model prediction")[0], data)
        model = names["model"]
        for x, _ in names["data_test"]:
            real = (x != 0).any(0)
            classes = model.predict_classes(x.T[None], verbose=0)[0]
            assert set(classes[real]) <= {0, 1}
            assert set(classes[~real]) <= {-1}  # no prediction where there is no step

    @pytest.mark.parametrize("mapped", [False, True], ids=["as it stands", "below unpad"])
    def test_003_the_autoencoder(tmp_path, monkeypatch, capsys, mapped):
        """The whole program, plot_model included; of its imports numpy's array is an older one."""
        monkeypatch.chdir(tmp_path)
        unpad.utils.set_random_seed(0)
        # numpy 1.24 and later refuse array([[1, 2, 3], [4]]) and ask for dtype=object.
        code = AUTOENCODER.replace("from numpy import array", "")
        names = run(as_below_unpad(code) if mapped else code, {"array": older_array})
        assert names["yhat"].shape == (3, 9, 1)
        assert abs(names["yhat"][0, :, 0] - np.arange(1, 10) / 10).max() < 0.2
        assert "[" in capsys.readouterr().out
        assert (tmp_path / "reconstruct_lstm_autoencoder.png").read_bytes()[:4] == b"\x89PNG"

    def test_003_the_bilstm(monkeypatch):
        imports = """
from keras.models import Sequential
from keras.layers import LSTM, Bidirectional, Dense, TimeDistributed, Masking
from keras.preprocessing.sequence import pad_sequences
"""
        rng = np.random.default_rng(0)
        sequences = [rng.normal(size=(n, 2048)).astype("float32") for n in (3, 7, 5)]
        names = run(BILSTM + PADDED, {"X": list(sequences)}, imports)
        model, x = names["iclf"], names["X"]
        assert x.shape == (3, 7, 2048)
        np.testing.assert_array_equal(x[0, :3], sequences[0])
        model.compile("adam", "binary_crossentropy")
        model.fit(x, np.zeros((3, 7, 1)), epochs=1, verbose=0)
        # What was asked: one layer in front, or no padding at all.
        masked = unpad.Sequential([unpad.layers.Masking(), *model.layers])
        padded, bare = masked.predict(x, verbose=0), model.predict(sequences, verbose=0)
        for i, part in enumerate(bare):
            np.testing.assert_allclose(padded[i, : len(part)], part, rtol=1e-5)

    def test_004_the_model():
        imports = "import tensorflow as tf\nfrom tensorflow.keras.layers import *"
        model = run(MODEL_004, {"timesteps": 6, "features": 3}, imports)["model"]
        model.compile("sgd", "binary_crossentropy")
        rng = np.random.default_rng(0)
        x = rng.normal(size=(5, 6, 3))
        real = np.arange(6) < np.array([6, 2, 0, 4, 1])[:, None]
        x[~real] = 0
        y = rng.integers(2, size=(5, 6, 1))
        other = np.where(real[..., None], y, 1 - y)
        # Labels where no step is change nothing, bit for bit.
        assert model.evaluate(x, y, verbose=0) == model.evaluate(x, other, verbose=0)
        assert (model.predict(x, verbose=0)[~real] == 0).all()

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("name", ["binary_crossentropy", "mean_squared_error"])
    def test_004_the_objective(name, weighted):
        """The document's own function gives the number of unpad's loss, on the same arrays."""
        names = run(OBJECTIVE, prelude="from keras import backend as K")
        rng = np.random.default_rng(0)
        real = np.arange(6) < np.array([6, 2, 3, 4, 1])[:, None]
        y_true = torch.from_numpy(rng.integers(2, size=(5, 6, 1)).astype("float64"))
        y_pred = torch.from_numpy(rng.uniform(0.05, 0.95, size=(5, 6, 1)))
        mask = torch.from_numpy(real)
        # Weights are the mask's ones where the document's function gets both: it divides by
        # the share of weights that are not 0, too.
        weights = torch.from_numpy(np.where(real, rng.uniform(0.5, 2, size=(5, 6)), 0))
        loss = getattr(unpad.losses, name)
        if weighted:
            objective = names["weighted_masked_objective"](loss)(y_true, y_pred, weights)
        else:
            objective = names["weighted_masked_objective"](loss)(y_true, y_pred, None, mask)
        sequences = [unpad.Ragged.from_padded(part, mask=mask) for part in (y_true, y_pred)]
        sample_weight = unpad.Ragged.from_padded(weights, mask=mask) if weighted else None
        ours = unpad.losses.get(name)(*sequences, sample_weight=sample_weight)
        # Its mean(mask) + 1e-7, for want of a denominator that is exact.
        assert float(ours) == pytest.approx(float(objective), rel=1e-6)

    def test_every_line_of_code_is_run():
        """Imports and calls of models in the documents belong to a block that is run."""
        ran = "\n".join(
            [TAGGER, PLAIN, FIT, PRINT, MASKED, UPDATE, PROGRAM_002, ZIPPED, ACCURACY, MASKS,
             BETTER_LINE, AUTOENCODER, BILSTM, PADDED, MODEL_004, OBJECTIVE]
        )  # fmt: skip
        known = {line.strip() for line in ran.splitlines()}
        code = re.compile(
            r"(from \w[\w.]* import \w|import \w+( as \w+)?$|\w+\.(add|compile|fit)\()"
        )
        lost = [
            line.strip()
            for text in DOCUMENTS.values()
            for line in text.splitlines()
            if code.match(line.strip()) and line.strip() not in known
        ]
        # Around the six dots in 001's answer.
        assert lost == [
            "from keras.initializers import RandomUniform",
            "from keras.constraints import NonNeg",
        ]

    def test_one_warning_for_each_old_spelling(pandas, monkeypatch):
        monkeypatch.setattr(spellings, "_told", set())
        names = {"__name__": "__main__", **data_002()}
        with unpad.as_keras(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            exec(compile(ZIPPED + PROGRAM_002, "document", "exec"), names)
        found = [str(w.message) for w in told if not issubclass(w.category, FutureWarning)]
        assert "this is what reshape makes of an array" in found[0]
        # Three sigmoids under a loss of one class a step: the document's own mistake, told in fit.
        assert "takes probabilities that sum to 1, and sigmoids do not" in found[1]
        assert "each of them is compared with it. Of integer labels that says nothing" in found[2]
        told = [w for w in told if issubclass(w.category, FutureWarning)]
        said = [str(w.message) for w in told]
        assert [text.split(" is how")[0] for text in said] == [
            "Masking: input_shape=", "SGD: lr=", "SGD: decay=", "Sequential: predict_classes(x)",
        ]  # fmt: skip
        assert {w.filename for w in told} == {"document"}
