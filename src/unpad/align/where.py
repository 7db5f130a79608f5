"""What is spoken of in an error: a value, of which each text takes the part that it needs."""

from __future__ import annotations

from typing import NamedTuple


class Where(NamedTuple):
    """An argument of a call that a person made.

    Args:
        call: the call, as "fit", or the argument that a whole data set came in by, as
            "fit: validation_data".
        argument: as "y", "sample_weight" or "input 'words'".
        output: the name of the model's output that it goes with, where there are several.

    Example:
        >>> where = Where("fit", "y", "tags")
        >>> str(where), where.named, str(where.of("x"))
        ("fit: y of output 'tags'", "y of output 'tags'", 'fit: x')
    """

    call: str
    argument: str
    output: str | None = None

    @property
    def named(self) -> str:
        """The argument, without the call."""
        return self.argument + ("" if self.output is None else f" of output {self.output!r}")

    def of(self, argument: str) -> Where:
        """Another argument of the same call, for whatever output."""
        return Where(self.call, argument)

    def __str__(self) -> str:
        return f"{self.call}: {self.named}"
