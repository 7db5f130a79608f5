"""What the doctor costs: a fit with and without it, a probe of models of ten million weights.

python benchmarks/doctor.py            # on random ids as many as EWT has words
"""

import os
import time

import numpy as np
import torch
from torch import nn

import unpad
from unpad.doctor import examine, probe, quiet
from unpad.doctor.checks import CHECKS

SENTENCES, WORDS, TAGS = 12_544, 20_000, 17


def data():
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.poisson(16, SENTENCES), 1, 60)
    words = np.zeros((SENTENCES, 60), int)
    for row, n in zip(words, lengths, strict=True):
        row[:n] = 1 + rng.zipf(1.3, n) % (WORDS - 1)
    return words, words % TAGS


def tagger():
    net = unpad.Sequential([
        unpad.layers.Embedding(WORDS, 32, mask_zero=True),
        unpad.layers.LSTM(32, return_sequences=True),
        unpad.layers.Dense(TAGS, activation="softmax"),
    ])  # fmt: skip
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def fitted(x, y, asked):
    """Seconds of the process in one epoch, with a tenth held out."""
    net, held = tagger(), {"validation_split": 0.1}
    start = time.process_time()
    if asked:
        net.fit(x, y, epochs=1, verbose=0, **held)
    else:
        with quiet():
            net.fit(x, y, epochs=1, verbose=0, **held)
    return time.process_time() - start


def of_split(sequences, steps):
    """Milliseconds of the process that the checks take of a split of ids, the median of seven."""
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, WORDS + 1)
    words = rng.choice(WORDS, sequences * steps, p=shares / shares.sum()).reshape(sequences, steps)
    x = unpad.Ragged.from_list(list(words + 1))
    times = []
    for _ in range(7):
        start = time.process_time()
        examine(x, validation_split=0.1, only=CHECKS)
        times.append(time.process_time() - start)
    return 1e3 * sorted(times)[3]


def probed(net, samples):
    start, wall = time.process_time(), time.perf_counter()
    report = probe(net, samples)
    return time.process_time() - start, time.perf_counter() - wall, report.kinds


def large():
    layer = nn.TransformerEncoderLayer(512, 8, 1024, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    return nn.Sequential(nn.Embedding(8_000, 512), encoder)


def main():
    x, y = data()
    runs = [(fitted(x, y, True), fitted(x, y, False)) for _ in range(3)]
    with_, without = (min(times) for times in zip(*runs, strict=True))
    print(f"fit, one epoch: {with_:.2f} s with the doctor, {without:.2f} s without")
    torch.set_num_threads(1)
    for sequences, steps in ((SENTENCES, 20), (100_000, 50), (400_000, 50)):
        print(f"checks of {sequences:,} x {steps} ids: {of_split(sequences, steps):.0f} ms")
    samples = [np.arange(1, n) for n in (18, 10, 14, 7, 12)]
    net = large()
    weights = sum(p.numel() for p in net.parameters()) / 1e6
    cpu, wall, kinds = probed(net, samples)
    print(f"PyTorch, {weights:.1f} million weights: {cpu:.2f} s, {wall:.2f} s passed, {kinds}")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    theirs = keras.Sequential([
        keras.layers.Embedding(16_000, 512, mask_zero=True),
        keras.layers.Bidirectional(keras.layers.LSTM(256, return_sequences=True)),
        keras.layers.Dense(TAGS),
    ])  # fmt: skip
    theirs.build((None, None))
    cpu, wall, kinds = probed(theirs, samples)
    counted = theirs.count_params() / 1e6
    print(
        f"Keras on torch, {counted:.1f} million weights: {cpu:.2f} s, {wall:.2f} s passed, {kinds}"
    )
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
