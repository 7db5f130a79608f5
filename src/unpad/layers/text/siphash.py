"""Buckets of words by their hash; with a salt SipHash, for which nobody can choose words."""

from __future__ import annotations

from typing import Any

from ...arguments import wrong
from .fingerprint import fingerprint

_BITS = (1 << 64) - 1


def salt_of(who: str, salt: Any) -> list[int] | None:
    """A salt as two numbers: given as one it is both.

    Raises:
        ValueError: it is neither one integer nor two.
    """
    if salt is None:
        return None
    keys = [salt, salt] if type(salt) is int else salt
    if not isinstance(keys, (list, tuple)) or len(keys) != 2 or {*map(type, keys)} != {int}:
        raise wrong(who, "salt", "an integer or two", salt)
    return list(keys)


def bucket(data: bytes, count: int, salt: list[int] | None = None) -> int:
    """Which of so many buckets bytes go into: by their fingerprint, or with a salt by SipHash."""
    code = fingerprint(data) if salt is None else siphash(data, (salt[0], salt[1]))
    return code % count


def siphash(data: bytes, key: tuple[int, int]) -> int:
    """The hash, from 0 to 2**64 - 1.

    Formula: Aumasson and Bernstein (2012). Keras buckets by it where a salt is given.
    """
    k0, k1 = (k & _BITS for k in key)
    v = [
        k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573,
    ]  # fmt: skip
    whole = len(data) // 8 * 8
    tail = data[whole:].ljust(7, b"\0") + bytes([len(data) & 0xFF])
    for at in range(0, whole + 8, 8):
        word = int.from_bytes(tail if at == whole else data[at : at + 8], "little")
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _left(x: int, by: int) -> int:
    return (x << by | x >> (64 - by)) & _BITS


def _rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        v[0] = (v[0] + v[1]) & _BITS
        v[1] = _left(v[1], 13) ^ v[0]
        v[0] = _left(v[0], 32)
        v[2] = (v[2] + v[3]) & _BITS
        v[3] = _left(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & _BITS
        v[3] = _left(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & _BITS
        v[1] = _left(v[1], 17) ^ v[2]
        v[2] = _left(v[2], 32)
