"""Update rules that are Keras's to the letter, where torch's differ in where epsilon stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import kernels


class _KerasEpsilon(torch.optim.Optimizer):
    """Adam whose epsilon is Keras's, on the compiled kernels' threads where they serve.

    Keras adds epsilon to the root of the *uncorrected* second moment, torch to that of the
    corrected one, which is larger by 1 / sqrt(1 - beta_2^t): 31 times at the first step. Handing
    torch epsilon / sqrt(1 - beta_2^t) at step t gives Keras's numbers from torch's fused update.

    The state is torch's own on either way, so that it can be saved and loaded by name.
    """

    def step(self, closure: Callable[[], float] | None = None) -> Any:
        if closure is None and all(self._serves(group) for group in self.param_groups):
            for group in self.param_groups:
                self._step_compiled(group)
            return None
        kept = []
        for group in self.param_groups:
            beta_2, t = group["betas"][1], self._steps_of(group["params"]) + 1
            kept.append(group["eps"])
            group["eps"] = group["eps"] / (1 - beta_2**t) ** 0.5
        try:
            return super().step(closure)
        finally:
            for group, eps in zip(self.param_groups, kept, strict=True):
                group["eps"] = eps

    def _serves(self, group: dict[str, Any]) -> bool:
        """Whether the library can update the group: asked of all groups before any moves."""
        moved = [p for p in group["params"] if p.grad is not None]
        coupled = group["weight_decay"] and not isinstance(self, torch.optim.AdamW)
        if group["amsgrad"] or group["maximize"] or coupled:
            return False
        if not kernels.adam.serves_all([*moved, *(p.grad for p in moved)]):
            return False
        # Weights that were frozen for a while have counts of their own, which torch knows to keep.
        return len({int(self.state[p]["step"]) if self.state[p] else 0 for p in moved}) <= 1

    @torch.no_grad()
    def _step_compiled(self, group: dict[str, Any]) -> None:
        moved = [p for p in group["params"] if p.grad is not None]
        if not moved:
            return
        for p in moved:
            if not self.state[p]:
                self.state[p] = {
                    "step": torch.zeros((), dtype=torch.float32),
                    "exp_avg": torch.zeros_like(p),
                    "exp_avg_sq": torch.zeros_like(p),
                }
        states = [self.state[p] for p in moved]
        kernels.adam.step(
            moved,
            [p.grad for p in moved],
            [s["exp_avg"] for s in states],
            [s["exp_avg_sq"] for s in states],
            t=int(states[0]["step"]) + 1,
            learning_rate=float(group["lr"]),
            betas=group["betas"],
            epsilon=group["eps"],
            weight_decay=group["weight_decay"],
        )
        torch._foreach_add_([s["step"] for s in states], 1)  # pyright: ignore[reportPrivateImportUsage]

    def _steps_of(self, params: list[Tensor]) -> float:
        for p in params:
            if "step" in self.state[p]:
                return float(self.state[p]["step"])
        return 0.0


class AdamKeras(_KerasEpsilon, torch.optim.Adam):
    """torch's Adam with Keras's epsilon."""


class AdamWKeras(_KerasEpsilon, torch.optim.AdamW):
    """torch's AdamW with Keras's epsilon."""


class RMSpropKeras(torch.optim.Optimizer):
    """v = rho v + (1 - rho) g^2;  w -= lr g / sqrt(v - mean^2 + epsilon), with momentum."""

    def __init__(
        self,
        params: list[Tensor],
        lr: float,
        rho: float,
        momentum: float,
        epsilon: float,
        centered: bool,
    ) -> None:
        options = {
            "lr": lr,
            "rho": rho,
            "momentum": momentum,
            "epsilon": epsilon,
            "centered": centered,
        }
        super().__init__(params, options)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(group, p, p.grad)
        return loss

    def _update(self, group: dict[str, Any], p: Tensor, grad: Tensor) -> None:
        rho, state = group["rho"], self.state[p]
        if not state:
            state.update({n: torch.zeros_like(p) for n in ("square", "mean", "velocity")})
        state["square"].mul_(rho).addcmul_(grad, grad, value=1 - rho)
        spread = state["square"] + group["epsilon"]
        if group["centered"]:
            state["mean"].lerp_(grad, 1 - rho)
            spread.addcmul_(state["mean"], state["mean"], value=-1)
        spread.sqrt_()
        if group["momentum"] > 0:
            velocity = state["velocity"].mul_(group["momentum"])
            p.sub_(velocity.addcdiv_(grad, spread, value=group["lr"]))
        else:
            p.addcdiv_(grad, spread, value=-group["lr"])
