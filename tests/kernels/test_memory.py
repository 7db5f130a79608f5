"""Who hands addresses to the compiled library, fed what does not go together.

Run as they are these tests see what is refused; `make sanitize` runs them against a library built
under AddressSanitizer, which sees whatever reaches memory that is not ours.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad import kernels
from unpad.kernels import chain, operator, products
from unpad.kernels.adam import Rates
from unpad.kernels.attention import compiled
from unpad.kernels.attention.calls import Call
from unpad.kernels.attention.dropping import Drop
from unpad.kernels.attention.pairs import Blocks, Grid
from unpad.kernels.groups import by_group
from unpad.kernels.products import Times
from unpad.kernels.recorded.program import Program
from unpad.kernels.recorded.tape import ROWS, joint
from unpad.optimizers import rules
from unpad.ragged import Layout

from ..examples import draws
from ..messages import says
from .test_kernels import arguments, detached, operands

REFUSED = (ValueError, TypeError, RuntimeError)


def linear():
    return [torch.randn(5, 3), torch.randn(3, 4), torch.randn(4)], kernels.linear


def product():
    tensors = [torch.empty(5, 4), torch.randn(5, 3), torch.randn(3, 4), torch.randn(4)]

    def call(out, a, b, bias):
        products.run([Times(out, a, b, bias)])
        return out

    return tensors, call


def product_transposed():
    tensors = [torch.empty(5, 4), torch.randn(3, 5), torch.randn(3, 4), torch.empty(4)]

    def call(out, a, b, sums):
        products.run([Times(out, a, b, a_transposed=True, sums=sums)])
        return out

    return tensors, call


def slots():
    tensors = [
        torch.randn(4, 2), torch.tensor([0, 3, 4]), torch.tensor([0, 0, 0, 1]),
        torch.tensor([0, 2, 1, 1]), torch.randn(6, 3), torch.randn(3),
    ]  # fmt: skip

    def call(values, *rest):
        values = values.detach().requires_grad_(values.is_floating_point())
        out = kernels.slots.linear(values, *rest)
        return torch.cat([out.detach().flatten(), *torch.autograd.grad(out.sum(), [values])[0]])

    return tensors, call


def groups():
    return [torch.tensor([2, 0, 2, 1])], lambda of: by_group(of, 3)[0]


def adam():
    tensors = [torch.rand(3, 4) for _ in range(4)]

    def call(w, g, m, v):
        parts = [t.detach().clone(memory_format=torch.preserve_format) for t in (w, m, v)]
        w, m, v = parts
        how = Rates(1, 0.1, (0.9, 0.999), 1e-7, 0.0)
        with kernels.force("compiled"):
            kernels.adam.step([w], [g], [m], [v], how)
        return w

    return tensors, call


def walk(cell, call):
    given = detached(arguments([3, 0, 2], 3, 4, (False, True), torch.float32, cell=cell, masks=2))
    *tensors, name, act, rec, reverse, _ = operands(given)
    options = name, act, rec, reverse
    there = [i for i, t in enumerate(tensors) if t is not None]

    def with_options(*some):
        full = list(tensors)
        for i, t in zip(there, some, strict=True):
            full[i] = t
        return call(full, options)

    return [tensors[i] for i in there], with_options


def trusted(cell):
    def call(tensors, options):
        values, offsets, ids, *rest = tensors
        weights, (h0, c0, mask), (name, act, rec, reverse) = rest[:8], rest[8:], options
        # What a path keeps is not looked at again: the compiled one.
        with kernels.force("compiled"):
            return operator.trusted(
                name, values, offsets, ids, weights, h0, c0, mask, act, rec, reverse
            )[0]

    return lambda: walk(cell, call)


def backward(cell):
    def make():
        tensors, _ = walk(cell, lambda full, options: None)

        def call(full, options):
            forward = torch.ops.unpad.recurrent.default
            return forward(*full, *options, "", True)

        tensors, forward = walk(cell, call)
        outputs, h, c, gates, saved = forward(*tensors)
        followed = [torch.randn_like(outputs), torch.randn_like(h)]
        followed += [torch.randn_like(c)] if cell == "lstm" else []
        kept = [outputs, *([] if cell == "simple_rnn" else [gates, saved])]
        n, k = len(followed), len(kept)

        def back(*given):
            d, some, rest = given[:n], given[n : len(given) - k], given[len(given) - k :]
            d = [*d, *[None] * (3 - n)]
            rest = [*rest, *[torch.empty(0)] * (3 - k)]

            def run(full, options):
                run = torch.ops.unpad.recurrent_backward.default
                of_step, *of_walk = rest
                results = [of_step, torch.empty(0), torch.empty(0), *of_walk]
                wanted = [True] * 11
                return run(d, *full, *options, results=results, path="", wanted=wanted)

            return walk(cell, run)[1](*some)[0]

        return [*followed, *tensors, *kept], back

    return make


def chain_parts():
    """Scores, transitions, start, end; offsets."""
    shapes = (5, 3), (3, 3), (3,), (3,)
    return [*(torch.randn(*shape) for shape in shapes), torch.tensor([0, 3, 5])]


def chain_sums():
    def call(*given):
        *scores, offsets, tags = given
        scores = [s.detach().requires_grad_(s.is_floating_point()) for s in scores]
        found = chain.negative_log_likelihood(chain.Scores(*scores), offsets, tags, tags >= 0)
        slopes = torch.autograd.grad(found.sum(), scores)
        return torch.cat([found.detach(), *(s.flatten() for s in slopes)])

    return [*chain_parts(), torch.tensor([0, -1, 2, 1, -1])], call


def chain_paths():
    def call(*given):
        *parts, offsets = given
        scores = chain.Scores(*parts)
        paths, found = chain.best_paths(scores, offsets, 2)
        every = paths, found, chain.marginals(scores, offsets), chain.best_path(scores, offsets)
        return torch.cat([t.flatten() for t in every])

    return chain_parts(), call


def chain_back():
    """What forward has kept is handed back by whoever holds it."""
    *scores, offsets = chain_parts()
    tags = torch.tensor([0, -1, 2, 1, -1])
    given = [scores[0], offsets, *scores[1:], tags]
    total, *kept = torch.ops.unpad.log_partition.default(*given, True, "", True)

    def call(d, *rest):
        arguments, kept = rest[:6], rest[6:]
        back = torch.ops.unpad.log_partition_backward.default
        results, wanted = [total, *kept], [True] * 4
        found = back([d], *arguments, True, results=results, path="", wanted=wanted)
        return torch.cat([g.flatten() for g in found])

    return [torch.ones(2), *given, *kept], call


def labellings():
    def call(scores, offsets, labels, bounds):
        asked = scores.detach().requires_grad_(scores.is_floating_point())
        found = chain.ctc(asked, offsets, labels, bounds)
        (slope,) = torch.autograd.grad(found.sum(), [asked])
        return torch.cat([found.detach(), slope.flatten()])

    bounds = torch.tensor([0, 3, 5]), torch.tensor([0, 2, 3])
    return [torch.randn(5, 3), bounds[0], torch.tensor([1, 2, 1]), bounds[1]], call


def normalized():
    """A group of features at a time, in sequences of rows."""

    def call(values, gamma, beta, offsets):
        followed = [t.detach().requires_grad_(t.is_floating_point()) for t in (values, gamma, beta)]
        found = kernels.normalize(*followed, offsets, 2, True, 1e-3)
        slopes = torch.autograd.grad(found.sum(), followed)
        return torch.cat([found.detach().flatten(), *(s.flatten() for s in slopes)])

    return [torch.randn(5, 4), torch.randn(4), torch.randn(4), torch.tensor([0, 3, 5])], call


def normalized_back():
    """What forward has kept is handed back by whoever holds it."""
    given = [torch.randn(5, 4), torch.randn(4), torch.randn(4), torch.tensor([0, 3, 5])]
    out, mean, scale = torch.ops.unpad.normalize.default(*given, 2, True, 1e-3, "", True)

    def call(d, values, gamma, beta, offsets, *kept):
        back = torch.ops.unpad.normalize_backward.default
        arguments, wanted = (values, gamma, beta, offsets, 2, True, 1e-3), [True] * 3
        found = back([d], *arguments, results=[out, *kept], path="", wanted=wanted)
        return torch.cat([g.flatten() for g in found])

    return [torch.randn(5, 4), *given, mean, scale], call


def attention():
    """Sequences with keys of other lengths; each head of keys serves two of the query's."""

    def call(query, key, value, queries, keys, asking, looked_at, seen):
        layouts = Layout(queries, _checked=True), Layout(keys, _checked=True)
        followed = [t.detach().requires_grad_(t.is_floating_point()) for t in (query, key, value)]
        drop, found = Drop(0.5, torch.tensor(3)), []
        for pairs in (Blocks(asking, looked_at), Grid(lambda q, k: q, lambda: seen)):
            call = Call(*followed, *layouts, causal=True, with_weights=True, drop=drop, pairs=pairs)
            rows, weights = compiled.attention(call)
            slopes = torch.autograd.grad(rows.sum() + weights.square().sum(), followed)
            found += [rows.detach(), weights.detach(), *slopes]
        return torch.cat([t.flatten() for t in found])

    shapes = (5, 4, 3), (6, 2, 3), (6, 2, 2)
    offsets = torch.tensor([0, 3, 5]), torch.tensor([0, 4, 6])
    blocks = torch.arange(5) % 2, torch.arange(6) % 2
    masks = *blocks, torch.arange(24).view(2, 1, 3, 4) % 3 > 0
    return [*(torch.randn(*shape) for shape in shapes), *offsets, *masks], call


def tape():
    """A step along three sequences, of lengths 3, 2 and 2."""

    def step(rows, held):
        h = torch.tanh(rows[0] + held[0] @ kernel + bias)
        return [h * rows[0]], [h]

    kernel, bias = torch.randn(3, 3, requires_grad=True), torch.randn(3, requires_grad=True)
    tapes = [joint(step, [torch.randn(n, 3)], [torch.randn(n, 3)]) for n in ROWS]
    walk = Program(*tapes).there(True).lowered

    def call(x, state, *fixed):
        return torch.cat(walk([3, 3, 1], [state], [None], fixed, [x])[0])

    fixed = [torch.randn(*walk.written.shape(slot)[0]) for slot in walk.walk.fixed]
    return [torch.randn(7, 3), torch.randn(3, 3), *fixed], call


CALLERS = {
    "attention": attention,
    "chain sums": chain_sums,
    "chain paths": chain_paths,
    "chain back": chain_back,
    "ctc": labellings,
    "normalized": normalized,
    "normalized back": normalized_back,
    "linear": linear,
    "product": product,
    "product_transposed": product_transposed,
    "slots": slots,
    "tape": tape,
    "groups": groups,
    "adam": adam,
    **{f"trusted {cell}": trusted(cell) for cell in kernels.GATES},
    **{f"backward {cell}": backward(cell) for cell in kernels.GATES},
}
LIES = {
    "shorter": lambda t: t[:-1],
    "longer": lambda t: torch.cat([t, t[-1:]]),
    "much longer": lambda t: torch.cat([t] * 9),
    "narrower": lambda t: t[..., :-1],
    "wider": lambda t: torch.cat([t, t[..., -1:]], -1),
    "flat": lambda t: t.flatten() if t.ndim > 1 else t[:, None],
    "one row": lambda t: t[:1],
    "nothing": lambda t: t[:0],
    "double": lambda t: t.to(torch.float64),
    "half": lambda t: t.to(torch.float16),
    "int32": lambda t: t.to(torch.int32),
    "bool": lambda t: t.to(torch.bool),
    "meta": lambda t: t.to("meta"),
}
# The same numbers that lie otherwise.
STRIDES = {
    "mirrored": lambda t: t.flip(0).clone().flip(0),
    "every other": lambda t: torch.stack([t, t + 1], -1)[..., 0],
    "by columns": lambda t: t.transpose(0, -1).contiguous().transpose(0, -1),
    "far apart": lambda t: torch.cat([t, t], -1)[..., : t.shape[-1]],
}


def test_every_caller_takes_what_is_right():
    for make in CALLERS.values():
        tensors, call = make()
        call(*tensors)


_LENGTHS = ("shorter", "longer", "much longer", "one row", "nothing")
# Lies that are none: a layer takes any number of rows, a batch may have one empty sequence more, a
# kernel more slots, values any size; and torch's dispatcher answers what lies on "meta" from there.
RIGHT = {
    *(("ctc", 0, lie) for lie in ("wider", "double", "half")),
    *(("linear", 0, lie) for lie in _LENGTHS),
    *(("normalized", 3, lie) for lie in ("longer", "wider")),
    *(("groups", 0, lie) for lie in (*_LENGTHS, "narrower", "wider")),
    *(("attention", 2, lie) for lie in ("narrower", "wider")),
    *(("attention", 7, lie) for lie in ("wider", "shorter", "one row")),
    *(("slots", 1, lie) for lie in ("longer", "wider")),
    ("slots", 0, "narrower"),
    ("slots", 4, "much longer"),
    *(("adam", i, "flat") for i in range(4)),
    # Scores are brought into the widest of their types.
    *(
        (f"chain {of}", i, lie)
        for of in ("sums", "paths")
        for i in range(4)
        for lie in ("double", "half", "int32", "bool")
    ),
    *((f"chain {of}", 4, lie) for of in ("sums", "paths") for lie in ("longer", "wider")),
    ("chain sums", 5, "bool"),
}


def differs(a, b):
    return (a.shape, a.dtype, a.device) != (b.shape, b.dtype, b.device)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("lie", LIES)
def test_what_does_not_go_together_is_refused(caller, lie):
    for i in range(len(CALLERS[caller]()[0])):
        tensors, call = CALLERS[caller]()
        lied = LIES[lie](tensors[i])
        if (caller, i, lie) in RIGHT or not differs(lied, tensors[i]):
            continue
        tensors[i] = lied
        try:
            got = call(*tensors)
        except REFUSED:
            continue
        assert got.is_meta, f"{i}"


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("stride", STRIDES)
def test_other_strides_are_right_or_refused(caller, stride):
    count = len(CALLERS[caller]()[0])
    for i in range(count):
        tensors, call = CALLERS[caller]()
        want = call(*tensors).clone()
        tensors[i] = STRIDES[stride](tensors[i])
        try:
            got = call(*tensors)
        except REFUSED:
            continue
        assert torch.equal(got, want)


@given(
    caller=st.sampled_from(sorted(CALLERS)),
    lies=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from([*LIES, *STRIDES])), min_size=1, max_size=4
    ),
)
@draws(200)
def test_several_lies_at_once_reach_no_memory_of_others(caller, lies):
    tensors, call = CALLERS[caller]()
    for which, lie in lies:
        i = which % len(tensors)
        if tensors[i].is_meta or not tensors[i].ndim:
            continue
        try:
            tensors[i] = {**LIES, **STRIDES}[lie](tensors[i])
        except RuntimeError:
            continue  # no such tensor: nothing is left to be cut
    try:
        call(*tensors)
    except (*REFUSED, IndexError):
        pass


@pytest.mark.parametrize("caller", [c for c in CALLERS if c.startswith(("trusted", "backward"))])
@pytest.mark.parametrize(
    "bad", [[0, 3, 2, 5], [0, 3, 3, 9], [1, 3, 3, 5], [0, -(10**9), 3, 5], [0, 5, 5, 4]]
)
def test_the_library_walks_its_offsets(caller, bad):
    tensors, call = CALLERS[caller]()
    at = next(i for i, t in enumerate(tensors) if t.dtype == torch.int64)
    tensors[at] = torch.tensor(bad)
    with pytest.raises(REFUSED, match="offsets"):
        call(*tensors)


@pytest.mark.parametrize("name", ["offsets", "sequence_ids", "slots"])
@pytest.mark.parametrize("bad", [-1, 7, 10**9])
def test_indices_of_slots_are_walked(name, bad):
    tensors, call = slots()
    at = ["values", "offsets", "sequence_ids", "slots"].index(name)
    tensors[at][1] = bad
    with pytest.raises(REFUSED):
        call(*tensors)


# --- what a person may do -------------------------------------------------------------------------


def test_a_kernel_of_another_size_is_told():
    with says("linear: expected values (rows, 3) for a kernel (3, 1), got (1, 5)."):
        kernels.linear(torch.ones(1, 5), torch.ones(3, 1), None)
    with says("linear: expected bias (1,), got (4,)."):
        kernels.linear(torch.ones(1, 3), torch.ones(3, 1), torch.ones(4))
    with says("linear: kernel are torch.float32 on meta, values torch.float32 on cpu."):
        kernels.linear(torch.ones(1, 3), torch.ones(3, 1, device="meta"), None)


@pytest.mark.parametrize("path", ["compiled", "torch", "reference"])
def test_weights_set_to_another_size_are_refused_by_every_path(path):
    layer = keras.layers.LSTM(4)
    batch = keras.Ragged.from_list([[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]])
    layer(batch)
    layer.bias.data = torch.zeros(1)
    with kernels.force(path), says("recurrent: expected biases (16,), got (1,)."):
        layer(batch)


def test_weights_that_change_between_forward_and_backward_are_refused():
    layer = keras.layers.LSTM(4)
    out = layer(keras.Ragged.from_list([[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]]))
    layer.recurrent_kernel.data = torch.zeros(4, 3)
    with says("recurrent: expected recurrent_kernels (4, 16), got (4, 3)."):
        out.sum().backward()
    values, kernel = torch.ones(2, 3), torch.ones(3, 4, requires_grad=True)
    out = kernels.linear(values, kernel, None)
    values.data = torch.ones(2, 9)
    with pytest.raises(ValueError, match="product: "):
        out.sum().backward()


@pytest.mark.parametrize("rule", [rules.AdamKeras])
@pytest.mark.parametrize("path", ["compiled", "torch"])
def test_a_weight_that_has_grown_is_told_before_any_moves(rule, path):
    first, second = (torch.nn.Parameter(torch.ones(3, 2)) for _ in range(2))
    optimizer = rule([first, second])
    with kernels.force(path):
        for p in (first, second):
            p.grad = torch.ones_like(p)
        optimizer.step()
        second.data = torch.ones(5, 2)
        first.grad, second.grad = torch.ones(3, 2), torch.ones(5, 2)
        before = first.detach().clone()
        with says("Adam: weight 1 is (5, 2), its mean (3, 2). A weight that changes"):
            optimizer.step()
    assert torch.equal(first, before)


def test_a_state_of_other_sizes_is_not_loaded():
    def trained(*shape):
        weight = torch.nn.Parameter(torch.ones(*shape))
        optimizer = rules.AdamKeras([weight])
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        return weight, optimizer

    weight, optimizer = trained(3, 2)
    _, other = trained(2, 3)
    before = optimizer.state[weight]["exp_avg"].clone()
    with says("Adam: weight 0 is (3, 2), its loaded exp_avg (2, 3)."):
        optimizer.load_state_dict(other.state_dict())
    assert torch.equal(optimizer.state[weight]["exp_avg"], before)
