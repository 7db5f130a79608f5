"""The taggers that `tagger.py` compares: one network, written for each library.

Embedding(vocab, 100), two Bidirectional(LSTM(100)), Dense(num_tags, softmax); Adam(1e-3); the mean
cross-entropy of the real steps; batches of 32 drawn anew every epoch.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Protocol

import numpy as np
from corpora import Sentences, Tagging

BATCH = 32
EMBEDDING = 100
UNITS = 100
LEARNING_RATE = 1e-3
SEED = 0


class Contender(Protocol):
    """What `measure.py` asks of a tagger: only `train_epoch` and `predict` are timed."""

    def __init__(self, task: Tagging, threads: int) -> None: ...

    def build(self) -> None:
        """Make the untrained network. Importing is done before this, so that memory can tell."""
        ...

    def prepare(self, sentences: Sentences) -> Any:
        """The sentences in the form that the library trains on and predicts from."""
        ...

    def train_epoch(self, prepared: Any) -> float:
        """Train on every sentence once; the seconds that took."""
        ...

    def predict(self, prepared: Any) -> Any:
        """Probabilities of every tag at every step, on the host, in the order that came in."""
        ...

    def labels(self, predicted: Any, sentences: Sentences) -> list[np.ndarray]:
        """The likeliest tag at each real step: one array of shape (time,) a sentence."""
        ...

    def reported_accuracy(self, prepared: Any) -> float | None:
        """What the library itself says that its accuracy is; None where it has no such metric."""
        ...


# name: module, class, environment that must be set before the library is imported
_CONTENDERS = {
    "unpad": ("unpad_tagger", "UnpadTagger", {}),
    "keras-tensorflow": ("keras_tagger", "KerasTagger", {"KERAS_BACKEND": "tensorflow"}),
    "keras-jax": ("keras_tagger", "KerasTagger", {"KERAS_BACKEND": "jax"}),
    "torch-packed": ("torch_tagger", "PackedTagger", {}),
    "torch-bucketed": ("torch_tagger", "BucketedTagger", {}),
}
NAMES = tuple(_CONTENDERS)


def create(name: str, task: Tagging, threads: int) -> Contender:
    """Import a contender's library and make its tagger, not built yet.

    Raises:
        ModuleNotFoundError: the library is not installed.
    """
    module, cls, environment = _CONTENDERS[name]
    os.environ.update(environment)
    return getattr(importlib.import_module(f"contenders.{module}"), cls)(task, threads)
