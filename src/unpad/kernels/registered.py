"""The operators as torch knows them: `torch.ops.unpad`.

What a graph is made of (torch.compile, torch.export, fake or functional tensors) calls these; plain
tensors are computed by the same functions without the dispatcher.

Of an operator's record all that torch asks for follows: its schema, what it computes, the shapes
that come out, and its derivative, which is an operator of its own, `unpad::<name>_backward`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .around import as_tensors

LIBRARY = torch.library.Library("unpad", "DEF")


class Registered(NamedTuple):
    """What torch is told of an operator.

    Args:
        name: without `unpad::`.
        takes: its arguments in torch's notation; a path's name follows them and, where something
            is kept, whether to keep it.
        gives: its results, in the same.
        kept: how many of the results, the last ones, are for the way back alone.
        followed: the arguments that gradients go to; none where the operator has no derivative.
        compute: of all arguments, the results.
        back: of a gradient or None for each result that is not kept, the arguments, all results
            (none where nothing is kept), the path's name and which of `followed` are asked for:
            their gradients, None for zeros or what nobody asked for.
        shapes: the results, empty, of all arguments.
    """

    name: str
    takes: str
    gives: str
    kept: int
    followed: Sequence[str]
    compute: Callable[..., Any]
    back: Callable[..., Sequence[Tensor | None]]
    shapes: Callable[..., Any]


def register(record: Registered) -> Any:
    """Tells torch of an operator, and gives `torch.ops.unpad.<name>.default`."""
    name = record.name
    keep = ", bool keep" if record.kept else ""
    LIBRARY.define(f"{name}({record.takes}, str path{keep}) -> {record.gives}")
    LIBRARY.impl(name, record.compute, "CompositeExplicitAutograd")
    torch.library.register_fake(f"unpad::{name}", record.shapes, lib=LIBRARY)
    if record.followed:
        _differentiate(record)
    return getattr(torch.ops.unpad, name).default


def names_of(takes: str) -> list[str]:
    """The names of arguments that are given in torch's notation."""
    return [re.split(r"[ =]", part.strip())[1] for part in takes.split(",")]


def _on_one_device(who: str, tensors: Sequence[Any]) -> None:
    devices = dict.fromkeys(t.device for t in tensors if isinstance(t, Tensor) and t.numel())
    if len(devices) > 1:
        raise ValueError(f"{who}: tensors lie on {' and '.join(map(str, devices))}.")


def _differentiate(record: Registered) -> None:
    backward = f"{record.name}_backward"
    names = names_of(record.takes)
    at = [names.index(name) for name in record.followed]

    def there(found: Sequence[Tensor | None], arguments: Sequence[Any]) -> list[Tensor]:
        """As an operator gives them, which may give neither None nor rows that lie apart."""
        like = next(a for a in arguments if isinstance(a, Tensor))
        return [like.new_empty(0) if g is None else g.contiguous() for g in found]

    def back(
        gradients: Any, *given: Any, results: Any, path: str, wanted: Sequence[bool]
    ) -> list[Tensor]:
        asked = [w and given[i] is not None for i, w in zip(at, wanted, strict=True)]
        found = record.back(gradients, given, results, path, asked)
        found = [
            torch.zeros_like(given[i]) if a and g is None else g if a else None
            for i, a, g in zip(at, asked, found, strict=True)
        ]
        return there(found, given)

    def shapes(
        gradients: Any, *given: Any, results: Any, path: str, wanted: Sequence[bool]
    ) -> list[Tensor]:
        # Where one tensor lies on "meta", torch comes here with all of them.
        _on_one_device(record.name, [*gradients, *given, *results])
        asked = [given[i] if w else None for i, w in zip(at, wanted, strict=True)]
        return there([None if a is None else a.new_empty(a.shape) for a in asked], given)

    LIBRARY.define(
        f"{backward}(Tensor?[] gradients, {record.takes}, *, Tensor[] results, str path, "
        "bool[] wanted) -> Tensor[]"
    )
    LIBRARY.impl(backward, back, "CompositeExplicitAutograd")
    torch.library.register_fake(f"unpad::{backward}", shapes, lib=LIBRARY)
    run = getattr(torch.ops.unpad, backward).default

    def setup(ctx: Any, inputs: tuple, output: Any) -> None:
        results = [output] if isinstance(output, Tensor) else list(output)
        given, path = inputs[: len(names)], inputs[len(names)]
        ctx.kept, ctx.path = not record.kept or inputs[-1], path
        ctx.count = len(results) - record.kept
        if record.kept:
            ctx.mark_non_differentiable(*results[ctx.count :])
        ctx.others = [None if isinstance(a, Tensor) else a for a in given]
        ctx.tensors = [isinstance(a, Tensor) for a in given]
        # Zeros for what nobody followed would be .2 ms of a training step of 6.
        ctx.set_materialize_grads(False)
        if ctx.kept:
            kept = results if record.kept else []
            ctx.save_for_backward(*(a for a in given if isinstance(a, Tensor)), *kept)

    def differentiate(ctx: Any, *gradients: Tensor | None) -> tuple:
        if not ctx.kept:
            raise RuntimeError(
                f"unpad::{record.name}: a gradient was asked for, but it ran with keep=False."
            )
        with as_tensors():
            saved = list(ctx.saved_tensors)
        given = [saved.pop(0) if is_tensor else other
                 for is_tensor, other in zip(ctx.tensors, ctx.others, strict=True)]  # fmt: skip
        wanted = [ctx.needs_input_grad[i] for i in at]
        found = run(
            list(gradients[: ctx.count]), *given, results=saved, path=ctx.path, wanted=wanted
        )
        each: list[Tensor | None] = [None] * len(ctx.needs_input_grad)
        for i, asked, gradient in zip(at, wanted, found, strict=True):
            each[i] = gradient if asked else None
        return tuple(each)

    torch.library.register_autograd(
        f"unpad::{record.name}", differentiate, setup_context=setup, lib=LIBRARY
    )
