"""The tagger in Keras: sentences padded with zeros to the longest of the corpus, `mask_zero`.

One width for everything is what Keras's users do, and its compiled backends want it: every other
width is compiled anew.
"""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np
from corpora import Sentences, Tagging

from contenders import BATCH, keras_script


class KerasTagger:
    """Keras on the backend that KERAS_BACKEND names, with `jit_compile="auto"`, its default.

    On TensorFlow that leaves an LSTM uncompiled; told to compile, it was not faster.
    """

    def __init__(self, task: Tagging, threads: int) -> None:
        self._task = task
        self._predict: Any = None
        if keras.config.backend() == "tensorflow":
            import tensorflow

            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
            tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
        # XLA has no such switch: it takes every core that this process may run on, and that is
        # how many `threads` are.

    def build(self) -> None:
        self._model = keras_script.build(keras, self._task.vocab_size, self._task.num_tags)

    def prepare(self, sentences: Sentences) -> tuple[np.ndarray, np.ndarray]:
        return self._pad(sentences.x), self._pad(sentences.y)

    def _pad(self, sequences: list[np.ndarray]) -> np.ndarray:
        padded = np.zeros((len(sequences), self._task.longest), "int32")
        for row, sequence in zip(padded, sequences, strict=True):
            row[: len(sequence)] = sequence
        return padded

    def train_epoch(self, prepared: tuple[np.ndarray, np.ndarray]) -> float:
        watch = keras_script.stopwatch(keras)
        self._model.fit(*prepared, batch_size=BATCH, epochs=1, verbose=0, callbacks=[watch])
        return watch.seconds

    def predict(self, prepared: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Keras has two ways, and which is faster depends on the backend: the first call tries."""
        x, _ = prepared
        if self._predict is None:
            self._predict = self._faster(x[: 4 * BATCH])
        return self._predict(x)

    def _faster(self, x: np.ndarray) -> Any:
        seconds = {}
        for way in (self._predict_all, self._predict_batches):
            way(x)  # compiles
            start = time.perf_counter()
            way(x)
            seconds[way] = time.perf_counter() - start
        return min(seconds, key=seconds.__getitem__)

    def _predict_all(self, x: np.ndarray) -> np.ndarray:
        return self._model.predict(x, batch_size=BATCH, verbose=0)

    def _predict_batches(self, x: np.ndarray) -> np.ndarray:
        starts = range(0, len(x), BATCH)
        return np.concatenate([self._model.predict_on_batch(x[i : i + BATCH]) for i in starts])

    def labels(self, predicted: np.ndarray, sentences: Sentences) -> list[np.ndarray]:
        labels = predicted.argmax(-1)
        return [row[: len(x)] for row, x in zip(labels, sentences.x, strict=True)]

    def reported_accuracy(self, prepared: tuple[np.ndarray, np.ndarray]) -> float:
        logs = self._model.evaluate(*prepared, batch_size=BATCH, verbose=0, return_dict=True)
        return logs["accuracy"]
