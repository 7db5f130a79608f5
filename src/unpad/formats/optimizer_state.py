"""What an optimiser has gathered, as the list of arrays that Keras's optimiser of that name keeps.

The number of updates; the learning rate, where no schedule says it; the weights' averages, where
they are kept; gradients that are being collected; then what the rule itself keeps of each weight.
Before all of it, where the loss is scaled by a factor that follows the gradients, what Keras's
LossScaleOptimizer keeps: two numbers that it never uses, batches since the factor changed, it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..optimizers.own import OwnRule
from ..optimizers.rule import COLLECTED, Rule
from ..ragged.numbers import to_numpy
from .filling import put

#: What each rule keeps of a weight, in Keras's order: names in one tuple alternate, without those
#: that it does not keep of a weight.
_KEPT: dict[str, list[tuple[str, ...]]] = {
    "SGDKeras": [("velocity",)],
    "AdafactorKeras": [("rows", "columns", "square")],
    "MuonKeras": [("momentum", "exp_avg_sq")],
    "AdamKeras": [("exp_avg", "exp_avg_sq"), ("max_exp_avg_sq",)],
    "AdamaxKeras": [("exp_avg", "exp_inf")],
    "NadamKeras": [("exp_avg", "exp_avg_sq")],
    "RMSpropKeras": [("square",), ("velocity",), ("mean",)],
    "AdagradKeras": [("sum",)],
    "AdadeltaKeras": [("square_avg", "acc_delta")],
    "LionKeras": [("exp_avg",)],
    "FtrlKeras": [("sum", "linear")],
    "LambKeras": [("exp_avg", "exp_avg_sq")],
    "ScheduleFreeAdamWKeras": [("z", "exp_avg_sq")],
}


def can_be_kept(optimizer: Any) -> bool:
    """Whether it is one of this library's rules, whose state is a list of arrays."""
    return isinstance(optimizer, Rule) and (
        type(optimizer).__name__ in _KEPT or isinstance(optimizer, OwnRule)
    )


def is_scaled(optimizer: Rule) -> bool:
    """Whether the loss is scaled by a factor that follows the gradients."""
    scaling = optimizer.around.scaling
    return scaling is not None and scaling.growth_steps is not None


def scale_of(optimizer: Rule) -> list[np.ndarray]:
    """What is kept of a loss's factor; nothing where there is none."""
    if not is_scaled(optimizer):
        return []
    scaling, group = optimizer.around.scaling, optimizer.param_groups[0]
    assert scaling is not None
    unused = [np.array(0, np.int32), np.array(0.0, np.float64)]
    good, now = group.get("finite_steps", 0), scaling.now(group)
    return [*unused, np.array(good, np.int32), np.array(now, np.float32)]


def _set_scale(optimizer: Rule, arrays: Sequence[np.ndarray]) -> None:
    group = optimizer.param_groups[0]
    group["finite_steps"], group["loss_scale"] = (
        kind(a.reshape(())) for kind, a in zip((int, float), arrays[2:4], strict=True)
    )


def state_of(optimizer: Rule, weights: Sequence[Tensor]) -> list[np.ndarray]:
    """The arrays, without those of `scale_of`.

    Args:
        optimizer: one that `can_be_kept`.
        weights: those that are trained, in the order of the file.
    """
    around, first = optimizer.around, optimizer.param_groups[0]
    found: list[np.ndarray] = [np.array(first["iterations"], np.int32)]
    if around.schedule is None:
        found.append(np.array(first["lr"], np.float64))
    if around.ema_momentum is not None:
        found += [_array(optimizer.state[w].get("average"), w) for w in weights]
    if around.accumulate > 1:
        # Keras adds gradients up, here each counts by its steps.
        calls = first["iterations"] % around.accumulate
        found += [_array(optimizer.collected_of(w), w) * calls for w in weights]
    for w, name in _slots(optimizer, weights):
        state = _state(optimizer, w)
        if _is_nothing(name, state):
            found.append(np.array(0, np.float32))
        elif name == "square" and "rows" in state:
            found.append(_array(_from_rows(state), w))
        else:
            found.append(_array(state.get(name), w))
    if type(optimizer).__name__ == "NadamKeras":
        products = [optimizer.state[w].get("mu_product", 1.0) for w in weights]
        found.append(np.array(products[0] if products else 1.0, np.float64))
    return found


def set_state(optimizer: Rule, weights: Sequence[Tensor], arrays: Sequence[np.ndarray]) -> None:
    """Goes on from these arrays.

    Args:
        optimizer: one that `can_be_kept`, for these weights.
        weights: those that are trained, in the order of the file.
        arrays: what `scale_of` and `state_of` gave, or Keras wrote.

    Raises:
        ValueError: their number or a shape is not that of this optimiser and these weights; nothing
            has changed then.
    """
    around, slots = optimizer.around, _slots(optimizer, weights)
    nadam = type(optimizer).__name__ == "NadamKeras"
    each = [*(["average"] if around.ema_momentum is not None else [])]
    each += ["collected"] if around.accumulate > 1 else []
    head = 1 + (around.schedule is None)
    slots = [(w, name) for name in each for w in weights] + slots
    of_scale = 4 if is_scaled(optimizer) else 0
    expected = of_scale + head + nadam + len(slots)
    if len(arrays) != expected:
        raise ValueError(f"expected {expected} arrays of the optimizer's, got {len(arrays)}.")
    whole, arrays = arrays, arrays[of_scale:]
    rest = arrays[head : head + len(slots)]
    pairs = [(w, name, array) for (w, name), array in zip(slots, rest, strict=True)]
    for w, name, array in pairs:
        state = _state(optimizer, w)
        shape = tuple(state.get(name, w).shape)
        if array.size != 1 if _is_nothing(name, state) else array.shape != shape:
            raise ValueError(f"expected {name} as {shape}, got {array.shape}.")
    if any(a.size != 1 for a in whole[: of_scale + head]):
        raise ValueError("expected the number of updates and the learning rate as numbers.")
    if of_scale:
        _set_scale(optimizer, whole)
    count = int(arrays[0].reshape(()))
    for group in optimizer.param_groups:
        group["iterations"] = count
        if around.schedule is None:
            group["lr"] = float(arrays[1].reshape(()))
    for w in weights:
        state = _state(optimizer, w)
        state["step"] = count // around.accumulate
    calls = count % around.accumulate
    for w, name, array in pairs:
        if name == "collected" and not calls:
            continue
        if (name, count) == ("average", 0):
            continue  # the first update makes it
        state = optimizer.state[w]
        if _is_nothing(name, state) or (name == "square" and "rows" in state):
            continue  # which follows from its rows and columns
        if isinstance(state.get(name), Tensor):
            put(state[name], array)
        else:
            state[name] = torch.tensor(array, dtype=w.dtype, device=w.device)
    if calls:
        optimizer.param_groups[0]["collected"] = float(calls)
    if nadam:
        for w in weights:
            optimizer.state[w]["mu_product"] = float(arrays[-1].reshape(()))


def _state(optimizer: Rule, weight: Tensor) -> dict[str, Any]:
    """What is kept of a weight, as it is before its first update where there was none."""
    state = optimizer.state[weight]
    if "step" not in state:
        group = next(
            g for g in optimizer.param_groups if any(p is weight for p in g["params"])
        )  # fmt: skip
        state.update(step=0, **optimizer.start(weight, group))
    return state


def kept_by_rule(optimizer: Rule, weights: Sequence[Tensor]) -> list[tuple[str, ...]]:
    """What a rule keeps of each weight, in Keras 3's order: names in one tuple alternate."""
    if not weights:
        return []
    held = _state(optimizer, weights[0])
    if isinstance(optimizer, OwnRule):
        own = (n for n, v in held.items() if isinstance(v, Tensor))
        return [(name,) for name in own if name != "average" and not name.startswith(COLLECTED)]
    known = _KEPT[type(optimizer).__name__]
    if len(known) == 1 and len(known[0]) > 1:
        return known
    return [names for names in known if names[0] in held]


def _slots(optimizer: Rule, weights: Sequence[Tensor]) -> list[tuple[Tensor, str]]:
    """What is kept of which weight, in the order of a file."""
    return [
        (w, name)
        for names in kept_by_rule(optimizer, weights)
        for w in weights
        for name in names
        if name in _state(optimizer, w) or type(optimizer).__name__ == "AdafactorKeras"
    ]


def _is_nothing(name: str, state: dict[str, Any]) -> bool:
    """Whether Keras's Adafactor has a number here that stands for nothing: of what is no matrix."""
    return name in ("rows", "columns") and name not in state


def _from_rows(state: dict[str, Any]) -> Tensor:
    """Adafactor's mean of squares, which Keras writes beside the rows and columns that make it."""
    rows, columns = state["rows"], state["columns"]
    share = rows / rows.mean(-1, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny)
    return share.unsqueeze(-1) * columns.unsqueeze(-2)


def _array(state: Tensor | None, weight: Tensor) -> np.ndarray:
    if state is None:
        return np.zeros(tuple(weight.shape), np.float32)
    return to_numpy(state).copy()
