"""A device that counts: the CPU, whose tensors are watched.

Whatever a GPU would have to be waited for reads a number back, which is an operator of torch's
(`item`, `equal`, `nonzero`) or a method that Python calls (`tolist`, `numpy`, `cpu`). Host and
device cannot be told apart here, so that nothing at all may be read.
"""

from contextlib import contextmanager

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten

_READS = {
    aten._local_scalar_dense.default, aten.is_nonzero.default, aten.equal.default,
    aten.nonzero.default, aten.masked_select.default, aten._unique2.default,
    aten.unique_dim.default, aten.bincount.default, aten.repeat_interleave.Tensor,
}  # fmt: skip
_METHODS = {
    Tensor.tolist, Tensor.item, Tensor.numpy, Tensor.cpu, Tensor.__array__, Tensor.__bool__,
    Tensor.__int__, Tensor.__float__, Tensor.__index__, Tensor.__iter__,
}  # fmt: skip


class _Methods(TorchFunctionMode):
    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in _METHODS:
            self.seen.append(function.__name__)
        return function(*args, **(kwargs or {}))


class _Operators(TorchDispatchMode):
    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        # With the number of its results known a repetition waits for nothing.
        known = function is aten.repeat_interleave.Tensor and (kwargs or {}).get("output_size")
        if function in _READS and not known:
            self.seen.append(str(function))
        if function in (aten.sort.default, aten.sort.stable, aten.argsort.stable):
            self.seen.append("a sort")
        return function(*args, **(kwargs or {}))


@contextmanager
def counted():
    """What was read back within."""
    seen: list[str] = []
    with _Methods(seen), _Operators(seen):
        yield seen
