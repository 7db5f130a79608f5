"""Mistakes in models of PyTorch: who of nine speaks, and which class of word comes next."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from mistake import Measured, Mistake
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unpad import Ragged
from unpad.doctor import probe

# isort: split
import corpora
import japanese_vowels

_SAMPLES = 20  # sequences that the doctor is shown


def padded(x: Ragged, width: int | None = None) -> Tensor:
    """(batch, width, *feature), zeros behind the steps."""
    grid = torch.as_tensor(x.to_padded())
    more = 0 if width is None else max(0, width - grid.shape[1])
    return F.pad(grid, (0, 0) * (grid.ndim - 2) + (0, more))


def batches(x: Ragged, y: Any, size: int, order: Tensor) -> Iterator[tuple[Ragged, Any]]:
    """Some sequences at a time, with their labels."""
    for at in order.split(size):
        yield x[at], y[at]


def learn(
    net: nn.Module, x: Ragged, y: Any, epochs: int, loss: Callable[..., Tensor], rate: float = 0.005
) -> None:
    """Adam, 16 sequences at a time, each time round in another order."""
    moves = torch.optim.Adam(net.parameters(), rate)
    net.train()
    for _ in range(epochs):
        for some, labels in batches(x, y, 16, torch.randperm(len(x))):
            moves.zero_grad()
            loss(net(padded(some), some.lengths), labels).backward()
            moves.step()


class Speaker(nn.Module):
    """Who speaks, read from the state at an utterance's end.

    Args:
        wrong: the mistake that it has.
    """

    def __init__(self, wrong: str = "") -> None:
        super().__init__()
        self.wrong = wrong
        self.walk = nn.GRU(12, 48, batch_first=True)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(48, 9)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if self.wrong == "batch mates":
            x = (x - x.mean((0, 1))) / x.std((0, 1))
        h, _ = self.walk(x)
        last = h[:, -1] if self.wrong == "padding" else h[torch.arange(len(h)), lengths - 1]
        return torch.softmax(self.out(self.drop(last)), 0 if self.wrong == "softmax axis" else 1)


def _right(net: nn.Module, x: Ragged, y: Tensor, size: int, width: int | None = None) -> float:
    """The share of speakers that are told right, so many utterances at a time."""
    net.eval()
    with torch.no_grad():
        right = [
            net(padded(some, width), some.lengths).argmax(1) == who
            for some, who in batches(x, y, size, torch.arange(len(x)))
        ]
    return float(torch.cat(right).float().mean())


def speaker(wrong: str) -> Callable[[bool], Measured]:
    """A mistake in the model that tells speakers apart."""

    def measure(small: bool) -> Measured:
        (x, who), (x_test, who_test) = map(japanese_vowels.read, ("TRAIN", "TEST"))
        y, y_test = torch.as_tensor(who), torch.as_tensor(who_test)

        def loss(probabilities: Tensor, labels: Tensor) -> Tensor:
            return F.nll_loss(probabilities.clamp(min=1e-9).log(), labels)

        def made(wrong: str) -> nn.Module:
            torch.manual_seed(0)
            net = Speaker(wrong)
            learn(net, x, y, 6 if small else 20, loss)
            return net

        with_it, without = made(wrong), made("")
        # In the file utterances stand speaker by speaker, and are often asked about in its order.
        reported = _right(with_it, x_test, y_test, 16, 29 if wrong == "padding" else None)
        return Measured(
            reported,
            _right(with_it, x_test, y_test, 1),
            _right(without, x_test, y_test, 1),
            probe(with_it, x[:_SAMPLES]),
            probe(without, x[:_SAMPLES]),
        )

    return measure


class NextTag(nn.Module):
    """The class of the word that comes next, from the classes so far.

    Args:
        both: whether it walks backwards too.
    """

    def __init__(self, tags: int, both: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(tags + 1, 16, padding_idx=0)
        self.walk = nn.GRU(16, 32, batch_first=True, bidirectional=both)
        self.out = nn.Linear(64 if both else 32, tags)

    def forward(self, tags: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            self.embed(tags), lengths, batch_first=True, enforce_sorted=False
        )
        return self.out(pad_packed_sequence(self.walk(packed)[0], batch_first=True)[0])


def _next_right(net: nn.Module, x: Ragged, so_far: bool) -> float:
    """The share of next classes told right: from whole sentences, or from what came before."""
    net.eval()
    right = []
    with torch.no_grad():
        for tags in x:
            tags = torch.as_tensor(tags)
            n = len(tags) - 1
            if so_far:  # each beginning of the sentence by itself
                lengths = torch.arange(1, n + 1)
                told = net(tags[:n].expand(n, n), lengths)[torch.arange(n), lengths - 1]
            else:
                told = net(tags[None, :n], torch.tensor([n]))[0]
            right.append(told.argmax(1) == tags[1:] - 1)
    return float(torch.cat(right).float().mean())


def future(small: bool) -> Measured:
    """Two directions, where the next step is what is asked for."""
    corpus = corpora.sentences()
    kinds = {t: i + 1 for i, t in enumerate(sorted({t for _, tags in corpus.train for t in tags}))}

    def read(part: list, most: int) -> Ragged:
        return Ragged.from_list(
            [np.array([kinds[t] for t in tags]) for _, tags in part if len(tags) > 2][:most]
        )

    x, x_test = read(corpus.train, 300 if small else 2000), read(corpus.test, 40 if small else 200)

    def loss(told: Tensor, tags: Ragged) -> Tensor:
        return F.cross_entropy(
            told.flatten(0, 1), padded(tags)[:, 1:].flatten() - 1, ignore_index=-1
        )

    def made(both: bool) -> nn.Module:
        torch.manual_seed(0)
        net = NextTag(len(kinds), both)
        learn(net, x[:, :-1], x, 3, loss)
        return net

    with_it, without = made(True), made(False)
    return Measured(
        _next_right(with_it, x_test, so_far=False),
        _next_right(with_it, x_test, so_far=True),
        _next_right(without, x_test, so_far=True),
        probe(with_it, x[:_SAMPLES], causal=True),
        probe(without, x[:_SAMPLES], causal=True),
    )


MISTAKES = [
    Mistake(
        "padding",
        "h[:, -1], where sequences end before",
        "nine speakers",
        "right",
        speaker("padding"),
    ),
    Mistake(
        "softmax axis", "softmax over the batch", "nine speakers", "right", speaker("softmax axis")
    ),
    Mistake(
        "batch mates",
        "features scaled by their batch",
        "nine speakers",
        "right",
        speaker("batch mates"),
    ),
    Mistake("future", "two directions, to tell the next step", "next word class", "right", future),
]
