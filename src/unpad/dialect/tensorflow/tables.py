"""Files of tables, read batch by batch: TensorFlow's `tf.data.experimental.make_csv_dataset`."""

from __future__ import annotations

import csv
import glob
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from ...data.dataset import Dataset
from ...data.source.words import Words
from ...errors import refuse


def make_csv_dataset(
    file_pattern: Any,
    batch_size: int,
    column_names: Sequence[str] | None = None,
    label_name: str | None = None,
    select_columns: Sequence[str] | None = None,
    field_delim: str = ",",
    na_value: str = "",
    header: bool = True,
    num_epochs: int | None = None,
    shuffle: bool = True,
    shuffle_buffer_size: int = 10000,
    shuffle_seed: int | None = None,
    num_rows_for_inference: int | None = 100,
    ignore_errors: bool = False,
    **options: Any,
) -> Dataset:
    """Batches of the rows of tables: dicts of columns, or pairs of them and of labels.

    A column is int32, float32 or strings, whichever its first rows allow.

    Args:
        file_pattern: paths, or patterns of them, of files of text.
        batch_size: rows a batch.
        column_names: of the columns; by default the first line's.
        label_name: of the column that is the label.
        select_columns: those that are read, by default all.
        field_delim: between two fields.
        na_value: what stands for nothing: 0, or an empty string.
        header: whether the first line holds names.
        num_epochs: how often the rows are gone through; None for without end.
        shuffle: whether rows come in an order that is drawn.
        shuffle_buffer_size: how many are kept ready for that.
        shuffle_seed: of the order.
        num_rows_for_inference: rows that tell the columns' types; None for all.
        ignore_errors: is not supported.
        options: of TensorFlow's reading ahead; they change nothing.
    """
    kinds = {k: options.pop(k, None) for k in ("column_defaults", "compression_type")}
    refuse("make_csv_dataset", ignore_errors=ignore_errors or None, **kinds)
    known = ("prefetch_buffer_size", "num_parallel_reads", "sloppy", "encoding")
    refuse("make_csv_dataset", **{k: v for k, v in options.items() if k not in known})
    patterns = [file_pattern] if isinstance(file_pattern, (str, Path)) else list(file_pattern)
    paths = sorted(itertools.chain.from_iterable(glob.glob(str(p)) for p in patterns))
    if not paths:
        raise FileNotFoundError(f"make_csv_dataset: there is no file {file_pattern!r}.")

    def lines() -> Iterator[list[str]]:
        for path in paths:
            with Path(path).open(newline="", encoding=options.get("encoding") or "utf-8") as file:
                read = csv.reader(file, delimiter=field_delim)
                yield from itertools.islice(read, 1 if header else 0, None)

    names = list(column_names) if column_names is not None else _first_line(paths[0], field_delim)
    kept = names if select_columns is None else list(select_columns)
    looked_at = list(itertools.islice(lines(), num_rows_for_inference))
    places = {name: names.index(name) for name in {*kept, *([label_name] if label_name else [])}}
    types = {name: _kind([row[i] for row in looked_at], na_value) for name, i in places.items()}

    def as_columns(rows: list[list[str]]) -> Any:
        made = {name: _column([r[i] for r in rows], types[name], na_value)
                for name, i in places.items()}  # fmt: skip
        if label_name is None:
            return {name: made[name] for name in kept}
        return {name: made[name] for name in kept if name != label_name}, made[label_name]

    read = Dataset.from_generator(lines)
    if shuffle:
        read = read.shuffle(shuffle_buffer_size, shuffle_seed)

    def batches(rows: Iterator[list[str]]) -> Iterator[Any]:
        while some := list(itertools.islice(rows, batch_size)):
            yield as_columns(some)

    return read.repeat(num_epochs)._then(batches, None)


def _first_line(path: str, delimiter: str) -> list[str]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file, delimiter=delimiter))


def _kind(values: list[str], nothing: str) -> Any:
    """The narrowest type that tells these values."""
    there = [v for v in values if v not in (nothing, "")]
    for kind, read in ((torch.int32, int), (torch.float32, float)):
        try:
            if all(abs(read(v)) < 2**31 or read is float for v in there):
                return kind
        except ValueError:
            continue
    return str


def _column(values: list[str], kind: Any, nothing: str) -> Any:
    values = ["" if v == nothing else v for v in values]
    if kind is str:
        return Words.of(values)
    read = int if kind is torch.int32 else float
    return torch.tensor([read(v) if v else 0 for v in values], dtype=kind)
