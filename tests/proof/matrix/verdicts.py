"""What was checked, and what was wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_TOLD = 20


@dataclass(frozen=True)
class Wrong:
    """An answer that is not what the policy says."""

    who: str
    coordinate: str
    text: str
    variables: Mapping[str, Any]
    expected: str
    got: str

    def __str__(self) -> str:
        return (
            f"{self.who} · {self.coordinate}\n  {self.text}\n  {dict(self.variables)}\n"
            f"  expected {self.expected}\n  got      {self.got}"
        )


@dataclass
class Verdicts:
    """The checks of one process. `outcomes`: which of allowed and denied was seen at a coordinate; `expected`: which can be."""

    checks: int = 0
    wrongs: list[Wrong] = field(default_factory=list)
    wrong: int = 0
    outcomes: dict[str, set[bool]] = field(default_factory=dict)
    viewers: set[str] = field(default_factory=set)
    expected: dict[str, set[bool]] = field(default_factory=dict)

    def note(self, coordinate: str, *, allowed: bool) -> None:
        """A check that was made."""
        self.checks += 1
        self.cover(coordinate, allowed=allowed)

    def cover(self, coordinate: str, *, allowed: bool) -> None:
        """Something that was looked at as a part of a check."""
        self.outcomes.setdefault(coordinate, set()).add(allowed)

    def blame(self, wrong: Wrong) -> None:
        self.wrong += 1
        if len(self.wrongs) < MOST_TOLD:
            self.wrongs.append(wrong)

    def merge(self, others: Iterable["Verdicts"]) -> "Verdicts":
        for other in others:
            self.checks += other.checks
            self.wrong += other.wrong
            self.wrongs += other.wrongs
            self.viewers |= other.viewers
            self.expected |= other.expected
            for coordinate, outcomes in other.outcomes.items():
                self.outcomes.setdefault(coordinate, set()).update(outcomes)
        return self

    def last_line(self) -> str:
        return f"matrix checks {self.checks} wrong {self.wrong}"
