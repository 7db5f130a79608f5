"""SeedGenerator: a seed that moves on with every draw, and is saved with the layer it is in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..ranks import at_work
from ..variable import Variable


class SeedGenerator(torch.nn.Module):
    """Seeds for the functions of `random`, a new one for every draw.

    As an attribute of a layer it is saved with the layer's `state_dict`, and so are copies and
    pickles: what is drawn goes on where it stopped. It is no weight.

    Args:
        seed: the same seed, the same numbers; by default one is drawn from torch's generator.
        name: of the generator.

    Example:
        >>> seeds = SeedGenerator(7)
        >>> seeds.next().tolist(), seeds.next().tolist()
        ([7, 0], [7, 1])
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        super().__init__()
        if seed is None:
            start = int(torch.randint(1, 10**9, ()))
        elif isinstance(seed, int) and not isinstance(seed, bool):
            start = seed
        else:
            raise ValueError(f"SeedGenerator: expected seed as an integer, got {seed!r}.")
        self.seed, self.name = seed, name or "seed_generator"
        #: (2,): the seed, and how many draws there were.
        self.state = Variable(torch.tensor([start, 0]), "seed_generator_state")

    def next(self, ordered: bool = True) -> Tensor:
        """(2,) the next seed.

        Args:
            ordered: whether draws are counted; else both numbers are mixed.
        """
        now = self.state.detach().clone()
        if ordered:
            self.state.assign_add(torch.tensor([0, 1]))
        else:
            self.state.assign((now + 1) * 5387 % 933199)
        return now

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A fresh generator from `get_config`'s arguments."""
        return cls(**config)

    def get_extra_state(self) -> Tensor:
        """What `state_dict` keeps."""
        return self.state.detach().clone()

    def set_extra_state(self, state: Tensor) -> None:
        """What `load_state_dict` brings back."""
        self.state.assign(state)

    def extra_repr(self) -> str:
        return f"state={self.state.tolist()}"


def generator_of(seed: Any, device: torch.device | str = "cpu") -> torch.Generator | None:
    """The generator that draws for a seed; None is torch's own.

    Raises:
        ValueError: the seed is neither an integer nor a SeedGenerator.
    """
    if seed is None:
        return None
    if isinstance(seed, SeedGenerator):
        first, second = seed.next().tolist()
        first = at_work().seed_of_its_own(first)
    elif isinstance(seed, int) and not isinstance(seed, bool):
        first, second = seed, 0
    else:
        raise ValueError(
            f"random: expected seed as an integer or a SeedGenerator, got {type(seed).__name__}."
        )
    made = torch.Generator(device)
    made.manual_seed((first + second) & 0xFFFFFFFF)
    return made
