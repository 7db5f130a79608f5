"""HDF5 as Keras writes it, read without HDF5's own library, which trusts the files it is given.

A file is a tree of groups with attributes and arrays. Read is the layout that h5py writes by
default, and nothing else: groups as symbol tables, arrays in one piece. What no file of weights
needs and what can reach outside of it or grow in memory is refused: links, external and virtual
data, filters, pieces. Every place is looked at within the file's bounds and once, so that a file
which lies costs no more time and memory than its own size. Arrays are views of the bytes.

Format: "HDF5 File Format Specification Version 3.0", The HDF Group; the numbers in brackets below
are its message types.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from .problems import DamagedFile, FileError, RefusedFile, WrongFormat

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_NOWHERE = 0xFFFFFFFFFFFFFFFF
_DEEPEST = 64
_REPACK = "Open it with h5py and write it again, without filters and chunks."


@dataclass
class Group:
    """What stands under one name: attributes, arrays, and groups again."""

    attrs: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)

    def at(self, path: str) -> Group | None:
        """The group at "a/b/c" below this one; None where there is none."""
        found: Group | None = self
        for name in path.split("/") if path else ():
            found = None if found is None else found.groups.get(name)
        return found

    def array(self, path: str) -> np.ndarray | None:
        """The array at "a/b/c" below this one; None where there is none."""
        above, _, name = path.rpartition("/")
        group = self.at(above)
        return None if group is None else group.arrays.get(name)

    def make(self, path: str) -> Group:
        """The group at a path, made where there is none."""
        found = self
        for name in path.split("/") if path else ():
            found = found.groups.setdefault(name, Group())
        return found

    def walk(self, path: str = "") -> Iterator[tuple[str, Group]]:
        """Every group with its path, this one first."""
        yield path, self
        for name, group in self.groups.items():
            yield from group.walk(f"{path}/{name}".lstrip("/"))


def write(path: Path | BinaryIO, root: Group) -> None:
    """Writes a tree with h5py, as Keras does.

    Raises:
        ImportError: h5py is not installed; the text says how to.
    """
    import h5py

    with h5py.File(path, "w") as file:
        for name, group in root.walk():
            to = file.require_group(name) if name else file
            for key, value in group.attrs.items():
                to.attrs[key] = value
            for key, array in group.arrays.items():
                to.create_dataset(key, data=array)


def read(data: bytes | memoryview, path: Any, place: str = "") -> Group:
    """The tree in these bytes.

    Args:
        data: the whole file; arrays are views of it.
        path: of the file, for errors.
        place: in the file, where the bytes are a part of another.

    Raises:
        FileError: it is none, is damaged, or holds what is refused.
    """
    reader = _Reader(data, path, place)
    try:
        return reader.root()
    except FileError:
        raise
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise DamagedFile(path, reader.place, f"no HDF5: {error}.") from None


class _Message(NamedTuple):
    kind: int
    data: memoryview


class _Reader:
    def __init__(self, data: bytes | memoryview, path: Any, place: str) -> None:
        self.data, self.path, self.outer = memoryview(data), path, place
        self.place = place
        self.seen: set[int] = set()
        # Bytes of structure that may be read in all: parts that point in a circle have no end.
        self.left = 4 * len(data) + 65536
        self.room = len(data)
        self.heaps: dict[int, dict[int, memoryview]] = {}

    # --- within bounds ---------------------------------------------------------------------------

    def wrong(self, text: str) -> DamagedFile:
        return DamagedFile(self.path, self.place, text)

    def refused(self, what: str, way_out: str = _REPACK) -> RefusedFile:
        return RefusedFile(self.path, self.place, f"{what} is not read from a file. {way_out}")

    def at(self, address: int, size: int) -> memoryview:
        """So many bytes of structure."""
        self.left -= size + 8
        if self.left < 0:
            raise self.wrong("its structure goes round in circles.")
        if address < 0 or address + size > len(self.data):
            raise self.wrong(
                f"{size} bytes at {address} lie beyond its end, {len(self.data)}; it is cut or its "
                "bytes have changed."
            )
        return self.data[address : address + size]

    def numbers(self, form: str, address: int) -> tuple[Any, ...]:
        return struct.unpack("<" + form, self.at(address, struct.calcsize("<" + form)))

    def once(self, address: int, what: str) -> int:
        if address in self.seen:
            raise self.wrong(f"{what} at {address} has two names.")
        self.seen.add(address)
        return address

    def signed(self, address: int, signature: bytes) -> None:
        if bytes(self.at(address, len(signature))) != signature:
            raise self.wrong(f"expected {signature.decode()} at {address}.")

    # --- groups ----------------------------------------------------------------------------------

    def root(self) -> Group:
        if bytes(self.data[:8]) != SIGNATURE:
            raise WrongFormat(self.path, self.place, "this is no HDF5 file.")
        version, offsets, lengths = self.data[8], self.data[13], self.data[14]
        if version > 1:
            raise self.refused("HDF5's newer layout (libver='latest')", "Write it with h5py's own.")
        if (offsets, lengths) != (8, 8):
            raise self.wrong("its addresses do not have 8 bytes.")
        base, _, end, _ = self.numbers("4Q", 24 + 4 * version)
        if base or end > len(self.data):
            raise self.wrong(f"it says that it has {end} bytes, but it has {len(self.data)}: cut.")
        _, header = self.numbers("2Q", 56 + 4 * version)
        found = self.thing(header, "", 0)
        if not isinstance(found, Group):
            raise self.wrong("its root is no group.")
        return found

    def thing(self, address: int, path: str, depth: int) -> Group | np.ndarray:
        """The group or array whose header stands here."""
        self.place = "/".join(part for part in (self.outer, path) if part)
        if depth > _DEEPEST:
            raise self.refused(f"A group {depth} deep", "Nest no deeper.")
        messages = self.messages(self.once(address, "an object"))
        kinds = {message.kind: message.data for message in messages}
        attrs = [m.data for m in messages if m.kind == 0x0C]
        if kinds.keys() & {0x02, 0x06, 0x15}:
            raise self.refused("HDF5's newer layout of groups", "Write it with h5py's own.")
        if 0x11 not in kinds:
            return self.array(kinds)
        group = Group(attrs=dict(self.attribute(data) for data in attrs))
        tree, heap = struct.unpack_from("<2Q", kinds[0x11])
        names = self.local_heap(heap)
        for name, header in self.links(tree, names, 0):
            below = f"{path}/{name}".lstrip("/")
            if name in group.arrays or name in group.groups:
                raise self.wrong(f"there are two of the name {name!r}.")
            found = self.thing(header, below, depth + 1)
            if isinstance(found, Group):
                group.groups[name] = found
            else:
                group.arrays[name] = found
        return group

    def messages(self, address: int) -> list[_Message]:
        """Those of an object's header and of where it goes on."""
        version, _, count, _, size = self.numbers("BBHII", address)
        if version != 1:
            raise self.wrong(f"there is no header of an object at {address}.")
        blocks, found = [(address + 16, size)], []
        while blocks:
            start, size = blocks.pop()
            stop = start + size
            while start + 8 <= stop and len(found) < count:
                kind, length, flags = self.numbers("HHB", start)
                data = self.at(start + 8, length)
                if start + 8 + length > stop:
                    raise self.wrong(f"a message at {start} is longer than its block.")
                start += 8 + length
                found.append(_Message(kind, data))
                if flags & 2:
                    raise self.refused("A message that is shared")
                if kind == 0x10:
                    blocks.append(struct.unpack_from("<2Q", data))
        return found

    def local_heap(self, address: int) -> memoryview:
        self.signed(address, b"HEAP")
        size, _, data = self.numbers("3Q", address + 8)
        return self.at(data, size)

    def links(self, address: int, names: memoryview, level: int) -> Iterator[tuple[str, int]]:
        """The names in a group and where the headers of what they name stand."""
        self.signed(self.once(address, "a table"), b"TREE")
        kind, height, used = self.numbers("BBH", address + 4)
        if kind or level > 16:
            raise self.wrong(f"the table at {address} is none of a group.")
        for i in range(used):
            (child,) = self.numbers("Q", address + 32 + 16 * i)
            if height:
                yield from self.links(child, names, level + 1)
                continue
            self.signed(self.once(child, "a table"), b"SNOD")
            (count,) = self.numbers("H", child + 6)
            for k in range(count):
                name, header, kind = self.numbers("QQI", child + 8 + 40 * k)
                text = bytes(names[name : name + 1024]).partition(b"\0")[0].decode()
                if kind == 2 or header == _NOWHERE:
                    raise self.refused(f"The link {text!r} to another place", "Write what it is.")
                if not text or text in (".", "..") or "/" in text:
                    raise self.wrong(f"{text!r} is no name.")
                yield text, header

    # --- arrays ----------------------------------------------------------------------------------

    def array(self, kinds: Mapping[int, memoryview]) -> np.ndarray:
        if 0x0B in kinds:
            raise self.refused("A filter (compression)")
        if 0x07 in kinds:
            raise self.refused("Data in another file")
        if not kinds.keys() >= {0x01, 0x03, 0x08}:
            raise self.refused("What is neither a group nor an array", "Leave it out.")
        shape, dtype = self.shape(kinds[0x01]), self.dtype(kinds[0x03])
        if not isinstance(dtype, np.dtype):
            raise self.refused("An array of texts", "Weights are numbers.")
        version, kind = struct.unpack_from("<2B", kinds[0x08])
        if version not in (3, 4) or kind not in (0, 1):
            raise self.refused("An array in pieces, or made up of others")
        size = math.prod(shape) * dtype.itemsize
        self.room -= size
        if self.room < 0:
            raise self.wrong(f"its arrays say that they have more than {len(self.data)} bytes.")
        if kind == 0:
            data = kinds[0x08][4:]
        elif not size:
            data = memoryview(b"")
        else:
            address, _ = struct.unpack_from("<2Q", kinds[0x08], 2)
            data = self.at(address, size)
            self.left += size  # numbers are no structure, and are read once
        if len(data) < size:
            raise self.wrong(f"expected {size} bytes for {shape} of {dtype}, got {len(data)}.")
        found = np.frombuffer(data[:size], dtype).reshape(shape)
        if dtype.names:
            return (found["bfloat16"].astype(np.uint32) << 16).view(np.float32)
        return found

    def shape(self, data: memoryview) -> tuple[int, ...]:
        version, rank = data[0], data[1]
        if version not in (1, 2) or rank > 32 or (version == 2 and data[3] == 2):
            raise self.wrong("the shape of an array is none.")
        return struct.unpack_from(f"<{rank}Q", data, 8 if version == 1 else 4)

    def dtype(self, data: memoryview) -> np.dtype | str:
        """Of numbers; "text" for texts of any length."""
        kind, flags, size = data[0] & 15, data[1], struct.unpack_from("<I", data, 4)[0]
        order = ">" if flags & 1 else "<"
        if kind == 0 and size in (1, 2, 4, 8):
            return np.dtype(f"{order}{'i' if flags & 8 else 'u'}{size}")
        if kind == 1 and (size, data[13], data[15]) in ((2, 5, 10), (4, 8, 23), (8, 11, 52)):
            return np.dtype(f"{order}f{size}")
        if kind == 1 and (size, data[13], data[15]) == (2, 8, 7):  # bfloat16, by its bits
            return np.dtype([("bfloat16", f"{order}u2")])
        if kind == 8 and size == 1:  # what h5py makes of bool
            return np.dtype(bool)
        if kind == 3:
            return np.dtype(f"S{size}") if size else np.dtype("S1")
        if kind == 9 and flags & 15 == 1:
            return "text"
        raise self.refused(f"A type of numbers that weights do not have (HDF5's class {kind})")

    # --- attributes ------------------------------------------------------------------------------

    def attribute(self, data: memoryview) -> tuple[str, Any]:
        version = data[0]
        sizes = struct.unpack_from("<3H", data, 2)
        if version not in (1, 2, 3):
            raise self.wrong("an attribute is none.")
        place, parts = 9 if version == 3 else 8, []
        for size in sizes:
            parts.append(data[place : place + size])
            place += size if version > 1 else (size + 7) // 8 * 8
        name = bytes(parts[0]).partition(b"\0")[0].decode()
        dtype, shape, rest = self.dtype(parts[1]), self.shape(parts[2]), data[place:]
        count = math.prod(shape)
        if not isinstance(dtype, str):
            if count * dtype.itemsize > len(rest):
                raise self.wrong(f"the attribute {name!r} is cut.")
            value = np.frombuffer(rest[: count * dtype.itemsize], dtype).reshape(shape)
            return name, value if shape else value[()]
        if 16 * count > len(rest):
            raise self.wrong(f"the attribute {name!r} is cut.")
        texts = [self.text(*struct.unpack_from("<IQI", rest, 16 * i)) for i in range(count)]
        return name, texts if shape else texts[0]

    def text(self, size: int, heap: int, index: int) -> str:
        """A text from where those of any length are kept."""
        if not size:
            return ""
        if heap not in self.heaps:
            self.signed(heap, b"GCOL")
            (whole,) = self.numbers("Q", heap + 8)
            place, kept = heap + 16, self.heaps.setdefault(heap, {})
            while place + 16 <= heap + whole:
                number, _, _, length = self.numbers("HHIQ", place)
                if not number:
                    break
                kept[number] = self.at(place + 16, length)
                place += 16 + (length + 7) // 8 * 8
        data = self.heaps[heap].get(index)
        if data is None or len(data) < size:
            raise self.wrong("the text of an attribute is not there.")
        self.left -= size
        return bytes(data[:size]).decode()
