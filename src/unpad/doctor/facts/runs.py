"""Runs of steps that stand in two sets of sequences: every sequence of both is looked through."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...ragged import Ragged
from .case import Batch
from .sample import Sample

# Of longer data only runs are looked for that begin with certain steps, the same on both sides:
# so what is in common is met however rarely a sequence is drawn.
_STEPS = 250_000
# So many numbers of all steps are read; of more, some features stand for the step.
_NUMBERS = 1_000_000
# Steps that are looked at together: they stay in the cache.
_PART = 1 << 15
# Of a run, to see whether it may be one that is looked for.
_FIRST = 3
# Bits of the table that says which runs may be among those that are looked for.
_BITS = 20


class Met(NamedTuple):
    """Runs of steps of some sequences.

    Args:
        runs: (runs,) a number for each.
        of: (runs,) the sequence that each is of.
        found: (runs,) whether it stands in others.
        others: (n,) the sequences of the others in which one of them stands, in their order.
    """

    runs: Tensor
    of: Tensor
    found: Tensor
    others: Tensor


def met(every: Batch, some: Sample, run: int) -> Met:
    """Runs of steps of some sequences, and which of them stand in others.

    Runs of hardly more than one step are left out. Reads all steps once.

    Args:
        every: the others.
        some: whose runs are looked for.
        run: steps of each.
    """
    values, lengths = _steps(every)
    features = values.shape[1:].numel()
    most = max(1, _NUMBERS // max(1, len(values)))
    own, theirs = some.values, values
    if features > most:
        columns = torch.linspace(0, features - 1, most).long()
        own, theirs = own.flatten(1)[:, columns], theirs.flatten(1)
        theirs = theirs[:, 0] if most == 1 else theirs[:, columns]
    per = 1 << max(0, (len(values) - 1) // _STEPS).bit_length()
    keys = keys_of(own)
    at = _begin(keys, run, per)
    ends = some.lengths.cumsum(0)
    at = at[_within(at, ends, run) & _differ(keys, at, run)]
    grams = _grams(keys, at, run)
    of = torch.searchsorted(ends, at, right=True)
    if not len(grams):
        return Met(grams, of, grams.bool(), at)
    # Most runs are others from their first steps on: only the rest is read whole.
    few = min(run, _FIRST)
    places = _begin(theirs, run, per, few, _table(_grams(keys, at, few)))
    near = torch.cat([places + i for i in range(run)])
    others = _grams(keys_of(theirs[near]), torch.arange(len(places)), run, len(places))
    may = _table(grams)[_short(others)]
    places, others = places[may], others[may]
    ends = lengths.cumsum(0)
    inside = _within(places, ends, run)
    places, others = places[inside], others[inside]
    hit = torch.isin(others, grams)
    sequences = torch.searchsorted(ends, places[hit], right=True).unique_consecutive()
    return Met(grams, of, torch.isin(grams, others[hit]), sequences)


def keys_of(values: Tensor) -> Tensor:
    """(steps,) a number for each step, equal where steps are."""
    values = values.flatten(1) if values.ndim > 1 else values[:, None]
    if values.shape[1] == 1 and not values.is_floating_point():
        return values[:, 0].long()
    rng = torch.Generator().manual_seed(0)
    scale = torch.randn(values.shape[1], generator=rng, dtype=torch.float64)
    # Products are rounded alike wherever they stand, sums of floats are not.
    bits = (values * scale).add_(0.0).view(torch.int64)
    return bits[:, 0] if bits.shape[1] == 1 else (bits * torch.tensor(_weights(len(scale)))).sum(1)


def _steps(every: Batch) -> tuple[Tensor, Tensor]:
    if isinstance(every, Ragged):
        return every.values.detach().cpu(), every.layout.lengths.cpu()
    flat = every.detach().cpu().flatten(0, 1)
    return flat, torch.full((len(every),), every.shape[1])


def _begin(values: Tensor, run: int, per: int, few: int = 0, known: Tensor | None = None) -> Tensor:
    """Where runs begin, one of so many by what its first step is; across sequences too.

    Args:
        values: steps, or a number for each.
        run: steps of each.
        per: of so many one.
        few: first steps of a run that may be one of those that are looked for.
        known: a table of the numbers of such beginnings; by default all are looked for.
    """
    n, weight, found = len(values) - run + 1, _weights(1)[0], []
    for start in range(0, n, _PART):
        part = keys_of(values[start : start + _PART + run])
        first = part[: min(_PART, n - start)]
        if per > 1:
            # numpy's search is twice as fast as torch's.
            chosen = (first * weight).bitwise_and_((per - 1) << 40).eq(0).numpy()
            at = torch.from_numpy(np.flatnonzero(chosen))
        else:
            at = torch.arange(len(first))
        if known is not None:
            at = at[known[_short(_grams(part, at, few))]]
        found.append(at + start)
    return torch.cat(found) if found else torch.arange(0)


def _table(grams: Tensor) -> Tensor:
    """Which runs may be among these."""
    table = torch.zeros(1 << _BITS, dtype=torch.bool)
    table[_short(grams)] = True
    return table


def _grams(keys: Tensor, at: Tensor, steps: int, apart: int = 1) -> Tensor:
    """A number for each run that begins there, of so many steps that lie so far apart."""
    found = torch.zeros(len(at), dtype=torch.int64)
    for i, weight in enumerate(_weights(steps)):
        found.add_(keys[at + i * apart], alpha=weight)
    return found


def _weights(steps: int) -> list[int]:
    rng = torch.Generator().manual_seed(1)
    return (torch.randint(1, 1 << 62, (steps,), generator=rng) | 1).tolist()


def _short(grams: Tensor) -> Tensor:
    return (grams >> (64 - _BITS)) + (1 << (_BITS - 1))


def _within(at: Tensor, ends: Tensor, run: int) -> Tensor:
    """Which runs begin and end in one sequence."""
    first, last = (torch.searchsorted(ends, p, right=True) for p in (at, at + run - 1))
    return first == last


def _differ(keys: Tensor, at: Tensor, run: int) -> Tensor:
    """Which runs change at half of their steps at least."""
    change = torch.zeros(len(keys), dtype=torch.int64)
    change[1:] = keys[1:] != keys[:-1]
    change = change.cumsum(0)
    return change[at + run - 1] - change[at] >= run // 2
