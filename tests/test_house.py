"""The house: each room imports only from rooms below it."""

import ast
from pathlib import Path

import pytest

import unpad

ROOT = Path(unpad.__file__).parent
# From the ground up. docs/design/rooms.md says why training lies below models.
ROOMS = ["errors", "arguments", "spellings", "ragged", "preprocessing", "kernels", "layers"]
ROOMS += ["backend", "losses", "metrics", "optimizers", "doctor", "training", "models", "testing"]
ROOMS += ["utils", "scaling", "dialect", "__main__"]


def imports(path):
    """(line, room) of everything a file imports from unpad."""
    inside = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = list(inside[: len(inside) - node.level + 1])
            parts = base + (node.module.split(".") if node.module else [])
            for room in [parts[0]] if parts else [alias.name for alias in node.names]:
                yield node.lineno, room


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_import_only_from_below(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if room == "__init__":
        return
    above = set(ROOMS[ROOMS.index(room) + 1 :])
    assert [(line, other) for line, other in imports(path) if other in above] == []


def test_every_room_is_known():
    found = {p.stem for p in ROOT.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert found - {"__init__"} == set(ROOMS)


@pytest.mark.parametrize("name", ["utils.py", "helpers.py", "common.py"])
def test_no_room_for_odds_and_ends(name):
    assert list(ROOT.rglob(name)) == []


def test_importing_it_needs_no_extra():
    extras = {"pyarrow", "matplotlib", "keras", "tensorflow", "hypothesis", "pytest"}
    loaded = {m.split(".")[0] for f in ROOT.rglob("*.py") for m in top_level_imports(f)}
    assert loaded & extras == set()


def top_level_imports(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
