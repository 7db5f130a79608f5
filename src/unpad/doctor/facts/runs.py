"""Runs of steps that stand in two sets of sequences: every sequence of both is looked through."""

from __future__ import annotations

import torch
from torch import Tensor

from ...ragged import Ragged
from .case import Batch
from .sample import Sample

# Of longer data only runs are looked for that begin with certain steps, the same on both sides:
# so what is in common is met however rarely a sequence is drawn.
_STEPS = 250_000
# So many numbers of all steps are read; of more, some features stand for the step.
_NUMBERS = 2_000_000
# Bits of the table that says which runs may be among those that are looked for.
_BITS = 20


def met(every: Batch, some: Sample, run: int) -> tuple[Tensor, Tensor, Tensor]:
    """Runs of steps of some sequences, and which of them stand in others.

    Args:
        every: the others.
        some: whose runs are looked for.
        run: steps of each.

    Returns:
        (runs,) a number for each, the sequence that it is of, whether it stands in the others.
        Runs of hardly more than one step are left out.
    """
    values, lengths = _steps(every)
    features = values.shape[1:].numel()
    most = max(1, _NUMBERS // max(1, len(values)))
    own, theirs = some.values, values
    if features > most:
        columns = torch.linspace(0, features - 1, most).long()
        own, theirs = (v.flatten(1)[:, columns] for v in (own, theirs))
    per = 1 << max(0, (len(values) - 1) // _STEPS).bit_length()
    at, grams = _runs(keys_of(own), run, per)
    ends = some.lengths.cumsum(0)
    keep = _within(at, ends, run) & _differ(keys_of(own), at, run)
    at, grams = at[keep], grams[keep]
    of = torch.searchsorted(ends, at, right=True)
    if not len(grams):
        return grams, of, grams.bool()
    keys = keys_of(theirs)
    places, others = _runs(keys, run, per)
    table = torch.zeros(1 << _BITS, dtype=torch.bool)
    table[_short(grams)] = True
    may = table[_short(others)]
    places, others = places[may], others[may]
    known = others[_within(places, lengths.cumsum(0), run)].unique()
    return grams, of, torch.isin(grams, known)


def keys_of(values: Tensor) -> Tensor:
    """(steps,) a number for each step, equal where steps are."""
    values = values.flatten(1) if values.ndim > 1 else values[:, None]
    if values.shape[1] == 1 and not values.is_floating_point():
        return values[:, 0].long()
    rng = torch.Generator().manual_seed(0)
    weights = torch.randn(values.shape[1], generator=rng, dtype=torch.float64)
    return (values.double() @ weights).view(torch.int64)


def _steps(every: Batch) -> tuple[Tensor, Tensor]:
    if isinstance(every, Ragged):
        return every.values.detach().cpu(), every.layout.lengths.cpu()
    flat = every.detach().cpu().flatten(0, 1)
    return flat, torch.full((len(every),), every.shape[1])


def _runs(keys: Tensor, run: int, per: int) -> tuple[Tensor, Tensor]:
    """Where runs begin, one of so many, and a number for each; across sequences too."""
    n = len(keys) - run + 1
    if n <= 0:
        return keys[:0], keys[:0]
    rng = torch.Generator().manual_seed(1)
    weights = (torch.randint(1, 1 << 62, (run,), generator=rng) | 1).tolist()
    if per == 1:
        found = torch.zeros(n, dtype=torch.int64)
        for i, weight in enumerate(weights):
            found.add_(keys[i : i + n], alpha=weight)
        return torch.arange(n), found
    at = (keys[:n] * weights[0]).bitwise_and_((per - 1) << 40).logical_not().nonzero().flatten()
    found = torch.zeros(len(at), dtype=torch.int64)
    for i, weight in enumerate(weights):
        found.add_(keys[at + i], alpha=weight)
    return at, found


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
