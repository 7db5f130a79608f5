"""What every benchmark script shares: processes of their own, targets, results, the machine."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rich.console import Console

HERE = Path(__file__).parent
PACKAGES = ("unpad", "torch", "keras", "tensorflow", "jax", "jaxlib", "numpy")


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A command line with the script's own text, `--quick`, and what `apart` hands to itself."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="does it run? its figures are none")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)
    return parser


def _about_cpu(name: str) -> str:
    """What Linux says of the processor, '' where it says nothing."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def vectors() -> str:
    """The widest vectors of the processor, by which results are kept apart."""
    flags = _about_cpu("flags").split()
    widest = {"avx512f": "avx512", "avx2": "avx2"}
    return next((kind for flag, kind in widest.items() if flag in flags), platform.machine())


#: What was found on each kind of machine stands side by side.
RESULTS = HERE / "results" / vectors()


def threads() -> int:
    """The cores that this process may run on: `taskset` narrows it for every contender alike."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# A process of its own for each measurement


def apart(script: str, request: dict[str, Any]) -> dict[str, Any]:
    """What `script` measures when asked for `request`, in a fresh process."""
    return run(str(request), [script, "--measure", json.dumps(request)])


def run(what: str, arguments: list[str]) -> dict[str, Any]:
    """The JSON object on the last line that a script prints, run with every core there is.

    Raises:
        SystemExit: it failed; its last lines are the text.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": str(threads())}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{what} ended with {done.returncode}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])  # libraries may print lines of their own


def answer(measure: Callable[[], dict[str, Any]]) -> int:
    """Measure in this process and print it; {"missing": name} if a library is not installed."""
    try:
        result = measure()
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if not library or importlib.util.find_spec(library):
            raise  # it is there: one of its own imports is wrong, which nobody may skip
        result = {"missing": library}
    print(json.dumps(result))
    return 0


def contest(
    doc: str | None,
    script: str,
    measure: Callable[..., dict[str, Any]],
    shown: Callable[[Console, dict[str, Any], bool], list[dict[str, Any]]],
    rounds: tuple[int, int],
    tolerance: float,
) -> int:
    """A script that compares answers and then takes turns, in one fresh process; the exit status.

    Args:
        doc: its text.
        script: its file, whose name its results have.
        measure: of a number of rounds what was found: "difference", "versions" and figures.
        shown: says what was found, and gives the targets; its last argument: whether to judge.
        rounds: with --quick, and without.
        tolerance: the largest difference of answers.
    """
    options = parser(doc).parse_args()
    if options.measure:
        return answer(lambda: measure(**options.measure))
    console, on = Console(), machine()
    with console.status("measuring"):
        found = apart(script, {"rounds": rounds[0] if options.quick else rounds[1]})
    if not found["difference"] <= tolerance:
        say(console, f"Answers differ by {found['difference']:.2g}", "red")
        return 1
    targets = shown(console, found, not options.quick)
    report = {**found, "machine": on, "targets": targets}
    return finish(console, Path(script).stem, report, options.quick)


def peak_mb() -> float:
    """This process's peak resident memory so far. Linux counts in KiB, macOS in bytes.

    On Linux the peak of the process that started this one is its lower limit, which is why no
    script imports a library that it measures before it is in a process of its own.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def versions() -> dict[str, str]:
    """Of the packages that this process has really imported."""
    return {name: sys.modules[name].__version__ for name in PACKAGES if name in sys.modules}


# The machine


def machine() -> dict[str, Any]:
    """What the figures were taken on, and how busy it was; ask before measuring."""
    return {
        "cpu": _cpu(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "threads": threads(),
    }


def _cpu() -> str:
    return _about_cpu("model name") or platform.processor() or platform.machine()


# What is said and kept


def at_least(what: str, least: float, measured: float | None, checked: bool) -> dict[str, Any]:
    """A target that a figure must reach; `met` is None where nothing was, or could be, judged."""
    met = measured >= least if checked and measured is not None else None
    return {"at_least": least, "measured": rounded(measured, 3), "met": met, "what": what}


def at_most(what: str, most: float, measured: float | None, checked: bool) -> dict[str, Any]:
    """A target that a figure must not exceed."""
    met = measured <= most if checked and measured is not None else None
    return {"at_most": most, "measured": rounded(measured, 3), "met": met, "what": what}


def rounded(value: float | None, digits: int = 0) -> float | None:
    """Digits that mean something; an int where there are none after the point."""
    return None if value is None else round(value, digits or None)


def say(console: Console, text: str, style: str | None = None) -> None:
    """A line as it is, however long."""
    console.print(text, style=style, highlight=False, soft_wrap=True)


def say_machine(console: Console, machine: dict[str, Any], versions: dict[str, str]) -> None:
    say(
        console,
        f"Machine: {machine['cpu']}, threads: {machine['threads']}, load before:"
        f" {machine['load_before']}; Python {machine['python']}, "
        + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
    )


def say_targets(console: Console, targets: Iterable[dict[str, Any]]) -> None:
    for target in targets:
        bound = next(key for key in ("at_least", "at_most") if key in target)
        met = {True: ", met", False: ", NOT MET", None: ""}[target["met"]]
        measured = "not measured" if target["measured"] is None else f"{target['measured']:.3f}"
        limit = f"{bound.replace('_', ' ')} {target[bound]:.3g}"
        say(console, f"Target: {target['what']} {limit}: {measured}{met}")


def finish(console: Console, name: str, report: dict[str, Any], quick: bool) -> int:
    """Say machine and targets, write NAME.json (NAME-quick.json) in RESULTS; the exit status."""
    say_machine(console, report["machine"], report["versions"])
    say_targets(console, report["targets"])
    if quick:
        say(console, "QUICK RUN: no figure here is a result", "bold red")
    write(console, name, report, quick)
    return 0


def write(console: Console, name: str, report: dict[str, Any], quick: bool) -> None:
    path = RESULTS / f"{name}{'-quick' if quick else ''}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    say(console, f"Written: {path.relative_to(HERE)}")
