"""Arguments for every operator of the kernels, to be gone through by tests."""

import torch

from unpad import kernels
from unpad.kernels import paths

from .test_kernels import arguments, operands

#: Lengths of the sequences of a call.
SIZES = [(3, 0, 5), (1,), (0, 0), ()]


def _numbers(*shape):
    """Of float64, asking for a gradient."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, dtype=torch.float64, generator=generator).mul(0.5).requires_grad_()


def _offsets(sizes):
    return torch.tensor([0, *sizes]).cumsum(0)


def recurrent(sizes):
    *given, _ = operands(arguments(sizes, reverse=(True, False), masks=0))
    return given


def linear(sizes):
    return [_numbers(sum(sizes), 3), _numbers(3, 4), _numbers(4)]


def slots_linear(sizes):
    ids = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes, dtype=torch.int64))
    slots = torch.arange(sum(sizes)) - _offsets(sizes)[:-1][ids]
    given = _numbers(sum(sizes), 2), _offsets(sizes), ids, slots
    return [*given, _numbers(12, 3), _numbers(3)]


def group(sizes):
    return [torch.randint(3, (sum(sizes),)), 3]


def adam_step(sizes):
    with torch.no_grad():
        parties = [[_numbers(n, 2).detach() for n in sizes] for _ in range(3)]
        squares = [_numbers(n, 2).detach().square() for n in sizes]
    return [*parties, squares, [], 2, 0.1, 0.9, 0.99, 1e-7, 0.01, True]


def chain(sizes):
    """Scores of three tags by themselves, of transitions, of both ends."""
    return [_numbers(sum(sizes), 3), _offsets(sizes), *(_numbers(*n) for n in ((3, 3), (3,), (3,)))]


def log_partition(sizes):
    return [*chain(sizes), torch.arange(sum(sizes)) % 4 - 1, True]  # some not known


def marginals(sizes):
    return chain(sizes)


def best_path(sizes):
    return [g.detach() for g in chain(sizes)]


def best_paths(sizes):
    return [*best_path(sizes), 4]


def ctc(sizes):
    """Of some sequences one label more than there is room for."""
    labels = [(n + 1) // 2 + (n == 1) for n in sizes]
    given = _numbers(sum(sizes), 3), _offsets(sizes), torch.arange(sum(labels)) % 2 + 1
    return [*given, _offsets(labels)]


def normalize(sizes):
    """Sequences of rows of two groups of features."""
    return [*(_numbers(*n) for n in ((sum(sizes), 6), (6,), (6,))), _offsets(sizes), 2, True, 1e-2]


def pool(sizes):
    """Windows of three steps, which share some, and one that has none."""
    steps = sum(sizes)
    first = torch.arange(0, steps + 2, 2).clamp(max=steps)
    return [_numbers(steps, 2), first, (first + 3).clamp(max=steps), True, 3]


def activate(sizes):
    return [_numbers(sum(sizes), 70), "silu", 1.0]


def contract(sizes):
    return [_numbers(sum(sizes), 2), _numbers(sum(sizes), 3), _offsets(sizes)]


def attention(sizes):
    others = [(3 * n + 1) % 5 for n in sizes]  # sequences without keys, and without queries
    key, value = (_numbers(sum(others), 2, d) for d in (4, 4))
    sides = _offsets(sizes), _offsets(others)
    blocks = [torch.arange(sum(n)) // 3 % 2 for n in (sizes, others)]
    return [_numbers(sum(sizes), 4, 4), key, value, *sides, None, False, 3, *blocks, 0.0, None]


#: The arguments of each operator, of the lengths of sequences.
ARGUMENTS = {
    made.__name__: made
    for made in (
        recurrent,
        linear,
        slots_linear,
        group,
        adam_step,
        log_partition,
        marginals,
        best_path,
        best_paths,
        ctc,
        normalize,
        pool,
        contract,
        activate,
        attention,
    )
}
#: A path that computes on what it was not made for, where it is named.
ANYWHERE = {("recurrent", "cudnn")}


def called(operator, path, given):
    """What this path gives through torch, a list of tensors; those that are kept left out."""
    keep = [True] if operator.kept else []
    found = operator.op(*given, path, *keep)
    found = [] if found is None else [found] if isinstance(found, torch.Tensor) else list(found)
    return found[: len(found) - operator.kept]


def names():
    """Each operator and each of its paths."""
    return [(o.name, path.name) for o in paths.OPERATORS.values() for path in o.paths]


def there(operator, path, given):
    """Whether a path is there for this call, on this machine."""
    if (operator.name, path) in ANYWHERE:
        return True
    return operator.named[path].refuses(operator.call(*given)) is None


__all__ = ["ARGUMENTS", "SIZES", "called", "kernels", "names", "there"]
