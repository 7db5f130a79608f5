"""Every operator by its record: torch's checks, every path against the reference, every reason."""

import pytest
import torch

from unpad import kernels
from unpad.kernels import paths

from .operators import ARGUMENTS, SIZES, called, names, there

NAMES = names()
#: Sums of other orders.
CLOSE = {"rtol": 1e-9, "atol": 1e-11}
quiet = pytest.mark.filterwarnings(
    r"ignore:::torch\.", "ignore::DeprecationWarning", "ignore::FutureWarning",
    "ignore:.*grad attribute of a Tensor that is not a leaf:UserWarning",
)  # fmt: skip


def of(name, sizes):
    """The operator, and its arguments of so many steps."""
    return paths.OPERATORS[name], ARGUMENTS[name](sizes)


def test_every_operator_has_arguments_here():
    assert set(ARGUMENTS) == set(paths.OPERATORS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_torch_knows_it(name):
    operator = paths.OPERATORS[name]
    schema = operator.op._schema
    assert str(schema).startswith(f"unpad::{name}(")
    assert schema.arguments[-1 - bool(operator.kept)].name == "path"
    followed = [a.name for a in schema.arguments if a.name in operator.followed]
    assert followed == list(operator.followed)
    assert hasattr(torch.ops.unpad, f"{name}_backward") is bool(operator.followed)


@quiet
@pytest.mark.by_day(30)
@pytest.mark.parametrize("sizes", SIZES[:3:2])
@pytest.mark.parametrize(("name", "path"), NAMES)
def test_opcheck(name, path, sizes):
    operator, given = of(name, sizes)
    if not there(operator, path, given):
        assert operator.named[path].refuses(operator.call(*given)).strip()
        return
    torch.library.opcheck(operator.op, (*given, path, *([True] if operator.kept else [])))


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(("name", "path"), NAMES)
def test_a_path_gives_what_the_reference_gives(name, path, sizes):
    operator, given = of(name, sizes)
    if not there(operator, path, given):
        return
    reference = operator.paths[-1].name

    def run(path):
        torch.manual_seed(0)
        own = [copied(g) for g in given]
        results = called(operator, path, own)
        moved = [g for g in own if isinstance(g, list)]
        asked = [g for g in own if isinstance(g, torch.Tensor) and g.requires_grad]
        outputs = [r for r in results if r.requires_grad]
        slopes = []
        if outputs:
            total = sum((o * torch.arange(1.0, o.numel() + 1).view(o.shape)).sum() for o in outputs)
            slopes = torch.autograd.grad(total, asked)
        return results, moved, slopes

    for got, want in zip(run(path), run(reference), strict=True):
        torch.testing.assert_close(got, want, **CLOSE)


def copied(value):
    """Another that may be changed in place."""
    if isinstance(value, list):
        return [copied(v) for v in value]
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return value


@pytest.mark.parametrize(("name", "path"), NAMES)
def test_a_call_takes_the_path_that_is_forced_and_why_says_so(name, path):
    operator, given = of(name, (3, 0, 5))
    if not there(operator, path, given):
        return
    asked = operator.call(*given)
    with kernels.force(path):
        why = kernels.why(lambda: operator.choose(asked))
    assert [(c.operator, c.path, c.forced) for c in why] == [(name, path, path)]
    assert [p for p, _ in why[0].reasons] == list(operator.named)
    assert kernels.info()["ran"][name] == path  # pyright: ignore
    assert kernels.info()["operators"][name] == list(operator.named)  # pyright: ignore
