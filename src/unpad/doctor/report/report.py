"""A report: findings, roots first, and everything that was asked to find them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

from ..findings import SEVERITIES, Finding
from . import forms
from .asked import Asked
from .seen import Seen
from .written import written


class Found(RuntimeError):
    """There are findings at or above the level that was asked for."""


@dataclass(frozen=True, eq=False)
class Report(Sequence[Finding]):
    """The findings, worst first, and what was asked to find them.

    It counts and gives the roots: what is to be mended. What they explain is folded under them, and
    `findings` holds all. Equal to a list of the roots; `report["reshaped"]` is the finding of that
    kind, told or folded. One without findings is false.

    Args:
        findings: all of them, roots first.
        asked: every question, in its order.
        seconds: that it took.
        seed: of what was drawn.
        seen: what was looked at, as pictures show it.
    """

    findings: tuple[Finding, ...] = ()
    asked: tuple[Asked, ...] = ()
    seconds: float = 0.0
    seed: int = 0
    seen: Seen = field(default_factory=Seen)

    @classmethod
    def of(
        cls,
        findings: Iterable[Finding],
        asked: Iterable[Asked] = (),
        seconds: float = 0.0,
        seed: int = 0,
        seen: Seen | None = None,
    ) -> Report:
        """With roots before what they explain, and of these the gravest first."""
        found = sorted(findings, key=lambda f: SEVERITIES.index(f.severity))
        kinds = {kind for f in found for kind in f.explains}
        roots = [f for f in found if f.kind not in kinds]
        folded = (f for f in found if f.kind in kinds)
        return cls((*roots, *folded), tuple(asked), seconds, seed, seen or Seen())

    @property
    def roots(self) -> list[Finding]:
        """What no other finding explains: what is to be mended."""
        explained = {kind for f in self.findings for kind in f.explains}
        # Where two explain each other, both are told.
        return [f for f in self.findings if f.kind not in explained] or list(self.findings)

    def explained_by(self, root: Finding) -> list[Finding]:
        """What is seen too, and mended with the root."""
        return [f for f in self.findings if f.kind in root.explains]

    @property
    def kinds(self) -> list[str]:
        """Of what is to be mended."""
        return [f.kind for f in self.roots]

    def without(self, accepted: Iterable[str]) -> Report:
        """What is new: without the findings of these fingerprints."""
        known = set(accepted)
        left = tuple(f for f in self.findings if f.fingerprint not in known)
        return replace(self, findings=left)

    def at_least(self, severity: str) -> list[Finding]:
        """The roots that are as grave, or graver.

        Raises:
            ValueError: it is no severity.
        """
        if severity not in SEVERITIES:
            raise ValueError(f"expected one of {', '.join(SEVERITIES)}, got {severity!r}.")
        worst = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return [f for f in self.roots if f.severity in worst]

    def raise_if(self, severity: str = "warning") -> None:
        """For a test of one's own.

        Raises:
            Found: a finding is as grave; its text is the report's.
        """
        if self.at_least(severity):
            raise Found(str(self))

    def save(self, path: str | Path, ending: str | None = None) -> None:
        """Writes it as the name's ending says: .json, .sarif, .xml (JUnit), .html or .txt.

        Args:
            path: of the file.
            ending: the form, where the name ends otherwise.

        Raises:
            ValueError: the ending is none of these.
        """
        path = Path(path)
        path.write_text(self.as_file(ending or path.suffix), encoding="utf-8")

    def as_file(self, ending: str) -> str:
        """What a file of this ending holds.

        Raises:
            ValueError: the ending is none of those that `save` knows.
        """
        return written(self, ending)

    def to_data(self) -> dict[str, Any]:
        """It as JSON has it."""
        return forms.data_of(self)

    @overload
    def __getitem__(self, key: int) -> Finding: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Finding]: ...
    @overload
    def __getitem__(self, key: str) -> Finding: ...
    def __getitem__(self, key: int | slice | str) -> Any:
        if not isinstance(key, str):
            return self.roots[key]
        for finding in self.findings:
            if finding.kind == key:
                return finding
        raise KeyError(
            f"the report has no finding {key!r}; it has {[f.kind for f in self.findings]}."
        )

    def __contains__(self, key: object) -> bool:
        return any(key in (finding, finding.kind) for finding in self.findings)

    def __len__(self) -> int:
        return len(self.roots)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.roots)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Report, list, tuple)):
            return NotImplemented
        return list(self) == list(other)

    def __str__(self) -> str:
        return forms.text_of(self)

    __repr__ = __str__
