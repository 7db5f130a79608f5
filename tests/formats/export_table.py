"""Which layers are exported, as docs/export.md shows it; run as a module it prints the table."""

import inspect

import unpad

from ..cases import CASES

_STRINGS = "looks each value up as a string, in Python: look words up before the model"
_TORCH = "holds a module that is not unpad's and looks at the lengths as numbers: export that"
#: Cases that give no graph, and why.
REFUSED = {
    "Hashing": _STRINGS,
    "Hashing multi_hot": _STRINGS,
    "IntegerLookup": _STRINGS,
    "IntegerLookup count": _STRINGS,
    "Grid": _TORCH,
    "Varlen": _TORCH,
    "Bidirectional(own layer) sequences": "a layer of a user's own that loops over the sequences",
}
_BASE = "a class to make layers of"
_INPUT = "an input of a graph, which computes nothing"
#: Layers without a case, and why they are not exported.
NO_CASE = {
    "InputLayer": _INPUT,
    "HashedCrossing": _STRINGS,
    "StringLookup": _STRINGS,
    "TextVectorization": _STRINGS,
    "IndexLookup": _BASE,
    "Layer": _BASE,
    "Recurrent": _BASE,
    "TokenWise": _BASE,
}


def exported():
    """The layers that are, by room."""
    rooms = {}
    refused = {CASES[name].layer for name in REFUSED} - {
        case.layer for name, case in CASES.items() if name not in REFUSED
    }
    for layer in sorted({case.layer for case in CASES.values()} - refused):
        home = inspect.getmodule(getattr(unpad.layers, layer)).__name__.split(".")
        rooms.setdefault(home[2] if len(home) > 3 else "basic", []).append(layer)
    return rooms


def table():
    """In Markdown."""
    rooms = exported()
    count = sum(map(len, rooms.values()))
    refused = {CASES[name].layer: why for name, why in REFUSED.items()} | NO_CASE
    kept = {name for names in rooms.values() for name in names}
    rows = {}
    for layer, why in refused.items():
        if layer not in kept and why not in (_BASE, _INPUT):
            rows.setdefault(why, []).append(layer)
    total = count + sum(map(len, rows.values()))
    lines = [f"{count} of {total} layers are exported.", "", "| exported | layers |", "|---|---|"]
    lines += [f"| {room} | {', '.join(names)} |" for room, names in sorted(rooms.items())]
    lines += ["", "| not exported | why |", "|---|---|"]
    lines += [f"| {', '.join(sorted(names))} | {why} |" for why, names in rows.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
