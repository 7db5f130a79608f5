"""Concatenate: several inputs side by side in their features, or one after the other in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack

import torch
from torch import Tensor

from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Lengths, Spec
from ...ragged import Layout, Ragged
from ...ragged.reductions import spread
from .masks import joined_mask
from .pairs import dtype_of, listed, pair, pair_specs


class Concatenate(Layer):
    """Joins several inputs along an axis: their features side by side, or their steps in a row.

    Shapes: a list of inputs; axes are counted as Keras's, (batch, time, *feature).

    Along a feature axis, Ragged of equal lengths give Ragged (batch, steps*, *feature). A dense
    row a sequence goes to each of that sequence's steps, a grid that the steps came from is read
    at the real steps, as in Add.

    Along time (axis 1) each sequence's steps of the first input are followed by its steps of the
    second: the lengths add up, and no padding comes between. Every slot of a dense grid (batch,
    time, *feature) is a step there, as a token in front of each sequence. The steps are gathered
    once. The result stands in a grid as wide as the inputs' together, if each came from a grid.

    Empty sequences are legal; of empty ones only, the result is empty. Dense inputs are joined as
    in Keras.

    Args:
        axis: -1 for the last axis, 1 for time.

    Raises:
        ValueError: the other axes differ, or along features the lengths; sequences along the
            batch's axis.

    Example:
        >>> a = Ragged.from_list([[1, 2], [3]])
        >>> b = Ragged.from_list([[7], [8, 9]])
        >>> [x.tolist() for x in Concatenate(axis=1)([a, b])]
        [[1, 2, 7], [3, 8, 9]]
    """

    takes = "several"

    @property
    def pairs_steps(self) -> bool:
        """Whether inputs must have equal lengths: not where one is put behind the other in time."""
        return self.axis != 1

    def __init__(self, axis: int = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return joined_mask(self.who, inputs, mask, in_time=self.axis == 1)

    def output_spec(self, specs: list[Spec]) -> Spec:
        specs = listed(specs, self.who)
        axis = self._axis(len(next((s for s in specs if s.ragged), specs[0])))
        if not any(s.ragged for s in specs):
            shape = self._joined([s.full_shape for s in specs], axis, specs)[1:]
            return Spec(shape, dtype=dtype_of(specs))
        if axis == 0:
            raise ValueError(
                f"{self.who}: axis 0 is the batch, which a layer keeps. Before the model: "
                "Ragged.concatenate([a, b]); a sequence's steps in a row: axis=1."
            )
        if axis == 1:
            return self._in_time(specs)
        shapes, like = pair_specs(specs, self.who)
        assert like is not None
        shape = self._joined(shapes, axis - 2, specs)
        return like.with_shape(shape).with_dtype(dtype_of(specs))

    def _axis(self, rank: int) -> int:
        if not -rank <= self.axis < rank:
            raise ValueError(f"{self.who}: axis {self.axis} of inputs that have {rank} axes.")
        return self.axis % rank

    def _joined(
        self, shapes: list[tuple[int | None, ...]], axis: int, specs: list[Spec]
    ) -> tuple[int | None, ...]:
        """The shape of the result: sizes add up along the axis and are equal along the others."""
        if len({len(s) for s in shapes}) == 1:
            along = [s[axis] for s in shapes]
            total = None if None in along else sum(n for n in along if n is not None)
            sizes = [{s[i] for s in shapes} for i in range(len(shapes[0]))]
            if all(len(known - {None}) <= 1 for i, known in enumerate(sizes) if i != axis):
                rest = [next(iter(known - {None}), None) for known in sizes]
                return (*rest[:axis], total, *rest[axis + 1 :])
        shown = ", ".join(map(str, specs))
        raise ValueError(
            f"{self.who}: expected inputs that are alike except along axis {self.axis}, got "
            f"{shown}."
        )

    def _in_time(self, specs: list[Spec]) -> Spec:
        for i, s in enumerate(specs):
            if not s.ragged and len(s) != len(next(r for r in specs if r.ragged)):
                raise ValueError(
                    f"{self.who}: expected input {i} as sequences or a grid (batch, time, "
                    f"*feature), got {s}. A row a sequence as one step: rows[:, None]."
                )
        shape = self._joined([s.full_shape for s in specs], 1, specs)
        widths = [s.width if s.ragged else s.shape[0] for s in specs]
        like = next(s for s in specs if s.ragged)
        return replace(
            like,
            shape=shape[2:],
            dtype=dtype_of(specs),
            lengths=_sum([s for s in specs if s.ragged or s.shape[0] is None], specs),
            width=None if None in widths else sum(n for n in widths if n is not None),
        )

    def forward(self, inputs: list[Ragged | Tensor]) -> Ragged | Tensor:
        """The inputs joined."""
        first = next((x for x in inputs if isinstance(x, Ragged)), None)
        if first is None:
            return torch.cat([x for x in inputs if isinstance(x, Tensor)], self.axis)
        axis = self._axis(len(first.feature) + 2)
        if axis == 1:
            return _one_after_another([_as_sequences(x, first) for x in inputs], self.who)
        parts, _ = pair(inputs, self.who)
        return first.with_values(torch.cat(parts, axis - 1))


def _sum(unknown: list[Spec], specs: list[Spec]) -> Lengths | None:
    """Whose lengths come out: known where all sequences have their lengths from one input."""
    known = [s.lengths for s in unknown if s.lengths is not None]
    if len(known) < len(unknown) or len({k.root for k in known}) != 1:
        return None
    fixed = sum(s.shape[0] for s in specs if not s.ragged and s.shape[0] is not None)
    table = zip(*(k.table for k in known), strict=True)
    return Lengths(known[0].root, tuple(fixed + sum(each) for each in table))


def _as_sequences(x: Ragged | Tensor, like: Ragged) -> Ragged:
    if isinstance(x, Ragged):
        return x
    layout = Layout.full(x.shape[0], x.shape[1]).to(x.device)
    return like.with_values(x.flatten(0, 1), layout)


def _one_after_another(parts: list[Ragged], who: str) -> Ragged:
    layouts = [p.layout for p in parts]
    for i, layout in enumerate(layouts):
        if layout.batch != layouts[0].batch:
            raise ValueError(
                f"{who}: input 0 has {layouts[0].batch} sequences, input {i} has {layout.batch}."
            )
    widths = [None if layout.width is None else layout.time for layout in layouts]
    width = None if None in widths else sum(n for n in widths if n is not None)
    lengths = torch.stack([layout.own.lengths for layout in layouts])
    known = {} if torch.compiler.is_compiling() else {"steps": sum(each.steps for each in layouts)}
    layout = Layout._of_lengths(lengths.sum(0), None, width, **known)
    starts = layout.own.offsets[:-1] + lengths.cumsum(0) - lengths
    places = torch.cat(
        [
            spread(start, each) + each.own.positions
            for start, each in zip(starts, layouts, strict=True)
        ]
    )
    order = torch.empty_like(places)
    order[places] = torch.arange(places.shape[0], device=places.device)
    values = torch.cat([p.values for p in parts])
    return parts[0].with_values(values.index_select(0, order), layout)


def concatenate(inputs: list[Any], axis: int = -1, **kwargs: Unpack[LayerOptions]) -> Any:
    """`Concatenate(axis, **kwargs)(inputs)`: see `Concatenate`.

    Args:
        inputs: a list of tensors or of Ragged with equal lengths, or of both.
        axis: along which they are joined.
        kwargs: of the layer.
    """
    return Concatenate(axis=axis, **kwargs)(inputs)
