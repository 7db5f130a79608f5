"""Training or evaluation: a mode that is held for a block, after which every module has its own."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from operator import is_
from weakref import WeakKeyDictionary

import torch

from .structure import every_module

_lock = threading.Lock()
_held: WeakKeyDictionary[torch.nn.Module, _Held] = WeakKeyDictionary()


@dataclass
class _Held:
    """A mode that some thread, or several, hold a module in."""

    training: bool
    alone: bool
    parts: list[torch.nn.Module]  # the root first
    flags: list[bool]
    threads: list[int] = field(default_factory=list)
    outer: _Held | None = None


@contextmanager
def mode(
    module: torch.nn.Module, training: bool, who: str = "", *, alone: bool = False
) -> Iterator[None]:
    """Within this block the module and all inside are in training mode, or in evaluation mode.

    Then every module's own flag comes back. Blocks nest, and several threads may hold one mode
    together: the first sets it, the last one to leave gives the flags back. What another thread
    holds in the other mode is refused, since one of the two would compute something else than it
    says.

    Args:
        module: the root; a part of it that another thread holds by itself is not looked at.
        training: the mode.
        who: is called in the error, as "predict".
        alone: whether no other thread may hold the module meanwhile, in the same mode either.

    Raises:
        RuntimeError: another thread holds the module in the other mode, or alone.
    """
    me = threading.get_ident()
    with _lock:
        held = _held.get(module)
        if held is not None and (
            alone or held.alone or held.outer is not None or held.training != training
        ):
            _refuse_others(held, me, who or type(module).__name__)
        if held is None or held.training != training or alone:
            parts = every_module(module)
            held = _Held(training, alone, parts, [part.training for part in parts], [], held)
            _held[module] = held
            if any(kind.train is not torch.nn.Module.train for kind in set(map(type, parts))):
                module.train(training)  # which somebody has a word to say in
            else:
                _set(parts, repeat(training))
        held.threads.append(me)
    try:
        yield
    finally:
        with _lock:
            held.threads.remove(me)
            if not held.threads:
                parts, flags = every_module(module), held.flags
                if len(parts) != len(held.parts) or not all(map(is_, parts, held.parts)):
                    # What was made meanwhile is in the mode of the whole.
                    known = dict(zip(map(id, held.parts), flags, strict=True))
                    flags = [known.get(id(part), flags[0]) for part in parts]
                _set(parts, flags)
                if held.outer is None:
                    del _held[module]
                else:
                    _held[module] = held.outer


def _set(parts: list[torch.nn.Module], flags: Iterable[bool]) -> None:
    """`part.training = flag`, past what a layer does with attributes: a tenth of its cost."""
    for part, training in zip(parts, flags, strict=False):
        own = part.__dict__
        if "training" in own:
            own["training"] = training
        else:
            part.training = training


def _refuse_others(held: _Held, me: int, who: str) -> None:
    if any(thread != me for thread in held.threads):
        doing = "trained" if held.training or held.outer is not None else "evaluated"
        raise RuntimeError(
            f"{who}: the model is being {doing} in another thread, and has one mode for both. Wait "
            "for that, or use a copy: copy.deepcopy(model)."
        )
