"""TensorFlow's GradientTape, for the usual loop of one's own."""

from __future__ import annotations

from typing import Any

import torch

from ...core.structure import arranged, flat


class GradientTape:
    """Within the block gradients are recorded, which `gradient` gives: torch's autograd.

    Args:
        persistent: whether `gradient` may be asked several times.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor(3.0))
        >>> with GradientTape() as tape:
        ...     loss = weight * weight
        >>> tape.gradient(loss, weight)
        tensor(6.)
    """

    def __init__(self, persistent: bool = False) -> None:
        self.persistent = persistent
        self._enabled: Any = None

    def __enter__(self) -> GradientTape:
        self._enabled = torch.enable_grad()
        self._enabled.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._enabled.__exit__(*error)

    def watch(self, tensor: Any) -> None:
        """Records what is computed from a tensor that is no weight.

        Args:
            tensor: or several, in lists.
        """
        for one in flat(tensor):
            one.requires_grad_()

    def gradient(self, target: Any, sources: Any) -> Any:
        """The gradients of a number, in the form of the sources; None where it has none.

        Args:
            target: the number, or a tensor whose sum it is.
            sources: weights, in lists and dicts.
        """
        total: Any = sum(t.sum() for t in flat(target))
        found = torch.autograd.grad(
            total, flat(sources), retain_graph=self.persistent, allow_unused=True
        )
        return arranged(iter(found), sources)
