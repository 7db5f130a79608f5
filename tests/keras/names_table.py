"""Keras's public names: which are here, and the table of the others. Run, it writes the table."""

import os
import types
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras

import unpad
from unpad.dialect.not_taken import NOT_TAKEN

PAGE = Path(__file__).parents[2] / "docs" / "coming-from-keras.md"
BEGIN, END = "<!-- not taken -->\n", "<!-- end of not taken -->"


def public(module=keras, path="", deepest=3):
    """Every public name below `keras`, its modules walked through."""
    for name in sorted(dir(module)):
        value, full = getattr(module, name), f"{path}.{name}".lstrip(".")
        if name.startswith("_"):
            continue
        if not isinstance(value, types.ModuleType):
            yield full
        elif value.__name__.startswith("keras.") and ".src" not in value.__name__ and deepest:
            yield from public(value, full, deepest - 1)


def is_here(full):
    """Whether unpad has something of this name."""
    found = unpad
    for part in full.split("."):
        found = getattr(found, part, None)
        if found is None:
            return False
    return True


def reason(full):
    """Why a name, or the module that it is in, is not here; None where nothing says so."""
    parts = full.split(".")
    ways = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((NOT_TAKEN[way] for way in ways if way in NOT_TAKEN), None)


def table():
    """The rows: names by their reason, with the number of Keras's names that each stands for."""
    rows = {}
    for name, why in NOT_TAKEN.items():
        home, _, last = name.rpartition(".")
        rows.setdefault(why, {}).setdefault(home, []).append(last)
    lines = ["| names | instead, or why |", "| --- | --- |"]
    for why, homes in rows.items():
        shown = [
            f"`{home + '.' if home else ''}{names[0]}`" + "".join(f", `{n}`" for n in names[1:])
            for home, names in homes.items()
        ]
        lines.append(f"| {'; '.join(shown)} | {why} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.split(END)[1])
