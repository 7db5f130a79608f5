"""`python -m unpad doctor`: a script watched, or a model with its data, and an exit code."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..doctor import Report, examine
from .columns import column, values
from .watching import watched

_ABOUT = """Says what is wrong with a sequence model and its data, and the line to change.

  python -m unpad doctor train.py              runs a script until it would train
  python -m unpad doctor model.py:build --data corpus.parquet --x tokens --y tags

Exit code 0: nothing at or above --fail-on; 1: findings; 2: it could not be asked."""


def doctor(arguments: Sequence[str]) -> int:
    """Asks, prints the report, writes the files that are wanted, and gives the exit code."""
    options, rest = _parser().parse_known_args(list(arguments))
    try:
        # What is wrong with the question is told before a script is run for it.
        files = _files(options)
        accepted = _accepted(options.baseline)
        report = _report(options, rest)
        if report.asked and not report.findings and not any(a.could for a in report.asked[1:]):
            raise ValueError(report.asked[-1].answer)
        new = report.without(accepted)
        print(new)
        if accepted:
            count = len(report.findings) - len(new.findings)
            print(f"Found again and accepted by {options.baseline}: {count}.")
        for path, ending in files:
            new.save(path, ending)
    except Exception as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        said = str(error).removeprefix("doctor: ")
        print(f"doctor: could not be asked: {kind}{said}", file=sys.stderr)
        return 2
    return 1 if new.at_least(options.fail_on) else 0


def _files(options: argparse.Namespace) -> list[tuple[str, str]]:
    """What is to be written, each with its form."""
    wanted = ((options.report, None), (options.sarif, ".sarif"), (options.junit, ".xml"))
    files = [(path, ending or Path(path).suffix) for path, ending in wanted if path is not None]
    for path, ending in files:
        Report().as_file(ending)
        if not Path(path).resolve().parent.is_dir():
            raise ValueError(f"{path} cannot be written: there is no folder for it.")
    return files


def _accepted(path: str | None) -> list[str]:
    """Fingerprints of what a report holds."""
    if path is None:
        return []
    try:
        known = json.loads(Path(path).read_text(encoding="utf-8"))
        return [finding["fingerprint"] for finding in known["findings"]]
    except FileNotFoundError:
        raise ValueError(f"--baseline: there is no file {path}.") from None
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"--baseline: {path} is no report: expected a file of --report NAME.json."
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m unpad doctor",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("what", help="script.py, or module:function that gives a model")
    parser.add_argument("--data", help="a Parquet file")
    parser.add_argument("--x", help="its column of sequences")
    parser.add_argument("--y", help="its column of labels")
    parser.add_argument("--groups", help="its column that says which rows come from one source")
    parser.add_argument("--validation", help="a Parquet file with the same columns")
    parser.add_argument("--fail-on", default="warning", choices=["error", "warning", "note"])
    parser.add_argument("--baseline", help="a report (.json) whose findings are accepted")
    parser.add_argument("--report", help="file to write: .html, .json, .txt, .sarif or .xml")
    parser.add_argument("--sarif", help="file to write as SARIF")
    parser.add_argument("--junit", help="file to write as JUnit's XML")
    return parser


def _report(options: argparse.Namespace, rest: list[str]) -> Report:
    path, _, function = options.what.rpartition(":")
    if not path:
        if not Path(options.what).is_file():
            raise ValueError(f"there is no script {options.what}.")
        given = [n for n in ("data", "x", "y", "groups", "validation") if getattr(options, n)]
        if given:
            raise ValueError(
                f"--{given[0]} goes with module.py:function; a script reads its own data."
            )
        found = watched(options.what, rest)
        if found is None:
            raise ValueError(f"{options.what} ended, and trained nothing that is watched.")
        return found
    if rest:
        raise ValueError(f"unknown arguments: {' '.join(rest)}")
    if options.data is None or options.x is None:
        raise ValueError("a model needs --data and --x to be asked with.")
    words: dict[str, int] = {}
    classes: dict[str, int] = {}

    def read(file: str) -> tuple[Any, Any, Any]:
        x = column(file, options.x, words, 1)
        y = None if options.y is None else column(file, options.y, classes, 0)
        return x, y, None if options.groups is None else values(file, options.groups)

    x, y, groups = read(options.data)
    model = _loaded(path, function)()
    if options.validation is None:
        return examine(x, y, model, groups=groups)
    xv, yv, theirs = read(options.validation)
    return examine(x, y, model, validation=(xv, yv), groups=groups, validation_groups=theirs)


def _loaded(path: str, function: str) -> Any:
    module = _module(path)
    if not hasattr(module, function):
        raise ValueError(f"{path} has no function {function}.")
    return getattr(module, function)


def _module(path: str) -> Any:
    """Of a file, or by a name, as Python imports it where the command is called."""
    by_name = not Path(path).exists()
    spec = None if by_name else importlib.util.spec_from_file_location(Path(path).stem, path)
    sys.path.insert(0, str(Path.cwd() if by_name else Path(path).resolve().parent))
    try:
        if by_name and not path.endswith(".py") and importlib.util.find_spec(path) is not None:
            return importlib.import_module(path)
        if spec is None or spec.loader is None:
            raise ValueError(f"there is no module {path}.")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except ModuleNotFoundError as error:
        if error.name is not None and path.startswith(error.name):
            raise ValueError(f"there is no module {path}.") from None
        raise
    finally:
        sys.path.pop(0)
