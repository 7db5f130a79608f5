"""The operators as torch knows them: traced, exported and fake they are what they are in eager."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import Dim, export
from torch.fx.experimental.proxy_tensor import make_fx

from unpad import kernels

from .test_kernels import arguments, asking, detached, operands, run

PATHS = [*kernels.info()["paths"], "cudnn"]  # pyright: ignore
quiet = pytest.mark.filterwarnings(
    r"ignore:::torch\.", "ignore::DeprecationWarning", "ignore::FutureWarning",
    "ignore:.*grad attribute of a Tensor that is not a leaf:UserWarning",
)  # fmt: skip


class Walk(torch.nn.Module):
    """A recurrence that is given lengths, as whoever exports a model has them."""

    def __init__(self, cell, reverse=(False,)):
        super().__init__()
        call = arguments([1], cell=cell, reverse=reverse, masks=0, state=False, dtype=torch.float32)
        kinds = ("kernels", "recurrent_kernels", "biases", "recurrent_biases")
        self.call = {k: v for k, v in call.items() if k in ("cell", "reverse")}
        self.kinds = kinds
        self.weights = torch.nn.ParameterList([w for kind in kinds for w in call[kind]])
        self.counts = [len(call[kind]) for kind in kinds]

    def forward(self, values, lengths):
        offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        weights = iter(self.weights)
        of = [[next(weights) for _ in range(n)] for n in self.counts]
        given = dict(zip(self.kinds, of, strict=True))
        return kernels.recurrent(values=values, offsets=offsets, **given, **self.call)


@quiet
@pytest.mark.parametrize("cell", kernels.GATES)
@pytest.mark.parametrize("strict", [True, False])
def test_an_exported_recurrence_takes_any_steps_and_any_batch(cell, strict):
    model = Walk(cell, (False, True)).requires_grad_(False)
    example = (torch.randn(7, 3), torch.tensor([2, 5]))
    sizes = ({0: Dim("steps")}, {0: Dim("batch")})
    program = export(model, example, dynamic_shapes=sizes, strict=strict)
    called = {n.target for n in program.graph.nodes}
    assert torch.ops.unpad.recurrent.default in called
    for lengths in ([4], [3, 0, 5, 1], [0, 0], [1], []):
        values, of = torch.randn(sum(lengths), 3), torch.tensor(lengths, dtype=torch.int64)
        for got, want in zip(program.module()(values, of), model(values, of), strict=True):
            assert torch.equal(got, want)


@quiet
@pytest.mark.parametrize("cell", kernels.GATES)
@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_a_trace_holds_the_operator(cell, mode):
    call = detached(arguments([3, 2], cell=cell, masks=0, state=False))

    def function(values):
        return kernels.recurrent(**{**call, "values": values})[0] * 2

    def of_weights(values, kernel, recurrent_kernel, offsets):
        weights = [kernel, recurrent_kernel, *[None] * 6]
        return kernels.trusted(
            cell, values, offsets, None, weights, None, None, None, "tanh", "sigmoid", [False]
        )[0]

    given = [call["values"]]
    if mode != "real":
        # Weights of its own would be constants, which a fake graph cannot hold.
        function = of_weights
        given += [call["kernels"][0], call["recurrent_kernels"][0], call["offsets"]]
    graph = make_fx(function, tracing_mode=mode)(*given)
    assert torch.ops.unpad.recurrent.default in {n.target for n in graph.graph.nodes}
    other = torch.randn_like(call["values"])
    torch.testing.assert_close(graph(other, *given[1:]), function(other, *given[1:]))


@pytest.mark.parametrize("cell", kernels.GATES)
def test_a_fake_call_gives_shapes(cell):
    call = detached(arguments([3, 0, 2], cell=cell, reverse=(False, True)))
    want = torch.ops.unpad.recurrent.default(*operands(call), True)
    with FakeTensorMode() as mode:
        given = [mode.from_tensor(t) if isinstance(t, torch.Tensor) else t for t in operands(call)]
        fake = torch.ops.unpad.recurrent.default(*given, True)
    assert [f.shape for f in fake] == [w.shape for w in want]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])
def test_through_the_dispatcher_each_path_gives_what_it_gives_in_eager(path, cell):
    if path == "cudnn" and cell == "simple_rnn":
        return
    call = arguments([3, 0, 2], cell=cell, reverse=(False, True), masks=0)
    want, slopes = run(path, call)
    *given, _ = operands(call)
    found = torch.ops.unpad.recurrent.default(*given, path, True)
    for a, b in zip(found[:3], want, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    weights = [torch.cos(torch.arange(float(o.numel()))).reshape(o.shape) for o in want]
    total = sum((o * w).sum() for o, w in zip(found[:3], weights, strict=True))
    again = torch.autograd.grad(total, asking(call), allow_unused=True)
    for a, b in zip(again, slopes, strict=True):
        torch.testing.assert_close(torch.zeros_like(b) if a is None else a, b, rtol=0, atol=1e-15)


@quiet
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("sizes", [[3, 0, 5], [0], []])
def test_opcheck_of_every_path(path, sizes):
    call = arguments(sizes, reverse=(True, False), masks=0)
    *given, _ = operands(call)
    torch.library.opcheck(torch.ops.unpad.recurrent.default, (*given, path, True))
