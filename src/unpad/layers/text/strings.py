"""Strings as they come: one, a list, lists of different lengths, an array, an Arrow column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.layer import Layer
from ...core.spec import Spec
from ...core.symbol import Symbol
from ...ragged import Layout, Ragged

#: How strings were arranged: an array's shape, or sequences.
Arrangement = tuple[int, ...] | Layout


def strings_of(inputs: Any, who: str, encoding: str = "utf-8") -> tuple[list[str], Arrangement]:
    """Every string in order, and how they were arranged.

    A list of strings has one axis. A list of lists is sequences, even if they are of one length;
    an array is a grid.

    Raises:
        ValueError: something among them is no string; the text says where.
    """
    if isinstance(inputs, (str, bytes)):
        return [_string(inputs, "", who, encoding)], ()
    if hasattr(inputs, "to_pylist"):
        # As in numbers of Arrow's: a null among the steps of a list is no step.
        rows = inputs.to_pylist()
        inputs = [[w for w in r if w is not None] if isinstance(r, list) else r for r in rows]
    if not isinstance(inputs, (list, tuple)):
        array = np.asarray(inputs)
        if array.ndim == 0 or array.dtype.kind not in "USOT":
            raise ValueError(f"{who}: expected strings, got {type(inputs).__name__}.")
        if array.ndim > 1 or not _holds_sequences(array):
            flat = array.reshape(-1).tolist()
            words = [_string(w, f" at place {i}", who, encoding) for i, w in enumerate(flat)]
            return words, array.shape
        inputs = array.tolist()
    if not _holds_sequences(inputs):
        words = [_string(w, f" at place {i}", who, encoding) for i, w in enumerate(inputs)]
        return words, (len(words),)
    for i, sequence in enumerate(inputs):
        if not isinstance(sequence, (list, tuple, np.ndarray)):
            raise ValueError(
                f"{who}: expected sequences of strings, got {_shown(sequence)} as sequence {i}."
            )
    words = [
        _string(w, f" in sequence {i}, step {j}", who, encoding)
        for i, sequence in enumerate(inputs)
        for j, w in enumerate(sequence)
    ]
    return words, Layout.from_lengths([len(sequence) for sequence in inputs])


def as_array(inputs: Any, who: str) -> np.ndarray:
    """An array, of a list or list of lists too.

    Raises:
        ValueError: the lists are of different depths, or lengths.
    """
    try:
        return np.asarray(inputs)
    except ValueError:
        raise ValueError(
            f"{who}: expected an array or sequences, got lists of different depths or lengths. "
            "Sequences of different lengths: Ragged.from_list(...)."
        ) from None


def uneven(inputs: Any) -> list[int] | None:
    """The lengths of what stands in a list, where they differ; None where they do not."""
    if not isinstance(inputs, (list, tuple)):
        return None
    arrays = (np.ndarray, Tensor)
    rows = [x for x in inputs if isinstance(x, (list, tuple)) or (isinstance(x, arrays) and x.ndim)]
    lengths = [len(row) for row in rows]
    return lengths if len({*lengths}) > 1 else None


def _holds_sequences(inputs: Any) -> bool:
    return any(isinstance(x, (list, tuple, np.ndarray)) for x in inputs)


def _string(word: Any, where: str, who: str, encoding: str) -> str:
    if isinstance(word, bytes):
        return word.decode(encoding)
    if not isinstance(word, str):
        raise ValueError(f"{who}: expected strings, got {_shown(word)}{where}.")
    return str(word)


def _shown(value: Any) -> str:
    return "None" if value is None else f"{type(value).__name__} {value!r}"


def arranged(ids: Sequence[int], arrangement: Arrangement) -> Ragged | Tensor:
    """One id for each string, arranged as they were."""
    values = torch.tensor(ids, dtype=torch.int64)
    if isinstance(arrangement, Layout):
        return Ragged(values, arrangement)
    return values.reshape(arrangement)


def sequences_of(words: list[Any], arrangement: Arrangement) -> list[list[Any]]:
    """The strings as one list a row; a string that stands alone in its row is a list of one."""
    if isinstance(arrangement, Layout):
        ends = arrangement.own.offsets[1:].tolist()
    else:
        rows = arrangement[0] if arrangement else 1
        width = int(np.prod(arrangement[1:]))
        ends = [width * (i + 1) for i in range(rows)]
    return [words[a:b] for a, b in pairwise([0, *ends])]


def as_bytes(texts: Any, who: str, sizes: tuple[int | None, ...]) -> Ragged:
    """Texts as they flow through a model: each the sequence of its bytes in UTF-8.

    Args:
        texts: one a row, or sequences of them.
        who: what they are called in errors.
        sizes: of one row: () or (1,) for one text, (3,) for three, whose shorter ones end in zeros,
            (None,) for a sequence of texts.

    Raises:
        ValueError: something among them is no text, or there are not so many in a row.
    """
    words, arrangement = strings_of(texts, who)
    each = [np.frombuffer(word.encode(), np.uint8) for word in words]
    if sizes == (None,):
        if not isinstance(arrangement, Layout) and len(arrangement) != 2:
            raise ValueError(f"{who}: expected sequences of texts, got {arrangement or 'one'}.")
        return Ragged.from_list(sequences_of(each, arrangement), levels=2)
    size = next(iter(sizes), 1) or 0
    rows = sequences_of(each, arrangement)
    first = next((i for i, row in enumerate(rows) if len(row) != size), None)
    if arrangement == () or first is not None:
        want = "one text a row" if size == 1 else f"{size} texts a row"
        got = f"{len(rows[first])} in row {first}" if first is not None else "a text by itself"
        raise ValueError(f"{who}: expected {want}, got {got}.")
    if not rows:
        return Ragged(
            torch.zeros((0, size)[: 1 + len(sizes)], dtype=torch.uint8), Layout.from_lengths([])
        )
    return Ragged.from_list([_beside(row) for row in rows] if sizes else each)


def _beside(texts: list[np.ndarray]) -> np.ndarray:
    """(bytes, texts) the bytes of a row's texts, each in a column of its own."""
    if len(texts) == 1:
        return texts[0][:, None]
    columns = np.zeros((max(map(len, texts)), len(texts)), np.uint8)
    for column, text in zip(columns.T, texts, strict=True):
        column[: len(text)] = text
    return columns


def sizes_of(texts: Any) -> tuple[int | None, ...] | None:
    """The sizes of one row of strings, as an Input of them says it; None of what is no strings.

    Args:
        texts: what a caller gave.
    """
    if isinstance(texts, (Symbol, Ragged, Tensor)):
        return None
    try:
        _, arrangement = strings_of(texts, "texts")
    except ValueError:
        return None
    return (None,) if isinstance(arrangement, Layout) else arrangement[1:]


def are_bytes(inputs: Any) -> bool:
    """Whether they are texts in a model, of which `as_texts` makes strings."""
    return isinstance(inputs, Ragged) and inputs.dtype is torch.uint8


def as_texts(inputs: Ragged) -> Any:
    """The texts of `as_bytes`: a list, an array (batch, texts), or lists of them.

    Args:
        inputs: of bytes.
    """
    each = inputs.values if isinstance(inputs.values, Ragged) else inputs
    raw = each.values.flatten().cpu().numpy().tobytes()
    ends = each.layout.own.offsets.tolist()
    size = inputs.feature[0] if inputs.feature else 1
    if size > 1:
        rows = (raw[a * size : b * size] for a, b in pairwise(ends))
        words = [row[i::size].rstrip(b"\0").decode() for row in rows for i in range(size)]
    else:
        words = [raw[a:b].decode() for a, b in pairwise(ends)]
    if inputs.levels > 1:
        return sequences_of(words, inputs.layout)
    return np.array(words, dtype=object).reshape(-1, size) if inputs.feature else words


def spec_of_ids(texts: Spec, found: Any) -> Spec:
    """The spec of what was made of texts: how many words one has, its bytes do not tell.

    Args:
        texts: their spec.
        found: what a trial gave.
    """
    assert isinstance(found, Spec)
    return found if texts.levels > 1 else replace(found, lengths=None)


class TakesTexts(Layer):
    """A layer that takes strings, by themselves or within a model."""

    one_level = False
    takes_texts = True

    def output_spec(self, spec: Spec) -> Spec:
        if not spec.ragged or spec.dtype is not torch.uint8:
            raise ValueError(
                f"{self.who}: takes strings, and got {spec}. Texts come into a model by "
                "keras.Input((1,), dtype='string'); before it: ids = layer(texts)."
            )
        return spec_of_ids(spec, super().output_spec(spec))
