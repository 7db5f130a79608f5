"""A model that runs whole, while what it gave before its tails is remembered for the loss.

A loss is computed before the last activation where that is more exact, or where there is no other
way (a CRF's path has no derivative). That is our business: a model that somebody watches, by hooks
or with a training step of his own, runs as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.nn.modules import module as of_torch

from ..core.tails import Tailed
from ..layers import TimeDistributed
from ..ragged import Ragged


class Tails:
    """Within this block the layers note what they gave before their tails, and what with them.

    Args:
        layers: that end in a tail.
    """

    def __init__(self, layers: Iterable[Tailed | None]) -> None:
        self._layers = list({id(x): x for x in layers if x is not None}.values())
        self._notes: list[_Note] = []

    def __enter__(self) -> Tails:
        for layer in self._layers:
            note = _OfSteps(layer) if isinstance(layer, TimeDistributed) else _Note(layer)
            self._notes.append(note)
        return self

    def __exit__(self, *_: Any) -> None:
        for note in self._notes:
            note.end()
        self._notes.clear()

    def before(self, output: Any) -> Any:
        """What an output was before its tail; None for what no tail gave, or a hook has changed."""
        for note in self._notes:
            for early, given in note.calls:
                if given is output:
                    return early
        return None


class _Note:
    """Stands in a layer's `forward` and notes each call's output, before the tail and with it."""

    def __init__(self, layer: Tailed) -> None:
        self.layer: Any = layer
        self.calls: list[tuple[Any, Any]] = []
        # The one attribute that torch reads: a hook of ours would run after the layer.
        layer.__dict__["forward"] = self

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        early = self.layer.before_tail(*inputs, **options)
        output = self.layer.from_tail(early)
        self.calls.append((early, output))
        return output

    def given_as(self, before: Any, after: Any) -> None:
        """Told by a call that has brought the output into the type of the layer's policy."""
        self.calls = [(early, after if given is before else given) for early, given in self.calls]

    def end(self) -> None:
        self.layer.__dict__.pop("forward", None)


class _OfSteps(_Note):
    """The same of a wrapper, whose inner layer has the tail, and hooks of its own perhaps."""

    def __init__(self, layer: TimeDistributed) -> None:
        super().__init__(layer)
        inner: Any = layer.layer
        self.inner = _OfSteps(inner) if isinstance(inner, TimeDistributed) else _Note(inner)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        output = type(self.layer).forward(self.layer, *inputs, **options)
        if self.inner.calls:
            early, given = self.inner.calls[-1]
            if isinstance(output, Ragged):
                if output.values is given:
                    self.calls.append((output.with_values(early), output))
            elif output.data_ptr() == given.data_ptr():
                self.calls.append((early.unflatten(0, output.shape[:2]), output))
        return output

    def end(self) -> None:
        super().end()
        self.inner.end()


_FORWARD = ("_forward_hooks", "_forward_pre_hooks")
_BACKWARD = ("_backward_hooks", "_backward_pre_hooks")


def hooked(model: torch.nn.Module) -> bool:
    """Whether anybody watches the model's modules, so that all of them must be called."""
    return _any_of(model, (*_FORWARD, *_BACKWARD))


def hooked_backward(model: torch.nn.Module, last: Iterable[Tailed | None]) -> bool:
    """Whether somebody waits for the gradient of what these last layers give, tails and all."""
    ends = [layer for layer in last if layer is not None]
    inside = [part for layer in ends for part in layer.modules()]
    around = [m for m in model.modules() if any(m is e or _holds(m, e) for e in ends)]
    return _any_of(model, _BACKWARD) and any(
        getattr(m, kind) for m in (*inside, *around) for kind in _BACKWARD
    )


def _holds(module: torch.nn.Module, layer: Tailed) -> bool:
    return any(part is layer for part in module.modules())


def _any_of(model: torch.nn.Module, kinds: tuple[str, ...]) -> bool:
    everywhere = (getattr(of_torch, f"_global{kind}") for kind in kinds)
    return any(everywhere) or any(getattr(m, kind) for m in model.modules() for kind in kinds)
