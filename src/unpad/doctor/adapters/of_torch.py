"""A PyTorch module: its signature says how padding is told, its calls where two answers part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..probes import CannotAsk, Laid, Pair, Place, Reach
from ..probes.align import apart
from ..probes.laid import filled
from .of_function import answered, names_of
from .signature import Told, ways_of
from .torch_lines import Lines, parts
from .torch_shares import shares_of


class OfTorch:
    """A module that is asked, in evaluation mode unless it is said otherwise.

    Args:
        module: that is asked.
        laid: with what, to find out how it is told what is padding.
        told: how it is told, where the caller says it.
        training: whether it is asked as it is in training.
    """

    def __init__(
        self, module: nn.Module, laid: Laid, told: str | None = None, training: bool = False
    ) -> None:
        self.module, self.training = module, training
        first = next((p for p in module.parameters()), None)
        self.device = torch.device("cpu") if first is None else first.device
        self.dtype = first.dtype if first is not None else torch.get_default_dtype()
        self.dtype = self.dtype if self.dtype.is_floating_point else torch.get_default_dtype()
        self.way = self._settled(ways_of(module.forward, told, names_of(laid)), laid, told)

    words = "torch"

    @property
    def told(self) -> str | None:
        """How it is told what is padding."""
        return self.way.how

    def _settled(self, ways: list[Told], laid: Laid, told: str | None) -> Told:
        """The first way under which padding's content says nothing, else the first that works."""
        works: list[Told] = []
        why: CannotAsk | None = None
        if told is None and ways and ways[0].how is None and laid.name is None:
            ways = [*ways, Told("packed")]
        for way in ways:
            try:
                a, b = self._call(laid, way), None
                if len(ways) == 1 or way.how in (None, "packed"):
                    return way
                b = self._call(filled(laid, torch.Generator().manual_seed(1)), way)
            except CannotAsk as error:
                why = why or error
                continue
            works.append(way)
            n = len(laid.sequences)
            same = Pair(laid, laid, [(i, i) for i in range(n)])
            found = [apart(a[name], b[name], same) for name in a if name in b]
            if all(by is not None and by < 1e-3 for by in found[:1]):
                return way
        if not works:
            raise why or CannotAsk("no call of it works.")
        return works[0]

    def outputs(self, laid: Laid) -> dict[str, Tensor]:
        """The outputs by name."""
        return self._call(laid, self.way)

    def _call(self, laid: Laid, way: Told) -> dict[str, Tensor]:
        with asked(self.module, self.training), torch.no_grad():
            return answered(self.module, way, laid, self.given)

    def given(self, value: Any) -> Any:
        """A value as the module takes it: on its device, floats in its type."""
        if isinstance(value, dict):
            return {name: self.given(part) for name, part in value.items()}
        if isinstance(value, Tensor):
            dtype = self.dtype if value.is_floating_point() else value.dtype
            # Packing wants its lengths on the CPU, and lengths are all that has one axis.
            return value.to(self.device if value.ndim > 1 else "cpu", dtype)
        return value.to(self.device) if hasattr(value, "batch_sizes") else value

    def place(self, pair: Pair, threshold: float) -> Place | None:
        """The first call of an operator, in a line of the module's, whose outputs part."""
        return parts(self.outputs, pair, threshold, Lines(self.module), Lines(self.module))

    def shares(self, laid: Laid, causal: bool) -> Reach | None:
        """Which share of the gradient of an output falls on what."""
        with asked(self.module, self.training):
            return shares_of(self.module, self.way, laid, self.given, causal)


@contextmanager
def asked(module: nn.Module, training: bool) -> Iterator[None]:
    """The module in one mode, and each part of it as it was before afterwards."""
    before = [(part, part.training) for part in module.modules()]
    # What training mode writes down of a batch, as BatchNorm does, is no business of the asker.
    kept = {k: v.clone() for k, v in module.named_buffers()} if training else {}
    module.train(training)
    try:
        yield
    finally:
        for part, was in before:
            part.training = was
        with torch.no_grad():
            for name, value in module.named_buffers():
                if name in kept:
                    value.copy_(kept[name])
