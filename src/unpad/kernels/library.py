"""The compiled library (csrc/include): found, loaded, and its errors.

It is built with the package. Where it is missing, "torch" serves, and one line says so.
"""

from __future__ import annotations

import ctypes
import os
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import structures

# CMake's name for it on each platform. The variable is for tests, of a library built otherwise.
_NAME = "libunpad_kernels" + (".dylib" if sys.platform == "darwin" else ".so")
FILE = Path(os.environ.get("UNPAD_LIBRARY") or Path(__file__).parent / _NAME)
DTYPES = {torch.float32: 0, torch.float64: 1}
#: Arrays of float32 whose products have factors rounded to bfloat16.
ROUNDED = 2
_VERSION = 18
_ERRORS = {
    1: "an array that it needs is null",
    2: "a size or stride is impossible",
    3: "an option is unknown",
    4: "out of memory",
    5: "offsets do not rise from 0 to the number of steps, or an index is out of range",
}
_I64 = ctypes.c_int64


@cache
def library() -> Any:
    """The loaded library, or None where there is none that can be used, which it says once."""
    if os.environ.get("UNPAD_NO_COMPILED"):
        return None
    loaded, why = _load()
    if why is None:
        return loaded
    warnings.warn(
        f"unpad runs without its compiled kernels: {why}. Recurrent layers work, slower. With a "
        "C++ compiler (g++ or clang++) at hand: "
        "pip install --force-reinstall --no-deps --no-cache-dir --no-binary=unpad unpad.",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def _load() -> tuple[Any, str | None]:
    """The library, or why there is none."""
    if not FILE.exists():
        return None, "it was not built (no C++ compiler when unpad was installed)"
    try:
        loaded = ctypes.CDLL(str(FILE))
    except OSError as error:
        return None, str(error)
    unfit = _misfit(loaded)
    if unfit is None:
        loaded.unpad_kernels_isa.restype = ctypes.c_char_p
        loaded.unpad_stay_awake.restype = _I64
    return loaded, unfit


def _misfit(loaded: Any) -> str | None:
    if loaded.unpad_kernels_version() != _VERSION:
        return "it is of another version"
    loaded.unpad_kernels_fields.restype = ctypes.c_char_p
    return structures.misfit(loaded.unpad_kernels_fields().decode())


@cache
def cells() -> dict[str, int]:
    """The library's number of each recurrent cell that it knows."""
    loaded = library()
    return {} if loaded is None else structures.cells(loaded.unpad_kernels_fields().decode())


def available() -> bool:
    """Whether the library is there."""
    return library() is not None


def serves(values: Tensor) -> bool:
    """Whether these values can go through the compiled kernels.

    Args:
        values: a tensor; on a CPU, float32 or float64, it can where the library is there.
    """
    return values.is_cpu and values.dtype in DTYPES and library() is not None


def refuses(values: Tensor) -> str | None:
    """Why these values cannot go through the compiled kernels; None where they can."""
    if serves(values):
        return None
    if not values.is_cpu:
        return f"the values lie on {values.device}, and the library works on a CPU"
    if values.dtype not in DTYPES:
        return f"the library knows float32 and float64, the values are {values.dtype}"
    return absent()


def absent() -> str | None:
    """Why there is no library; None where there is one."""
    if library() is not None:
        return None
    if os.environ.get("UNPAD_NO_COMPILED"):
        return "there is no library: UNPAD_NO_COMPILED is set"
    return f"there is no library: {_load()[1] or 'it is not used'}"


def rounds() -> bool:
    """Whether this processor has an instruction for products of bfloat16."""
    loaded = library()
    return loaded is not None and bool(loaded.unpad_kernels_rounds())


# As by torch.compiler.assume_constant_result, which would import torch's compiler: a graph that is
# made here runs here.
rounds._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


def describe() -> dict[str, object]:
    """Whether there is a library, and the instruction set it uses."""
    loaded = library()
    isa = None if loaded is None else loaded.unpad_kernels_isa().decode()
    return {"available": loaded is not None, "instruction_set": isa}


def force_instruction_set(name: str | None) -> None:
    """For tests: "avx512_bf16", "avx512", "avx2" or "portable"; None goes back to the best here.

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


def address(tensor: Tensor | None) -> int:
    """Where a tensor lies; 0 for nothing."""
    return 0 if tensor is None else tensor.data_ptr()
