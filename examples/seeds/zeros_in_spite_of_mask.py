"""Zeros predicted in spite of the mask: a reshape where a transpose was meant, found and mended.

    python examples/seeds/zeros_in_spite_of_mask.py            # some seconds
    python examples/seeds/zeros_in_spite_of_mask.py --small

Ten sequences of 5 to 19 steps, five features a step, classes 1 and 2; stored feature by feature,
(5, 20), and padded with 0. The question puts them into shape with X.reshape(1, 20, 5), and finds
that Masking changes nothing and that class 0, the padding's, goes on being predicted. The numbers
to train on are the question's own, where its text is at hand. It says how they were drawn, two
normal distributions that overlap, cut off: the rest is drawn like that.
"""

import argparse
import re
import sys
import warnings
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import unpad as keras
from unpad import Ragged, doctor
from unpad.layers import LSTM, Bidirectional, Dense, Dropout, Masking, TimeDistributed

QUESTIONS = Path(__file__).resolve().parents[3] / "shared" / "seeds"
# As the question publishes them: of the first sequence's labels all but the last.
FIRST_LABELS = [1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 1, 1, 2, 2, 1]


def asked(folder):
    """The question's sequences, each (5, 20), padded with 0, and their labels (20,).

    The numbers are the question's own, read off its text; where that is not at hand, drawn alike.
    """
    pages = sorted(Path(folder).glob("002_*.txt"))
    if not pages:
        return drawn(10, np.random.default_rng(1))
    arrays = re.findall(r"array\(\[\[(?!\[)(.*?)\]\]\)", pages[0].read_text(), re.S)
    rows = [[re.findall(r"[-+.e\d]+", row) for row in text.split("]")] for text in arrays[:10]]
    sequences = [np.array([r for r in each if r], float).T for each in rows]
    sequences = [steps[steps.any(1)] for steps in sequences]  # the padding off again
    # The classes lie apart: no mean over a step's features falls between 0.81 and 1.11.
    labels = [1 + (steps.mean(1) > 1) for steps in sequences]
    assert labels[0][:15].tolist() == FIRST_LABELS
    return padded(sequences, labels)


def drawn(count, rng):
    """More of the kind: class 1 around 0, class 2 around 2, both cut off."""
    lengths = rng.integers(5, 20, count)
    labels = [rng.integers(1, 3, n) for n in lengths]
    near = [np.clip(rng.normal(size=(n, 5)), -2, 2) for n in lengths]
    return padded([x + 2 * (y[:, None] - 1) for x, y in zip(near, labels, strict=True)], labels)


def padded(sequences, labels):
    x = np.stack([np.pad(steps.T, ((0, 0), (0, 20 - len(steps)))) for steps in sequences])
    return x, np.stack([np.pad(y, (0, 20 - len(y))) for y in labels])


def tagger(masking, classes=3):
    """The question's model; softmax for its sigmoid, as the answer advises."""
    first = [Masking(mask_value=0.0)] if masking else []
    model = keras.Sequential(
        [
            keras.Input(shape=(20, 5)),
            *first,
            Bidirectional(LSTM(20, return_sequences=True)),
            Dropout(0.2),
            TimeDistributed(Dense(classes, activation="softmax")),
        ]
    )
    sgd = keras.optimizers.SGD(learning_rate=0.01, momentum=0.9, nesterov=True)
    model.compile(loss="sparse_categorical_crossentropy", optimizer=sgd)
    return model


def trained(model, x, y, epochs):
    """One sequence at a time, as in the question; what unpad has to say, once."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", doctor.DataWarning)
        for _ in range(epochs):
            for i in range(len(x)):
                model.fit(x[i : i + 1], y[i : i + 1], epochs=1, verbose=0)
    return [str(w.message) for w in told]


def accuracy(model, x, y, shift=0):
    """The share of real steps (labels that are not 0) that are told right, and told to be 0."""
    found = model.predict(x, verbose=0).argmax(-1) + shift
    real = y != 0
    return (found == y)[real].mean(), (found == 0)[real].mean()


def main(arguments=None):
    """Shows the mistake, what finds it, the mask's way, and what each model learns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--picture", help="a file for the trace as a picture, as trace.png")
    parser.add_argument("--questions", default=QUESTIONS, help="the folder of the question's text")
    options = parser.parse_args(arguments)
    seeds, epochs = (1, 5) if options.small else (5, 10)
    x, y = asked(options.questions)
    x_test, y_test = drawn(200, np.random.default_rng(0))
    passed = []

    def verdict(what, holds):
        passed.append(bool(holds))
        print(f"{'yes' if holds else 'NO '}  {what}")

    print("As in the question: X.reshape(-1, 20, 5)\n")
    told = trained(tagger(masking=True), x.reshape(-1, 20, 5), y, 1)
    print("\n".join(told) + "\n")
    verdict("the reshape is found, in one warning", len(told) == 1 and "transpose" in told[0])
    verdict("with its cure: x.transpose(0, 2, 1)", "x.transpose(0, 2, 1)" in told[0])
    same = x.reshape(-1, 20, 5).reshape(-1, 5, 20).transpose(0, 2, 1)
    verdict("which also mends x as it is", np.array_equal(same, x.transpose(0, 2, 1)))

    print("\nWith the transpose\n")
    wrong, wrong_test = x.reshape(-1, 20, 5), x_test.reshape(-1, 20, 5)
    x, x_test = x.transpose(0, 2, 1), x_test.transpose(0, 2, 1)
    trace = tagger(masking=True).trace(x, sequences=3)
    print(trace, end="\n\n")
    if options.picture:
        trace.plot(options.picture)
    lengths = (y[:3] != 0).sum(1).tolist()
    after = [row.lengths == lengths for row in trace.rows[1:]]
    verdict("every layer from Masking on has the real steps and no others", all(after))
    told = trained(tagger(masking=True), x, y, 1)
    print("\n" + "\n".join(told) + "\n")
    verdict("class 0 that never occurs is named", len(told) == 1 and "class 0" in told[0])
    told = trained(tagger(masking=True, classes=2), x, np.maximum(y - 1, 0), 1)
    verdict("with labels shifted to 0 and 1 nothing is left to say", not told)
    as_list = Ragged.from_padded(x, padding=0).to_list()
    verdict("nor for sequences that were never padded", not doctor.examine(as_list))

    table = Table(title=f"Steps told right, {seeds} seed(s), 200 new sequences")
    for column in ("", "accuracy", "told to be class 0"):
        table.add_column(column)
    kinds = {
        "reshaped, no Masking": (wrong, wrong_test, False, 0),
        "reshaped, Masking": (wrong, wrong_test, True, 0),
        "turned, no Masking": (x, x_test, False, 0),
        "turned, Masking": (x, x_test, True, 0),
        "turned, Masking, labels 0 and 1": (x, x_test, True, 1),
    }
    means = {}
    with doctor.quiet():
        for name, (inputs, test, masking, shift) in kinds.items():
            results = []
            for seed in range(seeds):
                keras.utils.set_random_seed(seed)
                model = tagger(masking, 3 - shift)
                trained(model, inputs, np.maximum(y - shift, 0), epochs)
                results.append(accuracy(model, test, y_test, shift))
            means[name], zeros = np.mean(results, 0)
            table.add_row(name, f"{means[name]:.3f}", f"{zeros:.3f}")
    print()
    Console(width=100).print(table)
    masked = means["turned, Masking"]
    verdict(
        "with Masking it learns at least as well as without", masked >= means["turned, no Masking"]
    )
    verdict("and so it does with labels shifted", means["turned, Masking, labels 0 and 1"] > 0.9)
    verdict("what was reshaped is learnt worse", masked > means["reshaped, Masking"] + 0.1)
    if not all(passed):
        sys.exit(1)


if __name__ == "__main__":
    main()
