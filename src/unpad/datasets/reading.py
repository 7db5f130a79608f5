"""Arrays of lists of ids, as Keras keeps them: read without running anything of the file."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..utils.files import get_file

#: All that an array of lists of numbers is made of.
_KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"),
    ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
}  # fmt: skip


class _Numbers(pickle.Unpickler):
    """Reads arrays, lists and numbers, and refuses whatever else a file would have made."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise ValueError(f"it holds {module}.{name}, which is no list of numbers.")
        return super().find_class(module, name)


def arrays_of(path: Any, who: str) -> dict[str, np.ndarray]:
    """The arrays of an `.npz`, by name.

    Args:
        path: of the file.
        who: shown in errors.

    Raises:
        ValueError: it is no such file, or holds more than numbers.
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                found[name.removesuffix(".npy")] = _array(io.BytesIO(archive.read(name)))
    except (zipfile.BadZipFile, pickle.UnpicklingError, ValueError, EOFError) as error:
        raise ValueError(f"{who}: {path}: {error}") from None
    return found


def _array(file: io.BytesIO) -> np.ndarray:
    version = np.lib.format.read_magic(file)
    form = np.lib.format
    read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
    _, _, dtype = read(file)
    if dtype.hasobject:
        return _Numbers(file).load()
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def word_index(path: str, who: str) -> dict[str, int]:
    """The ids of words, of a JSON file.

    Args:
        path: the file's name or path.
        who: shown in errors.
    """
    found = json.loads(Path(get_file(path)).read_text("utf-8"))
    if not isinstance(found, Mapping):
        raise ValueError(f"{who}: {path}: expected a JSON object of ids by word.")
    return {str(word): int(i) for word, i in found.items()}


def prepared(
    xs: Any, labels: Any, num_words: int | None, skip_top: int, maxlen: int | None,
    start_char: int | None, oov_char: int | None, index_from: int, who: str,
) -> tuple[list[list[int]], np.ndarray]:  # fmt: skip
    """Sequences of ids as Keras's `load_data` gives them.

    Args:
        xs: sequences of words by how frequent they are, the most frequent first.
        labels: one each.
        num_words: words that are less frequent are unknown ones.
        skip_top: the most frequent words are unknown ones too.
        maxlen: longer sequences are left out.
        start_char: begins each sequence, if it is given.
        oov_char: stands for unknown words; None leaves them out.
        index_from: what is added to each id.
        who: shown in errors.

    Raises:
        ValueError: no sequence is as short as `maxlen`.
    """
    front = [] if start_char is None else [start_char]
    rows = [[*front, *(int(word) + index_from for word in x)] for x in xs]
    kept = [i for i, row in enumerate(rows) if maxlen is None or len(row) < maxlen]
    if not kept:
        raise ValueError(f"{who}: no sequence is shorter than maxlen={maxlen}.")
    top = num_words or max(max(rows[i], default=0) for i in kept) + 1
    found = []
    for i in kept:
        known = (w if skip_top <= w < top else oov_char for w in rows[i])
        found.append([w for w in known if w is not None])
    return found, np.asarray(labels)[kept]
