"""What the doctor found: what it is, how it shows, how sure that is, where, and what mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .kinds import KINDS, page_of


class DataWarning(UserWarning):
    """The data can be trained on, but hold what is almost surely a mistake."""


@dataclass(frozen=True)
class Where:
    """Where it shows first; what is not known is None.

    Args:
        layer: its name in the model.
        file: of the program.
        line: in the file, from 1.
        code: what stands there.
        sequence: in the data.
        step: within the sequence.
    """

    layer: str | None = None
    file: str | None = None
    line: int | None = None
    code: str | None = None
    sequence: int | None = None
    step: int | None = None

    def __str__(self) -> str:
        place = [] if self.layer is None else [f"in {self.layer!r}"]
        if self.file is not None:
            place.append(f"at {self.file}:{self.line}" + (f": {self.code}" if self.code else ""))
        if self.sequence is not None:
            step = "" if self.step is None else f", step {self.step}"
            place.append(f"in sequence {self.sequence}{step}")
        return ", ".join(place)


@dataclass(frozen=True)
class Finding:
    """A mistake; as a string the line that a person is told.

    Args:
        kind: a name in `unpad.doctor.KINDS`.
        what: it is.
        shown: how it shows, in a sentence, with the first sequence.
        cure: what to do.
        evidence: the numbers of that sentence, by name.
        code: the cure as lines of code.
        where: it shows first.
        chance: a bound on how often sound data or a sound model would look so; 0 where none can.

    Raises:
        ValueError: the kind is not in the list.
    """

    kind: str
    what: str
    shown: str
    cure: str
    evidence: Mapping[str, float] = field(default_factory=dict)
    code: str = ""
    where: Where = Where()
    chance: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Finding: {self.kind!r} is none of the kinds {', '.join(KINDS)}.")

    @property
    def severity(self) -> str:
        """How grave it is: "error", "warning" or "note"."""
        return KINDS[self.kind].severity

    @property
    def explains(self) -> tuple[str, ...]:
        """Kinds that are mended with this one."""
        return KINDS[self.kind].explains

    @property
    def page(self) -> str:
        """The page that says more."""
        return page_of(self.kind)

    @property
    def fingerprint(self) -> str:
        """The same for the same mistake however its numbers move: kind, and layer or code."""
        return "/".join(str(x) for x in (self.kind, self.where.layer, self.where.code) if x)

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.shown, self.cure) if part)

    def to_data(self) -> dict[str, Any]:
        """It as JSON has it."""
        found = asdict(self) | {"evidence": dict(self.evidence)}
        found["where"] = {k: v for k, v in found["where"].items() if v is not None}
        more = {"severity": self.severity, "explains": list(self.explains), "page": self.page}
        return found | more | {"fingerprint": self.fingerprint}


def numbers(values: list[float], at_most: int = 4) -> str:
    """A few numbers in words."""
    shown = ", ".join(f"{v:.4g}" for v in values[:at_most])
    return f"[{shown}{', ...' if len(values) > at_most else ''}]"
