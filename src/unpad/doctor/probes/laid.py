"""Sequences laid into a grid, and the few sequences that a model is asked with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

# So many sequences of at most so many steps: primes, which are seldom the size of anything else in
# a model, so that a tensor's axes can be told by their sizes.
_SEQUENCES = 5
_STEPS = 17
# Of waves, whose steps are single numbers and whose first layers stride.
_SAMPLES = 4001


@dataclass(frozen=True)
class Laid:
    """Sequences in a grid of a width, padded on a side with a value.

    Args:
        sequences: (steps, *feature) each.
        width: slots in time.
        side: "post" or "pre": where the padding stands.
        pad: what it holds: a number, or a tensor (n, width, *feature) to take it from.
    """

    sequences: tuple[Tensor, ...]
    width: int
    side: str = "post"
    pad: float | Tensor = 0.0

    @property
    def lengths(self) -> Tensor:
        """(n,) steps of each."""
        return torch.tensor([len(s) for s in self.sequences])

    @property
    def mask(self) -> Tensor:
        """(n, width), True at real steps."""
        place = torch.arange(self.width)
        lengths = self.lengths[:, None]
        return place < lengths if self.side == "post" else place >= self.width - lengths

    @property
    def grid(self) -> Tensor:
        """(n, width, *feature)."""
        first = self.sequences[0]
        shape = (len(self.sequences), self.width, *first.shape[1:])
        grid = first.new_empty(shape)
        if isinstance(self.pad, Tensor):
            grid.copy_(self.pad)
        else:
            grid.fill_(self.pad)
        mask = self.mask
        grid[mask] = torch.cat(self.sequences)
        return grid

    def of(self, *chosen: int) -> Laid:
        """Some of the sequences, in this order, at the same width."""
        pad = self.pad[list(chosen)] if isinstance(self.pad, Tensor) else self.pad
        return replace(self, sequences=tuple(self.sequences[i] for i in chosen), pad=pad)

    def alone(self, i: int) -> Laid:
        """One sequence without padding."""
        return replace(self.of(i), width=len(self.sequences[i]))

    def wide(self, width: int) -> Laid:
        """The same at another width."""
        return replace(self, width=width)

    def with_sequences(self, sequences: Sequence[Tensor]) -> Laid:
        """Others of the same lengths in their places."""
        return replace(self, sequences=tuple(sequences))

    def slots(self, i: int) -> slice:
        """Where the real steps of a sequence stand."""
        n = len(self.sequences[i])
        return slice(0, n) if self.side == "post" else slice(self.width - n, self.width)


def drawn(sequences: Sequence[Tensor], side: str, pad: float, steps: int | None = None) -> Laid:
    """Some of the sequences, of different lengths, the longest first.

    Args:
        sequences: (steps, *feature) each.
        side: where the padding stands.
        pad: what it holds.
        steps: of the longest, at most.

    Raises:
        ValueError: no two of them hold a step.
    """
    cut = tuple(sequences[i][:n] for i, n in picked(sequences, steps))
    return Laid(cut, max(map(len, cut)), side, pad)


def picked(sequences: Sequence[Tensor], steps: int | None = None) -> list[tuple[int, int]]:
    """Which sequences are drawn, the longest first, and to how many steps each is cut.

    Raises:
        ValueError: no two of them hold a step.
    """
    found = [i for i, s in enumerate(sequences) if len(s)]
    if not found:
        raise ValueError("probe: samples: expected sequences with steps, got none.")
    # Evenly from all of them; one sequence is asked about with parts of itself.
    n = max(2, min(_SEQUENCES, len(found)))
    chosen = [found[i * len(found) // n] for i in range(n)]
    chosen = sorted(chosen, key=lambda i: len(sequences[i]), reverse=True)
    first = sequences[found[0]]
    is_wave = first.ndim == 1 and first.is_floating_point()
    limit = min(len(sequences[chosen[0]]), steps or (_SAMPLES if is_wave else _STEPS))
    # No two alike in length where that can be: 17, 14, 12, 9, 6 of 17.
    targets = [max(1, limit - i * limit * 2 // (3 * n)) for i in range(n)]
    return [(i, min(t, len(sequences[i]))) for i, t in zip(chosen, targets, strict=True)]


def others(laid: Laid, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Sequences of the same lengths whose steps are drawn from the steps of all of them."""
    pool = torch.cat(laid.sequences)
    found = []
    for s in laid.sequences:
        chosen = torch.randint(len(pool), (len(s),), generator=generator)
        found.append(pool[chosen])
    return tuple(found)


def filled(laid: Laid, generator: torch.Generator) -> Laid:
    """The same, whose padding holds steps drawn from the steps of all of them."""
    pool = torch.cat(laid.sequences)
    chosen = torch.randint(len(pool), (len(laid.sequences), laid.width), generator=generator)
    return replace(laid, pad=pool[chosen])
