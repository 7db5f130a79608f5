"""FarmHash's 64-bit fingerprint of bytes: the same number on every machine, for ever."""

from __future__ import annotations

_BITS = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def fingerprint(data: bytes) -> int:
    """The fingerprint, from 0 to 2**64 - 1.

    Formula: FarmHash's Fingerprint64 (Google, 2014). Keras buckets words by it.
    """
    size = len(data)
    if size <= 16:
        return _up_to_16(data)
    if size <= 32:
        return _up_to_32(data)
    return _up_to_64(data) if size <= 64 else _longer(data)


def _word(data: bytes, at: int, size: int = 8) -> int:
    at = at if at >= 0 else len(data) + at
    return int.from_bytes(data[at : at + size], "little")


def _rotate(v: int, by: int) -> int:
    v &= _BITS
    return (v >> by | v << (64 - by)) & _BITS


def _mix(v: int) -> int:
    v &= _BITS
    return v ^ v >> 47


def _join(u: int, v: int, factor: int) -> int:
    a = _mix(((u ^ v) & _BITS) * factor)
    return _mix((v & _BITS ^ a) * factor) * factor & _BITS


def _up_to_16(data: bytes) -> int:
    size = len(data)
    factor = _K2 + size * 2
    if size >= 8:
        a, b = _word(data, 0) + _K2, _word(data, -8)
        return _join(_rotate(b, 37) * factor + a, (_rotate(a, 25) + b) * factor, factor)
    if size >= 4:
        return _join(size + (_word(data, 0, 4) << 3), _word(data, -4, 4), factor)
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return _mix(y * _K2 ^ z * _K0) * _K2 & _BITS
    return _K2


def _ends(data: bytes, factor: int) -> tuple[int, int, int]:
    a, b = _word(data, 0) * _K1, _word(data, 8)
    if len(data) > 32:
        a = _word(data, 0) * _K2
    c, d = _word(data, -8) * factor, _word(data, -16) * _K2
    y = _rotate(a + b, 43) + _rotate(c, 30) + d
    return a, y, a + _rotate(b + _K2, 18) + c


def _up_to_32(data: bytes) -> int:
    factor = _K2 + len(data) * 2
    _, y, z = _ends(data, factor)
    return _join(y, z, factor)


def _up_to_64(data: bytes) -> int:
    factor = _K2 + len(data) * 2
    a, y, z = _ends(data, factor)
    z = _join(y, z, factor)
    e, f = _word(data, 16) * factor, _word(data, 24)
    g, h = (y + _word(data, -32)) * factor, (z + _word(data, -24)) * factor
    return _join(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, factor)


def _absorb(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_word(data, at + 8 * i) for i in range(4))
    a += w
    b = _rotate(b + a + z, 21)
    c = a
    a += x + y
    return (a + z) & _BITS, (b + _rotate(a, 44) + c) & _BITS


def _longer(data: bytes) -> int:
    x, y = 81, 81 * _K1 + 113
    z = _mix(y * _K2 + 113) * _K2
    v, w = (0, 0), (0, 0)
    x = x * _K2 + _word(data, 0)
    rest = (len(data) - 1) & 63
    for at in range(0, len(data) - rest - 1, 64):
        x, y, z, v, w = _round(data, at, x, y, z, v, w, _K1, 1)
    factor = _K1 + ((z & 0xFF) << 1)
    w = (w[0] + rest, w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _round(data, len(data) - 64, x, y, z, v, w, factor, 9)
    first = _join(v[0], w[0], factor) + _mix(y) * _K0 + z
    return _join(first, _join(v[1], w[1], factor) + x, factor)


def _round(
    data: bytes, at: int, x: int, y: int, z: int, v: tuple, w: tuple, factor: int, weight: int
) -> tuple[int, int, int, tuple, tuple]:
    """64 bytes; `weight` is 9 in the last round."""
    x = _rotate(x + y + v[0] + _word(data, at + 8), 37) * factor & _BITS
    y = _rotate(y + v[1] + _word(data, at + 48), 42) * factor
    x ^= w[1] * weight & _BITS
    y = (y + v[0] * weight + _word(data, at + 40)) & _BITS
    z = _rotate(z + w[0], 33) * factor & _BITS
    v = _absorb(data, at, v[1] * factor, x + w[0])
    w = _absorb(data, at + 32, z + w[1], y + _word(data, at + 16))
    return z, y, x, v, w
