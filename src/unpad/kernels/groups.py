"""Which members belong to each group, by a counting sort (csrc/runtime/groups.cpp)."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from .checks import indices
from .library import address, call


def by_group(of: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """The members in the order of their groups, and where each group begins among them.

    Args:
        of: (members,) int64 on a CPU: the group of each, from 0 on.
        groups: how many there are.

    Returns:
        order (members,), those of one group in their order; starts (groups + 1,).

    Raises:
        ValueError: these are no groups of members.
        RuntimeError: a group is none of these.
    """
    indices("by_group", "of", of, (of.numel(),))
    of = of.contiguous()
    order, starts = torch.empty_like(of), torch.empty(groups + 1, dtype=torch.int64)
    int64, pointer = ctypes.c_int64, ctypes.c_void_p
    members = int64(len(of)), pointer(address(of))
    call("unpad_group", *members, int64(groups), pointer(address(order)), pointer(address(starts)))
    return order, starts
