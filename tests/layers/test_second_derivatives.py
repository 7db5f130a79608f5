"""A second derivative of any layer is right, or refused in unpad's words: by differences."""

import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad.core.structure import flat

from ..cases import BY_DAY, CASES

NAMES = [name for name, case in BY_DAY.items() if case.inputs[0][0] in ("steps", "rows")]
#: Whose numbers no difference can follow, and a module of torch's whose own derivative has none.
NOT_ASKED = ("Normalization given", "Grid")


def number(outputs):
    """One that hangs on every output."""
    inner = [o.values if isinstance(o, Ragged) else o for o in flat([outputs])]
    tensors = [o.values if isinstance(o, Ragged) else o for o in inner]
    weighed = [
        (o.cos() * torch.arange(1, 1 + o.numel()).reshape(o.shape)).sum()
        for o in tensors
        if isinstance(o, torch.Tensor) and o.is_floating_point()
    ]
    return sum(weighed, start=torch.zeros((), dtype=torch.float64))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_ASKED])
def test_a_second_derivative_is_right_or_refused(name):
    case = CASES[name]
    first, *others = (
        given.to(dtype=torch.float64) if given.dtype.is_floating_point else given
        for given in case.batch()
    )
    if isinstance(first, Ragged) and first.levels > 1:
        return
    layer = case.make(keras).to(torch.float64).eval()
    given = first.values if isinstance(first, Ragged) else first
    case.run(layer, [first, *others])
    layer.to(torch.float64).eval()
    start = given * 0.1 + torch.rand_like(given) * 0.3
    way = torch.randn_like(start)

    def slope(values):
        values = values.clone().requires_grad_()
        whole = first.with_values(values) if isinstance(first, Ragged) else values
        out = number(case.run(layer, [whole, *others]))
        if not out.requires_grad:
            return values, torch.zeros_like(values)
        return values, torch.autograd.grad(out, values, create_graph=True, materialize_grads=True)[
            0
        ]

    values, once = slope(start)
    if not once.requires_grad:
        once = once + 0 * values
    try:
        (twice,) = torch.autograd.grad((once * way).sum(), values, materialize_grads=True)
    except RuntimeError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "first derivatives only" in refused, refused
        return
    near = 1e-5
    wanted = (slope(start + near * way)[1] - slope(start - near * way)[1]) / (2 * near)
    torch.testing.assert_close(twice, wanted.detach(), rtol=1e-4, atol=1e-4)
