"""Mistakes that people make with sequences, planted in sound programs: what each does to a number.

    python examples/doctor/planted.py             # some minutes
    python examples/doctor/planted.py --small     # a taste, some seconds
    python examples/doctor/planted.py --only "softmax axis" --pages out

Each program is run with the mistake and without, on real data (examples/README.md says where they
are from). *Reported* is what a person would have written down who made the mistake; *honest* what
the same model reaches when it is asked right: on what is new, one sequence at a time, with no more
than is known at the time; *mended* what is reached without the mistake. Then the doctor is asked
about both. It must name the mistake, and find nothing in the mended program but notes.
"""

import argparse
import time
from pathlib import Path

from mistake import Measured, Mistake
from shown import Shown

# isort: split
import in_models
import in_numbers
import in_tags
import in_texts

MISTAKES: list[Mistake] = [
    *in_texts.MISTAKES,
    *in_numbers.MISTAKES,
    *in_tags.MISTAKES,
    *in_models.MISTAKES,
]
#: So much less than was reported, or than is reached without the mistake, is harm.
HARM = 0.03


def verdict(mistake: Mistake, m: Measured) -> str:
    """What is not as it should be; nothing where all is."""
    wrong = []
    if mistake.kind not in m.found.kinds:
        wrong.append(f"the doctor says {', '.join(m.found.kinds) or 'nothing'}")
    if m.left.at_least("warning"):
        wrong.append(f"of the mended program the doctor says {', '.join(m.left.kinds)}")
    if max(m.reported, m.mended) - m.honest < HARM and m.honest - m.reported < HARM:
        wrong.append("it does no harm")
    return "; ".join(wrong)


def main(argv: list[str] | None = None) -> None:
    """Plants each, measures, asks the doctor, and shows a table."""
    kinds = [m.kind for m in MISTAKES]
    parser = argparse.ArgumentParser(description="What mistakes with sequences do to a number.")
    parser.add_argument("--small", action="store_true", help="some data and some updates only")
    parser.add_argument("--only", choices=kinds, action="append", help="one of them")
    parser.add_argument("--pages", type=Path, help="folder for the doctor's page on each")
    options = parser.parse_args(argv)
    table = Shown("mistake", "in", "figure", "reported", "honest", "mended", "the doctor says")
    start = time.perf_counter()
    for mistake in MISTAKES:
        if options.only and mistake.kind not in options.only:
            continue
        named = mistake.what, mistake.task, mistake.figure
        if not mistake.shows():
            table.row(*named, "", "", "", "its data miss")
            continue
        m = mistake.measure(options.small)
        table.row(*named, m.reported, m.honest, m.mended, m.found, wrong=verdict(mistake, m))
        if options.pages is not None:
            options.pages.mkdir(parents=True, exist_ok=True)
            m.found.save(options.pages / f"{mistake.kind.replace(' ', '-')}.html")
    table.end(f"{time.perf_counter() - start:.0f} seconds")


if __name__ == "__main__":
    main()
