"""The tagger in unpad: sentences go in and come out as lists of arrays of their own lengths."""

from __future__ import annotations

import time

import numpy as np
import torch
from corpora import Sentences, Tagging

import unpad as keras
from contenders import BATCH, keras_script


class UnpadTagger:
    """`fit` and `predict` on lists: whatever unpad does to get from them to batches is timed."""

    def __init__(self, task: Tagging, threads: int) -> None:
        torch.set_num_threads(threads)
        self._task = task

    def build(self) -> None:
        self._model = keras_script.build(keras, self._task.vocab_size, self._task.num_tags)

    def prepare(self, sentences: Sentences) -> Sentences:
        return sentences

    def train_epoch(self, prepared: Sentences) -> float:
        start = time.perf_counter()
        self._model.fit(prepared.x, prepared.y, batch_size=BATCH, epochs=1, verbose=0)
        return time.perf_counter() - start

    def predict(self, prepared: Sentences) -> list[np.ndarray]:
        return self._model.predict(prepared.x, batch_size=BATCH, verbose=0)

    def labels(self, predicted: list[np.ndarray], sentences: Sentences) -> list[np.ndarray]:
        return [np.asarray(probabilities).argmax(-1) for probabilities in predicted]

    def reported_accuracy(self, prepared: Sentences) -> float:
        return self._model.evaluate(
            prepared.x, prepared.y, batch_size=BATCH, verbose=0, return_dict=True
        )["accuracy"]
