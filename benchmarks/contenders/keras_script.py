"""The tagger as a Keras script: the very same lines for Keras and for unpad."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from contenders import EMBEDDING, LEARNING_RATE, SEED, UNITS


def build(keras: Any, vocab_size: int, num_tags: int, recurrent: int = 2) -> Any:
    """The compiled model with so many recurrent layers; `keras` is either of the two modules."""
    keras.utils.set_random_seed(SEED)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(shape=(None,)),
            layers.Embedding(vocab_size, EMBEDDING, mask_zero=True),
            *(
                layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True))
                for _ in range(recurrent)
            ),
            layers.Dense(num_tags, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=LEARNING_RATE),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def stopwatch(keras: Any) -> Any:
    """A callback with `seconds`: those from each epoch's beginning to its end, all together.

    What `fit` does before and after is not in it. On TensorFlow `fit` then waits for a thread that
    tunes the input. That thread sleeps 10 ms, then twice as long each time, and `fit` returns when
    it has woken: 6.3 s of training took 10.26 s, 3.9 took 5.13. That is no speed of training, and
    it is not held against Keras.
    """

    class Stopwatch(keras.callbacks.Callback):
        seconds = 0.0

        def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self._start = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.seconds += time.perf_counter() - self._start

    return Stopwatch()


def draw_weights(shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """The same weights for every library: Glorot's uniform for matrices, zeros for vectors."""
    random = np.random.default_rng(SEED)
    return [
        random.uniform(-1, 1, shape).astype("float32") * np.sqrt(6 / sum(shape))
        if len(shape) > 1
        else np.zeros(shape, "float32")
        for shape in shapes
    ]
