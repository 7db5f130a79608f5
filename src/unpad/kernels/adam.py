"""Adam's update of all weights, where it can on the library's own threads (csrc/update/adam.h)."""

# pyright: reportPrivateImportUsage=false
# torch._foreach_*: one call for all weights; documented under torch.optim, private by name only.

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.adam import adam as torch_adam

from . import around, checks, library
from .groups import by_group
from .library import DTYPES, address, call, serves
from .paths import Operator, Path
from .structures import doubles, words
from .threads import threads


class Rates(NamedTuple):
    """What an update is made with.

    Args:
        t: which one it is, counted from 1.
        learning_rate: the step size.
        betas: how fast m and v forget.
        epsilon: beside the root of v as it is, as Keras has it.
        weight_decay: decoupled: weights shrink by learning_rate * weight_decay.
    """

    t: int
    learning_rate: float
    betas: tuple[float, float]
    epsilon: float
    weight_decay: float

    def settings(self) -> bytes:
        """The library's own form of it, unpad_adam."""
        beta_1, beta_2 = self.betas
        rate = self.learning_rate * (1 - beta_2**self.t) ** 0.5 / (1 - beta_1**self.t)
        keep = 1 - self.learning_rate * self.weight_decay
        return doubles((beta_1, beta_2, rate, self.epsilon, keep))


class Moving:
    """What an update is asked to move, and for how long the library has looked at it.

    Args:
        weights: what moves, in place.
        gradients: of the same shapes; one may be sparse, (rows, width) by what each reading of a
            row gives to it.
        means: m, the running means of the gradients.
        squares: v, those of their squares.
        largest: the largest v so far, where they count (amsgrad); else none.
        update: how.
        fused: whether torch's fused update serves where the library's does not.
    """

    __slots__ = ("fused", "held", "largest", "parties", "parts", "update")

    def __init__(
        self,
        weights: Sequence[Tensor],
        gradients: Sequence[Tensor],
        means: Sequence[Tensor],
        squares: Sequence[Tensor],
        largest: Sequence[Tensor],
        update: Rates,
        fused: bool,
    ) -> None:
        self.parties = weights, gradients, means, squares
        self.largest, self.update, self.fused = largest, update, fused
        #: The fields of an unpad_adam_part for each weight, and what must live as long as they do.
        self.parts: list[int] = []
        self.held: list[Tensor] = []

    @classmethod
    def of(cls, *arguments: Any) -> Moving:
        """As torch has the arguments."""
        weights, gradients, means, squares, largest, t, rate, *rest = arguments
        beta_1, beta_2, epsilon, decay, fused = rest
        update = Rates(t, rate, (beta_1, beta_2), epsilon, decay)
        return cls(weights, gradients, means, squares, largest, update, fused)


class _Moves(NamedTuple):
    """What computes a path, as torch calls it."""

    move: Callable[[Moving], None]

    def __call__(self, *arguments: Any) -> None:
        moving = Moving.of(*arguments)
        if self.move is _compiled and (reason := _refuses(moving)) is not None:
            raise ValueError(f"adam_step: the library does not move these: {reason}.")
        self.move(moving)


def step(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    update: Rates,
    largest: Sequence[Tensor] = (),
    fused: bool = True,
) -> None:
    """Moves these weights, in place: see `Moving`.

    Of a sparse gradient every row moves, those that were not read by a gradient of 0, with the bits
    that the summed gradient gives. Where the library serves, the array that holds it is not made:
    its fresh pages alone took as long as the update.

    Raises:
        ValueError: a weight and what moves it are not of one size; no weight has moved.
    """
    if not weights:
        return
    if around.recorded():
        rates = update.t, update.learning_rate, *update.betas, update.epsilon, update.weight_decay
        parties = map(list, (weights, gradients, means, squares, largest))
        ADAM_STEP(*parties, *rates, fused)
        return
    moving = Moving(weights, gradients, means, squares, largest, update, fused)
    with around.as_tensors():
        ADAM_STEP.choose(moving).direct(moving)


def _compare(*given: Any) -> None:
    """Compares the sizes of weights, gradients, means and squares."""
    for number, (w, g, m, v) in enumerate(zip(*given[:4], strict=True)):
        if not w.numel() == g.numel() == m.numel() == v.numel():
            checks.update(number, (w, g, m, v))


# Asked of every tensor at every step: by C's own loops a third of the time.
_is_sparse, _is_cpu, _dtype_of = map(attrgetter, ("is_sparse", "is_cpu", "dtype"))


def _refuses(moving: Moving) -> str | None:
    """Why the library does not move these; where it does, their addresses are noted."""
    weights, gradients, means, squares = moving.parties
    if not weights:
        return "there is nothing to move"
    if not serves(weights[0]):
        return library.refuses(weights[0])
    if moving.largest:
        return "it keeps no largest second moments"
    counts = [*map(Tensor.numel, weights)]
    if any([*map(Tensor.numel, party)] != counts for party in moving.parties[1:]):
        _compare(*moving.parties)
    entries, rows = [*gradients], {}
    held: list[Tensor] = []
    for number in [i for i, sparse in enumerate(map(_is_sparse, gradients)) if sparse]:
        places, entries[number] = _of_rows(gradients[number])
        count, *width = weights[number].shape
        if len(width) != 1 or entries[number].shape != (len(places), *width):
            return f"the sparse gradient of weight {number} is not by whole rows"
        by_row = by_group(places, count)
        held += (entries[number], *by_row)
        rows[number] = (*map(address, by_row), *width)
    parties = weights, entries, means, squares
    every = [tensor for party in parties for tensor in party]
    dtype = weights[0].dtype
    fits = all(map(_is_cpu, every)) and all(map(Tensor.is_contiguous, every))
    if not fits or {*map(_dtype_of, every)} != {dtype}:
        fours = enumerate(zip(*parties, strict=True))
        number, odd = next((i, four) for i, four in fours if _is_odd(four, dtype))
        return f"weight {number}, or what moves it, is {_odd(odd, dtype)}"
    addresses = [map(Tensor.data_ptr, party) for party in parties]
    fours = zip(*addresses, counts, strict=True)
    nothing = 0, 0, 0
    moving.parts = [f for i, four in enumerate(fours) for f in (*four, *rows.get(i, nothing))]
    moving.held = held
    return None


def _of_rows(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """The rows that a sparse gradient is of, and its values there."""
    return gradient._indices()[0], gradient._values().contiguous()


def _is_odd(four: Sequence[Tensor], dtype: torch.dtype) -> bool:
    return not all(t.dtype is dtype and t.is_cpu and t.is_contiguous() for t in four)


def _odd(four: Sequence[Tensor], dtype: torch.dtype) -> str:
    if any(t.dtype is not dtype for t in four):
        return f"not of the first weight's type, {dtype}"
    return "not contiguous" if all(t.is_cpu for t in four) else "not on a CPU"


def _compiled(moving: Moving) -> None:
    settings, weights = moving.update.settings(), moving.parties[0]
    told = DTYPES[weights[0].dtype], threads(), settings, len(weights), words(moving.parts)
    call("unpad_adam_step", *told)


def _torch(moving: Moving) -> None:
    weights, gradients, means, squares = (list(party) for party in moving.parties)
    largest, how = list(moving.largest), moving.update
    if not weights:
        return
    gradients = [g.to_dense() if g.is_sparse else g for g in gradients]
    # torch's fused update would write beyond a state that is too short.
    _compare(weights, gradients, means, squares)
    if how.weight_decay:
        torch._foreach_mul_(weights, 1 - how.learning_rate * how.weight_decay)
    beta_1, beta_2 = how.betas
    # torch's fused update goes by places in memory, whatever the strides say.
    every = (*weights, *gradients, *means, *squares, *largest)
    fused = moving.fused and all(x.is_contiguous() for x in every)
    # torch wants the count so far as a tensor for each weight, on its device where it is fused:
    # views of one a device, so that nothing is waited for.
    at = [w.device if fused else torch.device("cpu") for w in weights]
    views = {
        device: torch.full((len(at),), how.t - 1.0, dtype=torch.float32, device=device).unbind()
        for device in set(at)
    }
    torch_adam(
        weights,
        gradients,
        means,
        squares,
        largest,
        [views[device][i] for i, device in enumerate(at)],
        foreach=not fused,
        fused=fused,
        amsgrad=bool(largest),
        beta1=beta_1,
        beta2=beta_2,
        lr=how.learning_rate,
        weight_decay=0.0,
        eps=how.epsilon / (1 - beta_2**how.t) ** 0.5,
        maximize=False,
    )


def _reference(moving: Moving) -> None:
    """Kingma and Ba (2015), epsilon as Keras has it; Reddi et al. (2018) with the largest v.

    The library sets an m of less than 1e-34 (1e-300 in double) to 0: see csrc/update/adam.h.
    """
    _, rate, (beta_1, beta_2), epsilon, decay = how = moving.update
    rate = rate * (1 - beta_2**how.t) ** 0.5 / (1 - beta_1**how.t)
    _compare(*moving.parties)
    for number, (w, g, m, v) in enumerate(zip(*moving.parties, strict=True)):
        g = g.to_dense() if g.is_sparse else g
        w.mul_(1 - how.learning_rate * decay)
        m.copy_(beta_1 * m + (1 - beta_1) * g)
        v.copy_(beta_2 * v + (1 - beta_2) * g * g)
        by = v
        if moving.largest:
            by = moving.largest[number]
            by.copy_(torch.maximum(by, v))
        w.sub_(rate * m / (by.sqrt() + epsilon))


ADAM_STEP = Operator(
    "adam_step",
    [
        Path("compiled", _refuses, _Moves(_compiled), direct=_compiled),
        Path("torch", lambda moving: None, _Moves(_torch), direct=_torch),
        Path("reference", lambda moving: None, _Moves(_reference), direct=_reference),
    ],
    takes="Tensor(a!)[] weights, Tensor[] gradients, Tensor(b!)[] means, Tensor(c!)[] squares, "
    "Tensor(d!)[] largest, int t, float learning_rate, float beta_1, float beta_2, "
    "float epsilon, float weight_decay, bool fused",
    gives="()",
    shapes=lambda *given: None,
    call=Moving.of,
    check=_compare,
)
