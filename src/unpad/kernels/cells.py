"""The recurrent cells: a record each of what the operators and their paths must know of one.

A step's equation is the specification; `walk` has it in torch's operators, with its way back, and
csrc has those that `compiled` knows. Nothing else in this room asks a cell for its name.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

from torch import Tensor

from . import torch_gru, torch_lstm, torch_mgu, torch_simple_rnn

Function = Callable[[Tensor], Tensor]
Product = Callable[[int, Tensor], Tensor]
#: The parts of x W + b, one a gate; h; c; k, h -> (h m) U + b' of gate k; act; rec -> h and c.
Step = Callable[..., tuple[Tensor, Tensor]]


class Cell(NamedTuple):
    """What there is to know of a cell.

    Args:
        name: as layers call it.
        gates: blocks of `hidden` columns in the kernels, in Keras's order.
        step: its equation; see `Step`.
        walk: its steps in torch's operators, `step` and `back` (see `torch_walk`); without them
            the path "torch" leaves it to the reference.
        states: 1, h, or 2, h and c.
        keeps: whether the way back needs the activated gates and a row of the cell's own a step;
            if not, the outputs are enough.
        recurrent_biases: whether h U has a bias of its own.
    """

    name: str
    gates: int
    step: Step
    walk: ModuleType | torch_gru.Gru | None = None
    states: int = 1
    keeps: bool = True
    recurrent_biases: bool = False


def _lstm(
    x: tuple[Tensor, ...], h: Tensor, c: Tensor, product: Product, act: Function, rec: Function
) -> tuple[Tensor, Tensor]:
    """Hochreiter and Schmidhuber (1997), with a forget gate."""
    i, f, g, o = (x[k] + product(k, h) for k in range(4))
    c = rec(f) * c + rec(i) * act(g)
    return rec(o) * act(c), c


def _gru(
    x: tuple[Tensor, ...], h: Tensor, c: Tensor, product: Product, act: Function, rec: Function
) -> tuple[Tensor, Tensor]:
    """The reset gate acts on h U, as cuDNN has it and Keras by default."""
    z, r = (rec(x[k] + product(k, h)) for k in range(2))
    return z * h + (1 - z) * act(x[2] + r * product(2, h)), c


def _gru_reset_before(
    x: tuple[Tensor, ...], h: Tensor, c: Tensor, product: Product, act: Function, rec: Function
) -> tuple[Tensor, Tensor]:
    """The reset gate acts on h, as Cho et al. (2014) had it."""
    z, r = (rec(x[k] + product(k, h)) for k in range(2))
    return z * h + (1 - z) * act(x[2] + product(2, r * h)), c


def _simple_rnn(
    x: tuple[Tensor, ...], h: Tensor, c: Tensor, product: Product, act: Function, rec: Function
) -> tuple[Tensor, Tensor]:
    """Elman (1990)."""
    return act(x[0] + product(0, h)), c


def _mgu(
    x: tuple[Tensor, ...], h: Tensor, c: Tensor, product: Product, act: Function, rec: Function
) -> tuple[Tensor, Tensor]:
    """Zhou et al. (2016): one gate resets and updates."""
    f = rec(x[0] + product(0, h))
    return (1 - f) * h + f * act(x[1] + product(1, f * h)), c


CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        Cell("lstm", 4, _lstm, torch_lstm, states=2),
        Cell("gru", 3, _gru, torch_gru.RESET_AFTER, recurrent_biases=True),
        Cell("gru_reset_before", 3, _gru_reset_before, torch_gru.RESET_BEFORE),
        Cell("simple_rnn", 1, _simple_rnn, torch_simple_rnn, keeps=False),
        Cell("mgu", 2, _mgu, torch_mgu),
    )
}
GATES: dict[str, int] = {name: cell.gates for name, cell in CELLS.items()}
