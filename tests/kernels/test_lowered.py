"""A cell's step that the compiled library walks gives what torch's operators give."""

import pytest
import torch

import unpad as keras
from unpad import Ragged, kernels
from unpad.testing import coded

from ..cases.recurrent import Decay
from .test_recorded import UNITS, Own, Watching, chance, everything, gated, normed

L = keras.layers


def activated(cell, x, h):
    """Each activation and sum that the library knows, numbers on either side."""
    a = x @ cell.kernel + h @ cell.recurrent
    a = torch.relu(a) - torch.exp(0.5 - a) / 3 + (2 - a) * 0.25
    a = a / (1 + torch.exp(a).sum(1, keepdim=True)) + 1 / (2 + torch.sigmoid(-a))
    h = torch.tanh(a) * cell.bias
    return h, h.clone()


def parted(cell, x, h):
    """Columns taken apart and joined, one number of a row for all."""
    a = x @ cell.kernel + h @ cell.recurrent
    first, rest = a[:, :1], a[:, 1:]
    turned = torch.cat([rest, first], -1)
    h = (
        torch.sigmoid(turned) * first
        + a[:, 2].unsqueeze(1) * cell.bias
        - a.narrow(1, 0, 1).expand(-1, 4)
    )
    return torch.cat([h, first], 1), h.view(-1, 2, 2).reshape(-1, 4)


def kept_as_it_is(cell, x, h):
    """What comes in is handed on, and what was handed on goes out."""
    return h, x[:, :1] + 0 * h


def long(cell, x, h):
    """More units than any tile, a product that hangs on one before."""
    a = torch.tanh(x @ cell.kernel + cell.bias + (h @ cell.recurrent) @ cell.recurrent.T)
    return a, a


STEPS = {step.__name__: step for step in (activated, parted, kept_as_it_is, long, gated)}


def walked(step, dtype=torch.float64, gates=1):
    """A layer of such a cell, and a batch for it."""
    torch.manual_seed(1)
    layer = L.RNN(
        Own(step, gates, dtype=str(dtype)[6:]), return_sequences=True, return_state=True,
        dtype=str(dtype)[6:],
    )  # fmt: skip
    x = coded([4, 0, 7, 1, 2], (3,)) / 300
    x = x.with_values(x.values.to(dtype))
    layer(x)
    return layer, x


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", STEPS)
def test_the_library_gives_what_torch_gives(name, dtype):
    layer, x = walked(STEPS[name], dtype, 3 if name == "gated" else 1)
    assert [c.path for c in kernels.why(everything, layer, x)][-1] == "compiled"
    mine = everything(layer, x)
    for path in ("torch", "reference"):
        with kernels.force(path):
            theirs = everything(layer, x)
        for a, b in zip(mine, theirs, strict=True):
            torch.testing.assert_close(a, b)


def test_any_number_of_threads_gives_the_same_bits():
    torch.manual_seed(2)
    cell = Own(gated, 3)
    layer = L.RNN(cell, return_sequences=True, return_state=True)
    x = coded([30] * 9 + [5, 17, 1], (3,), torch.float32) / 1000
    layer(x)
    start = [torch.rand(12, UNITS, requires_grad=True)]

    def all_of(x, start):
        values = x.values.clone().requires_grad_()
        out, state = layer(x.with_values(values), initial_state=start)
        total = (out.values.sin() * 3).sum() + state.cos().sum()
        return [out.values, state, *torch.autograd.grad(total, [values, *start])]

    together = all_of(x, start)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        for a, b in zip(together, all_of(x, start), strict=True):
            assert torch.equal(a, b)
    finally:
        torch.set_num_threads(before)


def test_why_says_how_a_cell_is_walked():
    x = coded([2, 3], (3,), torch.float32)
    layer = L.RNN(Own(normed))
    layer(x)
    (choice,) = [c for c in kernels.why(layer, x) if c.operator == "any_cell"]
    assert choice.path == "torch"
    assert dict(choice.reasons) == {
        "compiled": "the library has no native_layer_norm", "torch": None, "steps": None,
    }  # fmt: skip
    layer = L.RNN(Watching(chance))
    assert str(kernels.why(layer, x)).splitlines() == [
        "any_cell: runs on steps",
        "  compiled   refuses: chance asks random",
        "  torch      refuses: chance asks random",
        "  steps      runs",
    ]


def test_half_precision_and_whole_numbers_are_left_to_torch():
    layer = L.RNN(Decay())
    for values in (torch.ones(3, 3, dtype=torch.float16), torch.ones(3, 3, dtype=torch.int64)):
        (choice,) = kernels.why(layer, Ragged.from_list([values]))
        assert choice.path != "compiled"
