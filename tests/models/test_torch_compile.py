"""torch.compile of a model on Ragged: one graph without breaks, for any lengths, trained.

torch makes another graph where an axis is of size 1: for a batch of one step or one sequence.
"""

import shutil

import pytest
import torch

import unpad as keras
from unpad import Ragged

from ..cases import CASES
from ..formats.graphs import Calling, batch, tensors

L = keras.layers
pytestmark = pytest.mark.filterwarnings(
    r"ignore:::torch\.",
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore::UserWarning",
)
LENGTHS = [(2, 6, 1, 0, 3, 4, 5), (3, 3, 3), (9, 0, 2)]
NAMES = [
    "Dense", "Embedding", "LSTM sequences", "Bidirectional concat", "CRF",
    "MultiHeadAttention on itself", "TransformerEncoder", "LayerNormalization",
    "GlobalMaxPooling1D", "Concatenate", "Masking", "Reshape", "CategoryEncoding",
]  # fmt: skip


class Graphs:
    """A backend that counts the graphs it is given."""

    def __init__(self, backend):
        self.backend, self.made = backend, 0

    def __call__(self, graph, inputs):
        self.made += 1
        return torch._dynamo.lookup_backend(self.backend)(graph, inputs)


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def trained(call, model, given):
    """Every output, and every weight after a step of training on it."""
    weights = [w for w in model.parameters() if w.requires_grad]
    outputs = tensors(call(*given))
    loss = sum(o.square().sum() for o in outputs if o.requires_grad)
    for weight in weights:
        weight.grad = None
    if weights and isinstance(loss, torch.Tensor):
        loss.backward()
        torch.optim.SGD(weights, 0.01).step()
    return [*outputs, *(w.detach().clone() for w in weights)]


def assert_trains(model, batches, backend):
    """The compiled model does what the model does, on one graph; `batches` makes them afresh.

    `fullgraph` raises where there would be two. torch may hand one over twice while it makes it
    (where a number becomes a tensor); after the first batch it makes none.
    """
    model(*batches()[0])  # is built
    start = {k: v.clone() for k, v in model.state_dict().items()}
    want = [trained(model, model, given) for given in batches()]
    model.load_state_dict(start)
    graphs = Graphs(backend)
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend=graphs)
    made = []
    for given, all_of_it in zip(batches(), want, strict=True):
        got = trained(compiled, model, given)
        made.append(graphs.made)
        for a, b in zip(got, all_of_it, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert made[0] >= 1
    assert set(made) == {made[0]}


@pytest.mark.by_day(8)
@pytest.mark.parametrize("name", NAMES)
def test_a_layer_trains_on_one_graph(name):
    case = CASES[name]
    torch.manual_seed(0)
    model = Calling(case).train(case.training)
    sizes = [case.lengths, *LENGTHS]
    assert_trains(model, lambda: [batch(case, lengths) for lengths in sizes], "aot_eager")


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
@torch._inductor.config.patch(compile_threads=1)  # no processes that import torch anew
def test_a_tagger_trains_on_one_graph_of_inductor():
    torch.manual_seed(0)
    layers = [L.Embedding(20, 4), L.LSTM(3, return_sequences=True), L.Dense(2)]
    sizes = [(3, 5), (2, 6, 1, 0, 3), (4, 4, 4)]

    def batches():
        words = [[[i % 19 + 1 for i in range(n)] for n in some] for some in sizes]
        return [(Ragged.from_list(some, dtype=torch.int64),) for some in words]

    assert_trains(keras.Sequential(layers), batches, "inductor")


def test_what_a_compiled_call_adds_to_the_loss_is_that_call_s():
    model = keras.Sequential([L.Dense(2), L.ActivityRegularization(l2=0.1)])
    batches = [Ragged.from_list([torch.randn(n, 3) for n in some]) for some in ((2, 3), (4, 2, 5))]
    model(batches[0])
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend="eager")
    for given in batches:
        compiled(given)
        got = [float(loss.detach()) for loss in model.losses]
        model(given)
        assert got == pytest.approx([float(loss.detach()) for loss in model.losses])
