"""Windows that slide over each sequence by itself: how many there are, and the steps in each.

A sequence's ends are its own: a slot beyond them holds nothing, never a neighbour's step. A layer
gathers the steps of all windows, (windows, size, feature), and computes on those, so that its cost
follows the real steps. A convolution then is one matrix product. Float32, one thread, forward and
backward, in ms:

    steps, sequences, features, size        gather    gaps    a product a slot
    600, 32, 100 to 100, 3                     1.4     2.7     1.9
    600, 32, 16 to 32, 5                      0.36    0.44    0.94
    12,000, 128, 64 to 64, 5                    21      32      22

"gaps" is torch's conv1d over all sequences end to end with zeros between them; it has the features
first, so that everything is turned around and back. The price of the gather is memory: a step is
held as often as windows see it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from ...core.lengths import Rule, resized
from ...ragged import Layout

Found = TypeVar("Found")


@dataclass(frozen=True)
class Window:
    """A window of `size` slots, and how it slides.

    Args:
        size: its number of slots.
        stride: from the first slot of one window to that of the next, in steps.
        dilation: from one slot to the next, in steps.
        padding: "valid", every slot is a step, so that a sequence below `reach` has no window;
            "same", a window for each `stride` steps, which stick out at both ends alike, by an odd
            slot more at the end; "causal", the same number, and none looks ahead of its step.
    """

    size: int
    stride: int = 1
    dilation: int = 1
    padding: str = "valid"

    def tiles(self, counts: list[int] | None) -> bool:
        """Whether windows of sequences of these lengths hold each step once, one after another."""
        apart = self.padding == "valid" and self.stride == self.size and self.dilation == 1
        return apart and counts is not None and not any(n % self.size for n in counts)

    @property
    def reach(self) -> int:
        """The steps from its first slot to its last, both included."""
        return (self.size - 1) * self.dilation + 1

    def count(self, n: Any) -> Any:
        """The windows of a sequence of n steps, an integer or a tensor of lengths."""
        if self.padding == "valid":
            return (n >= self.reach) * ((n - self.reach) // self.stride + 1)
        return (n + self.stride - 1) // self.stride

    def before(self, lengths: Tensor) -> Tensor:
        """(batch,) how many steps before its sequence's first the first window starts.

        With "same" it depends on the length where the stride is above 1, as in TensorFlow.
        """
        if self.padding == "valid":
            return torch.zeros_like(lengths)
        if self.padding == "causal":
            return torch.full_like(lengths, self.reach - 1)
        sticks_out = (self.count(lengths) - 1) * self.stride + self.reach - lengths
        return sticks_out.clamp(min=0) // 2

    def on(self, layout: Layout) -> Windows:
        """The windows of each sequence: computed once for a layout, whichever layer asks."""

        def found(new: Layout) -> Tensor | None:
            if (self.size == 1 and new is layout) or self.tiles(layout.own.told_counts):
                return None
            return slots(new, layout, self, self.before(layout.own.lengths))

        new, index = once(layout, self, self.count, found)
        return Windows(new, index, self.padding != "valid", self.size)

    def bounds(self, layout: Layout) -> tuple[Layout, tuple[Tensor, Tensor]]:
        """One step for each window, and (windows,) of each the first step and that behind its last.

        Of windows without dilation, computed once for a layout.
        """

        def found(new: Layout) -> tuple[Tensor, Tensor]:
            own, ids = layout.own, new.own.sequence_ids
            first = new.own.positions * self.stride - self.before(own.lengths)[ids]
            last = torch.minimum(first + self.size, own.lengths[ids])
            start = own.offsets[:-1][ids]
            return first.clamp(min=0) + start, last + start

        return once(layout, self, self.count, found, "bounds")


class Windows(NamedTuple):
    """The windows of a batch.

    Args:
        layout: one step for each window.
        index: (windows, size) the step in each slot, the number of all steps where there is none;
            None where the windows hold all steps in their order, each once.
        sticks_out: whether there may be slots without a step.
        size: slots of a window.
    """

    layout: Layout
    index: Tensor | None
    sticks_out: bool
    size: int

    def take(self, values: Tensor, fill: float = 0) -> Tensor:
        """(windows, size, *feature): what is in each slot, `fill` where there is no step."""
        if self.index is None:
            return values.reshape(values.shape[0] // self.size, self.size, *values.shape[1:])
        if self.sticks_out:
            values = torch.cat([values, values.new_full((1, *values.shape[1:]), fill)])
        return values.index_select(0, self.index.reshape(-1)).unflatten(0, self.index.shape)


def once(
    layout: Layout, key: Hashable, rule: Rule, index: Callable[[Layout], Found], what: str = "index"
) -> tuple[Layout, Found]:
    """The layout of new lengths and an index that goes with it, computed once for a layout.

    Args:
        layout: of the old lengths; when it goes, what was computed for it goes too.
        key: what `rule` and `index` depend on besides.
        rule: of the lengths.
        index: gives the index for the new layout.
        what: the index is.
    """

    # None for the layout itself: what is kept for it must not keep it alive.
    def make(_: Any) -> Layout | None:
        new = resized(layout, rule)
        return None if new is layout else new

    new = layout.derived(("resized", key), make, in_grid=True) or layout
    return new, layout.derived(("windows", what, key), lambda _: index(new))


def slots(windows: Layout, steps: Layout, window: Window, before: Tensor) -> Tensor:
    """(windows, size) the step in each slot of each window, `steps.steps` where there is none.

    Args:
        windows: one step for each window.
        steps: the sequences that they slide over.
        window: its size, stride and dilation.
        before: (batch,) how many steps before its sequence's first the first window starts.
    """
    ids = windows.own.sequence_ids
    first = windows.own.positions * window.stride - before[ids]
    place = first[:, None] + torch.arange(window.size, device=first.device) * window.dilation
    outside = (place < 0) | (place >= steps.own.lengths[ids][:, None])
    return (place + steps.own.offsets[:-1][ids][:, None]).masked_fill(outside, steps.steps)
