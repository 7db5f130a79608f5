"""A tagger with mask_zero: Keras's accuracy, and its debugging checklist as unpad answers it.

    python examples/seeds/tagging_with_mask_zero.py            # a minute or two
    python examples/seeds/tagging_with_mask_zero.py --small    # some seconds

The model of the article (Embedding with mask_zero, two Bidirectional LSTMs, a softmax for each
step) learns the word classes of UD English EWT. Labels are padded with -1 as it advises. Then each
point of its checklist: shapes, where the mask goes, integer against one-hot labels, start simple.
The mistakes are made, and what unpad says to each is printed.

Sentences are read from ../shared/data beside the repository, or from the folder that
UNPAD_TEST_DATA names; where neither is, and with --small, they are made up.
"""

import argparse
import gzip
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np

import unpad as keras
from unpad import doctor
from unpad.losses import SparseCategoricalCrossentropy

UNKNOWN = 1  # 0 is for padding
# On dev after each epoch, by Keras 3.15 on TensorFlow with the same settings.
KERAS = (0.890, 0.911, 0.916)


def folder():
    """Where the corpora are, if they are."""
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("UNPAD_TEST_DATA", default)) / "ud_english_ewt"
    return path if path.is_dir() else None


def sentences(path):
    """Lists of (word, word class)."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for block in file.read().split("\n\n"):
            rows = [line.split("\t") for line in block.split("\n")]
            # Ids that are no integer: contractions, and words that the text leaves out.
            rows = [(row[1].lower(), row[3]) for row in rows if row[0].isdigit()]
            if rows:
                yield rows


def made_up(count, seed):
    """Sentences of words with a class each, but for some: these take after the word before."""
    rng = np.random.default_rng(seed)
    for length in rng.integers(2, 13, count):
        tags = rng.integers(0, 4, length)
        words = [f"t{tag}w{i}" for tag, i in zip(tags, rng.integers(0, 3, length), strict=True)]
        for i in range(1, length):
            if rng.random() < 0.15:
                words[i], tags[i] = f"any{rng.integers(0, 2)}", (tags[i - 1] + 1) % 4
        yield [(word, f"T{tag}") for word, tag in zip(words, tags, strict=True)]


def padded(rows, table, width, fill):
    """A grid of ids, each row filled up at the end."""
    grid = np.full((len(rows), width), fill, "int32")
    for line, row in zip(grid, rows, strict=True):
        line[: len(row)] = [table(item) for item in row]
    return grid


def tagger(max_length, vocab_size, num_tags, embedding_dim=100, units=100, deep=True, **compiled):
    """The article's model."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input(shape=(max_length,)),
        keras.layers.Embedding(
            input_dim=vocab_size,
            output_dim=embedding_dim,
            mask_zero=True
        ),
        *[
            keras.layers.Bidirectional(
                keras.layers.LSTM(units=units, return_sequences=True)
            )
            for _ in range(2 if deep else 1)
        ],
        keras.layers.TimeDistributed(
            keras.layers.Dense(units=num_tags, activation="softmax")
        )
    ])  # fmt: skip
    options = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    model.compile(optimizer="adam", **{**options, **compiled})
    return model


def message(function):
    """What the function raises; None if it runs."""
    try:
        function()
    except (ValueError, TypeError) as error:
        return str(error)
    return None


def main(arguments=None):
    """Trains the tagger, then goes through the checklist; a verdict for each point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args(arguments).small or folder() is None
    if small:
        print("Sentences are made up: few, short, of four classes. The corpus is for full size.\n")
        train, dev = [*made_up(400, 0)], [*made_up(100, 1)]
        options, epochs = {"embedding_dim": 32, "units": 24}, 4
    else:
        train, dev = ([*sentences(folder() / f"{part}.conllu.gz")] for part in ("train", "dev"))
        options, epochs = {}, 3
    batch = 8 if small else 32
    counts = Counter(word for sentence in train for word, _ in sentence)
    words = {word: i for i, word in enumerate(sorted(w for w in counts if counts[w] > 1), 2)}
    tags = {tag: i for i, tag in enumerate(sorted({tag for s in train for _, tag in s}))}
    width = max(map(len, train + dev))
    sizes = (width, len(words) + 2, len(tags))

    def word_ids(rows):
        return padded(rows, lambda item: words.get(item[0], UNKNOWN), width, 0)

    def tag_ids(rows, fill):
        return padded(rows, lambda item: tags[item[1]], width, fill)

    x, y, x_dev, y_dev = word_ids(train), tag_ids(train, -1), word_ids(dev), tag_ids(dev, -1)
    print(f"{len(x):,} sentences in a grid of {width} slots, {(x > 0).mean():.0%} of it filled\n")
    passed = []

    def verdict(what, holds):
        passed.append(bool(holds))
        print(f"{'yes' if holds else 'NO '}  {what}\n", flush=True)

    def accuracies(model, y, y_dev):
        """On dev after each epoch."""
        fitted = model.fit(
            x, y, batch_size=batch, epochs=epochs, validation_data=(x_dev, y_dev), verbose=0
        )
        return fitted.history["val_accuracy"]

    print("# Labels padded with -1\n")
    model = tagger(*sizes, **options)
    model.summary()
    gone = accuracies(model, y, y_dev)
    print("on dev after each epoch:", " ".join(f"{value:.3f}" for value in gone))
    if small:
        verdict("it learns: above .8 in the end", gone[-1] > 0.8)
    else:
        print("Keras, the same settings:", " ".join(f"{value:.3f}" for value in KERAS))
        near = all(ours > theirs - 0.01 for ours, theirs in zip(gone, KERAS, strict=True))
        verdict("the accuracy is Keras's", near)
    right = (model.predict(x_dev, verbose=0).argmax(-1) == y_dev)[y_dev >= 0].mean()
    verdict("which is the share of real words that are told right", abs(right - gone[-1]) < 1e-6)
    few, fitted = slice(64), []
    for labels, loss in (
        (y, "sparse_categorical_crossentropy"),
        (y, SparseCategoricalCrossentropy(ignore_class=-1)),
        (np.maximum(y, 0), "sparse_categorical_crossentropy"),
    ):
        same = tagger(*sizes, **options, loss=loss)
        same.fit(x[few], labels[few], verbose=0)
        fitted.append((same.history.history["loss"][0], *same.get_weights()))
    print("loss of an epoch on 64 sentences:", *(f"{loss:.7f}" for loss, *_ in fitted))
    same = all(
        np.array_equal(a, b) for other in fitted[1:] for a, b in zip(fitted[0], other, strict=True)
    )
    verdict(
        "-1, -1 with ignore_class=-1, or 0: padded labels are not there, the weights are the same",
        same,
    )

    print("# 1. Do the shapes of layers match?\n")
    found = message(lambda: tagger(*sizes, **options).fit(x, y[:, :-1], verbose=0))
    print(found)
    verdict("labels of another width are refused before training", found)
    found = message(lambda: keras.Sequential([
        keras.Input(shape=(width,)),
        keras.layers.Embedding(10, 4, mask_zero=True),
        keras.layers.Reshape((4, width)),
    ]))  # fmt: skip
    print(found)
    verdict("a layer that cannot keep the steps is refused when the model is built", found)
    found = message(lambda: tagger(width, 5, len(tags), **options).fit(x, y, verbose=0))
    print(found)
    verdict("so is a table that is too small for the words", found)

    print("# 2. Does the mask get where it should?\n")
    trace = model.trace(x_dev, sequences=2)
    print(trace)
    lengths = (x_dev[:2] > 0).sum(1).tolist()
    verdict(
        "every layer from the embedding on has the real steps and no others",
        all(row.lengths == lengths for row in trace.rows[1:]),
    )
    alone = tagger(*sizes, **options).predict([row[row > 0] for row in x_dev], verbose=0)
    as_grid = tagger(*sizes, **options).predict(x_dev, verbose=0)
    verdict(
        "and so the words of a sentence get the same without padding",
        all(np.allclose(a, b[: len(a)], atol=1e-5) for a, b in zip(alone, as_grid, strict=True)),
    )

    print("# 3. Are the labels integers, not one-hot?\n")
    one_hot = np.eye(len(tags), dtype="float32")[np.maximum(y, 0)]
    found = message(lambda: tagger(*sizes, **options).fit(x, one_hot, verbose=0))
    print(found)
    verdict("one-hot labels for the sparse loss are refused", found)
    wrong = {"loss": "categorical_crossentropy"}
    found = message(lambda: tagger(*sizes, **options, **wrong).fit(x, y, verbose=0))
    print(found)
    verdict("integers for the other loss are refused", found)
    dense = tagger(*sizes, **options, **wrong).fit(x[few], one_hot[few], verbose=0)
    close = abs(dense.history["loss"][0] - fitted[0][0]) < 1e-5
    verdict("one-hot labels with categorical_crossentropy train alike", close)
    y_bad = y.copy()
    y_bad[1, 0] = len(tags)
    found = message(lambda: tagger(*sizes, **options).fit(x, y_bad, verbose=0))
    print(found)
    verdict("a label beyond the classes is refused, with its place", found)
    y_bad[1, 0] = -1
    found = message(lambda: tagger(*sizes, **options).fit(x, y_bad, verbose=0))
    print(found)
    verdict("and so is -1 where a word is", found)

    print("# 4. Start simple\n")
    model = tagger(*sizes, **options, deep=False)
    model.summary()
    simple = accuracies(model, y, y_dev)
    print("one Bidirectional, on dev:", " ".join(f"{value:.3f}" for value in simple))
    verdict("one recurrent layer does most of it", simple[-1] > gone[-1] - 0.05)
    report = doctor.examine(x, y, model)
    for finding in report:
        print(finding)
    verdict("the doctor has nothing to say about these data", not report)
    if not all(passed):
        sys.exit(1)


if __name__ == "__main__":
    main()
