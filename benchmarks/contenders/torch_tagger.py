"""The tagger in PyTorch by hand, as its documentation leads one to write it.

Each batch is padded to its own longest sentence, embedded, packed, run through cuDNN's or the
CPU's packed LSTM, and unpacked. The initialisers are torch's own, which is why the same network
needs more epochs here to get as far.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from corpora import Sentences, Tagging
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from contenders import BATCH, EMBEDDING, LEARNING_RATE, SEED, UNITS

IGNORED = -100


class Network(nn.Module):
    """(batch, time) word ids and (batch,) lengths to (batch, time, num_tags) logits."""

    def __init__(
        self, vocab_size: int, num_tags: int, recurrent: int = 2, packed: bool = True
    ) -> None:
        super().__init__()
        self.packed = packed
        self.embedding = nn.Embedding(vocab_size, EMBEDDING, padding_idx=0)
        self.lstm = nn.LSTM(EMBEDDING, UNITS, recurrent, batch_first=True, bidirectional=True)
        self.output = nn.Linear(2 * UNITS, num_tags)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        embedded = self.embedding(words)
        if not self.packed:
            return self.output(self.lstm(embedded)[0])
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=words.shape[1]
        )
        return self.output(hidden)


class Prepared:
    """Sentences as tensors, converted once."""

    def __init__(self, sentences: Sentences) -> None:
        self.x = [torch.from_numpy(x).long() for x in sentences.x]
        self.y = [torch.from_numpy(y).long() for y in sentences.y]
        self.lengths = torch.tensor([len(x) for x in sentences.x])

    def words(self, batch: Tensor) -> Tensor:
        return pad_sequence([self.x[i] for i in batch], batch_first=True)

    def tags(self, batch: Tensor) -> Tensor:
        return pad_sequence([self.y[i] for i in batch], batch_first=True, padding_value=IGNORED)


class PackedTagger:
    """Batches drawn at random, as Keras and unpad draw them; predicting in the order given."""

    def __init__(self, task: Tagging, threads: int) -> None:
        torch.set_num_threads(threads)
        self._task = task

    def build(self) -> None:
        torch.manual_seed(SEED)
        self._network = Network(self._task.vocab_size, self._task.num_tags)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=LEARNING_RATE, fused=True)

    def prepare(self, sentences: Sentences) -> Prepared:
        return Prepared(sentences)

    def training_batches(self, lengths: Tensor) -> list[Tensor]:
        return list(torch.randperm(len(lengths)).split(BATCH))

    def predicting_batches(self, lengths: Tensor) -> list[Tensor]:
        return list(torch.arange(len(lengths)).split(BATCH))

    def train_epoch(self, prepared: Prepared) -> float:
        start = time.perf_counter()
        self._network.train()
        for batch in self.training_batches(prepared.lengths):
            logits = self._network(prepared.words(batch), prepared.lengths[batch])
            loss = nn.functional.cross_entropy(
                logits.flatten(0, 1), prepared.tags(batch).flatten(), ignore_index=IGNORED
            )
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
        return time.perf_counter() - start

    @torch.inference_mode()
    def predict(self, prepared: Prepared) -> list[np.ndarray]:
        self._network.eval()
        predicted: list[np.ndarray] = [np.empty(0)] * len(prepared.x)
        for batch in self.predicting_batches(prepared.lengths):
            lengths = prepared.lengths[batch]
            probabilities = self._network(prepared.words(batch), lengths).softmax(-1).numpy()
            rows = zip(batch.tolist(), lengths.tolist(), probabilities, strict=True)
            for i, length, row in rows:
                predicted[i] = row[:length]
        return predicted

    def labels(self, predicted: list[np.ndarray], sentences: Sentences) -> list[np.ndarray]:
        return [probabilities.argmax(-1) for probabilities in predicted]

    def reported_accuracy(self, prepared: Prepared) -> None:
        return None


class BucketedTagger(PackedTagger):
    """Batches of sentences of nearly one length. Faster, and a little worse: batches are alike."""

    def training_batches(self, lengths: Tensor) -> list[Tensor]:
        shuffled = torch.randperm(len(lengths))  # which sentences of a length meet is random
        batches = shuffled[lengths[shuffled].argsort(stable=True)].split(BATCH)
        return [batches[i] for i in torch.randperm(len(batches))]

    def predicting_batches(self, lengths: Tensor) -> list[Tensor]:
        return list(lengths.argsort(stable=True).split(BATCH))
