"""How weights move: Keras's update rules to the letter, over torch's tensors.

torch's own differ in where epsilon stands, in whether momentum holds the learning rate, and in
what it starts from. A rule whose state has torch's names can take over what torch's saved.
"""

# pyright: reportPrivateImportUsage=false
# torch._foreach_*: one call for all weights; documented under torch.optim, private by name only.

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from .. import kernels
from .rule import Around, Group, Rule


def _of(states: list[Any], name: str) -> list[Tensor]:
    return [s[name] for s in states]


class SGDKeras(Rule):
    """v = momentum v - lr g;  w += v, or momentum v - lr g with Nesterov's look ahead.

    The rate is inside of v, so that a rate which changes counts from then on; torch has it outside.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        super().__init__(params, lr, weight_decay, around, momentum=momentum, nesterov=nesterov)

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        return {"velocity": torch.zeros_like(p)} if group["momentum"] else {}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        lr, momentum = group["lr"], group["momentum"]
        if not momentum:
            torch._foreach_add_(params, grads, alpha=-lr)
            return
        velocities = _of(states, "velocity")
        torch._foreach_mul_(velocities, momentum)
        torch._foreach_add_(velocities, grads, alpha=-lr)
        if group["nesterov"]:
            torch._foreach_add_(params, velocities, alpha=momentum)
            torch._foreach_add_(params, grads, alpha=-lr)
        else:
            torch._foreach_add_(params, velocities)


class AdamKeras(Rule):
    """Adam whose epsilon is Keras's, on the compiled kernels' threads where they serve.

    Keras adds epsilon to the root of the *uncorrected* second moment, torch to that of the
    corrected one, which is larger by 1 / sqrt(1 - beta_2^t): 31 times at the first step. Handing
    torch epsilon / sqrt(1 - beta_2^t) at step t gives Keras's numbers from torch's fused update.

    Args:
        params: weights, or groups of them.
        lr: the learning rate.
        betas: how fast the running means of the gradients and of their squares forget.
        eps: epsilon.
        weight_decay: decoupled.
        amsgrad: whether the largest second moment so far counts (Reddi et al., 2018).
        fused: whether torch's fused update serves where the library's does not.
        around: see `Around`.
    """

    decays = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        fused: bool = True,
        around: Around | None = None,
    ) -> None:
        super().__init__(
            params, lr, weight_decay, around, betas=betas, eps=eps, amsgrad=amsgrad, fused=fused
        )

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        names = ["exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group["amsgrad"] else [])]
        return {name: torch.zeros_like(p) for name in names}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        how = kernels.adam.Rates(
            t, group["lr"], group["betas"], group["eps"], group["weight_decay"]
        )
        largest = _of(states, "max_exp_avg_sq") if group["amsgrad"] else []
        means, squares = _of(states, "exp_avg"), _of(states, "exp_avg_sq")
        kernels.adam.step(params, grads, means, squares, how, largest, group["fused"])


class AdamaxKeras(Rule):
    """Adam by the largest gradient so far, which fades: w -= lr m / ((1 - beta_1^t)(u + eps))."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        super().__init__(params, lr, weight_decay, around, betas=betas, eps=eps)

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        return {"exp_avg": torch.zeros_like(p), "exp_inf": torch.zeros_like(p)}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        (beta_1, beta_2), means, largest = group["betas"], _of(states, "exp_avg"), []
        torch._foreach_lerp_(means, grads, 1 - beta_1)
        largest = _of(states, "exp_inf")
        torch._foreach_mul_(largest, beta_2)
        torch._foreach_maximum_(largest, torch._foreach_abs(grads))
        spread = torch._foreach_add(largest, group["eps"])
        torch._foreach_addcdiv_(params, means, spread, value=-group["lr"] / (1 - beta_1**t))


class NadamKeras(Rule):
    """Adam with Nesterov's momentum, on the schedule of Dozat (2016): beta_1 (1 - .96^t / 2)."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        super().__init__(params, lr, weight_decay, around, betas=betas, eps=eps)

    def start(self, p: Tensor, group: Group) -> dict[str, Any]:
        means = {"exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
        return {**means, "mu_product": 1.0}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        (beta_1, beta_2), lr = group["betas"], group["lr"]
        now, then = (beta_1 * (1 - 0.5 * 0.96**i) for i in (t, t + 1))
        product = states[0]["mu_product"] * now
        for state in states:
            state["mu_product"] = product
        means, squares = _of(states, "exp_avg"), _of(states, "exp_avg_sq")
        torch._foreach_lerp_(means, grads, 1 - beta_1)
        torch._foreach_mul_(squares, beta_2)
        torch._foreach_addcmul_(squares, grads, grads, value=1 - beta_2)
        spread = torch._foreach_div(squares, 1 - beta_2**t)
        torch._foreach_sqrt_(spread)
        torch._foreach_add_(spread, group["eps"])
        torch._foreach_addcdiv_(params, means, spread, value=-lr * then / (1 - product * then))
        torch._foreach_addcdiv_(params, grads, spread, value=-lr * (1 - now) / (1 - product))


class RMSpropKeras(Rule):
    """v = rho v + (1 - rho) g^2;  w -= lr g / sqrt(v - mean^2 + epsilon), with momentum."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        options = {"rho": rho, "momentum": momentum, "epsilon": epsilon, "centered": centered}
        super().__init__(params, lr, weight_decay, around, **options)

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        names = ["square"]
        names += ["mean"] * bool(group["centered"]) + ["velocity"] * bool(group["momentum"])
        return {name: torch.zeros_like(p) for name in names}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        rho, squares = group["rho"], _of(states, "square")
        torch._foreach_mul_(squares, rho)
        torch._foreach_addcmul_(squares, grads, grads, value=1 - rho)
        spread = torch._foreach_add(squares, group["epsilon"])
        if group["centered"]:
            means = _of(states, "mean")
            torch._foreach_lerp_(means, grads, 1 - rho)
            torch._foreach_addcmul_(spread, means, means, value=-1)
        torch._foreach_sqrt_(spread)
        if group["momentum"]:
            velocities = _of(states, "velocity")
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_addcdiv_(velocities, grads, spread, value=group["lr"])
            torch._foreach_sub_(params, velocities)
        else:
            torch._foreach_addcdiv_(params, grads, spread, value=-group["lr"])


class AdagradKeras(Rule):
    """v += g^2;  w -= lr g / sqrt(v + epsilon): Duchi et al. (2011)."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        options = {"initial_accumulator_value": initial_accumulator_value, "epsilon": epsilon}
        super().__init__(params, lr, weight_decay, around, **options)

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        return {"sum": torch.full_like(p, group["initial_accumulator_value"])}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        sums = _of(states, "sum")
        torch._foreach_addcmul_(sums, grads, grads)
        spread = torch._foreach_add(sums, group["epsilon"])
        torch._foreach_sqrt_(spread)
        torch._foreach_addcdiv_(params, grads, spread, value=-group["lr"])


class AdadeltaKeras(Rule):
    """d = g sqrt((u + epsilon) / (v + epsilon));  w -= lr d: Zeiler (2012).

    v and u are running means of the squares of g and of d.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        super().__init__(params, lr, weight_decay, around, rho=rho, epsilon=epsilon)

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        return {"square_avg": torch.zeros_like(p), "acc_delta": torch.zeros_like(p)}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        rho, epsilon = group["rho"], group["epsilon"]
        squares, moves = _of(states, "square_avg"), _of(states, "acc_delta")
        torch._foreach_mul_(squares, rho)
        torch._foreach_addcmul_(squares, grads, grads, value=1 - rho)
        deltas = torch._foreach_add(moves, epsilon)
        torch._foreach_sqrt_(deltas)
        spread = torch._foreach_add(squares, epsilon)
        torch._foreach_sqrt_(spread)
        torch._foreach_div_(deltas, spread)
        torch._foreach_mul_(deltas, grads)
        torch._foreach_mul_(moves, rho)
        torch._foreach_addcmul_(moves, deltas, deltas, value=1 - rho)
        torch._foreach_add_(params, deltas, alpha=-group["lr"])


class LionKeras(Rule):
    """w -= lr sign(beta_1 m + (1 - beta_1) g);  m = beta_2 m + (1 - beta_2) g."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        super().__init__(params, lr, weight_decay, around, betas=betas)

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        return {"exp_avg": torch.zeros_like(p)}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        (beta_1, beta_2), means = group["betas"], _of(states, "exp_avg")
        # The sign decides, so the sum is made of the products that Keras makes it of.
        ways = torch._foreach_mul(means, beta_1)
        torch._foreach_add_(ways, grads, alpha=1 - beta_1)
        torch._foreach_sign_(ways)
        torch._foreach_add_(params, ways, alpha=-group["lr"])
        torch._foreach_mul_(means, beta_2)
        torch._foreach_add_(means, grads, alpha=1 - beta_2)


class FtrlKeras(Rule):
    """Follow the regularised leader: McMahan et al. (2013), with l2 shrinkage.

    v' = v + g^2;  z += g - (v'^-p - v^-p) / lr w;  w = (clip(z, l1) - z) / (v'^-p / lr + 2 l2).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1: float = 0.0,
        l2: float = 0.0,
        l2_shrinkage: float = 0.0,
        beta: float = 0.0,
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        options = {
            "learning_rate_power": learning_rate_power,
            "initial_accumulator_value": initial_accumulator_value,
            "l1": l1,
            "l2": l2,
            "l2_shrinkage": l2_shrinkage,
            "beta": beta,
        }
        super().__init__(params, lr, weight_decay, around, **options)

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        sums = torch.full_like(p, group["initial_accumulator_value"])
        return {"sum": sums, "linear": torch.zeros_like(p)}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        lr, power, l1 = group["lr"], -group["learning_rate_power"], group["l1"]
        l2 = group["l2"] + group["beta"] / (2 * lr)
        for p, g, state in zip(params, grads, states, strict=True):
            before, after = state["sum"].pow(power), state["sum"].addcmul_(g, g).pow(power)
            linear = state["linear"].add_(g).add_(p, alpha=2 * group["l2_shrinkage"])
            linear.sub_((after - before) / lr * p)
            p.copy_((linear.clamp(-l1, l1) - linear) / (after / lr + 2 * l2))
