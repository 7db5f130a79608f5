"""What Keras's layers make of a padded batch and its mask, found by running them.

Each case of tests/cases runs in Keras on a grid whose tensors carry their mask, as they do between
the layers of a model, and then on each sequence by itself. What differs is what padding did.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import torch
from keras.src import backend
from test_cases import alone_of, flat, run_keras, same_weights_in
from tests.cases import CASES, Case

import unpad
from unpad import Ragged

SIDES = ("right", "left", "holes")
#: Of the sequences, one of them empty, and of what attention looks at.
LENGTHS, OTHER = (4, 0, 6, 5), (5, 3, 4, 7)
#: What padded slots hold: two contents, so that what comes of them is told apart.
FILLS = (1.5, -0.5)
#: Of float32, relative to the largest entry.
CLOSE = 1e-4

#: Padding that a layer tells by its content.
_DOORS = {"Embedding mask_zero": 0, "Masking": 0.0, "Masking of a value": -1.0}


@dataclass(frozen=True)
class Facts:
    """What was found.

    Args:
        mask: "kept", "made", "dropped", "dropped with a warning", "ended" where what comes out has
            no time, "other" where the mask that comes out is not one that went in, "raises", or
            "none" where no sequence goes in.
        used: whether other numbers come out than without the mask.
        off: by side, the largest difference at a real step, or in a row, from the sequence by
            itself, over the largest entry; for the worse of both contents of the padding.
        leaks: whether what comes out for real steps depends on what padded slots hold.
        missing: what stands at padded steps, or in the row of an empty sequence: "zeros", "NaN",
            "the last output" again, or other "numbers".
        raises: the error's type.
        does: what unpad does: "opens", "keeps", "changes the lengths", "reduces", "rows".
    """

    mask: str
    used: bool = False
    off: dict[str, float] = field(default_factory=dict)
    leaks: bool = False
    missing: str = ""
    raises: str = ""
    does: str = ""

    @property
    def kind(self) -> tuple[Any, ...]:
        """What tells one configuration's behaviour from another's."""
        wrong = {side for side, off in self.off.items() if off > CLOSE}
        nan = self.missing == "NaN"
        return self.mask, self.used, bool(wrong), self.leaks, nan, bool(self.raises), self.does


def facts_of(case: Case, make: Callable[[Any], Any] | None = None) -> Facts:
    """What both libraries do with a case.

    Args:
        case: of tests/cases.
        make: of Keras's layer, where the case's own does not make one.
    """
    theirs = (make or case.make)(keras)
    inputs = [_float32(x) for x in case.batch(LENGTHS, OTHER)]
    ours = case.make(unpad).train(case.training)
    expected = flat(case.run(ours, inputs))
    does = _does(case, ours, inputs, expected)
    dense = [_grid(x, "right", _fills(case)[0])[0] for x in inputs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run_keras(case, theirs, dense)
    if theirs.weights:
        same_weights_in(ours, theirs)
        expected = flat(case.run(ours, inputs))
    if does == "rows":
        return Facts("none", does=does)
    if case.keras == "alone" and make is None:
        expected = [_alone(case, theirs, inputs, k, e) for k, e in enumerate(expected)]
    try:
        return replace(_compared(case, theirs, inputs, expected), does=does)
    except Exception as error:  # whatever Keras raises is what is asked for
        return Facts("raises", raises=type(error).__name__, does=does)


def _compared(case: Case, theirs: Any, inputs: list[Any], expected: list[Any]) -> Facts:
    """Keras on grids with masks, against what is expected."""
    off, leaks, masks, missing = {}, False, set(), set()
    time = isinstance(expected[0], Ragged)
    kept = _kept(inputs)
    for side in SIDES:
        found = [_with_mask(case, theirs, inputs, side, fill, time) for fill in _fills(case)]
        worst = 0.0
        for k, want in enumerate(expected):
            picked = [_at_steps(out[k], want, inputs, side) for out, _ in found]
            wanted = want.values if isinstance(want, Ragged) else want[kept]
            worst = max([worst, *(_difference(p, wanted) for p in picked)])
            leaks = leaks or _largest(picked[0] - picked[-1]) > CLOSE
        off[side] = worst
        masks |= {mask for _, mask in found}
        missing |= {_missing(out[0], expected[0], side) for out, _ in found}
    (mask,) = masks
    missing -= {""}
    shown = missing.pop() if len(missing) == 1 else "numbers" if missing else ""
    fill = _fills(case)[0]
    with_it, without = (
        _with_mask(case, theirs, inputs, "right", fill, time, masked)[0][0]
        for masked in (True, False)
    )
    return Facts(mask, not _same(with_it, without), off, leaks, shown)


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and bool(torch.allclose(a, b, CLOSE, CLOSE))


# --- inputs --------------------------------------------------------------------------------------


def _fills(case: Case) -> tuple[float, ...]:
    return (_DOORS[case.name],) if case.name in _DOORS else FILLS


def _float32(batch: Any) -> Any:
    """Keras computes in float32 whatever it is given."""
    return batch.to(dtype=torch.float32) if batch.dtype.is_floating_point else batch


def _grid(batch: Any, side: str, fill: float) -> tuple[torch.Tensor, torch.Tensor | None]:
    if not isinstance(batch, Ragged):
        return batch, None
    whole = not batch.dtype.is_floating_point
    return unpad.testing.grid(batch, side, fill=abs(round(fill)) if whole else fill)


def _with_mask(
    case: Case,
    layer: Any,
    inputs: list[Any],
    side: str,
    fill: float,
    time: bool,
    masked: bool = True,
) -> tuple[list[torch.Tensor], str]:
    """Keras's outputs on the grid, and what became of the mask."""
    grids = []
    for x in inputs:
        grid, mask = _grid(x, side, fill)
        if mask is not None:
            # A tensor of its own each time: the mask is pinned to it.
            grid = grid.clone()
            if masked and case.name not in _DOORS:
                backend.set_keras_mask(grid, mask)
        grids.append(grid)
    with warnings.catch_warnings(record=True) as caught, torch.no_grad():
        warnings.simplefilter("always")
        outputs = flat(run_keras(case, layer, grids))
    warned = any("mask" in str(w.message) for w in caught)
    masks = [_grid(x, side, fill)[1] for x in inputs]
    return outputs, _fate(case, outputs[0], masks, warned, time)


def _fate(case: Case, output: torch.Tensor, masks: list[Any], warned: bool, time: bool) -> str:
    given = [m for m in masks if m is not None]
    out = backend.get_keras_mask(output)
    if out is not None:
        same = any(out.shape == m.shape and bool((out == m).all()) for m in given)
        return ("made" if case.name in _DOORS else "kept") if same else "other"
    if warned:
        return "dropped with a warning"
    return "dropped" if time else "ended"


def _does(case: Case, layer: Any, inputs: list[Any], outputs: list[Any]) -> str:
    """What becomes of the sequences in unpad."""
    of = [x for x in inputs if isinstance(x, Ragged)]
    if not of:
        return "rows"
    if case.name in _DOORS:
        grid, _ = _grid(of[0], "right", _DOORS[case.name])
        assert isinstance(layer(grid), Ragged)
        return "opens"
    if not isinstance(outputs[0], Ragged):
        return "reduces"
    same = any(torch.equal(outputs[0].lengths, x.lengths) for x in of)
    return "keeps" if same else "changes the lengths"


# --- outputs -------------------------------------------------------------------------------------


def _alone(case: Case, layer: Any, inputs: list[Any], k: int, want: Any) -> Any:
    """Output k of Keras on each sequence by itself; unpad's where Keras takes none so short."""
    rows = []
    for i in range(len(LENGTHS)):
        short = any(len(x[i]) < max(1, case.shortest) for x in inputs if isinstance(x, Ragged))
        if short:
            rows.append(want[i].detach())
            continue
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            rows.append(flat(run_keras(case, layer, [alone_of(x, i) for x in inputs]))[k][0])
    if isinstance(want, Ragged):
        return want.with_values(torch.cat(rows))
    return torch.stack(rows)


def _at_steps(out: torch.Tensor, want: Any, inputs: list[Any], side: str) -> torch.Tensor:
    """(steps, *feature) of Keras's grid where steps are real; rows of sequences that have steps."""
    if not isinstance(want, Ragged):
        return out[_kept(inputs)]
    mask = backend.get_keras_mask(out)
    return out[_real(want, inputs, side, out.shape[1]) if mask is None else mask]


def _real(want: Ragged, inputs: list[Any], side: str, time: int) -> torch.Tensor:
    """(batch, time): the slots that the steps stand in.

    Steps of other lengths than any input's are looked for where they must be if padding does not
    count: from the left where it is on the right, else at the right end.
    """
    for x in inputs:
        if isinstance(x, Ragged) and torch.equal(x.lengths, want.lengths):
            mask = unpad.testing.grid(x, side, fill=0)[1]
            if mask.shape[1] == time:
                return mask
    slots, lengths = torch.arange(time), want.lengths[:, None]
    lengths = lengths.clamp(max=time)
    return slots >= time - lengths if side == "left" else slots < lengths


def _kept(inputs: list[Any]) -> torch.Tensor:
    """(batch,): rows of which every sequence has steps."""
    kept = torch.ones(len(LENGTHS), dtype=torch.bool)
    for x in inputs:
        if isinstance(x, Ragged):
            kept &= x.lengths > 0
    return kept


def _difference(found: torch.Tensor, want: torch.Tensor) -> float:
    """The largest difference over the largest entry."""
    if found.shape != want.shape:
        return float("inf")
    return _largest(found - want) / max(_largest(want), 1e-12)


def _largest(x: torch.Tensor) -> float:
    return float(x.detach().abs().max()) if x.numel() else 0.0


def _missing(out: torch.Tensor, want: Any, side: str) -> str:
    """What stands where there is no step."""
    if not isinstance(want, Ragged):
        rest = out[torch.tensor(LENGTHS) == 0]
    elif side != "right":
        return ""
    else:
        real = torch.arange(out.shape[1]) < want.lengths[:, None]
        rest = out[~real]
        last = out[torch.arange(len(out)), (want.lengths - 1).clamp(min=0)]
        again = last[:, None].expand_as(out)[~real]
        if rest.numel() and torch.count_nonzero(rest) and torch.allclose(rest, again):
            return "the last output"
    if not rest.numel():
        return ""
    if bool(rest.isnan().any()):
        return "NaN"
    return "numbers" if torch.count_nonzero(rest) else "zeros"


def probe() -> dict[str, Facts]:
    """The facts of every case that Keras has, by its name."""
    found = {}
    for name, case in CASES.items():
        if case.keras is not None:
            found[name] = facts_of(case)
        elif name in WRITTEN_ANEW:
            ours, theirs = WRITTEN_ANEW[name]
            found[name] = facts_of(replace(case, make=ours), theirs)
    return found


#: Cases with arguments of unpad's own: unpad's layer again, and Keras's.
WRITTEN_ANEW: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    # As many slots as the grid has that is padded on a side.
    "Flatten length": (
        lambda k: k.layers.Flatten(length=max(LENGTHS) + 2), lambda k: k.layers.Flatten(),
    ),
}  # fmt: skip
