"""A CRF's loss, its gradient and its best paths, against pytorch-crf; a BiLSTM with it and without.

    python benchmarks/crf.py            two minutes
    python benchmarks/crf.py --quick    does it run?

Batches of 32 sentences of UD English EWT at random, 9, 50 and 64 tags, float32, one thread: scores
in; out the mean loss and the gradients of scores, transitions, start and end, or the best tags.
unpad is its layer and its loss, checks and all; pytorch-crf gets the padded grid and the mask ready
made. Both must give the same numbers first. Then they run in turn, batch by batch; medians.

CTC is `losses.CTC` on logits of 32 sequences, 20 to 300 steps of 30 classes with a label each 2.5
(characters), 200 to 1,500 of 100 with one each 8 (speech), against log_softmax and torch's
`ctc_loss` on the grid: loss and gradient.

The tagger is Embedding(5000, 100), Bidirectional(LSTM(100)), Dense(17) and a softmax or a CRF, of
one batch a training step, in turn. The long sequence has 200,000 steps.
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

TAGS = (9, 50, 64)
BATCH = 32
TURN = 10  # batches
LONG = 200_000
WORDS, CLASSES = 5000, 17


def main() -> int:
    """Run from the command line; the exit status."""
    options = harness.parser(__doc__).parse_args()
    if options.measure:
        return harness.answer(lambda: measured(**options.measure))
    console, machine = Console(), harness.machine()
    settings = {"batches": 2 if options.quick else 30, "rounds": 1 if options.quick else 3}
    with console.status("measuring"):
        found = harness.apart(__file__, settings)
    if "missing" in found:
        harness.say(console, f"{found['missing']} is not installed: nothing is measured")
        return 1
    versions = found.pop("versions")
    table = Table("tags", "", "unpad, ms", "pytorch-crf, ms", "times as fast", box=SIMPLE)
    targets, checked = [], not options.quick
    for size, of_size in found["chains"].items():
        for kind, ms in of_size.items():
            ratio = ms["pytorch-crf"] / ms["unpad"]
            table.add_row(size, kind, *(f"{x:.2f}" for x in ms.values()), f"{ratio:.1f}")
            if kind == "loss and gradient":
                what = f"pytorch-crf over unpad, loss and gradient, {size} tags"
                targets.append(harness.at_least(what, 15, ratio, checked))
    console.print(table)
    for name, ms in found["ctc"].items():
        what = f"torch's ctc_loss over losses.CTC, loss and gradient, {name}"
        targets.append(harness.at_least(what, 1, ms["torch"] / ms["unpad"], checked))
    ratio = found["tagger"]["crf"] / found["tagger"]["softmax"]
    targets.append(harness.at_most("BiLSTM-CRF over BiLSTM, training", 1.15, ratio, checked))
    for size, seconds in found["long"].items():
        what = f"loss and gradient of {LONG:,} steps, {size} tags, seconds"
        targets.append(harness.at_most(what, 0.3, seconds, checked))
    report = {**found, "machine": machine, "settings": {**settings, "batch": BATCH}}
    report |= {"targets": targets, "versions": versions}
    return harness.finish(console, "crf", report, options.quick)


def measured(batches: int, rounds: int) -> dict[str, Any]:
    """Medians over batches and rounds; answers first."""
    import torch
    import torchcrf  # noqa: F401

    found: dict[str, Any] = {"chains": {}}
    threads = torch.get_num_threads()
    # torch's threads spin for a while after each of the peer's operators, on the other's core.
    torch.set_num_threads(1)
    for size in TAGS:
        contenders = [Batch(size, seed) for seed in range(batches)]
        for batch in contenders[:3]:
            batch.agree()
        found["chains"][size] = {
            "loss and gradient": in_turn(contenders, rounds, ("train", "train_peer")),
            "best paths": in_turn(contenders, rounds, ("decode", "decode_peer")),
        }
    found["ctc"] = {
        "characters": ctc(rounds, (20, 300), 30, 0.4),
        "speech": ctc(rounds, (200, 1500), 100, 0.12),
    }
    torch.set_num_threads(threads)
    found["tagger"] = tagger(batches, rounds)
    found["long"] = {size: long_one(size, 2 * rounds - 1) for size in (18, 64)}
    return found | {"versions": harness.versions()}


def in_turn(batches: list[Any], rounds: int, runs: tuple[str, str]) -> dict[str, float]:
    """Milliseconds of unpad and of its peer, which take turns of several batches.

    As a training goes through them: after one step of the other's, a hundred operators, half of a
    step of ours is spent on getting its own code and data back into the caches.
    """
    times: dict[str, list[float]] = {"unpad": [], "pytorch-crf": []}
    turns = [batches[at : at + TURN] for at in range(0, len(batches), TURN)]
    for turn in turns * rounds:
        for name, run in zip(times, runs, strict=True):
            start = time.perf_counter()
            for batch in turn:
                getattr(batch, run)()
            times[name].append((time.perf_counter() - start) * 1e3 / len(turn))
    return {name: round(median(ms), 4) for name, ms in times.items()}


def lengths(seed: int) -> Any:
    """Of 32 sentences of the corpus."""
    import corpora
    import torch

    every = torch.tensor([len(x) for x in corpora.english_ewt().train.x])
    generator = torch.Generator().manual_seed(seed)
    return every[torch.randint(len(every), (BATCH,), generator=generator)]


class Batch:
    """Scores and tags of some sentences, and both layers, with the same weights."""

    def __init__(self, size: int, seed: int) -> None:
        import torch
        import torchcrf

        import unpad

        torch.manual_seed(seed)
        self.layer = unpad.layers.CRF(
            transition_initializer="normal", boundary_initializer="normal"
        )
        self.loss = unpad.losses.CRF()
        self.scores = unpad.Ragged.from_list([torch.randn(int(n), size) for n in lengths(seed)])
        self.tags = self.scores.map(lambda v: torch.randint(size, (len(v),)))
        self.layer(self.scores)
        self.peer = torchcrf.CRF(size, batch_first=True)
        with torch.no_grad():
            self.peer.transitions.copy_(self.layer.transitions)
            self.peer.start_transitions.copy_(self.layer.start)
            self.peer.end_transitions.copy_(self.layer.end)
        self.grid, self.mask = self.scores.to_padded(), self.scores.layout.mask
        self.labels = self.tags.to_padded()

    def agree(self) -> None:
        """Asserts that both give the same loss, gradients and best paths."""
        import torch

        for ours, theirs in zip(self.train(), self.train_peer(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)
        assert [path.tolist() for path in self.decode()] == self.decode_peer()

    def train(self) -> list[Any]:
        import torch

        values = self.scores.values.detach().requires_grad_()
        loss = self.loss(self.tags, self.layer.before_tail(self.scores.with_values(values)))
        weights = [self.layer.transitions, self.layer.start, self.layer.end]
        return [loss.detach(), *torch.autograd.grad(loss, [values, *weights])]

    def train_peer(self) -> list[Any]:
        import torch

        grid = self.grid.detach().requires_grad_()
        loss = -self.peer(grid, self.labels, self.mask, reduction="mean")
        peer = self.peer
        weights = [peer.transitions, peer.start_transitions, peer.end_transitions]
        of_grid, *others = torch.autograd.grad(loss, [grid, *weights])
        return [loss.detach(), of_grid[self.mask], *others]

    def decode(self) -> Any:
        import torch

        with torch.no_grad():
            return self.layer.decode(self.scores)

    def decode_peer(self) -> list[list[int]]:
        import torch

        with torch.no_grad():
            return self.peer.decode(self.grid, self.mask)


def ctc(rounds: int, steps: tuple[int, int], classes: int, share: float) -> dict[str, float]:
    """Milliseconds of the loss and its gradient, of unpad and of torch's padded operator."""
    import torch

    import unpad

    generator = torch.Generator().manual_seed(0)
    sizes = torch.randint(*steps, (BATCH,), generator=generator)
    logits = unpad.Ragged(torch.randn(int(sizes.sum()), classes), offsets(sizes))
    spelt = (sizes * share).long()
    drawn = torch.randint(1, classes, (int(spelt.sum()),), generator=generator)
    labels, loss = unpad.Ragged(drawn, offsets(spelt)), unpad.losses.CTC("sum")
    grid = logits.to_padded().swapaxes(0, 1).contiguous()

    def ours(logits: Any = logits) -> Any:
        values = logits.values.detach().requires_grad_()
        found = loss(labels, logits.with_values(values))
        return found.detach(), *torch.autograd.grad(found, values)

    def torchs(grid: Any = grid) -> Any:
        given = grid.detach().requires_grad_()
        logs = torch.log_softmax(given, -1)
        found = torch.nn.functional.ctc_loss(logs, drawn, sizes, spelt, reduction="sum")
        return found.detach(), *torch.autograd.grad(found, given)

    # In float64: of speech torch's gradients in float32 are .01 off.
    (got, slope), (want, of_grid) = ours(logits.to(torch.float64)), torchs(grid.double())
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(slope, of_grid.swapaxes(0, 1)[logits.layout.mask])
    times: dict[str, list[float]] = {"unpad": [], "torch": []}
    for _ in range(5 * rounds):
        for name, run in zip(times, (ours, torchs), strict=True):
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: round(median(ms), 4) for name, ms in times.items()}


def tagger(batches: int, rounds: int) -> dict[str, float]:
    """Milliseconds of a training step that ends in a softmax, and in a CRF."""
    import torch

    import unpad

    layers = unpad.layers
    models = {}
    for name in ("softmax", "crf"):
        unpad.utils.set_random_seed(0)
        ends = [layers.Softmax()] if name == "softmax" else [layers.CRF()]
        lstm = layers.Bidirectional(layers.LSTM(100, return_sequences=True))
        body = [layers.Embedding(WORDS, 100), lstm, layers.Dense(CLASSES)]
        models[name] = unpad.Sequential([*body, *ends])
        loss = "crf" if name == "crf" else "sparse_categorical_crossentropy"
        models[name].compile("adam", loss=loss)
    times: dict[str, list[float]] = {name: [] for name in models}
    with unpad.kernels.own_threads():
        for seed in [0, 1, 2, *range(batches)] * rounds:
            sizes = lengths(seed)
            x = unpad.Ragged(torch.randint(1, WORDS, (int(sizes.sum()),)), offsets(sizes))
            y = x.map(lambda v: v % CLASSES)
            for name, model in models.items():
                start = time.perf_counter()
                loss = model.train_on_batch(x, y)
                times[name].append((time.perf_counter() - start) * 1e3)
                assert loss == loss
    return {name: round(median(ms[3:]), 4) for name, ms in times.items()}


def offsets(sizes: Any) -> Any:
    import torch

    return torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])


def long_one(size: int, rounds: int) -> float:
    """Seconds of the loss and the gradient of one sequence, the median."""
    import torch

    import unpad

    torch.manual_seed(0)
    layer, loss, times = unpad.layers.CRF(), unpad.losses.CRF(), []
    scores = unpad.Ragged(torch.randn(LONG, size), torch.tensor([0, LONG]))
    tags = scores.map(lambda v: torch.randint(size, (len(v),)))
    layer(scores)
    for _ in range(rounds):
        values = scores.values.detach().requires_grad_()
        start = time.perf_counter()
        loss(tags, layer.before_tail(scores.with_values(values))).backward()
        times.append(time.perf_counter() - start)
    # Transitions are 0: each step is a softmax by itself.
    want = torch.softmax(scores.values, -1)
    want[torch.arange(LONG), tags.values] -= 1
    torch.testing.assert_close(values.grad, want, rtol=1e-4, atol=1e-6)
    return round(median(times), 4)


if __name__ == "__main__":
    sys.exit(main())
