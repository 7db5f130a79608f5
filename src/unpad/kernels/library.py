"""The compiled library (csrc/unpad_kernels.h): found, loaded, its structures and its errors.

It is built with the package. Where it is missing, "torch" serves, and one line says so.
"""

from __future__ import annotations

import ctypes
import os
import struct
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

FILE = Path(__file__).parent / "libunpad_kernels.so"
DTYPES = {torch.float32: 0, torch.float64: 1}
_VERSION = 7
_ERRORS = {
    1: "an array that it needs is null",
    2: "a size or stride is impossible",
    3: "an option is unknown",
    4: "out of memory",
}
_P, _I32, _I64 = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64


class Adam(ctypes.Structure):
    """unpad_adam."""

    _fields_ = [(n, ctypes.c_double) for n in ("beta_1", "beta_2", "rate", "epsilon", "keep")]


class Slots(ctypes.Structure):
    """unpad_slots."""

    _fields_ = [
        *((name, _P) for name in ("values", "kernel", "parts", "d_out", "d_kernel", "d_values",
                                  "order", "starts", "sequence_ids")),
        *((name, _I64) for name in ("slots", "feature", "units")),
    ]  # fmt: skip


@cache
def library() -> Any:
    """The loaded library, or None where there is none that can be used, which it says once."""
    if os.environ.get("UNPAD_NO_COMPILED"):
        return None
    why = "it was not built (no C++ compiler when unpad was installed)"
    if FILE.exists():
        try:
            loaded = ctypes.CDLL(str(FILE))
            if loaded.unpad_kernels_version() == _VERSION:
                loaded.unpad_kernels_isa.restype = ctypes.c_char_p
                loaded.unpad_stay_awake.restype = _I64
                return loaded
            why = "it is of another version"
        except OSError as error:
            why = str(error)
    warnings.warn(
        f"unpad runs without its compiled kernels: {why}. Recurrent layers work, slower. With a "
        "C++ compiler (g++ or clang++) at hand: pip install --force-reinstall --no-deps unpad.",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def available() -> bool:
    """Whether the library is there."""
    return library() is not None


def serves(values: Tensor) -> bool:
    """Whether these values can go through the compiled kernels."""
    return values.device.type == "cpu" and values.dtype in DTYPES and available()


def describe() -> dict[str, object]:
    """Whether there is a library, and the instruction set it uses."""
    loaded = library()
    isa = None if loaded is None else loaded.unpad_kernels_isa().decode()
    return {"available": loaded is not None, "instruction_set": isa}


def force_instruction_set(name: str | None) -> None:
    """For tests: "avx512", "avx2" or "portable"; None goes back to the machine's best.

    Raises:
        ValueError: this machine has not got it.
    """
    loaded = library()
    if loaded is None or loaded.unpad_kernels_force_isa(name.encode() if name else None):
        raise ValueError(f"kernels: no instruction set {name!r} on this machine.")


def stay_awake(microseconds: int) -> int:
    """How long the library's threads stay awake between calls, and did before; 0 without it."""
    loaded = library()
    return 0 if loaded is None else loaded.unpad_stay_awake(_I64(microseconds))


def call(function: str, *arguments: Any) -> None:
    """Calls the library.

    Raises:
        RuntimeError: it refused; the text says why.
    """
    error = getattr(library(), function)(*arguments)
    if error:
        raise RuntimeError(f"unpad's compiled kernels: {_ERRORS.get(error, error)}.")


def words(values: Sequence[int]) -> bytes:
    """Structures of pointers and int64 fields, for the library to read.

    As a ctypes.Structure each field costs a microsecond, and a small model's step fills 300.
    """
    return struct.pack(f"{len(values)}q", *values)


def address(tensor: Tensor | None) -> int:
    """Where a tensor lies; 0 for nothing."""
    return 0 if tensor is None else tensor.data_ptr()
