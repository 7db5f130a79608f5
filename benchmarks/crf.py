"""A CRF's loss, its gradient, and its best paths, against the padded CRF that everybody writes.

    python benchmarks/crf.py            less than a minute
    python benchmarks/crf.py --quick    does it run?

Batches of 32 sentences of UD English EWT at random, 18 tags, float32, one thread: scores in; out
the mean loss and the gradients of scores, transitions, start and end, or the best tags. unpad walks
real steps, from both ends at once, and knows the gradient; "padded" is a masked walk over
(batch, time) with autograd, as pytorch-crf has it; "shrinking" is the same walk on real steps,
longest sequences first, with autograd. All must give the same numbers first. Then the three run in
turn, batch by batch; medians.
"""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import Any

import harness
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

TAGS = 18
BATCH = 32
NAMES = ("unpad", "shrinking", "padded")


def main() -> int:
    """Run from the command line; the exit status."""
    options = harness.parser(__doc__).parse_args()
    if options.measure:
        return harness.answer(lambda: measured(**options.measure))
    console, machine = Console(), harness.machine()
    settings = {"batches": 3 if options.quick else 40, "rounds": 1 if options.quick else 5}
    with console.status("measuring"):
        found = harness.apart(__file__, settings)
    versions = found.pop("versions")
    table = Table("", "loss and gradient, ms", "best paths, ms", box=SIMPLE)
    for name in NAMES:
        row = [found[kind].get(name) for kind in ("training_ms", "decoding_ms")]
        table.add_row(name, *("" if ms is None else f"{ms:.2f}" for ms in row))
    console.print(table)
    ratio = found["training_ms"]["padded"] / found["training_ms"]["unpad"]
    target = harness.at_least("padded over unpad, training", 1.3, ratio, not options.quick)
    report = {**found, "machine": machine, "settings": {**settings, "batch": BATCH, "tags": TAGS}}
    report |= {"targets": [target], "versions": versions}
    return harness.finish(console, "crf", report, options.quick)


def measured(batches: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of a batch, medians over batches and rounds; answers first."""
    import torch

    torch.set_num_threads(1)
    data = drawn(batches)
    for batch in data[:3]:
        agree(*batch)
    contenders = {
        "training_ms": {"unpad": train, "shrinking": train_shrinking, "padded": train_padded},
        "decoding_ms": {"unpad": decode, "padded": decode_padded},
    }
    times: dict[str, dict[str, list[float]]] = {
        kind: {name: [] for name in named} for kind, named in contenders.items()
    }
    for _ in range(rounds):
        for batch in data:
            for kind, named in contenders.items():
                for name, run in named.items():
                    start = time.perf_counter()
                    run(*batch)
                    times[kind][name].append((time.perf_counter() - start) * 1e3)
    found: dict[str, Any] = {
        kind: {name: round(median(ms), 3) for name, ms in named.items()}
        for kind, named in times.items()
    }
    return found | {"versions": harness.versions()}


def drawn(batches: int) -> list[tuple[Any, Any, Any]]:
    """Scores, tags and a layer for each batch: lengths of the corpus's own sentences."""
    import corpora
    import torch

    from unpad import Ragged, layers

    lengths = torch.tensor([len(x) for x in corpora.english_ewt().train.x])
    torch.manual_seed(0)
    layer = layers.CRF(transition_initializer="normal", boundary_initializer="normal")
    found = []
    for _ in range(batches):
        sizes = lengths[torch.randint(len(lengths), (BATCH,))]
        scores = Ragged.from_list([torch.randn(int(n), TAGS) for n in sizes])
        found.append((scores, scores.map(lambda v: torch.randint(TAGS, (len(v),))), layer))
    layer(found[0][0])
    return found


def agree(scores: Any, tags: Any, layer: Any) -> None:
    """Asserts that all give the same loss, gradients and best paths."""
    import torch

    want = train(scores, tags, layer)
    for other in (train_shrinking, train_padded):
        for a, b in zip(other(scores, tags, layer), want, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert decode_padded(scores, tags, layer) == [p.tolist() for p in decode(scores, tags, layer)]


def gradients(loss: Any, values: Any, layer: Any) -> list[Any]:
    """The loss and what follows from it."""
    import torch

    sources = [values, layer.transitions, layer.start, layer.end]
    return [loss.detach(), *torch.autograd.grad(loss, sources)]


def train(scores: Any, tags: Any, layer: Any) -> list[Any]:
    from unpad import losses

    values = scores.values.detach().requires_grad_()
    loss = losses.CRF()(tags, layer.before_tail(scores.with_values(values)))
    return gradients(loss, values, layer)


def train_shrinking(scores: Any, tags: Any, layer: Any) -> list[Any]:
    """Real steps, one after another, with autograd; nothing of the walk is known in advance."""
    import torch

    values = scores.values.detach().requires_grad_()
    order = scores.lengths.argsort(descending=True, stable=True)
    starts, lengths = scores.offsets[:-1][order], scores.lengths[order]
    state = layer.start + values[starts]
    total = values.new_zeros(())
    for t in range(1, int(lengths[0])):
        n = int((lengths > t).sum())
        ended = state[n:]
        total = total + torch.logsumexp(ended + layer.end, -1).sum()
        emitted = values[starts[:n] + t]
        state = torch.logsumexp(state[:n].unsqueeze(2) + layer.transitions, 1) + emitted
    total = total + torch.logsumexp(state + layer.end, -1).sum()
    return gradients((total - of_paths(values, scores, tags, layer)) / BATCH, values, layer)


def of_paths(values: Any, scores: Any, tags: Any, layer: Any) -> Any:
    """The summed score of all right paths."""
    import torch

    y, first = tags.values, scores.offsets[:-1]
    inner = torch.ones(len(y), dtype=torch.bool).index_fill(0, first, False)
    score = values.gather(1, y.unsqueeze(1)).sum() + layer.start[y[first]].sum()
    score = score + layer.transitions[y.roll(1)[inner], y[inner]].sum()
    return score + layer.end[y[scores.offsets[1:] - 1]].sum()


def padded(values: Any, scores: Any) -> tuple[Any, Any]:
    """(time, batch, tags) and the mask (time, batch)."""
    grid = scores.with_values(values).to_padded().transpose(0, 1)
    return grid, scores.layout.mask.transpose(0, 1)


def train_padded(scores: Any, tags: Any, layer: Any) -> list[Any]:
    """Every slot of the grid, masked, with autograd."""
    import torch

    values = scores.values.detach().requires_grad_()
    grid, mask = padded(values, scores)
    state = layer.start + grid[0]
    for t in range(1, len(grid)):
        on = torch.logsumexp(state.unsqueeze(2) + layer.transitions + grid[t].unsqueeze(1), 1)
        state = torch.where(mask[t].unsqueeze(1), on, state)
    total = torch.logsumexp(state + layer.end, -1).sum()
    return gradients((total - of_paths(values, scores, tags, layer)) / BATCH, values, layer)


def decode(scores: Any, tags: Any, layer: Any) -> Any:
    import torch

    with torch.no_grad():
        return layer.decode(scores)


def decode_padded(scores: Any, tags: Any, layer: Any) -> list[list[int]]:
    """Viterbi over the grid, and the way back sequence by sequence."""
    import torch

    with torch.no_grad():
        grid, mask = padded(scores.values, scores)
        state, history = layer.start + grid[0], []
        for t in range(1, len(grid)):
            best, before = (state.unsqueeze(2) + layer.transitions + grid[t].unsqueeze(1)).max(1)
            state = torch.where(mask[t].unsqueeze(1), best, state)
            history.append(before)
        found = []
        for i, length in enumerate(scores.lengths.tolist()):
            path = [int((state[i] + layer.end).argmax())]
            for before in reversed(history[: length - 1]):
                path.append(int(before[i][path[-1]]))
            found.append(path[::-1])
        return found


if __name__ == "__main__":
    sys.exit(main())
