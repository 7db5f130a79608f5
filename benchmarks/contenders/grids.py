"""One-layer taggers for `padding.py` and `memory.py`, all with the same weights.

Embedding(5000, 100), Bidirectional(LSTM(100)), softmax over 17 tags; Adam; batches in the order
given. Ids are a grid padded with zeros on the right, or for unpad a list as well.
"""

from __future__ import annotations

import importlib
import os
import time
from typing import Any, NamedTuple, Protocol

import harness
import numpy as np

from contenders import EMBEDDING, LEARNING_RATE, UNITS, keras_script

VOCAB_SIZE = 5000
NUM_TAGS = 17
IGNORED = -100
NAMES = ("unpad", "keras-jax", "torch-padded", "torch-packed")


class Fitted(NamedTuple):
    """What training told: the first epoch's loss; the epochs' seconds, and those before them."""

    loss: float
    seconds: float
    door_seconds: float


class GridTagger(Protocol):
    """A tagger with the shared weights; `reset` goes back to them."""

    def reset(self) -> None: ...

    def fit(self, x: Any, y: Any, batch: int, epochs: int) -> Fitted: ...


def create(name: str) -> GridTagger:
    """Import a contender's library and make its tagger.

    Raises:
        ModuleNotFoundError: the library is not installed.
    """
    if name.startswith("keras-"):
        os.environ["KERAS_BACKEND"] = name.removeprefix("keras-")
        return ScriptTagger(importlib.import_module("keras"))
    import torch

    torch.set_num_threads(harness.threads())
    if name == "unpad":
        return ScriptTagger(importlib.import_module("unpad"))
    return TorchTagger(packed=name == "torch-packed")


class ScriptTagger:
    """The Keras script, on Keras or on unpad."""

    def __init__(self, keras: Any) -> None:
        self._keras = keras
        self._model = keras_script.build(keras, VOCAB_SIZE, NUM_TAGS, recurrent=1)
        self._first = keras_script.draw_weights([w.shape for w in self._model.get_weights()])
        self.reset()

    def reset(self) -> None:
        self._model.set_weights(self._first)

    def fit(self, x: Any, y: Any, batch: int, epochs: int) -> Fitted:
        watch = keras_script.stopwatch(self._keras)
        options = {"batch_size": batch, "epochs": epochs, "shuffle": False, "verbose": 0}
        start = time.perf_counter()
        history = self._model.fit(x, y, callbacks=[watch], **options).history
        door = time.perf_counter() - start - watch.seconds
        return Fitted(float(history["loss"][0]), watch.seconds, door)


class TorchTagger:
    """PyTorch by hand. Padded, its backward direction begins in the padding: other answers."""

    def __init__(self, packed: bool) -> None:
        import torch

        from contenders.torch_tagger import Network

        self._torch = torch
        self._network = Network(VOCAB_SIZE, NUM_TAGS, recurrent=1, packed=packed)
        self._optimizer = torch.optim.Adam(
            self._network.parameters(), lr=LEARNING_RATE, eps=1e-7, fused=True
        )
        direction = [(EMBEDDING, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)]
        self._first = keras_script.draw_weights(
            [(VOCAB_SIZE, EMBEDDING), *direction, *direction, (2 * UNITS, NUM_TAGS), (NUM_TAGS,)]
        )
        self.reset()

    def reset(self) -> None:
        """Torch's layout: kernels transposed, two biases for a direction, which add up."""
        table, kernel, state, bias, kernel_back, state_back, bias_back, out, out_bias = self._first
        laid = [table, kernel.T, state.T, bias, 0 * bias]
        laid += [kernel_back.T, state_back.T, bias_back, 0 * bias_back, out.T, out_bias]
        with self._torch.no_grad():
            for weight, first in zip(self._network.parameters(), laid, strict=True):
                weight.copy_(self._torch.from_numpy(np.ascontiguousarray(first)))

    def fit(self, x: np.ndarray, y: np.ndarray, batch: int, epochs: int) -> Fitted:
        start = time.perf_counter()
        words = self._torch.from_numpy(x).long()
        tags = self._torch.from_numpy(y).long().masked_fill(words == 0, IGNORED)
        lengths = (words != 0).sum(1)
        door = time.perf_counter() - start
        losses = []
        for _ in range(epochs):
            for part in self._torch.arange(len(x)).split(batch):
                logits = self._network(words[part], lengths[part])
                loss = self._torch.nn.functional.cross_entropy(
                    logits.flatten(0, 1), tags[part].flatten(), ignore_index=IGNORED
                )
                self._optimizer.zero_grad()
                loss.backward()
                self._optimizer.step()
                losses.append(loss.item())
        seconds = time.perf_counter() - start - door
        return Fitted(float(np.mean(losses[: len(losses) // epochs])), seconds, door)
