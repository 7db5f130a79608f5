"""Several inputs brought onto the same steps: sequences, rows, grids."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import torch
from torch import Tensor

from ...core.spec import Spec, spec_of
from ...ragged import Ragged
from ...ragged.reductions import spread

Shape = tuple[int | None, ...]


def listed(specs: list[Spec] | Spec, who: str) -> list[Spec]:
    """The specs of a list of at least one input."""
    if isinstance(specs, Spec):
        raise ValueError(
            f"{who}: expected a list of inputs, got one: {specs}. A Sequential has one; with "
            f"several, draw a graph: y = {who.split()[0]}(...)([a, b])."
        )
    if not specs:
        raise ValueError(f"{who}: expected a list of at least one input, got none.")
    return specs


def pair_specs(specs: list[Spec], who: str) -> tuple[list[Shape], Spec | None]:
    """The shape of every input's entry at a step, all of one rank, and the first Ragged's spec.

    Without a Ragged the shapes are of a row of the batch, as `pair` gives them.

    Raises:
        ValueError: lengths that are known to differ, or a shape that goes with no step.
    """
    sequences = [i for i, s in enumerate(specs) if s.ragged]
    if not sequences:
        rank = max(len(s.shape) for s in specs)
        return [(1,) * (rank - len(s.shape)) + s.shape for s in specs], None
    k = sequences[0]
    like = specs[k]
    for i in sequences[1:]:
        check_lengths(like, specs[i], k, i, who)
    shapes = [_at_a_step(s, i, like, k, who) for i, s in enumerate(specs)]
    known = next((specs[i].lengths for i in sequences if specs[i].lengths is not None), None)
    return shapes, replace(like, lengths=known)


def check_lengths(a: Spec, b: Spec, k: int, i: int, who: str) -> None:
    """Raises where it is known before there are data that the lengths of two inputs differ."""
    if a.lengths is None or b.lengths is None:
        return
    n = a.lengths.differs(b.lengths)
    if n is not None:
        raise ValueError(
            f"{who}: expected inputs of equal lengths, but a sequence of {n} steps has "
            f"{a.lengths.table[n]} in input {k} and {b.lengths.table[n]} in input {i}. Steps are "
            "paired one to one: keep the lengths on the way, as with padding='same', or reduce "
            "both to one row a sequence."
        )


def _at_a_step(spec: Spec, i: int, like: Spec, k: int, who: str) -> Shape:
    rank = len(like.shape)
    missing = rank - len(spec.shape)
    if spec.ragged and not missing:
        return spec.shape
    if not spec.ragged and missing >= 0:
        return (1,) * missing + spec.shape
    if not spec.ragged and missing == -1 and _fits(spec.shape[0], like.width):
        return spec.shape[1:]
    kinds = f"one row a sequence, or the grid that input {k} came from"
    raise ValueError(
        f"{who}: got {like} as input {k} and {spec} as input {i}. Expected input {i} as "
        + (f"sequences whose steps have {rank} axes, too." if spec.ragged else f"{kinds}.")
    )


def _fits(time: int | None, width: int | None) -> bool:
    return time in (None, 1) or width in (None, time)


def broadcast(shapes: list[Shape], specs: list[Spec], who: str) -> Shape:
    """What the shapes, all of one rank, give element by element; None is any size."""
    sizes = []
    for together in zip(*shapes, strict=True):
        wanted = {n for n in together if n not in (None, 1)}
        if len(wanted) > 1:
            shown = ", ".join(map(str, specs))
            raise ValueError(f"{who}: expected inputs whose features fit together, got {shown}.")
        sizes.append(None if None in together else max(n for n in together if n is not None))
    return tuple(sizes)


def dtype_of(specs: list[Spec]) -> torch.dtype:
    """What torch makes of the inputs' types."""
    return reduce(torch.promote_types, (s.dtype for s in specs))


def pair(inputs: list[Ragged | Tensor], who: str) -> tuple[list[Tensor], Ragged | None]:
    """Every input's entries at the same steps, and the first Ragged, whose steps they are.

    A Ragged gives its values, one row a sequence goes to each of its steps, a grid is read at the
    real steps. Without a Ragged the inputs are as they are, with axes of size 1 behind the batch
    until all have as many.

    Raises:
        ValueError: sequences of different lengths, naming the first; rows or a grid of another
            size.
    """
    sequences = [i for i, x in enumerate(inputs) if isinstance(x, Ragged)]
    if not sequences:
        return _dense(inputs, who), None
    k = sequences[0]
    like = inputs[k]
    assert isinstance(like, Ragged)
    for i in sequences[1:]:
        other = inputs[i]
        assert isinstance(other, Ragged)
        check_agreement(like, other, k, i, who)
    return [_at_steps(x, i, like, k, who) for i, x in enumerate(inputs)], like


def check_agreement(a: Ragged, b: Ragged, k: int, i: int, who: str) -> None:
    """Raises where the steps of two inputs cannot be paired, naming the first sequence."""
    if not a.layout.agrees(b.layout):
        raise ValueError(
            f"{who}: expected inputs of equal lengths, but input {k} and input {i} differ: "
            f"{a.layout.difference(b.layout)}. Steps are paired one to one; for a value a sequence "
            "give one row a sequence, as ragged.mean() does."
        )


def _dense(inputs: list[Ragged | Tensor], who: str) -> list[Tensor]:
    tensors = [x for x in inputs if isinstance(x, Tensor)]
    batches = [x.shape[0] for x in tensors if x.shape[0] != 1]
    if any(n != batches[0] for n in batches):
        shown = ", ".join(str(tuple(x.shape)) for x in tensors)
        raise ValueError(f"{who}: expected inputs of one batch, got {shown}.")
    rank = max(x.ndim for x in tensors)
    return [_with_axes(x, rank) for x in tensors]


def _with_axes(x: Tensor, rank: int) -> Tensor:
    return x.reshape(x.shape[0], *(1,) * (rank - x.ndim), *x.shape[1:])


def _at_steps(x: Ragged | Tensor, i: int, like: Ragged, k: int, who: str) -> Tensor:
    if isinstance(x, Ragged):
        if len(x.feature) != len(like.feature):
            _at_a_step(spec_of(x), i, spec_of(like), k, who)
        return x.values
    layout, rank = like.layout, len(like.feature) + 1
    if x.ndim <= rank and x.shape[0] == layout.batch:
        return spread(_with_axes(x, rank), layout)
    if x.ndim == rank + 1 and x.shape[0] in (1, layout.batch):
        if x.shape[1] == 1:
            return spread(x[:, 0].expand(layout.batch, *x.shape[2:]), layout)
        if x.shape[1] == layout.time or not layout.steps:
            if x.shape[0] == 1:
                return x[0].index_select(0, layout.own.places)
            return layout.steps_of(x)
    feature = "".join(f", {n}" for n in like.feature)
    raise ValueError(
        f"{who}: expected input {i} as one row a sequence ({layout.batch}{feature}), or as the "
        f"grid that input {k} came from ({layout.batch}, {layout.time}{feature}), got "
        f"{tuple(x.shape)}."
    )
