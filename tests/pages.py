"""Tables in pages of docs/ that are made by running code, between marks in the page."""

from __future__ import annotations

from collections.abc import Iterable


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def filled(page: str, parts: dict[str, str]) -> str:
    """The page with what stands between the marks of each part replaced.

    Raises:
        ValueError: the page lacks a part's marks.
    """
    for name, text in parts.items():
        start, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, _, rest = page.partition(start)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"the page lacks the marks {start.strip()} and {end.strip()}")
        page = before + start + text + end + after
    return page


def listed(names: Iterable[str]) -> str:
    """Names of code, with commas between."""
    return ", ".join(f"`{name}`" for name in names)
