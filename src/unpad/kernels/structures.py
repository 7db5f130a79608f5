"""The structures of csrc/include, by the names of their fields.

The library says itself what fields it has and where they begin; what is packed here for another
library than the one that was loaded is noticed when it is loaded (`misfit`), not in a crash.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Sequence
from functools import cache

_WEIGHTS = ("kernel", "recurrent_kernel", "bias", "recurrent_bias")


def _of_directions(name: str) -> tuple[str, ...]:
    return tuple(f"{name}[{d}].{field}" for d in (0, 1) for field in _WEIGHTS)


#: Each structure's fields in order, 8 bytes each: pointers and int64; in unpad_adam, and as the
#: scale and the rate of attention and the number of an operation on a tape, doubles.
FIELDS: dict[str, tuple[str, ...]] = {
    "unpad_adam": ("beta_1", "beta_2", "rate", "epsilon", "keep"),
    "unpad_adam_part": ("weight", "gradient", "m", "v", "count", "order", "starts", "width"),
    "unpad_attention": (
        "query", "key", "value", "queries", "keys", "out", "logs", "d_out", "d_query", "d_key",
        "d_value", "query_steps", "key_steps", "batch", "heads", "key_heads", "size", "value_size",
        "query_step", "key_step", "value_step", "causal", "window", "scale", "query_blocks",
        "key_blocks", "seen", "seen_bytes", "seen_sequence", "seen_head", "seen_query", "rate",
        "seed", "weights", "d_weights", "widest",
    ),
    "unpad_chain": (
        "scores", "transitions", "start", "end", "offsets", "only", "total", "walked", "fitting",
        "whence", "path", "d_total", "d_scores", "d_transitions", "d_start", "d_end", "marginals",
        "steps", "batch", "tags", "pairs", "best",
    ),
    "unpad_ctc": (
        "scores", "offsets", "labels", "label_offsets", "total", "d_scores", "steps", "batch",
        "classes", "label_count",
    ),
    "unpad_layer": (
        *(
            f"problem.{name}"
            for name in (
                "cell", "dtype", "activation", "recurrent_activation", "keep", "threads",
                "directions", "masks", "plan", "steps", "batch", "hidden", "offsets",
            )
        ),
        "values", "ids", *_of_directions("weights"), "initial_h", "initial_c", "mask",
        "h", "final_h", "final_c", "gates", "saved", "feature", "reverse[0]", "reverse[1]",
    ),
    "unpad_layer_gradients": (
        "d_h", "d_final_h", "d_final_c", "d_values", *_of_directions("d_weights"), "d_initial_h",
        "d_initial_c",
    ),
    "unpad_normal": (
        "values", "gamma", "beta", "offsets", "out", "mean", "scale", "d_out", "d_values",
        "d_gamma", "d_beta", "rows", "batch", "groups", "size", "epsilon",
    ),
    "unpad_pointwise": (
        "values", "out", "d_out", "d_values", "count", "kind", "alpha", "scale",
    ),
    "unpad_pooling": (
        "values", "first", "last", "out", "d_out", "d_values", "rows", "count", "width", "largest",
    ),
    "unpad_product": (
        "a", "b", "bias", "out", "sums", "m", "n", "k", "a_stride", "b_stride", "out_stride",
        "a_transposed", "b_transposed", "accumulate",
    ),
    "unpad_slots": (
        "values", "kernel", "parts", "d_out", "d_kernel", "d_values", "order", "starts",
        "sequence_ids", "offsets", "steps", "batch", "slots", "feature", "units",
    ),
    "unpad_tape": (
        "arrays", "operations", "active", "array_count", "operation_count", "times", "steps",
        "back",
    ),
    "unpad_tape_array": (
        "kind", "width", "data", "start", "coming", "after", "rows", "stride", "transposed",
    ),
    "unpad_tape_operation": (
        "op", "width", "out", "out_column", "a", "a_column", "a_each", "b", "b_column", "b_each",
        "factor", "number",
    ),
}  # fmt: skip


def misfit(told: str) -> str | None:
    """What does not fit between these fields and those that a library tells; None where all do.

    Args:
        told: a line a structure: its name, its bytes, and of each field name and beginning; and a
            line "cells" with their names.
    """
    found = {}
    for line in told.splitlines():
        name, size, *fields = line.split(" ")
        if name == "cells":
            continue
        found[name] = int(size), list(zip(fields[::2], map(int, fields[1::2]), strict=True))
    for name, fields in FIELDS.items():
        want = 8 * len(fields), [(field, 8 * i) for i, field in enumerate(fields)]
        if found.get(name) != want:
            return f"its {name} has other fields"
    return None


def cells(told: str) -> dict[str, int]:
    """The number of each recurrent cell that a library tells of."""
    lines = [line.split(" ") for line in told.splitlines()]
    return {name: i for kind, *names in lines if kind == "cells" for i, name in enumerate(names)}


def words(values: Sequence[int]) -> bytes:
    """Structures of pointers and int64 fields, in the order of `FIELDS`, for the library to read.

    As a ctypes.Structure each field costs a microsecond, and a small model's step fills 300.
    """
    return _packer(len(values))(*values)


@cache
def _packer(fields: int) -> Callable[..., bytes]:
    return struct.Struct(f"{fields}q").pack


def doubles(values: Sequence[float]) -> bytes:
    """A structure of doubles."""
    return struct.pack(f"{len(values)}d", *values)


def bits(value: float) -> int:
    """A double as a field among pointers and int64."""
    return int.from_bytes(struct.pack("=d", value), sys.byteorder, signed=True)


def by_name(name: str, **values: int) -> bytes:
    """A structure of which some fields are given; the rest are 0."""
    return words([values.pop(field, 0) for field in FIELDS[name]])
