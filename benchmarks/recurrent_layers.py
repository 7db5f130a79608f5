"""The layers that `recurrent.py` compares, and how it times them; imported in its processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median
from typing import Any, NamedTuple

import harness
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import unpad

LAYERS = {
    "lstm": (nn.LSTM, unpad.layers.LSTM),
    "gru": (nn.GRU, unpad.layers.GRU),
    "simple_rnn": (nn.RNN, unpad.layers.SimpleRNN),
}
TOLERANCE = 1e-4  # of the largest entry
LEAST_ROUNDS = 5  # 3 where they take more than three times the seconds that were asked for
LEAST_SECONDS = 0.01  # of one timing: shorter steps are run several times
# A peer this many times slower than the other one is not timed again; nor is one as many times
# slower than unpad that takes longer than a batch's time for a single step.
PAUSE = 0.02  # seconds before each turn
OUT_OF_THE_RACE = 2.0
LONG = 10  # times the mean


class Contender(NamedTuple):
    """A step of training, and how its outputs and gradients are brought into one form."""

    step: Callable[[], tuple[Any, ...]]
    answers: Callable[[tuple[Any, ...]], tuple[Tensor, ...]]


def measured(
    cell: str, hidden: int, seconds: float, lengths: list[tuple[int, int, str]]
) -> dict[str, Any]:
    """Every contender's milliseconds on every batch, (batch, mean steps, law), in turn."""
    torch.set_num_threads(harness.threads())
    torch.manual_seed(0)
    results = []
    for batch, mean, law in lengths:
        drawn = draw(law, batch, mean)
        running = contenders(cell, hidden, drawn)
        first = check(f"{cell}, hidden {hidden}, batch {batch}, {law}", running)
        steps = {name: contender.step for name, contender in running.items()}
        times = timed(steps, first, seconds)
        results.append(
            {
                "ms": {name: round(s * 1e3, 3) for name, s in times.items()},
                "slots": int(batch * drawn.max()),
                "steps": int(drawn.sum()),
            }
        )
    return {"results": results, "versions": harness.versions()}


def draw(law: str, batch: int, mean: int) -> np.ndarray:
    """(batch,) lengths, at least 1 each, about `mean` on average; in "one long" all but one."""
    random = np.random.default_rng(batch)
    if law == "uniform":
        return random.integers(1, 2 * mean, batch)
    if law == "log-normal":
        return np.maximum(1, random.lognormal(np.log(mean) - 0.32, 0.8, batch)).astype(int)
    lengths = np.full(batch, mean)
    if law == "one long":
        lengths[batch // 2] = LONG * mean
    return lengths


def contenders(cell: str, hidden: int, drawn: np.ndarray) -> dict[str, Contender]:
    """The three, on the same batch with the same weights. Answers: real steps, torch's shapes."""
    lengths = torch.from_numpy(drawn)
    theirs, ours = LAYERS[cell]
    peer = theirs(hidden, hidden, batch_first=True)
    layer = ours(hidden, return_sequences=True)
    steps = torch.rand(int(lengths.sum()), hidden) - 0.5
    ragged = unpad.Ragged.from_padded(to_grid(steps, lengths), lengths=lengths)
    layer(ragged)
    copy_weights(peer, layer, cell)
    d_steps = torch.randn_like(steps) / len(steps)
    grid = to_grid(steps, lengths).requires_grad_()
    d_grid = to_grid(d_steps, lengths)
    d_packed = pack_padded_sequence(d_grid, lengths, batch_first=True, enforce_sorted=False).data
    values = ragged.values.clone().requires_grad_()
    weights, peer_weights = list(layer.parameters()), list(peer.parameters())
    real = torch.arange(grid.shape[1]) < lengths[:, None]

    def run_unpad() -> tuple[Tensor, ...]:
        outputs = layer(ragged.with_values(values)).values
        return outputs, *torch.autograd.grad(outputs, [values, *weights], d_steps)

    def run_padded() -> tuple[Tensor, ...]:
        outputs, _ = peer(grid)
        return outputs, *torch.autograd.grad(outputs, [grid, *peer_weights], d_grid)

    def run_packed() -> tuple[Any, ...]:
        packed = pack_padded_sequence(grid, lengths, batch_first=True, enforce_sorted=False)
        outputs, _ = peer(packed)
        return outputs, *torch.autograd.grad(outputs.data, [grid, *peer_weights], d_packed)

    return {
        "unpad": Contender(run_unpad, lambda got: (*got[:2], *from_keras(cell, got[2:]))),
        "padded": Contender(run_padded, lambda got: (got[0][real], got[1][real], *got[2:])),
        "packed": Contender(run_packed, lambda got: (of_steps(got[0]), got[1][real], *got[2:])),
    }


def to_grid(steps: Tensor, lengths: Tensor) -> Tensor:
    """(steps, feature) to (batch, time, feature), zeros on the right."""
    return nn.utils.rnn.pad_sequence(steps.split(lengths.tolist()), batch_first=True)


def of_steps(packed: PackedSequence) -> Tensor:
    """(steps, feature), one sequence after the other."""
    return unpad.Ragged.from_packed(packed).values


def copy_weights(peer: nn.RNNBase, layer: Any, cell: str) -> None:
    """Torch's weights into Keras's layout: transposed, GRU's gates in another order."""
    kernel, recurrent, b, b_state = (swapped(cell, w.detach()) for w in peer.parameters())
    bias = torch.stack([b, b_state]) if cell == "gru" else b + b_state
    layer.set_weights([kernel.T.numpy(), recurrent.T.numpy(), bias.numpy()])


def from_keras(cell: str, gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Gradients of kernel, recurrent kernel and bias as torch has them: with two biases."""
    kernel, recurrent, bias = gradients
    b, b_state = bias if cell == "gru" else (bias, bias)
    return tuple(swapped(cell, w) for w in (kernel.T, recurrent.T, b, b_state))


def swapped(cell: str, weight: Tensor) -> Tensor:
    """Torch's GRU has the gates r, z, n, Keras's z, r, n, along the first axis here."""
    if cell != "gru":
        return weight
    first, second, third = weight.chunk(3)
    return torch.cat([second, first, third])


def check(where: str, running: dict[str, Contender]) -> dict[str, float]:
    """The seconds of everyone's first step; an AssertionError if peers' answers are not unpad's."""
    names = ("outputs", "inputs", "kernel", "recurrent kernel", "bias", "recurrent bias")
    seconds, found = {}, {}
    for name, contender in running.items():
        start = time.perf_counter()
        got = contender.step()
        seconds[name] = time.perf_counter() - start
        found[name] = contender.answers(got)
    for peer in ("padded", "packed"):
        for name, got, expected in zip(names, found["unpad"], found[peer], strict=True):
            error = float((got - expected).abs().max() / expected.abs().max())
            if not error <= TOLERANCE:
                raise AssertionError(
                    f"{where}: {'' if name == 'outputs' else 'gradient of '}{name} differs from"
                    f" {peer}'s by {error:.1e} of the largest; expected at most {TOLERANCE:.0e}"
                )
    return seconds


def timed(
    steps: dict[str, Callable[[], Any]], first: dict[str, float], seconds: float
) -> dict[str, float]:
    """Median seconds of a step each, in rounds in which all take turns, another one first."""
    once = dict(first)  # the faster of two, so that one hiccup takes nobody out of the race
    for name, run in steps.items():
        if first[name] <= seconds or not seconds:
            once[name] = min(first[name], _seconds(run, 1))
    best_peer = min(once[name] for name in once if name != "unpad")

    def in_the_race(name: str) -> bool:
        hopeless = once[name] > OUT_OF_THE_RACE * once["unpad"] and once[name] > seconds
        return name == "unpad" or not (hopeless or once[name] > OUT_OF_THE_RACE * best_peer)

    names = [name for name in once if in_the_race(name)]
    repeats = {name: max(1, round(LEAST_SECONDS / once[name])) for name in names}
    rounds: dict[str, list[float]] = {name: [] for name in names}
    start, number = time.perf_counter(), 0
    while True:
        spent = time.perf_counter() - start
        if number >= (LEAST_ROUNDS if spent < 3 * seconds else 3) and spent >= seconds:
            break
        turn = number % len(names)
        for name in [*names[turn:], *names[:turn]]:
            rounds[name].append(_seconds(steps[name], repeats[name]))
        number += 1
    return {name: median(rounds[name]) if name in rounds else once[name] for name in once}


def _seconds(run: Callable[[], Any], repeats: int) -> float:
    # OpenMP's threads spin for milliseconds after a peer's step, on the core that the next one
    # needs: unpad's step of 24 ms took 32 right after a peer's.
    time.sleep(PAUSE)
    # unpad keeps torch's own threads away for the length of a turn, as fit does for its own.
    ours = run.__name__ == "run_unpad"
    with unpad.kernels.own_threads() if ours else nullcontext():
        start = time.perf_counter()
        for _ in range(repeats):
            run()
        return (time.perf_counter() - start) / repeats
