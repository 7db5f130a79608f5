"""How a model wants to be told what is padding, read from the names of its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
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


def says_padding(name: str) -> str | None:
    """How an argument of this name says what is padding; None where it does not."""
    ways = _ways({name: None}, None)
    return ways[0].how if ways else None


class Told(NamedTuple):
    """How a call says what is padding.

    Args:
        how: "lengths", "mask", "padding mask", "packed" or None.
        name: of the argument.
        make: what is given as that argument.
        of: the input that it is said of, where there are several.
        same: how often the grid itself is given: attention wants query, key and value.
        as_dict: whether several inputs are given as one dict, and not by their names.
        beside: of other inputs: which argument says of which what is padding, made how.
    """

    how: str | None
    name: str | None = None
    make: Callable[[Laid], Any] | None = None
    of: str | None = None
    same: int = 1
    as_dict: bool = False
    beside: tuple[tuple[str, str, Callable[[Laid], Any]], ...] = ()

    def said(self, laid: Laid) -> dict[str, Any]:
        """What says what is padding, by the arguments' names."""
        inputs = laid.inputs
        named = {name: make(inputs[of]) for name, of, make in self.beside}
        if self.name is not None and self.make is not None:
            named[self.name] = self.make(laid if self.of is None else inputs[self.of])
        return named

    def arguments(self, laid: Laid, grid: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the model is called with."""
        if self.how == "packed":
            packed = pack_padded_sequence(
                grid, laid.lengths, batch_first=True, enforce_sorted=False
            )
            return (packed,), {}
        named = self.said(laid)
        if laid.name is None:
            return (grid,) * self.same, named
        inputs = {name: part.grid for name, part in laid.inputs.items()} | {laid.name: grid}
        return ((inputs,), named) if self.as_dict else ((), inputs | named)


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


def ways_of(
    function: Callable[..., Any], told: str | None = None, inputs: Sequence[str] = ()
) -> list[Told]:
    """The ways in which it may be told, the likeliest first.

    A mask's convention cannot be read from its name for sure: it is the one under which the model
    keeps the laws, if there is one.

    Args:
        function: whose arguments are read.
        told: the way, where the caller says it.
        inputs: their names, where there are several.

    Raises:
        CannotAsk: it needs arguments that nobody could guess.
    """
    if told == "packed":
        if inputs:
            raise CannotAsk("packed sequences are those of one input.")
        return [Told("packed")]
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return [Told(None, as_dict=bool(inputs))]
    names = {p.name: p for p in parameters if p.name not in inputs}
    as_dict = bool(inputs) and _takes_dict(parameters, inputs)
    if told == "none":
        return [Told(None, as_dict=as_dict)]
    if any(p.annotation in (PackedSequence, "PackedSequence") for p in parameters[:1]):
        return [Told("packed")]
    same = 3 if [p.name for p in parameters[:3]] == ["query", "key", "value"] else 1
    first = 0 if inputs and not as_dict else same
    ways, beside = _said(list(names), inputs, told)
    needed = [
        p.name for p in parameters[first:]
        if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        and p.name not in inputs
    ]  # fmt: skip
    unknown = _unknown(needed, ways, beside)
    if unknown:
        raise CannotAsk(
            f"it needs {', '.join(unknown)} too. Give a function of the grid and its lengths "
            "instead: probe(lambda x, lengths: model(x, ...), samples); or samples of each input: "
            f"{{{parameters[0].name!r}: ..., {unknown[0]!r}: ...}}."
        )
    every = ways or [Told(None)]
    of = inputs[0] if inputs else None
    return [way._replace(same=same, as_dict=as_dict, of=of, beside=beside) for way in every]


def _takes_dict(parameters: list[inspect.Parameter], inputs: Sequence[str]) -> bool:
    """Whether inputs are given as one dict: there is one argument for them, of another name."""
    by_name = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
    if set(inputs) <= by_name or any(p.kind is p.VAR_KEYWORD for p in parameters):
        return False
    if set(inputs) & by_name or not parameters:
        absent = [name for name in inputs if name not in by_name]
        raise CannotAsk(
            f"it has no argument {absent[0]!r}; it takes {', '.join(p.name for p in parameters)}."
        )
    return True


_Beside = tuple[tuple[str, str, Callable[[Laid], Any]], ...]


def _said(names: list[str], inputs: Sequence[str], told: str | None) -> tuple[list[Told], _Beside]:
    """How it may be told what is padding in the first input, and in others."""
    beside = _beside(names, inputs)
    said = {name for name, _, _ in beside}
    ways = _ways({name: None for name in names if name not in said}, told)
    # Of the first of several inputs by its own name, as src_lengths beside src.
    mine = [part for part in beside if part[1] == inputs[0]][:1] if not ways else []
    ways = ways or [_TOLD[make](name) for name, _, make in mine]
    return ways, tuple(part for part in beside if part not in mine)


def _unknown(needed: list[str], ways: list[Told], beside: _Beside) -> list[str]:
    known = {*(name for name, _, _ in beside), *(way.name for way in ways[:1])}
    return [name for name in needed if name not in known]


def _beside(
    names: list[str], inputs: Sequence[str]
) -> list[tuple[str, str, Callable[[Laid], Any]]]:
    """Arguments that say what is padding in an input of a name, as tgt_key_padding_mask of tgt."""
    found = []
    for name in names:
        for of in inputs:
            rest = name.removeprefix(f"{of}_")
            if rest == name:
                continue
            if rest in _PADDING:
                found.append((name, of, _padding))
            elif rest in _LENGTHS:
                found.append((name, of, _lengths))
            elif rest in _MASK:
                found.append((name, of, _real))
            break
    return found


_TOLD: dict[Callable[[Laid], Any], Callable[[str], Told]] = {
    _lengths: lambda name: Told("lengths", name, _lengths),
    _padding: lambda name: Told("padding mask", name, _padding),
    _real: lambda name: Told("mask", name, _real),
}


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


def ways_of_names(
    names: list[str], told: str | None = None, inputs: Sequence[str] = ()
) -> list[Told]:
    """The same of a model whose arguments beside its inputs have these names, and no defaults.

    Raises:
        CannotAsk: there are others than what says what is padding.
    """
    ways, beside = _said(names, inputs, told)
    unknown = _unknown(names, ways, beside)
    if unknown:
        raise CannotAsk(
            f"it needs {', '.join(unknown)} too. Give samples of each input, by their names."
        )
    of = inputs[0] if inputs else None
    return [way._replace(of=of, beside=beside) for way in ways or [Told(None)]]


def told_beside(function: Callable[..., Any]) -> list[Told]:
    """The same of a loss or a metric, whose first two arguments are outputs and targets."""
    try:
        parameters = list(inspect.signature(function).parameters.values())[2:]
    except (TypeError, ValueError):
        return [Told(None)]
    return _ways({p.name: p for p in parameters}, None) or [Told(None)]
