"""Texts in files, a folder a class, as a data set: Keras's `text_dataset_from_directory`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import arguments
from ..arguments import wrong
from ..data.dataset import Dataset

_WHO = "text_dataset_from_directory"
_MODES = ("int", "categorical", "binary", None)


class Texts(Dataset):
    """Batches of texts and labels; `class_names` are the folders' in the order of their labels."""

    class_names: list[str] | None
    file_paths: list[str]


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str | None = "tf",
    verbose: bool = True,
) -> Any:
    """The texts of a folder's `.txt` files, which lie in a folder of their own for each class.

    A text is read when its batch is asked for. What comes is batches of (texts, labels): an array
    of strings (batch,), which `StringLookup` and `TextVectorization` take in `map`, and labels.

    Args:
        directory: of the folders.
        labels: "inferred" of the folders, a list of one label a file in the order of their paths,
            or None for texts alone.
        label_mode: "int" (batch,), "categorical" one-hot, "binary" (batch, 1), or None for none.
        class_names: the folders in the order of their labels; by default by the alphabet.
        batch_size: texts a batch; None for single ones.
        max_length: letters of a text at most.
        shuffle: whether the order is drawn, anew each epoch.
        seed: of the order and of the split.
        validation_split: which share of the texts is for validation, the last ones.
        subset: which part is wanted: "training", "validation" or "both", which gives two.
        follow_links: whether folders that are links are gone into.
        format: what Keras is told of its libraries; changes nothing.
        verbose: whether a line tells how many files there are.

    Raises:
        ValueError: an argument is not what it may be, or there is no file.

    Returns:
        A `data.Dataset`; for "both" two.
    """
    if not isinstance(directory, (str, PathLike)) or not Path(directory).is_dir():
        raise wrong(_WHO, "directory", "a folder that there is", directory)
    folder = Path(directory)
    arguments.word(_WHO, "label_mode", label_mode, _MODES)
    arguments.word(_WHO, "subset", subset, ["training", "validation", "both", None])
    split = validation_split
    if split is not None:
        split = arguments.share(_WHO, "validation_split", split)
    if (split is None) != (subset is None):
        raise ValueError(f"{_WHO}: validation_split and subset go together.")
    if split is not None and shuffle and seed is None:
        raise ValueError(
            f"{_WHO}: seed is missing: both parts are cut from one order. Or shuffle=False."
        )
    if labels is None or label_mode is None:
        label_mode = None
        if class_names:
            raise ValueError(f"{_WHO}: class_names without labels. Leave them out.")
    paths, found, names = _files(folder, labels, label_mode, class_names, bool(follow_links))
    if not paths:
        raise ValueError(f"{_WHO}: no text files found in directory {folder}: they end in .txt.")
    if label_mode == "binary" and len(names or ()) != 2 and isinstance(labels, str):
        raise ValueError(
            f"{_WHO}: label_mode='binary' is for exactly 2 classes, got {len(names or ())}."
        )
    if verbose:
        classes = f" belonging to {len(names)} classes" if names else ""
        print(f"Found {len(paths)} files{classes}.")
    drawn = np.random.default_rng(seed)
    order = drawn.permutation(len(paths)) if shuffle else np.arange(len(paths))
    parts = _cut(order, split, subset)
    made = [
        _dataset([paths[i] for i in part], [found[i] for i in part], label_mode, names,
                 batch_size, max_length, shuffle, seed)
        for part in parts
    ]  # fmt: skip
    return made[0] if subset != "both" else tuple(made)


def _files(
    folder: Path, labels: Any, mode: str | None, class_names: Any, links: bool
) -> tuple[list[Path], list[int], list[str] | None]:
    """The files by their paths, the label of each, and the classes' names."""
    inside = sorted(p for p in folder.iterdir() if p.is_dir() and (links or not p.is_symlink()))
    if mode is None or not isinstance(labels, str):
        paths = sorted(_below(folder, links))
        if mode is None:
            return paths, [0] * len(paths), None
        if not isinstance(labels, (list, tuple, np.ndarray)) or len(labels) != len(paths):
            what = f"'inferred', None or one for each of {len(paths)} files"
            raise wrong(_WHO, "labels", what, labels)
        return paths, [int(n) for n in labels], list(class_names) if class_names else None
    if labels != "inferred":
        raise wrong(_WHO, "labels", "'inferred', None or a list of one label a file", labels)
    names = [p.name for p in inside]
    if class_names is not None and set(class_names) != set(names):
        raise ValueError(
            f"{_WHO}: class_names must be those of the folders, {names}, got {list(class_names)}."
        )
    names = list(class_names or names)
    below = [sorted(_below(folder / name, links)) for name in names]
    pairs = [(path, k) for k, paths in enumerate(below) for path in paths]
    return [p for p, _ in pairs], [k for _, k in pairs], names


def _below(folder: Path, links: bool) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if links or not path.is_symlink():
                yield from _below(path, links)
        elif path.suffix == ".txt":
            yield path


def _cut(order: np.ndarray, split: float | None, subset: str | None) -> list[np.ndarray]:
    if split is None:
        return [order]
    at = len(order) - int(split * len(order))
    parts = {"training": order[:at], "validation": order[at:]}
    return [*parts.values()] if subset == "both" else [parts[str(subset)]]


def _dataset(
    paths: list[Path], labels: list[int], mode: str | None, names: list[str] | None,
    batch_size: int | None, max_length: int | None, shuffle: bool, seed: int | None,
) -> Texts:  # fmt: skip
    one_hot = torch.eye(len(names or ())) if mode == "categorical" else None

    def read(i: Any) -> Any:
        text = paths[int(i)].read_text("utf-8", "replace")[:max_length]
        if mode is None:
            return text
        label = labels[int(i)]
        if one_hot is not None:
            return text, one_hot[label]
        kind = torch.int32 if mode == "int" else torch.float32
        return text, torch.tensor(label if mode == "int" else [label], dtype=kind)

    chain = Dataset.range(len(paths))
    if shuffle:
        chain = chain.shuffle(max(1, len(paths)), seed)
    chain = chain.map(read)
    chain = chain if batch_size is None else chain.batch(batch_size)
    made = Texts(chain._start, chain._count)
    made.class_names, made.file_paths = names, [str(path) for path in paths]
    return made
