"""A cell of one's own along the sentences of EWT, against torch's layer of the same arithmetic.

    python benchmarks/any_cell.py            a minute
    python benchmarks/any_cell.py --quick    does it run?

Two cells written in a few lines of torch, a plain one (tanh) and a GRU that resets after, 128 units
on 128 features; batches of 32 sentences of UD English EWT as they come. A training step is the
forward pass and the gradients of the inputs and of every weight. torch's layer gets the grid, whose
padding it computes; nobody pays for the door.

Answers first: with the same weights the outputs at the real steps and every gradient are torch's.
Then steps are taken in turn, on one thread, in the processor's time, so that what else a machine
does weighs less.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import corpora
import harness
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

UNITS, BATCH, BATCHES = 128, 32, 8
TOLERANCE = 1e-4  # of the largest entry
# Four times what it was when a step was taken in Python at each time: half of torch's speed.
LEAST = 2.0
GATES = {"plain": 1, "gru": 3}


def main() -> int:
    """Run from the command line; the exit status."""
    return harness.contest(__doc__, __file__, measured, shown, (2, 15), TOLERANCE)


def shown(console: Console, found: dict[str, Any], checked: bool) -> list[dict[str, Any]]:
    """The table; the targets."""
    table = Table(title="A training step of a cell of one's own", box=SIMPLE, padding=(0, 1, 0, 0))
    for title in ("cell", "unpad ms", "torch padded ms", "torch / unpad"):
        table.add_column(title, justify="left" if title == "cell" else "right", no_wrap=True)
    for name, of in found["cells"].items():
        table.add_row(name, f"{of['unpad_ms']:.2f}", f"{of['torch_ms']:.2f}", f"{of['ratio']:.2f}")
    console.print(table)
    return [
        harness.at_least(f"torch's padded step over unpad's, {name}", LEAST, of["ratio"], checked)
        for name, of in found["cells"].items()
    ]


def measured(rounds: int) -> dict[str, Any]:
    """Milliseconds of a step of each cell, and how far answers differ."""
    import torch

    torch.set_num_threads(1)
    sentences = corpora.english_ewt().train.x[: BATCH * BATCHES]
    lengths = [len(words) for words in sentences]
    batches = [lengths[i : i + BATCH] for i in range(0, len(lengths), BATCH)]
    cells = {name: contest(name, batches, rounds) for name in GATES}
    difference = max(of["difference"] for of in cells.values())
    return {"cells": cells, "difference": difference, "versions": harness.versions()}


def contest(name: str, batches: list[list[int]], rounds: int) -> dict[str, float]:
    """The two in turn, after their answers were compared."""
    import torch

    import unpad

    torch.manual_seed(0)
    layer = unpad.layers.RNN(own_cell(name), return_sequences=True)
    peer = {"plain": torch.nn.RNN, "gru": torch.nn.GRU}[name](UNITS, UNITS, batch_first=True)
    given = []
    for lengths in batches:
        values = torch.randn(sum(lengths), UNITS)
        layout = unpad.Layout.from_lengths(lengths)
        given.append((values, lengths, unpad.Ragged(values, layout).to_padded()))
    grids = [torch.as_tensor(grid) for _, _, grid in given]

    def ours(i: int) -> list[Any]:
        values, lengths, _ = given[i]
        leaf = values.detach().requires_grad_()
        # A layout that no layer has seen yet.
        out = layer(unpad.Ragged(leaf, unpad.Layout.from_lengths(lengths))).values
        return [out, *torch.autograd.grad(out.square().sum(), [leaf, *layer.parameters()])]

    def theirs(i: int, mask: Any = None) -> list[Any]:
        leaf = grids[i].detach().requires_grad_()
        out = peer(leaf)[0]
        total = (out if mask is None else out[mask]).square().sum()
        return [out, *torch.autograd.grad(total, [leaf, *peer.parameters()])]

    ours(0)
    kernel, recurrent, bias = (w.detach() for w in layer.cell.parameters())
    with torch.no_grad():
        # torch's gates of a GRU stand in another order: reset, update, new.
        order = [1, 0, 2][: GATES[name]] if GATES[name] > 1 else [0]
        turned = [torch.cat([w.chunk(GATES[name], -1)[g] for g in order], -1)
                  for w in (kernel, recurrent, bias)]  # fmt: skip
        peer.weight_ih_l0.copy_(turned[0].T)
        peer.weight_hh_l0.copy_(turned[1].T)
        peer.bias_ih_l0.copy_(turned[2])
        peer.bias_hh_l0.zero_()
    lengths = torch.tensor(given[0][1])
    mask = torch.arange(grids[0].shape[1]) < lengths[:, None]
    out, d_inputs, d_kernel = ours(0)[:3]
    found, d_grid, d_weight = theirs(0, mask)[:3]
    d_weight = torch.cat([d_weight.chunk(GATES[name])[g] for g in order]).T
    pairs = [(out, found[mask]), (d_inputs, d_grid[mask]), (d_kernel, d_weight)]
    difference = max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)
    times = [[timed(ours, len(given)), timed(theirs, len(given))] for _ in range(rounds)]
    mine, others = zip(*times, strict=True)
    return {
        "difference": difference,
        "ratio": round(median(b / a for a, b in times), 3),
        "torch_ms": round(median(others), 3),
        "unpad_ms": round(median(mine), 3),
    }


def timed(step: Callable[[int], Any], count: int) -> float:
    """Milliseconds of a step, of the processor's time."""
    start = time.process_time()
    for i in range(count):
        step(i)
    return (time.process_time() - start) / count * 1e3


def own_cell(name: str) -> Any:
    """A cell as a user writes one."""
    import torch

    import unpad

    class Own(unpad.layers.Layer):
        state_size = UNITS

        def build(self, shape: Any) -> None:
            width = GATES[name] * UNITS
            self.kernel = self.add_weight(shape=(shape[-1], width), name="kernel")
            self.recurrent = self.add_weight(shape=(UNITS, width), name="recurrent")
            self.bias = self.add_weight(shape=(width,), name="bias")

    class Plain(Own):
        def call(self, x: Any, states: Any) -> Any:
            h = torch.tanh(x @ self.kernel + states[0] @ self.recurrent + self.bias)
            return h, [h]

    class Gated(Own):
        def call(self, x: Any, states: Any) -> Any:
            (h,) = states
            xz, xr, xn = (x @ self.kernel + self.bias).chunk(3, -1)
            hz, hr, hn = (h @ self.recurrent).chunk(3, -1)
            z = torch.sigmoid(xz + hz)
            h = z * h + (1 - z) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn)
            return h, [h]

    return {"plain": Plain, "gru": Gated}[name]()


if __name__ == "__main__":
    sys.exit(main())
