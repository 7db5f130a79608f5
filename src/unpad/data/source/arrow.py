"""Arrow tables and readers, Parquet files and folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ...ragged.doors.arrow import is_list, rows_of
from .columns import picked, used, wanted
from .forms import Asked, Piece, Pieces, Whole

#: So many sequences are read together, or so many bytes of them, whichever is less: enough to draw
#: batches from, and small beside any memory.
SEQUENCES, BYTES = 16384, 1 << 25
# Of a file so much is read at a time, beside what is decoded.
_BUFFER = 1 << 20


def of_table(table: Any, asked: Asked) -> Whole:
    """The columns of a table or record batch."""
    return _of_columns(table, wanted(table.schema.names, asked), asked.who)


def _of_columns(table: Any, by: Whole, who: str) -> Whole:
    missing = _missing(table, by)
    return picked(by, lambda name: _column(table[name], missing, f"{who}: column {name!r}"))


def _missing(table: Any, by: Whole) -> tuple[Any, Any] | None:
    """Of a column x with nulls among its steps: its lengths, and which steps are there."""
    if not isinstance(by.x, str):
        return None
    column = _whole(table[by.x])
    if not is_list(column.type) or column.null_count:  # a row that is null is told of later
        return None
    steps = column.flatten()
    return (column.value_lengths(), steps.is_valid()) if steps.null_count else None


def _whole(column: Any) -> Any:
    """A column in one piece."""
    return column.combine_chunks() if hasattr(column, "chunks") else column


def _column(column: Any, missing: tuple[Any, Any] | None, who: str) -> Any:
    """A list column as it is, its steps null where those of x are; numbers, strings, as such."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if is_list(column.type):
        if missing is None:
            return column
        whole = _whole(column)
        if not whole.value_lengths().equals(missing[0]):
            return column
        gone = ~missing[1].to_numpy(zero_copy_only=False)
        steps = whole.flatten().take(pa.array(np.arange(len(gone)), mask=gone))
        offsets = np.concatenate([[0], np.cumsum(missing[0].to_numpy())])
        return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), steps)
    return rows_of(column, who)


class Part(NamedTuple):
    """Some rows of a fragment of a data set.

    Args:
        fragment: its number.
        first: its first row within that.
        rows: how many.
        size: bytes that it takes in memory, about.
        name: what it is called in errors.
    """

    fragment: int
    first: int
    rows: int
    size: int
    name: str


class Scanned(Pieces):
    """A data set of files, read by row groups in an order that is drawn.

    Args:
        dataset: pyarrow's.
        called: in errors.
        asked: which columns are what.
    """

    def __init__(self, dataset: Any, called: str, asked: Asked) -> None:
        self.called, self._who = called, asked.who
        self._by = wanted(dataset.schema.names, asked)
        self._columns = used(self._by)
        self._schema = dataset.schema
        self._fragments: list[Any] = []
        self._parts: list[list[Part]] = []
        for file in dataset.get_fragments():
            name = os.path.basename(getattr(file, "path", "") or called)
            try:
                self._look_into(file, name)
            except (OSError, ValueError) as error:
                raise ValueError(
                    f"{asked.who}: {name} cannot be read: {str(error).rstrip('.')}."
                ) from None
        self._flat = [part for parts in self._parts for part in parts]
        self.rows = [part.rows for part in self._flat]
        # Where the parts of each fragment begin in the flat list.
        self._starts = np.cumsum([0, *(len(parts) for parts in self._parts)]).tolist()

    def _look_into(self, file: Any, name: str) -> None:
        if not hasattr(file, "split_by_row_group"):
            self._add(file, file.count_rows(), 0, name)
            return
        metadata = file.metadata
        leaves = [
            i
            for i in range(metadata.num_columns)
            if metadata.schema.column(i).path.partition(".")[0] in self._columns
        ]
        for fragment in file.split_by_row_group():
            group = fragment.row_groups[0]
            place = f"{name}, row group {group.id}"
            columns = [metadata.row_group(group.id).column(i) for i in leaves]
            # Of equal values a file holds less than memory will, of texts about as much.
            size = sum(max(c.total_uncompressed_size, 8 * c.num_values) for c in columns)
            self._add(fragment, group.num_rows, size, place)

    def _add(self, fragment: Any, rows: int, size: int, name: str) -> None:
        most = SEQUENCES
        if size > BYTES:
            most = max(1, min(most, rows * BYTES // size))
        number, parts = len(self._fragments), []
        for first in range(0, rows, most):
            n = min(most, rows - first)
            span = "" if n == rows else f", rows {first} to {first + n - 1}"
            parts.append(Part(number, first, n, size * n // rows, f"{name}{span}"))
        self._fragments.append(fragment)
        self._parts.append(parts)

    def plan(self, draw: torch.Generator | None) -> list[list[int]]:
        """Row groups in an order that is drawn where one is wanted, some together in each piece."""
        n = len(self._fragments)
        order = range(n) if draw is None else torch.randperm(n, generator=draw).tolist()
        pieces: list[list[int]] = []
        filled, size = SEQUENCES, 0
        for fragment in order:
            for number in range(self._starts[fragment], self._starts[fragment + 1]):
                part = self._flat[number]
                if filled + part.rows > SEQUENCES or size + part.size > BYTES:
                    pieces.append([])
                    filled = size = 0
                pieces[-1].append(number)
                filled, size = filled + part.rows, size + part.size
        return pieces

    def read(self, plan: list[list[int]] | None, epoch: int) -> Iterator[Piece]:
        """The pieces of this plan, one after another."""
        import pyarrow as pa

        rows = self._rows([part for parts in plan or [] for part in parts])
        for parts in plan or []:
            read = [_of_columns(next(rows), self._by, self._who) for _ in parts]
            # Arrow keeps what other threads let go of until this one asks for it: 25 to 35 MB.
            pa.default_memory_pool().release_unused()
            yield Piece(read, [self._flat[part].name for part in parts])

    def _rows(self, parts: list[int]) -> Iterator[Any]:
        """The tables of these parts; those of one fragment stand in their order."""
        import pyarrow as pa

        at: tuple[int, int] | None = None
        coming: Iterator[Any] = iter(())
        left: list[Any] = []
        for number in parts:
            part = self._flat[number]
            if at != (part.fragment, part.first):
                coming, left = self._batches(part.fragment), []
                _take(coming, left, part.first)
            yield pa.Table.from_batches(_take(coming, left, part.rows))
            at = part.fragment, part.first + part.rows

    def _batches(self, number: int) -> Iterator[Any]:
        """The rows of a fragment, as many at a time as a part of it has.

        A data set decodes a row group as a whole, and one of a million rows, as pyarrow writes
        them, doubled the memory of the process; a file is gone through.
        """
        fragment = self._fragments[number]
        options = {
            "batch_size": self._parts[number][0].rows,
            "columns": self._columns,
            "use_threads": False,
        }
        if hasattr(fragment, "split_by_row_group") and self._as_in(fragment.physical_schema):
            import pyarrow.parquet as pq

            file = pq.ParquetFile(
                fragment.open(), metadata=fragment.metadata, buffer_size=_BUFFER, pre_buffer=False
            )
            return file.iter_batches(row_groups=[fragment.row_groups[0].id], **options)
        return iter(fragment.to_batches(self._schema, batch_readahead=1, **options))

    def _as_in(self, schema: Any) -> bool:
        """Whether a file has the wanted columns just as the data set gives them."""
        return all(
            name in schema.names and schema.field(name).type == self._schema.field(name).type
            for name in self._columns
        )


def _take(coming: Iterator[Any], left: list[Any], rows: int) -> list[Any]:
    """So many rows of batches; what is left of the last goes back into `left`."""
    found: list[Any] = []
    while rows:
        batch = left.pop() if left else next(coming)
        if len(batch) > rows:
            left.append(batch.slice(rows))
            batch = batch.slice(0, rows)
        rows -= len(batch)
        found.append(batch)
    return found


class Read(Pieces):
    """What a reader of record batches gives, in its own order.

    Args:
        start: gives a reader.
        schema: of what it reads.
        asked: which columns are what.
        called: in errors.
        once: whether there is but one reader.
    """

    def __init__(
        self, start: Callable[[], Iterable[Any]], schema: Any, asked: Asked, called: str, once: bool
    ) -> None:
        self._start, self._who = start, asked.who
        self.called, self.once = called, once
        self._by = wanted(schema.names, asked)

    def plan(self, draw: torch.Generator | None) -> None:
        """How many there are shows only in reading."""

    def read(self, plan: list[list[int]] | None, epoch: int) -> Iterator[Piece]:
        """Some record batches at a time."""
        import pyarrow as pa

        some: list[Any] = []
        first = filled = 0
        for batch in self._start():
            if some and filled + len(batch) > SEQUENCES:
                yield self._piece(pa.Table.from_batches(some), first)
                first, filled, some = first + filled, 0, []
            some.append(batch)
            filled += len(batch)
        if some:
            yield self._piece(pa.Table.from_batches(some), first)

    def _piece(self, table: Any, first: int) -> Piece:
        return Piece([_of_columns(table, self._by, self._who)], [f"rows from {first} on"])


def arrow(x: Any, asked: Asked) -> Whole | Pieces | None:
    """A table, record batch, reader or data set of Arrow's."""
    if not type(x).__module__.startswith("pyarrow"):
        return None
    import pyarrow as pa

    if isinstance(x, (pa.Table, pa.RecordBatch)):
        return of_table(x, asked)
    if isinstance(x, pa.RecordBatchReader):
        return Read(lambda: x, x.schema, asked, "the RecordBatchReader", True)
    if hasattr(x, "projected_schema"):
        return Read(x.to_reader, x.projected_schema, asked, "the Scanner", False)
    if hasattr(x, "get_fragments"):
        try:
            x.get_fragments()
        except ValueError:  # it is filtered or sorted: what is left of each file nobody knows
            return Read(lambda: x.scanner().to_reader(), x.schema, asked, "the data set", False)
        return Scanned(x, "the data set", asked)
    if hasattr(x, "iter_batches") and hasattr(x, "schema_arrow"):  # a ParquetFile
        raise ValueError(
            f"{asked.who}: got a ParquetFile, which is at one place of its file. Give the path: "
            "fit('words.parquet', columns=(...))."
        )
    return None


def files(x: Any, asked: Asked) -> Pieces | None:
    """A path of a Parquet file, of a folder of them, or a list of paths of files."""
    several = isinstance(x, (list, tuple)) and bool(x) and asked.columns is not None
    paths: list[Any] = list(x) if several else [x]
    if not all(isinstance(path, (str, Path)) for path in paths):
        return None
    if several and not any(
        str(path).endswith(".parquet") or os.path.exists(path) for path in paths
    ):
        return None  # texts
    for path in paths:
        if not Path(path).exists():
            way = f" All that it stands for: sorted(glob.glob({str(path)!r}))."
            raise FileNotFoundError(
                f"{asked.who}: there is no file or folder {str(path)!r}.{way * ('*' in str(path))}"
            )
    try:
        import pyarrow.dataset as ds
    except ImportError:
        raise ImportError(
            f"{asked.who}: Parquet files need pyarrow: pip install unpad[arrow]."
        ) from None
    try:
        found = ds.dataset([*map(str, paths)] if several else str(paths[0]), format="parquet")
        if not found.files:
            raise ValueError("it holds no file")
    except (OSError, ValueError) as error:
        what = "list of Parquet files" if several else "Parquet file and no folder of them"
        raise ValueError(f"{asked.who}: {str(x)!r} is no {what}: {error}.") from None
    name = Path(paths[0]).name
    return Scanned(found, f"{name} and {len(paths) - 1} more" if paths[1:] else name, asked)
