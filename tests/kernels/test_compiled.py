"""What is promised of the compiled kernels' bits, on every instruction set; and their products."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unpad import kernels
from unpad.kernels import library, products
from unpad.kernels.products import Times

from ..examples import draws
from ..strategies import lengths
from .test_kernels import arguments, asking, cells, detached, directions, same

DTYPES = [torch.float32, torch.float64]


def instruction_sets():
    """Those that this machine has."""
    for name in ("avx512_bf16", "avx512", "avx2", "portable"):
        try:
            library.force_instruction_set(name)
        except ValueError:
            continue
        yield name
    library.force_instruction_set(None)


@pytest.fixture(params=[*instruction_sets()])
def instruction_set(request):
    library.force_instruction_set(request.param)
    yield request.param
    library.force_instruction_set(None)


def test_the_portable_code_is_everywhere():
    assert "portable" in [*instruction_sets()]


@pytest.mark.parametrize("cell", kernels.GATES)
@pytest.mark.parametrize("hidden", [1, 7, 33, 100])
def test_every_instruction_set_equals_the_reference(instruction_set, cell, hidden):
    call = arguments([3, 0, 7, 1, 1], 5, hidden, (False, True), cell=cell, masks=2)
    same("compiled", call, 1e-10)
    assert kernels.info()["compiled"]["instruction_set"] == instruction_set


def test_an_instruction_set_that_is_none():
    with pytest.raises(ValueError, match="no instruction set 'avx1024' on this machine"):
        library.force_instruction_set("avx1024")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", [257, 1024])
def test_large_states(hidden, dtype):
    call = detached(arguments([3, 0, 2], 4, hidden, (False, True), dtype, masks=0, state=False))
    for name in ("kernels", "recurrent_kernels"):
        call[name] = [k / hidden**0.5 for k in call[name]]
    with kernels.force("compiled"):
        got = kernels.recurrent(**call)
    with kernels.force("torch"):
        want = kernels.recurrent(**call)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_a_sequence_of_a_million_steps():
    call = detached(arguments([1_000_000, 3], 1, 2, masks=0, state=False, dtype=torch.float32))
    outputs, h, _ = kernels.recurrent(**call)
    assert torch.equal(outputs[999_999], h[0, 0])
    assert bool(outputs.isfinite().all())


def gradients(call):
    """Outputs, final states, and the gradients that belong to sequences or to weights."""
    outputs = kernels.recurrent(**call)
    positions = torch.arange(outputs[0].shape[1], dtype=outputs[0].dtype)
    total = (outputs[0] * positions.cos()).sum() + sum((o * 0.3).sum() for o in outputs[1:])
    return outputs, torch.autograd.grad(total, asking(call), allow_unused=True)


@pytest.mark.parametrize("dtype", DTYPES)
@given(cell=cells, sizes=lengths, reverse=directions, hidden=st.sampled_from([1, 5, 16, 40]))
@draws(30)
def test_the_bits_of_a_sequence_do_not_depend_on_its_company(dtype, cell, sizes, reverse, hidden):
    call = arguments(sizes, 6, hidden, reverse, dtype, cell=cell, masks=2)
    (outputs, h, c), together = gradients(call)
    bounds = call["offsets"].tolist()
    for i, n in enumerate(sizes):
        start, end = bounds[i], bounds[i + 1]
        alone = dict(call)
        alone["values"] = call["values"][start:end].detach().requires_grad_()
        alone["offsets"] = torch.tensor([0, n])
        for name in ("h0", "c0", "mask"):
            if call[name] is not None:
                part = call[name][:, i : i + 1].detach()
                alone[name] = part.requires_grad_(call[name].requires_grad)
        (mine, my_h, my_c), apart = gradients(alone)
        assert torch.equal(mine, outputs[start:end])
        assert torch.equal(my_h[:, 0], h[:, i])
        if cell == "lstm":
            assert torch.equal(my_c[:, 0], c[:, i])
        assert torch.equal(apart[0], together[0][start:end])  # of the inputs
        states = 2 if cell == "lstm" else 1
        for a, b in zip(apart[-states:], together[-states:], strict=True):
            assert torch.equal(a[:, 0], b[:, i])


@pytest.mark.parametrize("cell", kernels.GATES)
def test_all_bits_are_the_same_for_any_number_of_threads(cell):
    sizes = torch.randint(0, 40, (64,)).tolist()
    call = arguments(sizes, 50, 64, (False, True), torch.float32, cell=cell, masks=0)
    results = []
    for threads in (1, 2, 3, 5):
        torch.set_num_threads(threads)
        try:
            outputs, found = gradients(call)
        finally:
            torch.set_num_threads(1)
        results.append([*outputs, *(g for g in found if g is not None)])
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(other, results[0], strict=True))


# --- products -------------------------------------------------------------------------------------

sizes = st.integers(0, 40)


@given(m=sizes, n=sizes, k=sizes, which=st.sampled_from(["plain", "a", "b"]),
       dtype=st.sampled_from(DTYPES), bias=st.booleans(), accumulate=st.booleans())  # fmt: skip
def test_products_are_torch_s(m, n, k, which, dtype, bias, accumulate):
    a, b = torch.randn(m, k, dtype=dtype), torch.randn(k, n, dtype=dtype)
    shift = torch.randn(n, dtype=dtype) if bias else None
    # The output is a part of a larger array, of which nothing else may be touched.
    room = torch.full((m, n + 3), 7.0, dtype=dtype)
    out = room[:, 1 : n + 1]
    want = a @ b + (shift if bias else 0) + (7 if accumulate else 0)
    products.run([
        Times(
            out,
            a.T.contiguous() if which == "a" else a,
            b.T.contiguous() if which == "b" else b,
            shift,
            a_transposed=which == "a",
            b_transposed=which == "b",
            accumulate=accumulate,
        )
    ])  # fmt: skip
    torch.testing.assert_close(out, want, rtol=1e-4, atol=1e-5)
    assert bool((room[:, 0] == 7).all())
    assert bool((room[:, n + 1 :] == 7).all())


def test_a_row_of_linear_has_the_same_bits_alone():
    values, kernel, bias = torch.randn(50, 30), torch.randn(30, 20), torch.randn(20)
    together = products.linear(values, kernel, bias)
    for i in (0, 17, 49):
        assert torch.equal(products.linear(values[i : i + 1], kernel, bias)[0], together[i])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 7])
def test_linear_s_gradients(rows, bias):
    values = torch.randn(rows, 5, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    shift = torch.randn(3, dtype=torch.float64, requires_grad=True) if bias else None
    assert torch.autograd.gradcheck(products.linear, (values, kernel, shift))
    assert products.linear(values.T.contiguous().T, kernel, shift).shape == (rows, 3)


# --- Adam -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_adam_is_torch_s_whatever_the_threads(decay, dtype, monkeypatch):
    from unpad.optimizers import rules

    sizes = [(300, 333), (1,), (0,), (70,)]
    starts = [torch.randn(s, dtype=dtype) for s in sizes]
    pulls = [[torch.randn(s, dtype=dtype) * 10**-k for s in sizes] for k in range(6)]

    def train(threads, compiled):
        with monkeypatch.context() as patch:
            patch.setattr("unpad.kernels.adam.threads", lambda: threads)
            weights = [torch.nn.Parameter(s.clone()) for s in starts]
            optimizer = rules.AdamKeras(weights, lr=0.01, eps=1e-7, fused=True, weight_decay=decay)
            for gradients in pulls:
                for w, g in zip(weights, gradients, strict=True):
                    w.grad = g.clone()
                with kernels.force("compiled" if compiled else "torch"):
                    optimizer.step()
            return weights, optimizer.state_dict()["state"]

    weights, state = train(1, True)
    for other, other_state in (train(3, True), train(2, True)):
        assert all(torch.equal(a, b) for a, b in zip(other, weights, strict=True))
        assert torch.equal(other_state[0]["exp_avg_sq"], state[0]["exp_avg_sq"])
    torch_weights, torch_state = train(1, False)
    close = {"rtol": 1e-5, "atol": 1e-7} if dtype == torch.float32 else {}
    for a, b in zip(weights, torch_weights, strict=True):
        torch.testing.assert_close(a, b, **close)
    assert {k: float(v["step"]) for k, v in state.items()} == dict.fromkeys(torch_state, 6.0)


@pytest.mark.parametrize(("dtype", "least"), [(torch.float32, 1e-34), (torch.float64, 1e-300)])
def test_adam_keeps_no_subnormal_moments(instruction_set, dtype, least):
    weight, mean = torch.ones(37, dtype=dtype), torch.full((37,), least * 1.5, dtype=dtype)
    square, rates = torch.ones(37, dtype=dtype), kernels.adam.Rates(5, 1e-3, (0.9, 0.999), 1e-7, 0)
    for expected in (least * 1.35, least * 1.215, least * 1.0935, 0, 0):
        kernels.adam.step([weight], [torch.zeros_like(weight)], [mean], [square], rates)
        torch.testing.assert_close(mean, torch.full_like(mean, expected), rtol=1e-5, atol=0)


def test_adam_moves_each_group_once_whatever_serves_another():
    from unpad.optimizers import rules

    def train():
        first, second = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
        groups = [{"params": [first]}, {"params": [second], "amsgrad": True}]
        optimizer = rules.AdamKeras(groups, lr=0.1, eps=1e-7, fused=True)
        for _ in range(3):
            first.grad, second.grad = torch.ones(3), torch.ones(3)
            optimizer.step()
        return first, second

    got = train()
    with kernels.force("torch"):
        want = train()
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b)


def test_each_python_thread_computes_in_memory_of_its_own():
    # ctypes lets go of Python's lock, so that these calls run at the same time.
    sizes = (900, 700, 850, 600)
    calls = [arguments([n, 3, 0, n], 9, 40, (False, True), cell="lstm") for n in sizes]

    def once(call):
        outputs, *_ = kernels.recurrent(**call)
        return [outputs, *torch.autograd.grad(outputs.cos().sum(), asking(call)[:7])]

    def again(call):
        return [once(call) for _ in range(20)]

    expected = [once(call) for call in calls]
    with ThreadPoolExecutor(len(calls)) as pool:
        for found, want in zip(pool.map(again, calls), expected, strict=True):
            for got in found:
                assert all(map(torch.equal, got, want))
