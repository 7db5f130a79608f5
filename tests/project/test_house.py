"""The house: each room imports only from rooms below it, and no file in a circle."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import unpad

ROOT = Path(unpad.__file__).parent
# From the ground up. docs/design/rooms.md says what each may know, and why it lies where it does.
ROOMS = ["errors", "docstrings", "ranks", "arguments", "signatures", "serialization", "spellings"]
ROOMS += ["refusals", "configured", "tree", "ragged", "ragged.doors", "variable", "notes"]
ROOMS += [
    "preprocessing",
    "data.source",
    "kernels",
    "kernels.recorded",
    "kernels.chain",
    "kernels.attention",
    "weights",
]
ROOMS += ["activations", "constraints", "initializers", "regularizers"]
ROOMS += [
    "core",
    "dtype_policies",
    "layers.basic",
    "layers.convolution",
    "layers.pooling",
    "layers.merging",
]
ROOMS += ["layers.normalization", "layers.shape", "layers.text", "layers.recurrent"]
ROOMS += [
    "layers.attention",
    "layers.tagging",
    "layers",
    "ops",
    "random",
    "backend",
    "align",
    "losses",
    "metrics",
]
ROOMS += ["config", "optimizers", "mixed_precision", "data"]
ROOMS += ["doctor.findings", "doctor.facts", "doctor.checks", "doctor.probes"]
ROOMS += [
    "doctor.adapters",
    "doctor.report",
    "doctor",
    "formats.problems",
    "formats.writing",
    "formats.checkpoint",
    "training",
    "training.callbacks",
    "callbacks",
    "formats.export",
    "formats.older",
    "formats",
    "models.pictures",
    "models",
]
ROOMS += [
    "testing",
    "utils",
    "datasets",
    "saving",
    "scaling",
    "wrappers",
    "dialect.tensorflow",
    "dialect",
    "command",
    "__main__",
]
FILES = sorted(ROOT.rglob("*.py"))


def name_of(path):
    """A file's module, below unpad: "layers.basic.dense"; a room's own __init__ is the room."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


def room_of(module):
    """The innermost room that a module lies in."""
    parts = module.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((name for name in names if name in ROOMS), None)


@cache
def imports(module):
    """(line, module, name) of everything a file imports from unpad, within functions too."""
    path = MODULES[module]
    inside = path.relative_to(ROOT).parts[:-1]
    found = []
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = list(inside[: len(inside) - node.level + 1])
        whence = ".".join(base + (node.module.split(".") if node.module else []))
        for alias in node.names:
            full = f"{whence}.{alias.name}".lstrip(".")
            found.append((node.lineno, full if full in MODULES else whence, alias.name))
    return found


@cache
def only_for_types(module):
    """The lines that stand under `if TYPE_CHECKING`, which nothing runs."""
    tree = ast.parse(MODULES[module].read_text())
    blocks = [
        n for n in ast.walk(tree)
        if isinstance(n, ast.If) and isinstance(n.test, ast.Name) and n.test.id == "TYPE_CHECKING"
    ]  # fmt: skip
    return {line for n in blocks for line in range(n.lineno, (n.end_lineno or n.lineno) + 1)}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_rooms_import_only_from_below(module):
    room = room_of(module)
    if room is None:
        return
    above = set(ROOMS[ROOMS.index(room) + 1 :])
    # What lies within a room is its own: it opens its doors, and its front shows what they hold.
    above -= {name for name in ROOMS if name.startswith(f"{room}.")}
    typed = only_for_types(module)
    wrong = [
        (line, other)
        for line, other, _ in imports(module)
        if room_of(other) in above and line not in typed
    ]
    assert wrong == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_private_name_leaves_its_room(module):
    wrong = [
        (line, other, name)
        for line, other, name in imports(module)
        if name.startswith("_") and room_of(other) != room_of(module) and module
    ]
    assert wrong == []


def test_every_room_is_known():
    found = {p.stem for p in ROOT.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert found - {"__init__"} == {name for name in ROOMS if "." not in name}
    inner = {name_of(p) for p in ROOT.glob("*/*/__init__.py")}
    assert inner - set(ROOMS) == set()


def test_no_file_stands_in_a_circle():
    ways = {module: needs(module) for module in MODULES}
    assert circles(ways) == []


def test_a_circle_is_found():
    ways = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a", "e"}, "e": {"d"}, "f": {"f", "a"}}
    found = [set(circle.split(" -> ")) for circle in circles(ways)]
    assert sorted(map(sorted, found)) == [["a", "b", "c"], ["d", "e"], ["f"]]


def needs(module):
    """The files that one imports, within functions too: what it cannot be read without."""
    typed = only_for_types(module)
    return {
        o for line, o, _ in imports(module) if o in MODULES and o != module and line not in typed
    }


def circles(ways):
    """Every circle of files, each with the way around it; one way is cut to find the next."""
    ways = {module: set(others) for module, others in ways.items()}
    found = []
    while True:
        try:
            TopologicalSorter(ways).prepare()
        except CycleError as error:
            around = error.args[1][::-1]
            found.append(" -> ".join(around))
            ways[around[0]].remove(around[1])
        else:
            return found


def test_the_page_of_rooms_names_them_all():
    page = (Path(__file__).parents[2] / "docs/design/rooms.md").read_text()
    tree = page.split("```")[1].splitlines()[1:]
    assert [line.split()[0] for line in reversed(tree)] == ROOMS


@pytest.mark.parametrize("name", ["utils.py", "helpers.py", "common.py"])
def test_no_room_for_odds_and_ends(name):
    assert list(ROOT.rglob(name)) == []


def test_importing_it_needs_no_extra():
    extras = {"pyarrow", "matplotlib", "keras", "tensorflow", "hypothesis", "pytest"}
    loaded = {m.split(".")[0] for f in FILES for m in top_level_imports(f)}
    assert loaded & extras == set()


def top_level_imports(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
