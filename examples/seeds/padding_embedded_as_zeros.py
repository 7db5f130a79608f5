"""Padding embedded as zeros: Flatten after an Embedding, on posts of which most slots are empty.

    python examples/seeds/padding_embedded_as_zeros.py            # two or three minutes
    python examples/seeds/padding_embedded_as_zeros.py --small    # some seconds

The network of the question tells the group of a post from 20 Newsgroups: Embedding, Flatten, a
hidden layer. A post fills 140 of 1,100 slots. (a) Padding embedded like a word: for epochs the
network learns nothing. (b) The question's Lambda sets its rows to zero: it learns at once. (c)
Embedding(mask_zero=True) and Flatten() do that by themselves, which is what the question asks for.
(d) The update's initialiser: a table whose numbers are all positive learns next to nothing.

Posts are read from ../shared/data beside the repository, or from the folder that UNPAD_TEST_DATA
names; where neither is, and with --small, posts are made up.
"""

import argparse
import os
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np

STOP_WORDS = frozenset(
    """
    a about above after again against all also am an and any are as at be because been before being
    below between both but by can cannot could did do does doing don down during each few for from
    further had has have having he her here hers herself him himself his how i if in into is it its
    itself just ll may me might more most must my myself no nor not now of off on once only or other
    our ours ourselves out over own re s same shall she should so some such t than that the their
    theirs them themselves then there these they this those through to too under until up us ve very
    was we were what when where which while who whom why will with would you your yours yourself
    yourselves
    """.split()  # noqa: SIM905
)
SLOTS, EMBEDDING, HIDDEN, GROUPS, BATCH = 1100, 300, 25, 20, 128


def folder():
    """Where the corpora are, if they are."""
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("UNPAD_TEST_DATA", default)) / "newsgroups20"
    return path if path.is_dir() else None


def posts(path):
    """All posts without punctuation, numbers and stop words, and each one's group."""
    import pyarrow.parquet  # pip install 'unpad[arrow]'

    tables = [pyarrow.parquet.read_table(path / f"{part}.parquet") for part in ("train", "test")]
    rows = [row for table in tables for row in table.to_pylist()]
    names = sorted({row["group"] for row in rows})
    words = [re.findall("[a-z]+", row["text"].lower()) for row in rows]
    kept = [[word for word in post if word not in STOP_WORDS] for post in words]
    return kept, np.array([names.index(row["group"]) for row in rows])


def made_up(count=800, groups=4):
    """Posts of words that any group uses, and of some of its own."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, groups, count)
    lengths = np.clip(rng.lognormal(2.5, 0.9, count), 1, 300).astype(int)
    common = [[f"w{int(i)}" for i in rng.zipf(1.3, n) % 400] for n in lengths]
    own = []
    for group, n in zip(y, lengths, strict=True):
        own.append([f"g{group}w{i}" for i in rng.integers(0, 10, 1 + n // 4)])
    return [rng.permutation(a + b).tolist() for a, b in zip(common, own, strict=True)], y


def prepared(words, y, slots, seldom):
    """Ids padded with 0 on the left, as pad_sequences does; one-hot groups; a fifth held out.

    Args:
        words: of each post.
        y: the group of each.
        slots: of the grid.
        seldom: words that are there less often are left out.
    """
    counts = Counter(word for post in words for word in post)
    ids = {word: i for i, (word, n) in enumerate(counts.most_common(), 1) if n >= seldom}
    x = np.zeros((len(words), slots), "int32")
    for row, post in zip(x, words, strict=True):
        known = [ids[word] for word in post if word in ids][-slots:]
        row[slots - len(known) :] = known
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], np.eye(y.max() + 1, dtype="float32")[y[order]]
    cut = len(x) * 4 // 5
    return x[:cut], y[:cut], x[cut:], y[cut:], len(ids) + 1


def mask_of(keras):
    """The question's Lambda, in the words of the library that is given."""
    K = keras.ops if hasattr(keras, "ops") else keras.backend  # noqa: N806

    def my_mask(x):
        mask = K.greater(x, 0)
        return K.cast(mask, dtype=keras.backend.floatx())

    return my_mask


def network(keras, words, slots, size, groups, kind, **embedding):
    """The question's network, for Keras or for unpad.

    Args:
        keras: the module.
        words: rows of the embedding.
        slots: of the grid.
        size: of an embedding, and of the hidden layer, in a pair.
        groups: to be told.
        kind: "plain" (a), "lambda" (b) or "mask_zero" (c).
        embedding: further arguments of the Embedding.
    """
    layers, masked = keras.layers, kind == "mask_zero"
    sequence_input = keras.Input(shape=(slots,), dtype="int32", name="dnn_input")
    embedding_layer = layers.Embedding(
        words, size[0], mask_zero=masked, name="embedding_dnn", **embedding
    )
    x = embedding_layer(sequence_input)
    if kind == "lambda":
        y = layers.Lambda(mask_of(keras), output_shape=(slots,))(sequence_input)
        y = layers.Reshape(target_shape=(slots, 1))(y)
        x = layers.Multiply(name="masked_embedding_dnn")([x, y])
    x = layers.Flatten(name="flatten_dnn")(x)
    x = layers.Dense(size[1], activation="relu", name="hidden_dense_dnn")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    preds = layers.Dense(groups, activation="softmax", name="output_dnn")(x)
    model = keras.Model(sequence_input, preds)
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def main(arguments=None):
    """Trains each network and prints a verdict for each thing that the question says or asks."""
    import unpad as keras
    from unpad.callbacks import EarlyStopping
    from unpad.constraints import NonNeg
    from unpad.initializers import RandomUniform

    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args(arguments).small or folder() is None
    if small:
        print("Posts are made up: few, short, of four groups. The corpus is for the full size.\n")
        x, y, x_test, y_test, words = prepared(*made_up(), slots=300, seldom=2)
        size, chance = (32, 12), 0.25
        epochs = {"plain": 2, "lambda": 8, "mask_zero": 8, "positive": 2}
    else:
        x, y, x_test, y_test, words = prepared(*posts(folder()), slots=SLOTS, seldom=6)
        size, chance = (EMBEDDING, HIDDEN), 1 / GROUPS
        epochs = {"plain": 4, "lambda": 3, "mask_zero": 3, "positive": 3}
    slots, groups, batch = x.shape[1], y.shape[1], 32 if small else BATCH
    filled = (x > 0).sum(1).mean()
    print(f"{len(x):,} posts to learn from, {len(x_test):,} held out, {words:,} words")
    print(f"{filled:.0f} of {slots:,} slots filled on average\n")
    passed = []

    def verdict(what, holds):
        passed.append(bool(holds))
        print(f"{'yes' if holds else 'NO '}  {what}", flush=True)

    def trained(title, kind, epochs, **embedding):
        keras.utils.set_random_seed(0)
        model = network(keras, words, slots, size, groups, kind, **embedding)
        earlystop = EarlyStopping(monitor="val_loss", patience=5)
        with keras.doctor.quiet():  # (a) is the mistake that fit would tell
            history = model.fit(
                x, y, validation_data=(x_test, y_test), epochs=epochs, batch_size=batch,
                callbacks=[earlystop], verbose=0,
            )  # fmt: skip
        found = history.history["val_accuracy"]
        print(f"{title}: val_accuracy " + " ".join(f"{value:.3f}" for value in found))
        return model, found

    _, plain = trained("\n(a) padding embedded as any word", "plain", epochs["plain"])
    if not small:
        verdict("it stays at chance for four epochs", max(plain) < 2 * chance)
    masked, by_lambda = trained("\n(b) the Lambda sets it to zero", "lambda", epochs["lambda"])
    if not small:
        verdict("it learns at once: above .70 after an epoch", by_lambda[0] > 0.7)
    at = min(len(plain), len(by_lambda)) - 1
    verdict("and better than the plain one", by_lambda[at] > plain[at] + 0.05)

    own, by_layer = trained(
        "\n(c) Embedding(mask_zero=True) and Flatten()", "mask_zero", epochs["mask_zero"]
    )
    if small:
        verdict("it learns: above .75", max(by_layer) > 0.75)
    else:
        verdict("above .70 after one epoch", by_layer[0] > 0.7)
        verdict("above .87 after three", by_layer[2] > 0.87)
    own.set_weights(masked.get_weights())
    same = np.allclose(own.predict(x_test, verbose=0), masked.predict(x_test, verbose=0), atol=1e-5)
    verdict("with the weights of (b) it predicts what (b) predicts", same)
    before = own.get_weights()
    own.fit(x, y, batch_size=batch, verbose=0)
    row, moved = 0, own.get_weights()[0] != before[0]
    verdict("row 0, the padding's, is not moved by training", not moved[row].any() and moved.any())

    print("\n(d) with RandomUniform(0.0001, 0.05), and NonNeg")
    for constraint in (NonNeg(), None):
        model, found = trained(
            "NonNeg" if constraint else "no constraint",
            "mask_zero",
            epochs["positive"],
            embeddings_initializer=RandomUniform(minval=0.0001, maxval=0.05, seed=0),
            embeddings_constraint=constraint,
        )
        table = model.get_layer("embedding_dnn").get_weights()[0]
        if constraint:
            verdict("no entry of the table is below 0", table.min() >= 0)
        if not small:
            verdict("near chance for three epochs, as the update says", max(found) < 2 * chance)
    if not all(passed):
        sys.exit(1)


if __name__ == "__main__":
    main()
