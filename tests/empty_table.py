"""Writes the table of docs/layers.md of what each layer gives for an empty sequence.

python -m tests.empty_table
"""

from pathlib import Path

import unpad
from unpad import Ragged, layers

from .cases import CASES, Case
from .pages import filled, listed, table

PAGE = Path(__file__).parents[1] / "docs" / "layers.md"
NOTHING = "an empty sequence"


def given(case: Case) -> str:
    """What comes of the empty sequence among three; "" where the case takes no sequence."""
    inputs = case.batch((3, 0, 2), other=(2, 0, 4))
    if not any(isinstance(x, Ragged) for x in inputs):
        return ""
    out = case.run(case.make(unpad).train(case.training), inputs)
    out = out[0] if isinstance(out, (list, tuple)) else out
    kind = "zeros" if not out[1].count_nonzero() else "numbers"
    if not isinstance(out, Ragged):
        return f"a row of {kind}"
    return f"{len(out[1])} steps of {kind}" if len(out[1]) else NOTHING


def part() -> dict[str, str]:
    """The table, by its mark; a layer stands in each row that one of its configurations gives."""
    rows: dict[str, set[str]] = {}
    for case in CASES.values():
        if gives := given(case):
            rows.setdefault(gives, set()).add(getattr(layers, case.layer).__name__)
    order = sorted(rows, key=lambda gives: (gives != NOTHING, -len(rows[gives]), gives))
    lines = ([gives, listed(sorted(rows[gives], key=str.lower))] for gives in order)
    return {"empty": table(("gives", "layers"), lines)}


def main() -> None:
    """Writes the page anew."""
    PAGE.write_text(filled(PAGE.read_text(), part()))


if __name__ == "__main__":
    main()
