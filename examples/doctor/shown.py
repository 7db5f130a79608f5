"""A table that a program prints, and an error in the end where a row is not as it should be."""

from rich.console import Console
from rich.table import Table

from unpad.doctor import Report


class Shown:
    """Rows, and what is wrong with them.

    Args:
        columns: their names.
    """

    def __init__(self, *columns: str) -> None:
        self._table, self._wrong = Table(*columns), list[str]()

    def row(self, *cells: str | float | Report, wrong: str = "") -> None:
        """One more: text as it is, numbers to three places, of a report the kinds it names.

        Args:
            cells: of its columns.
            wrong: what is not as it should be; nothing where all is.
        """
        self._table.add_row(*map(_text, cells))
        self._wrong += [f"{_text(cells[0])}: {wrong}"] if wrong else []

    def end(self, below: str) -> None:
        """Prints it, and a line below.

        Raises:
            SystemExit: something is wrong; with what.
        """
        console = Console(highlight=False)
        console.print(self._table)
        console.print(below)
        if self._wrong:
            raise SystemExit("\n".join(self._wrong))


def _text(cell: str | float | Report) -> str:
    if isinstance(cell, Report):
        return ", ".join(cell.kinds) or "holds"
    return cell if isinstance(cell, str) else f"{cell:.3f}"
