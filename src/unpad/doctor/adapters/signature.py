"""How a model wants to be told what is padding, read from the names of its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from ..probes import CannotAsk, Laid

# The names that people give to such arguments.
_LENGTHS = (
    *("lengths", "length", "lens", "x_lens", "x_len", "x_lengths", "lens_x", "valid_lens"),
    *("seq_lens", "seq_len", "seq_lengths", "sequence_lengths", "sequence_length", "n_steps"),
    *("input_lengths", "input_length", "src_lengths", "src_len", "audio_lens", "audio_length"),
)
_SHARES = ("wav_lens", "wav_len", "rel_lens", "relative_lengths")
_PADDING = (
    *("src_key_padding_mask", "key_padding_mask", "padding_mask", "pad_mask"),
    *("src_padding_mask", "encoder_padding_mask"),
)
_MASK = ("attention_mask", "mask", "masks", "src_mask", "input_mask", "x_mask")


class Told(NamedTuple):
    """How a call says what is padding.

    Args:
        how: "lengths", "mask", "padding mask", "packed" or None.
        name: of the argument.
        make: what is given as that argument.
        same: how often the grid itself is given: attention wants query, key and value.
    """

    how: str | None
    name: str | None = None
    make: Callable[[Laid], Any] | None = None
    same: int = 1

    def arguments(self, laid: Laid, grid: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the model is called with."""
        if self.how == "packed":
            packed = pack_padded_sequence(
                grid, laid.lengths, batch_first=True, enforce_sorted=False
            )
            return (packed,), {}
        named = {} if self.name is None or self.make is None else {self.name: self.make(laid)}
        return (grid,) * self.same, named


def _lengths(laid: Laid) -> Tensor:
    return laid.lengths


def _share(laid: Laid) -> Tensor:
    return laid.lengths / laid.width


def _real(laid: Laid) -> Tensor:
    return laid.mask


def _padding(laid: Laid) -> Tensor:
    return ~laid.mask


def _real_long(laid: Laid) -> Tensor:
    return laid.mask.long()


def _real_float(laid: Laid) -> Tensor:
    return laid.mask.to(torch.get_default_dtype())


def ways_of(function: Callable[..., Any], told: str | None = None) -> list[Told]:
    """The ways in which it may be told, the likeliest first.

    A mask's convention cannot be read from its name for sure: it is the one under which the model
    keeps the laws, if there is one.

    Args:
        function: whose arguments are read.
        told: the way, where the caller says it.

    Raises:
        CannotAsk: it needs arguments that nobody could guess.
    """
    if told == "packed":
        return [Told("packed")]
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return [Told(None)]
    names = {p.name: p for p in parameters}
    if told == "none":
        return [Told(None)]
    ways = _ways(names, told)
    if any(p.annotation in (PackedSequence, "PackedSequence") for p in parameters[:1]):
        return [Told("packed")]
    same = 3 if [p.name for p in parameters[:3]] == ["query", "key", "value"] else 1
    needed = [
        p.name for p in parameters[same:]
        if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]  # fmt: skip
    unknown = [name for name in needed if not ways or name != ways[0].name]
    if unknown:
        raise CannotAsk(
            f"it needs {', '.join(unknown)} too. Give a function of the grid and its lengths "
            "instead: probe(lambda x, lengths: model(x, ...), samples)."
        )
    optional = [Told(None, same=same)] if not needed else []
    return [way._replace(same=same) for way in ways] or optional


def _ways(names: dict[str, Any], told: str | None) -> list[Told]:
    if told is not None and told in names:
        names = {told: names[told]}
    for name in _PADDING:
        if name in names:
            return [Told("padding mask", name, _padding), Told("mask", name, _real)]
    for name in _LENGTHS:
        if name in names:
            return [Told("lengths", name, _lengths)]
    for name in _SHARES:
        if name in names:
            return [Told("lengths", name, _share)]
    for name in _MASK:
        if name in names:
            masks = (_real, _real_long, _real_float)
            return [
                *(Told("mask", name, make) for make in masks),
                Told("padding mask", name, _padding),
            ]
    return []


def ways_of_names(names: list[str], told: str | None = None) -> list[Told]:
    """The same of a model whose inputs beside the first have these names, and no defaults.

    Raises:
        CannotAsk: there are others than what says what is padding.
    """
    ways = _ways(dict.fromkeys(names), told)
    unknown = [name for name in names if not ways or name != ways[0].name]
    if unknown:
        raise CannotAsk(f"it needs {', '.join(unknown)} too.")
    return ways or [Told(None)]


def told_beside(function: Callable[..., Any]) -> list[Told]:
    """The same of a loss or a metric, whose first two arguments are outputs and targets."""
    try:
        parameters = list(inspect.signature(function).parameters.values())[2:]
    except (TypeError, ValueError):
        return [Told(None)]
    return _ways({p.name: p for p in parameters}, None) or [Told(None)]
