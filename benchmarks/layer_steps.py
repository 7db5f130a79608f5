"""How `layers.py` runs a layer: the same steps in wider grids, the answers, the turns."""

from __future__ import annotations

import os
import random

os.environ["KERAS_BACKEND"] = "torch"

import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median
from typing import Any

import harness
import keras
import torch
from keras.src import backend
from layer_contenders import BATCH, CONTESTS, FEATURES, IDS, LENGTH, Contest, lacking
from torch import Tensor

import unpad
from unpad import Ragged

TOLERANCE = 1e-4  # of the largest entry
LEAST_SECONDS = 0.003  # of one timing: shorter steps are run several times
LEAST_ROUNDS, MOST_ROUNDS = 3, 15
PAUSE = 0.003  # before each turn: OpenMP's threads spin on after a step

Step = Callable[[], Any]
#: Makes a step that can be run once, outside of what is timed.
Prepare = Callable[[], Step]


def measured(only: list[str] | None, shares: list[float], seconds: float) -> dict[str, Any]:
    """Milliseconds of a training step of each layer, by contender and share of padding."""
    if found := lacking():
        raise AssertionError(f"layers without a contest in layer_contenders.py: {found}")
    torch.set_num_threads(harness.threads())
    # Keras says of many layers that they drop the mask: docs/coming-from-keras.md.
    warnings.simplefilter("ignore")
    results = {}
    for name in only or CONTESTS:
        torch.manual_seed(0)
        contest = CONTESTS[name]
        running = contenders(name, contest, shares)
        times = timed(running, seconds)
        results[name] = {
            who: [round(1e3 * times[who, share], 4) for share in shares]
            for who in dict.fromkeys(who for who, _ in running)
        }
    settings = {"batch": BATCH, "features": FEATURES, "length": LENGTH}
    return {"layers": results, "settings": settings, "versions": harness.versions()}


# --- the batch -----------------------------------------------------------------------------------


def slots(share: float) -> int:
    return round(LENGTH / (1 - share))


def steps_of(kind: str, place: int) -> Tensor:
    """The real steps, (batch, LENGTH, ...), or a row a sequence."""
    generator = torch.Generator().manual_seed(place)
    if kind == "ids":
        return torch.randint(1, IDS, (BATCH, LENGTH), generator=generator)
    feature = {"steps": (FEATURES,), "rows": (FEATURES,), "matrices": (8, 8), "narrow": (16,)}[kind]
    time = () if kind == "rows" else (LENGTH,)
    return torch.rand(BATCH, *time, *feature, generator=generator) + 0.1


def grid_of(kind: str, place: int, share: float) -> Tensor:
    """The same, with padding of zeros on the right."""
    real = steps_of(kind, place)
    if kind == "rows":
        return real
    grid = real.new_zeros(BATCH, slots(share), *real.shape[2:])
    grid[:, :LENGTH] = real
    return grid


# --- contenders ----------------------------------------------------------------------------------


def contenders(
    name: str, contest: Contest, shares: list[float]
) -> dict[tuple[str, float], Prepare]:
    """Every contender on every grid, after its answers were compared."""
    torch.manual_seed(0)
    keras.utils.set_random_seed(0)  # rounding in a gradient that cancels out goes by the weights
    ours = contest.make(unpad)
    theirs = contest.make(keras) if contest.keras else None
    running: dict[tuple[str, float], Prepare] = {}
    expected = None
    for share in shares:
        step = ours_on(contest, ours, share)
        if expected is None:
            step()()  # builds it
            if theirs is not None:
                keras_on(contest, theirs, share)()()
                same_weights(ours, theirs)
        expected = checked(name, contest, ours, theirs, share, step, expected)
        running["unpad", share] = step
        if theirs is not None:
            running["keras", share] = keras_on(contest, theirs, share)
    if contest.torch is not None:
        inner = contest.torch()
        for share in shares:
            running["torch", share] = torch_on(contest, inner, share)
    return running


def ours_on(contest: Contest, layer: Any, share: float, training: bool = True) -> Prepare:
    """A batch with a layout of its own for each step: what a layer derives from it is timed."""
    grids = [grid_of(kind, i, share) for i, kind in enumerate(contest.inputs)]
    lengths = torch.full((BATCH,), LENGTH)

    def prepare() -> Step:
        layout = Ragged.from_padded(grids[0], lengths=lengths)
        inputs, leaves = [], []
        for kind, grid in zip(contest.inputs, grids, strict=True):
            values = grid if kind == "rows" else grid[:, :LENGTH].flatten(0, 1)
            leaf = values.detach().clone().requires_grad_(values.is_floating_point())
            leaves.append(leaf)
            inputs.append(leaf if kind == "rows" else layout.with_values(leaf))
        layer.train(training)
        weights = list(layer.parameters())  # none yet where the step builds the layer

        def step() -> list[Tensor]:
            found = run(contest, layer, inputs)
            outputs = [o.values if isinstance(o, Ragged) else o for o in found]
            return differentiated(outputs, [*leaves, *weights])

        return step

    # unpad keeps torch's own threads away for the length of a turn, as fit does, unless a module of
    # the user's own may need them.
    if all(isinstance(part, unpad.layers.Layer) for part in layer.modules()):
        prepare.threads = unpad.kernels.own_threads  # type: ignore[attr-defined]
    return prepare


def keras_on(contest: Contest, layer: Any, share: float, training: bool = True) -> Prepare:
    grids = [grid_of(kind, i, share) for i, kind in enumerate(contest.inputs)]
    mask = (torch.arange(slots(share)) < LENGTH).expand(BATCH, -1)

    def prepare() -> Step:
        leaves = []
        for kind, grid in zip(contest.inputs, grids, strict=True):
            leaf = grid.clone().requires_grad_(grid.is_floating_point())
            if kind not in ("ids", "rows"):
                backend.set_keras_mask(leaf, mask)
            leaves.append(leaf)
        weights = [w.value for w in layer.trainable_weights]  # none yet, as in `ours_on`

        def step() -> list[Tensor]:
            outputs = run(contest, layer, leaves, training=training)
            return differentiated(outputs, [*leaves, *weights])

        return step

    return prepare


def torch_on(contest: Contest, inner: Any, share: float) -> Prepare:
    grid = grid_of(contest.inputs[0], 0, share)
    missing = (torch.arange(slots(share)) >= LENGTH).expand(BATCH, -1).contiguous()
    grid = grid.transpose(1, 2).contiguous() if inner.turned else grid

    def prepare() -> Step:
        leaf = grid.clone().requires_grad_(grid.is_floating_point())
        return lambda: differentiated([inner(leaf, missing)], [leaf, *inner.parameters])

    return prepare


def run(contest: Contest, layer: Any, inputs: list[Any], **more: Any) -> list[Any]:
    """The layer's outputs in a list."""
    if contest.call is not None:
        found = contest.call(layer, inputs)
    else:
        found = layer(*inputs, **more)
    return list(found) if isinstance(found, (list, tuple)) else [found]


def differentiated(outputs: list[Tensor], leaves: list[Tensor]) -> list[Tensor]:
    """Outputs, then the gradients of their weighted sum, by every leaf that has one."""
    free = [leaf for leaf in leaves if leaf.requires_grad]
    smooth = [o for o in outputs if o.requires_grad]
    if not smooth or not free:
        return outputs
    weights = [coefficients(o) for o in smooth]
    return outputs + list(
        torch.autograd.grad(smooth, free, weights, allow_unused=True, materialize_grads=True)
    )


_COEFFICIENTS: dict[tuple[int, torch.Size], Tensor] = {}


def coefficients(output: Tensor) -> Tensor:
    """Of the outputs in the loss: no two alike, the same for the same number of entries."""
    key = (output.numel(), output.shape)
    if key not in _COEFFICIENTS:
        _COEFFICIENTS[key] = torch.cos(torch.arange(key[0]) * 0.7).reshape(output.shape)
    return _COEFFICIENTS[key]


# --- answers -------------------------------------------------------------------------------------


def same_weights(ours: Any, theirs: Any) -> None:
    """Gives unpad's layer Keras's weights; states of random generators are none."""
    weights = [w for w in theirs.weights if "seed_generator" not in w.path]
    ours.set_weights([w.value.detach().numpy() for w in weights])


def checked(
    name: str,
    contest: Contest,
    ours: Any,
    theirs: Any,
    share: float,
    step: Prepare,
    expected: list[Tensor] | None,
) -> list[Tensor]:
    """Unpad's answers, which are Keras's where nothing is padded, and the same in every grid.

    Raises:
        AssertionError: they are not.
    """
    training = not contest.random
    found = ours_on(contest, ours, share, training)()()
    if expected is None and theirs is not None:
        assert share == 0
        against(f"{name}: Keras", found, keras_on(contest, theirs, share, training)()())
    if expected is not None:
        against(f"{name}: unpad without padding", found, expected)
    return found


def against(who: str, found: list[Tensor], expected: list[Tensor]) -> None:
    if len(found) != len(expected):
        raise AssertionError(f"{who} gives {len(expected)} outputs and gradients, not {len(found)}")
    # A gradient that cancels out, as that of attention's key bias, is rounding beside the others.
    floor = 1e-2 * max(float(x.detach().abs().max()) for x in expected)
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        a, b = a.detach().double(), b.detach().double().reshape(a.shape)
        error = float((a - b).abs().max()) / max(float(b.abs().max()), floor)
        if not error <= TOLERANCE:
            raise AssertionError(
                f"{who} has other numbers: output or gradient {i} differs by {error:.1e} of the "
                f"largest; expected at most {TOLERANCE:.0e}"
            )


# --- turns ---------------------------------------------------------------------------------------


def timed(
    running: dict[tuple[str, float], Prepare], seconds: float
) -> dict[tuple[str, float], float]:
    """Median seconds of a step each, in rounds in which all take turns, in ever new orders.

    In a fixed order the same one would always come after the largest grid, whose threads spin on
    and whose memory goes back to the system: it cost the next one up to three times its step.
    Whose step takes as long as all rounds should is timed twice, and the better one counts.
    """
    once = {key: _seconds(prepare, 1) for key, prepare in running.items()}
    if not seconds:
        return once
    slow = {key for key, s in once.items() if s > seconds / 10}
    for key in slow:
        once[key] = min(once[key], _seconds(running[key], 1))
    keys = [key for key in running if key not in slow]
    repeats = {key: min(20, max(1, round(LEAST_SECONDS / once[key]))) for key in keys}
    rounds: dict[tuple[str, float], list[float]] = {key: [] for key in keys}
    number, start = 0, time.perf_counter()
    while number < LEAST_ROUNDS or (
        number < MOST_ROUNDS and time.perf_counter() - start < seconds
    ):  # fmt: skip
        for key in random.Random(number).sample(keys, len(keys)):
            time.sleep(PAUSE)
            rounds[key].append(_seconds(running[key], repeats[key]))
        number += 1
    return once | {key: median(found) for key, found in rounds.items()}


def _seconds(prepare: Prepare, repeats: int) -> float:
    """Seconds of a step; batches are prepared before."""
    steps = [prepare() for _ in range(repeats)]
    with getattr(prepare, "threads", nullcontext)():
        start = time.perf_counter()
        for step in steps:
            step()
        return (time.perf_counter() - start) / repeats
