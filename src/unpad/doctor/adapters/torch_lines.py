"""Every call of an operator in a forward pass of PyTorch: what it gave, and the calling line."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..findings import Where
from ..probes import Laid, Pair, Place
from ..probes.align import apart

_TORCH = str(Path(torch.__file__).parent)
_OURS = str(Path(__file__).parents[1])


class Call(NamedTuple):
    """One call.

    Args:
        name: of the operator.
        output: its first tensor of floats, copied: a later call may write into it. A recurrence's
            last state, its second, is padding's where nobody reads it.
        layer: the innermost module that is running.
        file: of the line; None where no line but torch's and ours stands between.
        line: in the file.
    """

    name: str
    output: Tensor
    layer: str | None
    file: str | None
    line: int


class Lines(TorchFunctionMode):
    """Notes the calls of operators, within a `with`.

    Args:
        module: whose parts are named; None for a function.
    """

    def __init__(self, module: nn.Module | None = None) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._names = {} if module is None else {id(p): n for n, p in module.named_modules()}
        self._running: list[str] = []
        self._hooks: list[Any] = []

    def __enter__(self) -> Lines:
        from torch.nn.modules import module as of

        self._hooks = [
            of.register_module_forward_pre_hook(self._enters),
            of.register_module_forward_hook(self._leaves, always_call=True),
        ]
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        for hook in self._hooks:
            hook.remove()

    def _enters(self, module: nn.Module, inputs: Any) -> None:
        self._running.append(self._names.get(id(module), type(module).__name__))

    def _leaves(self, module: nn.Module, inputs: Any, outputs: Any) -> None:
        if self._running:
            self._running.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", str(func))
        if name in ("__get__", "__set__"):  # .T and .mT turn axes; .shape gives no tensor
            name = str(getattr(getattr(func, "__self__", None), "__name__", name))
        found = [x for x in _flat(out) if isinstance(x, Tensor) and x.is_floating_point()]
        file, line = _line() if found else (None, 0)
        if found and (file is not None or self._running):
            kept = found[0].detach().clone().cpu()
            layer = self._running[-1] if self._running else None
            self.calls.append(Call(name, kept, layer or None, file, line))
        return out


def parts(
    answer: Callable[[Laid], Any], pair: Pair, threshold: float, one: Lines, other: Lines
) -> Place | None:
    """The first call at which real steps differ by more than this share of their spread."""
    with one:
        answer(pair.first)
    with other:
        answer(pair.second)
    for mine, its in _beside(one.calls, other.calls):
        found = apart(mine.output, its.output, pair)
        if found is not None and found > threshold:
            return Place(_where(mine), mine.name, found)
    return None


def _beside(one: list[Call], other: list[Call]) -> Iterator[tuple[Call, Call]]:
    """What belongs together of two passes: some models leave calls out where nothing is padding."""
    keys = [[(c.name, c.layer, c.file, c.line) for c in calls] for calls in (one, other)]
    for block in SequenceMatcher(None, *keys, autojunk=False).get_matching_blocks():
        for k in range(block.size):
            yield one[block.a + k], other[block.b + k]


def _flat(out: Any) -> list[Any]:
    if isinstance(out, (list, tuple)):
        return [x for part in out for x in _flat(part)]
    return [out]


def _line() -> tuple[str | None, int]:
    """The nearest line above that is neither torch's nor the doctor's."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_OURS):
            return None, 0  # it was the doctor that called
        if not file.startswith(_TORCH) and not file.startswith("<frozen"):
            return file, frame.f_lineno
        frame = frame.f_back
    return None, 0


def _where(call: Call) -> Where:
    if call.file is None:
        return Where(layer=call.layer)
    linecache.checkcache(call.file)  # it may have been written since
    code = linecache.getline(call.file, call.line).strip() or None
    return Where(layer=call.layer, file=call.file, line=call.line, code=code)
