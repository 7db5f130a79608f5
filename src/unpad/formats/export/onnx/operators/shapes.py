"""The same numbers in another shape, several put together, and new ones of one number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..builder import TYPES, Builder, Value, is_fixed

_END = 2**31 - 1


def _reshaped(g: Builder, out: Tensor, x: Value, *_: Any, **__: Any) -> str:
    return g.reshape(x, out.shape)


def _unsqueeze(g: Builder, out: Tensor, x: Value, axis: int) -> str:
    return g.op("Unsqueeze", x, [axis % out.ndim])


def _squeeze(g: Builder, out: Tensor, x: Value, axes: Any = None) -> str:
    return x.name if out.ndim == x.like.ndim else g.reshape(x, out.shape)


def _permuted(g: Builder, out: Tensor, x: Value, order: Sequence[int]) -> str:
    return g.op("Transpose", x, perm=[axis % out.ndim for axis in order])


def _transpose(g: Builder, out: Tensor, x: Value, a: int = -2, b: int = -1) -> str:
    order = list(range(out.ndim))
    a, b = a % out.ndim, b % out.ndim
    order[a], order[b] = b, a
    return g.op("Transpose", x, perm=order)


def _moved(g: Builder, out: Tensor, x: Value, source: int, target: int) -> str:
    order = [axis for axis in range(out.ndim) if axis != source % out.ndim]
    order.insert(target % out.ndim, source % out.ndim)
    return g.op("Transpose", x, perm=order)


def _expand(g: Builder, out: Tensor, x: Value, *_: Any, **__: Any) -> str:
    return g.op("Expand", x, g.sizes(out.shape))


def _slice(
    g: Builder, out: Tensor, x: Value, axis: int = 0, start: Any = 0, end: Any = None, step: int = 1
) -> str:
    start = 0 if start is None else start
    if type(end) is int and end > _END:
        end = None
    if type(start) is int and start == 0 and end is None and step == 1:
        return x.name
    return g.slice(x, start, _END if end is None else end, axis % x.like.ndim, step)


def _select(g: Builder, out: Tensor, x: Value, axis: int, index: Any) -> str:
    return g.op("Gather", x, g.number(index, torch.int64), axis=axis % x.like.ndim)


def _diff(g: Builder, out: Tensor, x: Value, n: int = 1, axis: int = -1) -> str:
    axis = axis % x.like.ndim
    return g.op("Sub", g.slice(x, 1, _END, axis), g.slice(x, 0, -1, axis))


def _split(g: Builder, out: Sequence[Tensor], x: Value, *arguments: Any) -> list[str]:
    """Into parts along an axis: `split` and `chunk`."""
    axis = (arguments[1] if len(arguments) > 1 else 0) % x.like.ndim
    if len(out) == 1:
        return [x.name]
    return g.ops("Split", len(out), x, g.sizes([part.shape[axis] for part in out]), axis=axis)


def _unbind(g: Builder, out: Sequence[Tensor], x: Value, axis: int = 0) -> list[str]:
    axis = axis % x.like.ndim
    return [g.op("Gather", x, g.number(i, torch.int64), axis=axis) for i in range(len(out))]


def _concatenated(g: Builder, out: Tensor, parts: Sequence[Value], axis: int = 0) -> str:
    names = [g.cast(part, out.dtype) for part in parts]
    return names[0] if len(names) == 1 else g.op("Concat", *names, axis=axis % out.ndim)


def _stacked(g: Builder, out: Tensor, parts: Sequence[Value], axis: int = 0) -> str:
    axis = axis % out.ndim
    names = [g.op("Unsqueeze", g.cast(part, out.dtype), [axis]) for part in parts]
    return names[0] if len(names) == 1 else g.op("Concat", *names, axis=axis)


def _padded(
    g: Builder,
    out: Tensor,
    x: Value,
    pads: Sequence[Any],
    mode: str = "constant",
    value: Any = None,
) -> str:
    if mode != "constant":
        raise NotImplementedError(f"padding by {mode!r}")
    pairs = [(pads[i], pads[i + 1]) for i in range(0, len(pads), 2)]
    pairs = [(0, 0)] * (out.ndim - len(pairs)) + pairs[::-1]
    amounts = g.sizes([first for first, _ in pairs] + [last for _, last in pairs])
    number = int(value or 0) if not out.dtype.is_floating_point else float(value or 0)
    return g.op("Pad", x, amounts, g.number(number, out.dtype))


def _flip(g: Builder, out: Tensor, x: Value, axes: Sequence[int]) -> str:
    name = x.name
    for axis in axes:
        name = g.op("Slice", name, [-1], [-_END], [axis % out.ndim], [-1])
    return name


def _repeated_each(
    g: Builder, out: Tensor, x: Value, count: Any, axis: int | None = None, output_size: Any = None
) -> str:
    """Each entry several times, one after another."""
    if axis is None:
        raise NotImplementedError("repeating what has no axis")
    axis = axis % x.like.ndim
    apart = [*x.shape[: axis + 1], count, *x.shape[axis + 1 :]]
    wide = g.op("Expand", g.op("Unsqueeze", x, [axis + 1]), g.sizes(apart))
    return g.reshape(wide, out.shape)


def _tiled(g: Builder, out: Tensor, x: Value, repeats: Sequence[Any]) -> str:
    lead = len(repeats) - x.like.ndim
    name = g.reshape(x, [*[1] * lead, *x.shape]) if lead else x.name
    return g.op("Tile", name, g.sizes(repeats))


# --- of one number, or counted ------------------------------------------------------------------


def _full(number: Any) -> Callable[..., Any]:
    return lambda g, out, *_, **__: g.filled(out.shape, number, out.dtype)


def _full_of(g: Builder, out: Tensor, first: Any, number: Any, *_: Any, **__: Any) -> str:
    """`full`, `full_like` and `new_full`, whose first argument says the shape, or has it."""
    return g.filled(out.shape, number, out.dtype)


def _new_full(g: Builder, out: Tensor, x: Value, size: Any, number: Any, **_: Any) -> str:
    return g.filled(out.shape, number, out.dtype)


def _range(g: Builder, out: Tensor, start: Any, end: Any = None, step: Any = 1, **_: Any) -> str:
    start, end = (0, start) if end is None else (start, end)
    kind = out.dtype if out.dtype.is_floating_point else torch.int64
    found = g.op("Range", *(g.number(n, kind) for n in (start, end, step)))
    return found if kind == out.dtype else g.op("Cast", found, to=TYPES[out.dtype])


def _triangle(upper: int) -> Callable[..., Any]:
    def write(g: Builder, out: Tensor, x: Value, diagonal: int = 0) -> str:
        return g.op("Trilu", x, diagonal, upper=upper)

    return write


def _one_hot(g: Builder, out: Tensor, x: Value, classes: Any = -1) -> str:
    if not is_fixed(out.shape[-1]):
        raise NotImplementedError("one_hot without a number of classes")
    places = g.op("Range", 0, g.number(int(out.shape[-1]), torch.int64), 1)
    same = g.op("Equal", g.op("Unsqueeze", g.cast(x, torch.int64), [-1]), places)
    return g.op("Cast", same, to=TYPES[out.dtype])


TRANSLATIONS: dict[str, Callable[..., Any]] = {
    "aten.reshape.default": _reshaped,
    "aten.view.default": _reshaped,
    "aten._unsafe_view.default": _reshaped,
    "aten.flatten.using_ints": _reshaped,
    "aten.unflatten.int": _reshaped,
    "aten.unsqueeze.default": _unsqueeze,
    "aten.squeeze.default": _squeeze,
    "aten.squeeze.dim": _squeeze,
    "aten.squeeze.dims": _squeeze,
    "aten.permute.default": _permuted,
    "aten.transpose.int": _transpose,
    "aten.mT.default": _transpose,
    "aten.t.default": lambda g, out, x: x.name if out.ndim < 2 else _transpose(g, out, x),
    "aten.numpy_T.default": lambda g, out, x: g.op("Transpose", x),
    "aten.movedim.int": _moved,
    "aten.expand.default": _expand,
    "aten.expand_as.default": _expand,
    "aten.broadcast_to.default": _expand,
    "aten.slice.Tensor": _slice,
    "aten.narrow.default": lambda g, out, x, axis, start, length: _slice(
        g, out, x, axis, start, start + length
    ),
    "aten.select.int": _select,
    "aten.diff.default": _diff,
    "aten.split.Tensor": _split,
    "aten.split_with_sizes.default": _split,
    "aten.chunk.default": _split,
    "aten.unbind.int": _unbind,
    "aten.cat.default": _concatenated,
    "aten.concat.default": _concatenated,
    "aten.stack.default": _stacked,
    "aten.pad.default": _padded,
    "aten.constant_pad_nd.default": lambda g, out, x, pads, value=0: _padded(
        g, out, x, pads, "constant", value
    ),
    "aten.flip.default": _flip,
    "aten.repeat_interleave.self_int": _repeated_each,
    "aten.repeat.default": _tiled,
    "aten.tile.default": _tiled,
    "aten.arange.default": _range,
    "aten.arange.start": _range,
    "aten.arange.start_step": _range,
    "aten.full.default": _full_of,
    "aten.full_like.default": _full_of,
    "aten.new_full.default": _new_full,
    "aten.tril.default": _triangle(0),
    "aten.triu.default": _triangle(1),
    "aten.one_hot.default": _one_hot,
}
for _name, _number in (("zeros", 0), ("ones", 1), ("empty", 0)):
    for _form in (_name, f"{_name}_like", f"new_{_name}"):
        TRANSLATIONS[f"aten.{_form}.default"] = _full(_number)
TRANSLATIONS["aten.empty.memory_format"] = _full(0)
