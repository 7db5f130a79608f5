"""The recurrent operator: every path against the reference, and what torch asks of an operator."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unpad import kernels
from unpad.kernels.activations import KNOWN

from ..examples import draws
from ..messages import says
from ..strategies import lengths

# cuDNN's, which does not know everything, has a test of its own.
PATHS = [p for p in kernels.info()["paths"] if p not in ("cudnn", "reference")]  # pyright: ignore


def arguments(
    sizes, feature=3, hidden=4, reverse=(False,), dtype=torch.float64, bias=True, state=True,
    masks=1, cell="lstm", rows=None,
):  # fmt: skip
    """Random arguments of `kernels.recurrent`; all that have one ask for a gradient.

    With `rows` the steps' values are so many rows, as chance has it, and ids tell which.
    """
    directions, batch, columns = len(reverse), len(sizes), kernels.GATES[cell] * hidden
    offsets = torch.tensor([0, *sizes]).cumsum(0)

    def random(*shape):
        return (torch.randn(*shape, dtype=dtype) * 0.4).requires_grad_()

    values = random(sum(sizes), feature)
    ids = None if rows is None else torch.randint(rows, (sum(sizes),))
    if ids is not None:
        values = random(rows, feature).detach()[ids].requires_grad_()
    states = (directions, batch, hidden)
    drawn = torch.rand(directions, batch, masks and kernels.GATES[cell] ** (masks - 1), hidden)
    return {
        "cell": cell,
        "values": values,
        "offsets": offsets,
        "ids": ids,
        "kernels": [random(feature, columns) for _ in reverse],
        "recurrent_kernels": [random(hidden, columns) for _ in reverse],
        "biases": [random(columns) for _ in reverse] if bias else [],
        "recurrent_biases": [random(columns) for _ in reverse] if bias and cell == "gru" else [],
        "h0": random(*states) if state else None,
        "c0": random(*states) if state and cell == "lstm" else None,
        "mask": (drawn < 0.7).to(dtype) / 0.7 if masks else None,
        "reverse": list(reverse),
    }


def asking(call):
    """The tensors of a call that ask for a gradient."""
    flat = [t for v in call.values() for t in (v if isinstance(v, list) else [v])]
    return [t for t in flat if isinstance(t, torch.Tensor) and t.requires_grad]


def run(path, call, **options):
    """Outputs and all gradients on one path."""
    tensors = asking(call)
    with kernels.force(path):
        outputs = kernels.recurrent(**call, **options)
    weights = [torch.cos(torch.arange(float(o.numel()))).reshape(o.shape) for o in outputs]
    total = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
    gradients = [None] * len(tensors)
    if total.requires_grad:  # the reference of an empty batch touches no weight
        gradients = torch.autograd.grad(total, tensors, allow_unused=True)
    zeros = (torch.zeros_like(t) for t in tensors)
    return outputs, [z if g is None else g for g, z in zip(gradients, zeros, strict=True)]


def same(path, call, tolerance, **options):
    """This path and the reference, outputs and gradients."""
    want, want_gradients = run("reference", call, **options)
    got, gradients = run(path, call, **options)
    for a, b in zip([*got, *gradients], [*want, *want_gradients], strict=True):
        # A gate without bounds makes states of 1e14: what is left where they cancel has the error
        # of what they were, on every path (torch's too). So zero is measured by the largest entry.
        largest = float(b.detach().abs().max()) if b.numel() else 0.0
        atol = tolerance * max(1.0, largest)
        torch.testing.assert_close(a, b, rtol=tolerance, atol=atol)


cells = st.sampled_from(sorted(kernels.GATES))
directions = st.sampled_from([(False,), (True,), (False, True), (True, False)])
names = st.sampled_from(sorted(KNOWN))


@pytest.mark.parametrize("path", PATHS)
@given(
    cell=cells,
    sizes=lengths,
    feature=st.sampled_from([1, 3, 7]),
    hidden=st.sampled_from([1, 4, 9, 17]),
    reverse=directions,
    bias=st.booleans(),
    state=st.booleans(),
    masks=st.integers(0, 2),
    pair=st.tuples(names, names),
    rows=st.sampled_from([None, None, 1, 3, 20]),
)
@draws(200)
def test_paths_equal_the_reference(
    path, cell, sizes, feature, hidden, reverse, bias, state, masks, pair, rows
):
    call = arguments(
        sizes, feature, hidden, reverse, bias=bias, state=state, masks=masks, cell=cell, rows=rows
    )
    same(path, call, 1e-10, activation=pair[0], recurrent_activation=pair[1])


@pytest.mark.parametrize("path", PATHS)
@given(cell=cells, sizes=lengths, reverse=directions, hidden=st.sampled_from([1, 7, 32, 100]))
@draws(40)
def test_float32_is_within_1e_5_of_the_reference(path, cell, sizes, reverse, hidden):
    # Weights of the size that layers have: sums of `hidden` products stay near 1.
    call = arguments(sizes, 10, hidden, reverse, torch.float64, cell=cell)
    call = {
        k: [t.detach().float().div(max(1, hidden / 10) ** 0.5).requires_grad_() for t in v]
        if k in ("kernels", "recurrent_kernels")
        else [t.detach().float().requires_grad_() for t in v]
        if k in ("biases", "recurrent_biases")
        else v.detach().float().requires_grad_(v.requires_grad)
        if isinstance(v, torch.Tensor) and v.is_floating_point()
        else v
        for k, v in call.items()
    }
    same(path, call, 1e-5)


@given(cell=st.sampled_from(["lstm", "gru"]), sizes=lengths, reverse=directions,
       bias=st.booleans(), state=st.booleans())  # fmt: skip
@draws(60)
def test_cudnn_s_packing_equals_the_reference(cell, sizes, reverse, bias, state):
    # The same code as on a GPU; without one torch runs its own packed recurrences.
    call = arguments(sizes, reverse=reverse, bias=bias, state=state, masks=0, cell=cell)
    same("cudnn", call, 1e-9)


def test_the_reference_is_torch_s_own_lstm():
    feature, hidden, sizes = 3, 4, [4, 2]
    call = arguments(sizes, feature, hidden, (False, True), torch.float32, state=False, masks=0)
    theirs = torch.nn.LSTM(feature, hidden, bidirectional=True)
    with torch.no_grad():
        for d, suffix in enumerate(("l0", "l0_reverse")):
            getattr(theirs, f"weight_ih_{suffix}").copy_(call["kernels"][d].T)
            getattr(theirs, f"weight_hh_{suffix}").copy_(call["recurrent_kernels"][d].T)
            getattr(theirs, f"bias_ih_{suffix}").copy_(call["biases"][d])
            getattr(theirs, f"bias_hh_{suffix}").zero_()
    rows = list(call["values"].split(sizes))
    packed = torch.nn.utils.rnn.pack_sequence(rows, enforce_sorted=False)
    want, (h, c) = theirs(packed)
    with kernels.force("reference"):
        outputs, final_h, final_c = kernels.recurrent(**call)
    unpacked = torch.nn.utils.rnn.unpack_sequence(want)
    torch.testing.assert_close(outputs, torch.cat(unpacked))
    torch.testing.assert_close(final_h, h)
    torch.testing.assert_close(final_c, c)


@pytest.mark.parametrize("cell", kernels.GATES)
@pytest.mark.parametrize("reverse", [(False,), (False, True)])
def test_gradcheck(cell, reverse):
    call = arguments([3, 0, 2], 2, 3, reverse, cell=cell, masks=2)
    tensors = asking(call)

    def function(*given):
        fresh = iter(given)

        def swap(value):
            if isinstance(value, list):
                return [swap(v) for v in value]
            wanted = isinstance(value, torch.Tensor) and value.requires_grad
            return next(fresh) if wanted else value

        outputs = kernels.recurrent(**{k: swap(v) for k, v in call.items()})
        return [o for o in outputs if o.numel()]

    assert torch.autograd.gradcheck(function, tensors)


def detached(call):
    """The same call, asking for no gradient."""
    return {
        k: [t.detach() for t in v]
        if isinstance(v, list) and k != "reverse"
        else v.detach()
        if isinstance(v, torch.Tensor)
        else v
        for k, v in call.items()
    }


def operands(call):
    """The operator's own arguments, but for the last."""
    kinds = ("kernels", "recurrent_kernels", "biases", "recurrent_biases")
    weights = [call[k][d] if d < len(call[k]) else None for d in (0, 1) for k in kinds]
    states = [call[k] for k in ("h0", "c0", "mask")]
    options = (call["cell"], "tanh", "sigmoid", call["reverse"], "")
    return call["values"], call["offsets"], call["ids"], *weights, *states, *options


# torch's own test of an operator reaches code of torch's that warns of its future, and of what
# else a version of it finds: whatever is said within torch's own files is no word on ours.
@pytest.mark.filterwarnings(r"ignore:::torch\.")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("cell", kernels.GATES)
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("sizes", [[3, 0, 5], [0], []])
@pytest.mark.parametrize("rows", [None, 4])
@pytest.mark.by_day(10)
def test_opcheck(cell, sizes, keep, rows):
    call = arguments(sizes, reverse=(False, True), cell=cell, rows=rows)
    call = call if keep else detached(call)
    torch.library.opcheck(torch.ops.unpad.recurrent.default, (*operands(call), keep))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("cell", kernels.GATES)
@pytest.mark.parametrize("rows", [None, 4])
def test_it_can_be_compiled_whole(cell, rows):
    # "aot_eager" traces forward and backward as inductor does, and needs no compiler to run them.
    torch._dynamo.reset()  # it compiles one function for so many kinds of calls and no more
    call = arguments([3, 0, 2], reverse=(False, True), cell=cell, rows=rows)
    compiled = torch.compile(
        lambda **given: kernels.recurrent(**given)[0] * 2, backend="aot_eager", fullgraph=True
    )
    want = kernels.recurrent(**call)[0] * 2
    got = compiled(**call)
    torch.testing.assert_close(got, want)
    gradients = [
        torch.autograd.grad(out.sum(), [call["values"], *call["kernels"]]) for out in (got, want)
    ]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


def test_inference_keeps_nothing():
    call = detached(arguments([3, 2]))
    outputs = torch.ops.unpad.recurrent.default(*operands(call), False)
    assert [o.numel() for o in outputs[3:]] == [0, 0]
    with torch.inference_mode():
        kernels.recurrent(**call)


def test_the_path_can_be_asked_and_forced():
    call = arguments([2], masks=0)
    kernels.recurrent(**call)
    assert kernels.info()["last"] == kernels.info()["paths"][0]  # pyright: ignore
    with kernels.force("reference"):
        kernels.recurrent(**call)
        assert kernels.info()["forced"] == "reference"
    assert kernels.info()["last"] == "reference"
    assert kernels.info()["forced"] is None
    with pytest.raises(ValueError, match=r"expected one of .*, got 'fast'"), kernels.force("fast"):
        pass


def test_an_activation_of_one_s_own_takes_the_reference_path():
    call = arguments([3, 0, 2], state=False, masks=0)
    named = kernels.recurrent(**call, activation="tanh")
    own = kernels.recurrent(**call, activation=lambda x: torch.tanh(x))
    assert kernels.info()["last"] == "reference"
    for a, b in zip(own, named, strict=True):
        torch.testing.assert_close(a, b)


LIES = [
    (
        {"offsets": torch.tensor([0, 3, 2, 5])},
        "recurrent: offsets run from 0 to the number of step",
    ),
    (
        {"offsets": torch.tensor([0, 3, 9])},
        "recurrent: offsets run from 0 to the number of steps, 5",
    ),
    ({"offsets": torch.tensor([1, 5])}, "recurrent: offsets run from 0"),
    (
        {"offsets": torch.tensor([0, 5], dtype=torch.int32)},
        "recurrent: expected offsets (batch + 1,)",
    ),
    ({"values": torch.zeros(5)}, "recurrent: expected values (steps, feature), got (5,)."),
    ({"values": torch.zeros(5, 3)}, "recurrent: kernels are torch.float64 on cpu, values torch.fl"),
    (
        {"cell": "lstmm"},
        "recurrent: expected cell as one of lstm, gru, gru_reset_before, simple_rnn, mgu, got 'lst",
    ),
    ({"h0": torch.zeros(1, 3, 4).double()}, "recurrent: expected h0 (1, 2, 4), got (1, 3, 4)."),
    (
        {"mask": torch.zeros(1, 2, 3, 4).double()},
        "recurrent: expected mask (1, 2, 4, 4), got (1, 2,",
    ),
    ({"kernels": []}, "recurrent: expected 1 kernels, one a direction, got 0."),
    (
        {"recurrent_kernels": []},
        "recurrent: expected 1 recurrent_kernels, one a direction, got 0.",
    ),
    ({"biases": [torch.zeros(3).double()]}, "recurrent: expected biases (16,), got (3,)."),
    ({"recurrent_biases": [torch.zeros(16).double()]}, "recurrent: lstm has no recurrent biases;"),
    (
        {"ids": torch.zeros(4, dtype=torch.int64)},
        "recurrent: expected ids (5,) int64 on cpu, got (4,) torch.int64 on cpu.",
    ),
    (
        {"ids": torch.zeros(5)},
        "recurrent: expected ids (5,) int64 on cpu, got (5,) torch.float32 on cpu.",
    ),
]


@pytest.mark.parametrize(("lie", "text"), LIES)
def test_lies_are_refused_before_a_kernel_starts(lie, text):
    call = {**detached(arguments([3, 2], masks=0, state=False)), **lie}
    with says(text):
        kernels.recurrent(**call)


def test_calls_of_the_operator_itself_are_checked_too():
    call = detached(arguments([3, 2]))
    call["offsets"] = torch.tensor([0, 9, 5])
    with says(
        "recurrent: offsets run from 0 to the number of steps, 5, and never fall; got [0, 9,"
    ):
        torch.ops.unpad.recurrent.default(*operands(call), False)


@pytest.mark.skipif("compiled" not in PATHS, reason="needs the compiled kernels")
@pytest.mark.parametrize("cell", kernels.GATES)
def test_ids_change_no_bit_but_of_the_weights_gradients(cell):
    call = arguments([5, 0, 9, 1], 7, 19, (False, True), torch.float32, cell=cell, rows=4)
    told, untold = run("compiled", call), run("compiled", {**call, "ids": None})
    for a, b in zip(told[0], untold[0], strict=True):
        assert torch.equal(a, b)
    for a, b in zip(told[1], untold[1], strict=True):
        torch.testing.assert_close(a, b)
    assert torch.equal(told[1][0], untold[1][0])  # of the values


@pytest.mark.parametrize("path", PATHS)
def test_inputs_that_ask_for_no_gradient_get_none(path):
    call = arguments([3, 2], reverse=(False, True))
    want = run(path, call)[1][1:]
    call["values"] = call["values"].detach()
    for a, b in zip(run(path, call)[1], want, strict=True):
        torch.testing.assert_close(a, b)


def test_what_cudnn_does_not_know_is_not_forced_on_it():
    call = arguments([3, 2], masks=1)
    told = "recurrent: kernels.force('cudnn'), but this path refuses: it knows no recurrent dropout"
    with kernels.force("cudnn"), says(told):
        kernels.recurrent(**call)


def test_without_the_library_one_line_says_so_and_the_torch_path_serves(monkeypatch, tmp_path):
    from unpad.kernels import library

    torch.manual_seed(0)
    want = kernels.recurrent(**arguments([3, 0, 2]))
    monkeypatch.setattr(library, "FILE", tmp_path / "missing.so")
    library.library.cache_clear()
    try:
        torch.manual_seed(0)
        call = arguments([3, 0, 2])
        with pytest.warns(RuntimeWarning) as caught:
            got, _ = (kernels.recurrent(**call) for _ in range(2))
        assert len(caught) == 1
        assert str(caught[0].message) == (
            "unpad runs without its compiled kernels: it was not built (no C++ compiler when unpad "
            "was installed). Recurrent layers work, slower. With a C++ compiler (g++ or clang++) "
            "at hand: pip install --force-reinstall --no-deps --no-cache-dir "
            "--no-binary=unpad unpad."
        )
        assert kernels.info()["paths"] == ["torch", "reference"]
        assert kernels.info()["last"] == "torch"
        for a, b in zip(got, want, strict=True):
            torch.testing.assert_close(a, b)
    finally:
        library.library.cache_clear()


def test_a_library_whose_fields_are_others_is_refused_when_it_is_loaded():
    from unpad.kernels import library, structures

    if (loaded := library.library()) is None:
        return
    told = loaded.unpad_kernels_fields().decode()
    assert structures.misfit(told) is None
    assert set(structures.cells(told)) == set(kernels.GATES)
    for line in told.splitlines():
        if line.startswith("cells "):
            continue
        name, _, first, _, second, *_ = line.split(" ")
        swapped = line.replace(f" {first} 0 {second} 8", f" {second} 0 {first} 8")
        assert structures.misfit(told.replace(line, swapped)) == f"its {name} has other fields"
        longer = line.replace(f"{name} ", f"{name} 1", 1)
        assert structures.misfit(told.replace(line, longer)) == f"its {name} has other fields"
        assert structures.misfit(told.replace(line + "\n", "")) == f"its {name} has other fields"


def test_a_cell_that_the_library_does_not_know_takes_the_torch_path(monkeypatch):
    from unpad.kernels import library

    call = arguments([3, 0, 2])
    want = run("torch", call)
    monkeypatch.setattr(library, "cells", dict)
    outputs = kernels.recurrent(**call)
    assert kernels.info()["last"] == "torch"
    for a, b in zip(outputs, want[0], strict=True):
        torch.testing.assert_close(a, b)
    assert run("torch", call)[1]


@pytest.mark.parametrize(("platform", "name"), [("linux", ".so"), ("darwin", ".dylib")])
def test_the_library_has_the_name_that_cmake_gives_it(platform, name, monkeypatch):
    import importlib.util
    import sys

    from unpad.kernels import library

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("UNPAD_LIBRARY", raising=False)
    spec = importlib.util.spec_from_file_location("unpad.kernels.again", library.__file__)
    assert spec is not None
    assert spec.loader is not None
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)
    assert again.FILE.name == f"libunpad_kernels{name}"
