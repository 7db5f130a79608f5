"""The founding documents, where they are at hand, and the code blocks in them, as they stand."""

import textwrap
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]
_FOLDER = _REPOSITORY.parent / "shared" / "seeds"
DOCUMENTS = {path.name[:3]: path.read_text() for path in sorted(_FOLDER.glob("*.txt"))}


def block(document, first, last, nth=0):
    """The lines of a document from one that begins with `first` to one that begins with `last`.

    Args:
        document: its number.
        first: how the first line begins, leading blanks aside.
        last: likewise; the first such line from `first` on.
        nth: which of several blocks that begin so.
    """
    lines = DOCUMENTS[document].splitlines()
    starts = [i for i, line in enumerate(lines) if line.strip().startswith(first)]
    start = starts[nth]
    ends = [i for i in range(start, len(lines)) if lines[i].strip().startswith(last)]
    return textwrap.dedent("\n".join(lines[start : ends[0] + 1])) + "\n"
