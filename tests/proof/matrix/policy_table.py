"""`app/policy.md`, read a second time: by another parser, which the application does not use.

What a viewer may is worked out here from the cells alone: the widest of his roles, flags where a cell says so, then the
ceiling for whoever is external.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path

POLICY = Path(__file__).parents[3] / "app" / "policy.md"
EXTERNAL_ROLE = "EXTERNAL_TELEPHONIST"
CEILING = "EXTERNAL ≤"
#: Reaches by width.
WIDTHS = ("", "own", "all")


@dataclass(frozen=True, slots=True)
class Who:
    """One of the viewers of the matrix: an employee with these roles, both flags on or off, of a partner or of none."""

    roles: tuple[str, ...]
    flags: bool
    partner: bool

    @property
    def is_external(self) -> bool:
        return self.partner or EXTERNAL_ROLE in self.roles

    def __str__(self) -> str:
        extras = [name for name, is_on in (("flags", self.flags), ("partner", self.partner)) if is_on]
        return "+".join((*self.roles, *extras)) or "no role"


@dataclass(frozen=True, eq=False)
class PolicyTable:
    """The cells: `rows[permission][column]`. `roles` in the table's order."""

    roles: Sequence[str]
    rows: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, text: str | None = None) -> "PolicyTable":
        lines = (text or POLICY.read_text(encoding="utf-8")).splitlines()
        heading, _, *body = [
            [cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")
        ]
        rows = {cells[1]: dict(zip(heading[2:], cells[2:], strict=True)) for cells in body}
        return cls(heading[2:-1], rows)

    def reach(self, who: Who, permission: str) -> str:
        """How far it reaches for him: "all", "own", or "" if it is not granted."""
        cells = self.rows[permission]
        widest = max((_width(cells[role], who.flags) for role in who.roles), default=0)
        if who.is_external:
            widest = min(widest, _width(cells[CEILING], flags=False))
        return WIDTHS[widest]

    def may(self, who: Who, permissions: Sequence[str]) -> bool:
        """Whether he has one of them; whoever is at work may what needs none."""
        return not permissions or any(self.reach(who, each) for each in permissions)

    def roles_with(self, permission: str) -> list[str]:
        """The roles whose cell is not empty, in the table's order."""
        return [role for role in self.roles if self.rows[permission][role] != "-"]

    def everybody(self) -> list[Who]:
        """Every set of roles, with the flags on and off, of a partner and of none: 1,024."""
        return [Who(roles, flags, partner) for roles, flags, partner in self._combined()]

    def _combined(self) -> Iterator[tuple[tuple[str, ...], bool, bool]]:
        for size in range(len(self.roles) + 1):
            for roles in combinations(self.roles, size):
                for flags in (False, True):
                    for partner in (False, True):
                        yield roles, flags, partner


def _width(cell: str, flags: bool) -> int:
    if cell == "flag":
        return WIDTHS.index("all") if flags else 0
    return 0 if cell == "-" else WIDTHS.index(cell)


@lru_cache(maxsize=1)
def the_policy() -> PolicyTable:
    return PolicyTable.read()
