"""Sequences laid into a grid, and the few sequences that a model is asked with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

# So many sequences of at most so many steps: primes, which are seldom the size of anything else in
# a model, so that a tensor's axes can be told by their sizes.
_SEQUENCES = 5
_STEPS = 17
# Of waves, whose steps are single numbers and whose first layers stride.
_SAMPLES = 4001
# Of an input whose sequences have other lengths than the first's.
_OTHER_STEPS = 13


@dataclass(frozen=True)
class Laid:
    """Sequences in a grid of a width, padded on a side with a value.

    Args:
        sequences: (steps, *feature) each.
        width: slots in time.
        side: "post" or "pre": where the padding stands.
        pad: what it holds: a number, or a tensor (n, width, *feature) to take it from.
        name: of the input, where a model has several; None where it has one.
        beside: what the same call gives as the other inputs.
        fixed: whether it has no axis of time: a vector or a number a sequence.
    """

    sequences: tuple[Tensor, ...]
    width: int
    side: str = "post"
    pad: float | Tensor = 0.0
    name: str | None = None
    beside: tuple[Laid, ...] = ()
    fixed: bool = False

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
        if self.fixed:
            return torch.stack(self.sequences)
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

    @property
    def inputs(self) -> dict[str, Laid]:
        """Each input by its name, in the model's order."""
        order = [self, *self.beside]
        return {part.name or "": part for part in order}

    def led_by(self, name: str | None) -> Laid:
        """The same call, seen from another input: its steps are those that outputs have."""
        if name == self.name:
            return self
        others = (part for part in (self, *self.beside) if part.name != name)
        return replace(
            self.inputs[name or ""], beside=tuple(replace(part, beside=()) for part in others)
        )

    def of(self, *chosen: int) -> Laid:
        """Some of the sequences, in this order, at the same width."""
        pad = self.pad[list(chosen)] if isinstance(self.pad, Tensor) else self.pad
        beside = tuple(part.of(*chosen) for part in self.beside)
        return replace(
            self, sequences=tuple(self.sequences[i] for i in chosen), pad=pad, beside=beside
        )

    def alone(self, i: int) -> Laid:
        """One sequence without padding."""
        found = self.of(i)
        beside = tuple(_trimmed(part) for part in found.beside)
        return replace(_trimmed(found), beside=beside)

    def wide(self, width: int) -> Laid:
        """The same at another width; other inputs by as many slots wider."""
        by = width - self.width
        beside = (
            part if part.fixed else replace(part, width=part.width + by) for part in self.beside
        )
        return replace(self, width=width, beside=tuple(beside))

    def with_sequences(self, sequences: Sequence[Tensor]) -> Laid:
        """Others of the same lengths in their places."""
        return replace(self, sequences=tuple(sequences))

    def beside_of(self, other: Laid, kept: Collection[int]) -> Laid:
        """These sequences in these places, those of another in the others; of all inputs."""
        mixed = tuple(
            a if i in kept else b
            for i, (a, b) in enumerate(zip(self.sequences, other.sequences, strict=True))
        )
        pairs = zip(self.beside, other.beside, strict=True)
        return replace(self, sequences=mixed, beside=tuple(a.beside_of(b, kept) for a, b in pairs))

    def until(self, other: Laid, steps: Sequence[int]) -> Laid:
        """So many steps of each sequence, and what follows from another; as other inputs go along.

        An input of other lengths stays: what a decoder reads of its source is all there from the
        start.
        """
        parts = zip(self.sequences, other.sequences, steps, strict=True)
        cut = tuple(torch.cat([a[:t], b[t:]]) for a, b, t in parts)
        lengths = self.lengths.tolist()
        beside = tuple(
            a.until(b, steps) if not a.fixed and a.lengths.tolist() == lengths else a
            for a, b in zip(self.beside, other.beside, strict=True)
        )
        return replace(self, sequences=cut, beside=beside)

    def slots(self, i: int) -> slice:
        """Where the real steps of a sequence stand."""
        n = len(self.sequences[i])
        return slice(0, n) if self.side == "post" else slice(self.width - n, self.width)


def _trimmed(one: Laid) -> Laid:
    return one if one.fixed else replace(one, width=len(one.sequences[0]))


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


def together(
    inputs: dict[str, Sequence[Tensor]],
    fixed: Collection[str],
    side: str,
    pad: float,
    steps: int | None = None,
) -> Laid:
    """Some sequences of each of several inputs, the same ones of each.

    Args:
        inputs: (steps, *feature) each, by the input's name; of fixed ones what a sequence has.
        fixed: names of inputs without an axis of time.
        side: where the padding stands.
        pad: what it holds.
        steps: of the longest, at most.

    Raises:
        ValueError: no two of them hold a step, or none has an axis of time.
    """
    names = [name for name in inputs if name not in fixed]
    if not names:
        raise ValueError("probe: samples: expected an input with sequences, got none.")
    first = inputs[names[0]]
    if any(len(part) != len(first) for part in inputs.values()):
        counts = ", ".join(f"{len(part)} of {name!r}" for name, part in inputs.items())
        raise ValueError(f"probe: samples: expected as many sequences of each input, got {counts}.")
    whole = [i for i in range(len(first)) if all(len(inputs[name][i]) for name in names)]
    chosen = [(whole[i], n) for i, n in picked([first[i] for i in whole], steps)]
    parts = []
    for name, every in inputs.items():
        if name in fixed:
            own = tuple(every[i] for i, _ in chosen)
            width = max(1, own[0].shape[0] if own[0].ndim else 1)
        else:
            along = [len(s) for s in every] == [len(s) for s in first]
            # Of other lengths: other widths, too, so that axes can be told apart.
            limit = _OTHER_STEPS
            cuts = [n if along else max(1, min(len(every[i]), limit - k))
                    for k, (i, n) in enumerate(chosen)]  # fmt: skip
            own = tuple(every[i][:n] for (i, _), n in zip(chosen, cuts, strict=True))
            width = max(map(len, own))
        parts.append(Laid(own, width, side, pad, name, fixed=name in fixed))
    lead = next(i for i, part in enumerate(parts) if not part.fixed)
    return replace(parts[lead], beside=(*parts[:lead], *parts[lead + 1 :]))


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


def others(laid: Laid, generator: torch.Generator) -> Laid:
    """Sequences of the same lengths whose steps are drawn from the steps of all of them."""
    if laid.fixed:
        chosen = torch.randint(len(laid.sequences), (len(laid.sequences),), generator=generator)
        return replace(laid, sequences=tuple(laid.sequences[i] for i in chosen.tolist()))
    pool = torch.cat(laid.sequences)
    found = []
    for s in laid.sequences:
        chosen = torch.randint(len(pool), (len(s),), generator=generator)
        found.append(pool[chosen])
    beside = tuple(others(part, generator) for part in laid.beside)
    return replace(laid, sequences=tuple(found), beside=beside)


def filled(laid: Laid, generator: torch.Generator) -> Laid:
    """The same, whose padding holds steps drawn from the steps of all of them."""
    if laid.fixed:
        return laid
    pool = torch.cat(laid.sequences)
    chosen = torch.randint(len(pool), (len(laid.sequences), laid.width), generator=generator)
    beside = tuple(filled(part, generator) for part in laid.beside)
    return replace(laid, pad=pool[chosen], beside=beside)
