"""A cell's step that is written down once and replayed gives what it gives step after step; what
cannot be written down is taken as it stands."""

import itertools
import random
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given

import unpad as keras
from unpad import Ragged, kernels
from unpad.kernels import recorded
from unpad.testing import coded

from ..cases.recurrent import CountingCell, Decay, MinimalCell, Sub, TorchCell
from ..examples import draws
from ..strategies import lengths

L = keras.layers
UNITS = 4


class Own(L.Layer):
    """A cell of one state, whose step is a function of its weights."""

    def __init__(self, step, gates=1, **kwargs):
        super().__init__(**kwargs)
        self.step, self.gates, self.state_size = step, gates, UNITS

    def build(self, shape):
        width = self.gates * UNITS
        for name, rows in (("kernel", shape[-1]), ("recurrent", UNITS), ("bias", None)):
            size = (width,) if rows is None else (rows, width)
            setattr(self, name, self.add_weight(shape=size, initializer="uniform", name=name))

    def call(self, inputs, states):
        return self.step(self, inputs, states[0])


def gated(cell, x, h):
    """A GRU that resets after."""
    a, b = x @ cell.kernel + cell.bias, h @ cell.recurrent
    (az, ar, an), (bz, br, bn) = a.chunk(3, -1), b.split(UNITS, -1)
    z, r = torch.sigmoid(az + bz), (ar + br).sigmoid()
    n = torch.tanh(an + r * bn)
    h = z * h + (1 - z) * n
    return h, h


def normed(cell, x, h):
    """Layer normalisation in the loop."""
    sums = keras.ops.matmul(h, cell.recurrent) + x @ cell.kernel + cell.bias
    h = torch.nn.functional.layer_norm(sums, (UNITS,)).relu()
    return h * h, [h]


def joined(cell, x, h):
    """Inputs and state in one product, the state read twice, an outer product's sum."""
    both = torch.cat([h, x[:, :1] * torch.ones(len(x), 1, dtype=x.dtype)], -1)
    h = (both[:, 1:] @ cell.recurrent + cell.bias).relu()
    outer = (h.unsqueeze(2) * x.unsqueeze(1)).sum(2)
    return torch.cat([outer, h], 1), 0.5 * h + 0.1 * outer


def ahead(cell, x, h):
    """The state is what came in: nothing hangs on the one before, the output but on it."""
    return h @ cell.recurrent + cell.bias.exp(), torch.sin(x @ cell.kernel)


def cut(cell, x, h):
    """A part that no gradient goes through."""
    h = torch.tanh(x @ cell.kernel + h.detach() @ cell.recurrent + cell.bias)
    return h, h


def heads(cell, x, h):
    """Rows taken apart and put together."""
    parts = (h @ cell.recurrent + x @ cell.kernel).view(-1, 2, UNITS // 2)
    h = (parts.softmax(-1) @ parts.new_ones(UNITS // 2, UNITS // 2) - parts).reshape(len(x), UNITS)
    return h + cell.bias, h


CELLS = {
    "minimal": lambda: (MinimalCell(UNITS), (3,)),
    "two states": lambda: (CountingCell(UNITS), (3,)),
    "torch module": lambda: (TorchCell(), (2, 3)),
    "plain object": lambda: (Decay(), (3,)),
    **{
        step.__name__: partial(lambda step, gates: (Own(step, gates), (3,)), step, gates)
        for step, gates in ((gated, 3), (normed, 1), (joined, 1), (ahead, 1), (cut, 1), (heads, 1))
    },
}


PATHS = "compiled", "torch"
#: Whose steps hold what the library has no operation for.
NOT_LOWERED = {"normed": "native_layer_norm", "joined": "spreads", "heads": "_softmax"}


def forced(path, name):
    """As `kernels.force`, where the cell has this path."""
    without = name in NOT_LOWERED or not kernels.library.available()
    return nullcontext() if path == "compiled" and without else kernels.force(path)


def made(name):
    """A cell in double precision, built."""
    torch.manual_seed(3)
    cell, feature = CELLS[name]()
    layer = L.RNN(cell, return_sequences=True, return_state=True, dtype="float64")
    if isinstance(cell, torch.nn.Module):
        cell.double()
    if isinstance(cell, L.Layer):
        cell = type(cell)(*([cell.step, cell.gates] if isinstance(cell, Own) else [UNITS]),
                          dtype="float64")  # fmt: skip
        layer = L.RNN(cell, return_sequences=True, return_state=True, dtype="float64")
    return layer, cell, feature


def everything(layer, x, given=None):
    """Outputs, states, and all gradients of a number that hangs on each of them."""
    values = x.values.clone().requires_grad_()
    outputs, *states = layer(x.with_values(values), initial_state=given)
    total = outputs.values.cos().sum() + sum(
        (s * (1 + i)).sin().sum() for i, s in enumerate(states)
    )
    leaves = [values, *layer.parameters(), *(given or [])]
    found = []
    if total.requires_grad:  # of no steps nothing may hang on anything
        found = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    return [outputs.values, *states, *found]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", CELLS)
@given(sizes=lengths)
@draws(8)
def test_a_program_gives_what_the_steps_give(name, path, sizes):
    layer, cell, feature = made(name)
    x = coded(sizes, feature) / 1000
    layer(x)
    start = [
        (0.2 + 0.1 * s).requires_grad_()
        for s in layer.get_initial_state(len(sizes))
        if s.is_floating_point()
    ]
    for given_ in (None, start):
        for backwards in (False, True):
            layer.go_backwards = backwards
            with forced(path, name):
                mine = everything(layer, x, given_)
            with kernels.force("reference"):
                theirs = everything(layer, x, given_)
            for a, b in zip(mine, theirs, strict=True):
                torch.testing.assert_close(a, b)
    assert recorded.why_not(cell) == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", CELLS)
def test_without_gradients_it_gives_the_same_bits(name, path):
    layer, _, feature = made(name)
    x = coded([3, 0, 5, 1], feature) / 1000
    with forced(path, name):
        outputs, *states = layer(x)
    for context in (torch.no_grad, torch.inference_mode):
        with context(), forced(path, name):
            again, *ends = layer(x)
        for a, b in zip([outputs.values, *states], [again.values, *ends], strict=True):
            assert torch.equal(a, b)


def test_a_program_is_made_within_inference_too():
    layer, cell, _ = made("minimal")
    x = coded([2, 3], (3,))
    layer(x)
    recorded.recorder._known.clear()
    with torch.inference_mode():
        layer(x)
    assert recorded.why_not(cell) == []
    everything(layer, x)
    assert recorded.why_not(cell) == [] and len(recorded.recorder._known[cell]) == 2


@pytest.mark.parametrize("name", ["minimal", "gated", "two states"])
def test_derivatives_can_be_differentiated(name):
    layer, _, feature = made(name)
    x = coded([2, 0, 3], feature) / 1000
    layer(x)
    values = x.values.clone().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda v: layer(x.with_values(v))[0].values, [values])
    out = layer(x.with_values(values))[0].values
    (first,) = torch.autograd.grad(out.cos().sum(), values, create_graph=True)
    mixed = torch.autograd.grad(
        first.square().sum(), [values, *layer.parameters()], allow_unused=True
    )
    with kernels.force("reference"):
        out = layer(x.with_values(values))[0].values
        (first,) = torch.autograd.grad(out.cos().sum(), values, create_graph=True)
        plain = torch.autograd.grad(
            first.square().sum(), [values, *layer.parameters()], allow_unused=True
        )
    for a, b in zip(mixed, plain, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("path", [p for p in kernels.paths.available() if p in PATHS])
def test_the_operators_are_few(path):
    """Inputs' and weights' products are one for all steps; in the library no other is torch's."""
    layer, _, _ = made("minimal")
    x = coded([40, 30], (3,)) / 1000
    with kernels.force(path):
        everything(layer, x)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            everything(layer, x)
    calls = {e.key: e.count for e in profile.key_averages()}
    products = calls["aten::mm"] + calls.get("aten::addmm", 0)
    if path == "compiled":
        assert products <= 8 and calls.get("aten::tanh", 0) <= 2
        return
    # A step: one product and the activation; back: one product. And some for all.
    assert 80 <= products <= 88
    assert 40 <= calls["aten::tanh"] <= 42


# --- what changes ---------------------------------------------------------------------------------


def test_what_a_cell_is_told_later_is_obeyed():
    class Scaled(Decay):
        scale = 0.5

        def call(self, inputs, states):
            h = self.scale * states[0] + inputs
            return h, [h]

    cell = Scaled()
    layer, x = L.RNN(cell), Ragged.from_list([torch.ones(3, 3)])
    assert layer(x)[0, 0] == 1.75
    cell.scale = 2.0
    assert layer(x)[0, 0] == 7
    Scaled.call = lambda self, inputs, states: (inputs, [states[0]])
    assert layer(x)[0, 0] == 1


def test_frozen_weights_and_changed_ones():
    layer, cell, _ = made("minimal")
    x = coded([2, 3], (3,)) / 1000
    before = everything(layer, x)[0]
    cell.kernel.requires_grad_(False)
    total = layer(x)[0].values.sum()
    assert torch.autograd.grad(total, cell.recurrent_kernel)[0].abs().sum() > 0
    with torch.no_grad():
        cell.kernel.mul_(2)
    assert not torch.equal(layer(x)[0].values, before)


# --- what cannot be written down ------------------------------------------------------------------

SEEN = []


def tells_a_list(x, h):
    """Keeps something outside."""
    SEEN.append(x)
    return h + x


class Watching(Decay):
    """Calls what a test asks for at each step, and counts steps."""

    def __init__(self, step):
        self.step, self.count = step, 0

    def call(self, inputs, states):
        h = self.step(self, inputs, states[0])
        return h, [h]


def counts(cell, x, h):
    """A schedule by the number of the step."""
    cell.count += 1
    return h + x * cell.count


def chance(cell, x, h):
    return h + x * random.random()


def numpy_chance(cell, x, h):
    return h + x * np.random.rand()


def torch_chance(cell, x, h):
    return h + torch.rand_like(x)


NUMBERS = itertools.count()


def iterates(cell, x, h):
    return h + x * next(NUMBERS)


def asks(cell, x, h):
    return h + x if h.sum() > 5 else h - x


def in_place(cell, x, h):
    return h.clone().add_(x)


def prints(cell, x, h):
    print("a step")
    return h + x


def by_rows(cell, x, h):
    """Its rows hang on each other: what a cell must not do, and has always been computed."""
    return h + x + x.mean(0) * h.sum()


def by_count(cell, x, h):
    return h + x / len(x)


def through_a_closure():
    held = []

    def keeps(cell, x, h):
        held.append(x)
        return h + len(held) * x

    return keeps


@pytest.mark.parametrize(
    "step",
    [counts, chance, numpy_chance, torch_chance, iterates, asks, in_place, prints, by_rows,
     by_count, through_a_closure(), lambda cell, x, h: tells_a_list(x, h)],
    ids=lambda step: step.__name__,
)  # fmt: skip
def test_what_is_more_than_a_computation_is_taken_as_it_stands(step):
    cell = Watching(step)
    layer = L.RNN(cell)
    layer(Ragged.from_list([torch.ones(2, 3)]))
    assert len(recorded.why_not(cell)) == 1


def test_a_step_that_counts_counts_steps():
    cell = Watching(counts)
    layer, x = L.RNN(cell), Ragged.from_list([torch.ones(n, 3) for n in (4, 2)])
    out = layer(x)
    assert cell.count == 4 and out[:, 0].tolist() == [10, 3]
    layer(x)
    assert cell.count == 8


def test_what_a_step_keeps_by_its_parent_s_methods_is_kept_at_each():
    """Python has an instruction of its own for `super()`, from 3.12 on."""

    class Keeping(Watching):
        def call(self, inputs, states):
            super().__setattr__("count", self.count + 1)
            return super().call(inputs, states)

    cell = Keeping(lambda cell, x, h: h + x)
    L.RNN(cell)(Ragged.from_list([torch.ones(n, 3) for n in (4, 2)]))
    assert cell.count == 4
    assert recorded.why_not(cell) == ["call calls __setattr__"]


def test_hooks_see_each_step():
    cell, seen = TorchCell(), []
    layer = L.RNN(cell)
    x = coded([3, 1], (2, 3), torch.float32)
    layer(x)
    cell.linear.register_forward_hook(lambda *_: seen.append(1))
    layer(x)
    assert len(seen) == 3


def test_statistics_and_draws_within_a_cell():
    class Inner(torch.nn.Module):
        state_size = 3

        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, inputs, states):
            h = self.inner(inputs) + states[0]
            return h, [h]

    x = coded([4, 2], (3,), torch.float32)
    norm = Inner(torch.nn.BatchNorm1d(3, momentum=0.5))
    L.RNN(norm)(Ragged.from_list([x.values[:2], x.values[2:4]]))
    assert norm.inner.num_batches_tracked == 2
    norm.eval()
    L.RNN(norm)(x)
    drop = Inner(torch.nn.Dropout(0.5))
    L.RNN(drop)(x)
    (why,) = recorded.why_not(drop)
    assert "bernoulli" in why
    drop.eval()
    L.RNN(drop)(x)
    assert recorded.why_not(drop) == [why]


def test_a_cell_around_one_of_unpad_s():
    layer = L.RNN(Sub(4, recurrent_dropout=0.5))
    x = coded([4, 2], (3,), torch.float32)
    layer.train()
    layer(x)
    layer.eval()
    assert layer(x).shape == (2, 4)
