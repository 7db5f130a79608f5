"""Which members belong to each group, and which ids there are (csrc/group.cpp)."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from .library import address, call, library


def by_group(of: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """The members in the order of their groups, and where each group begins among them.

    Args:
        of: (members,) int64 on a CPU: the group of each, from 0 on.
        groups: how many there are.

    Returns:
        order (members,), those of one group in their order; starts (groups + 1,).

    Raises:
        RuntimeError: a group is none of these.
    """
    of = of.contiguous()
    order, starts = torch.empty_like(of), torch.empty(groups + 1, dtype=torch.int64)
    int64, pointer = ctypes.c_int64, ctypes.c_void_p
    members = int64(len(of)), pointer(address(of))
    call("unpad_group", *members, int64(groups), pointer(address(order)), pointer(address(starts)))
    return order, starts


# Of so many steps as many as this that differ: telling them apart pays no more.
_MOST_DISTINCT = 0.85


def distinct(ids: Tensor) -> tuple[Tensor, Tensor] | None:
    """The ids that occur, in the order of their first, and where each member's stands among them.

    Args:
        ids: (members,) integers on a CPU.

    Returns:
        The ids (distinct,) int64, and for each member (members,) its place among them; None where
        nearly all differ.
    """
    ids = ids.to(torch.int64).contiguous()
    count = ids.size(0)
    both = torch.empty((2, count), dtype=torch.int64)
    at, int64, pointer = both.data_ptr(), ctypes.c_int64, ctypes.c_void_p
    arrays = pointer(ids.data_ptr()), pointer(at), pointer(at + 8 * count)
    found = library().unpad_distinct(int64(count), *arrays)
    if found < 0:
        raise MemoryError("unpad's compiled kernels: out of memory.")
    return None if found >= _MOST_DISTINCT * count else (both[0, :found], both[1])
