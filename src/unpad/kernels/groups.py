"""Which members belong to each group, by a counting sort (csrc/runtime/groups.cpp)."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from . import around, library
from .checks import indices
from .library import address, call
from .paths import Operator, Path


def by_group(of: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """The members in the order of their groups, and where each group begins among them.

    Args:
        of: (members,) int64: the group of each, from 0 on.
        groups: how many there are.

    Returns:
        order (members,), those of one group in their order; starts (groups + 1,).

    Raises:
        ValueError: these are no groups of members.
        RuntimeError: a group is none of these.
    """
    _check(of, groups)
    return GROUP(of, groups) if around.recorded() else GROUP.choose(of).direct(of, groups)


def _check(of: Tensor, groups: int) -> None:
    indices("by_group", "of", of, (of.numel(),), of.device)
    if groups < 0:
        raise ValueError(f"by_group: expected groups as a number from 0 on, got {groups}.")


def _refuses(of: Tensor) -> str | None:
    if not of.is_cpu:
        return f"the members lie on {of.device}, and the library works on a CPU"
    return library.absent()


def _compiled(of: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    of = of.contiguous()
    order, starts = torch.empty_like(of), torch.empty(groups + 1, dtype=torch.int64)
    int64, pointer = ctypes.c_int64, ctypes.c_void_p
    members = int64(len(of)), pointer(address(of))
    call("unpad_group", *members, int64(groups), pointer(address(order)), pointer(address(starts)))
    return order, starts


def _torch(of: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    _within(of, groups)
    counts = of.new_zeros(groups).index_add_(0, of, torch.ones_like(of))
    return of.argsort(stable=True), torch.cat([of.new_zeros(1), counts.cumsum(0)])


def _reference(of: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Group after group, its members as they come."""
    _within(of, groups)
    group_of, order, starts = of.tolist(), [], [0]
    for group in range(groups):
        order += [member for member, its in enumerate(group_of) if its == group]
        starts.append(len(order))
    return of.new_tensor(order), of.new_tensor(starts)


def _within(of: Tensor, groups: int) -> None:
    if bool(((of < 0) | (of >= groups)).any()):
        raise RuntimeError(f"by_group: a group is none of the {groups}.")


GROUP = Operator(
    "group",
    [
        Path("compiled", _refuses, _compiled),
        Path("torch", lambda of: None, _torch),
        Path("reference", lambda of: None, _reference),
    ],
    takes="Tensor of, SymInt groups",
    gives="(Tensor order, Tensor starts)",
    shapes=lambda of, groups, _: (of.new_empty(of.shape[0]), of.new_empty(groups + 1)),
    check=_check,
)
