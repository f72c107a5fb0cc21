"""What somebody may, worked out anew: from the table's text and plain rows, without a line of the application's code."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from tests.proof.invariants.picture import Picture, Row

#: Permission → how far: 1 own rows, 2 all.
Rights = Mapping[str, int]
#: Ids of divisions; None is all of them.
Scope = frozenset[str] | None

TABLE = Path(__file__).parents[3] / "app" / "policy.md"
REACH = {"-": 0, "own": 1, "all": 2}
FLAG_OF = {"CONTACT_DELETE": "can_delete_contacts", "EMAIL_BULK": "can_send_bulk_email"}
EXTERNAL_ROLE = "EXTERNAL_TELEPHONIST"
OUTSIDER: Rights = {}


@cache
def _policy() -> list[dict[str, str]]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def roles_of(employee: Row) -> frozenset[str]:
    return frozenset(filter(None, employee["roles"].split(",")))


def is_external(employee: Row) -> bool:
    return employee["partner_id"] is not None or EXTERNAL_ROLE in roles_of(employee)


def rights(employee: Row | None, *, with_flags: bool = True) -> Rights:
    """What the employee's roles bring, cut for externals, whether he is at work or not. Nobody has none."""
    if employee is None:
        return OUTSIDER
    flags = tuple(bool(employee[flag]) and with_flags for flag in FLAG_OF.values())
    return _rights(roles_of(employee), flags, is_external(employee))


def rights_of_roles(roles: Iterable[str]) -> Rights:
    """What these roles bring to somebody of the firm, without flags."""
    return _rights(frozenset(roles), (False,) * len(FLAG_OF), False)


@cache
def _rights(roles: frozenset[str], flags: tuple[bool, ...], external: bool) -> Rights:
    switched_on = {name for name, is_on in zip(FLAG_OF, flags, strict=True) if is_on}
    found = {}
    for row in _policy():
        name, cells = row["Permission"], [row[role] for role in roles]
        reaches = [(2 if name in switched_on else 0) if cell == "flag" else REACH[cell] for cell in cells]
        reach = max(reaches, default=0)
        reach = min(reach, REACH[row["EXTERNAL ≤"]]) if external else reach
        if reach:
            found[name] = reach
    return found


def union(several: Iterable[Rights]) -> Rights:
    found: dict[str, int] = {}
    for each in several:
        for name, reach in each.items():
            found[name] = max(reach, found.get(name, 0))
    return found


def beyond(wanted: Rights, held: Rights) -> list[str]:
    """What of `wanted` is not in `held`."""
    return sorted(name for name, reach in wanted.items() if reach > held.get(name, 0))


def would_be_admin(employee: Row) -> bool:
    """By his roles, though he may have left, or be cut for belonging to an outside firm."""
    return "ADMIN" in roles_of(employee)


def runs_project(employee: Row) -> bool:
    """An admin at work, whom no ceiling cuts, with an account to sign in by."""
    at_work = employee["status"] == "ACTIVE" and employee["account_id"] is not None
    return at_work and "ADMIN_GRANT" in rights(employee)


def scope(picture: Picture, employee: Row) -> Scope:
    """The divisions he works with."""
    if employee["division_scope"] == "ALL":
        return None
    links = picture["employee_divisions"].values()
    return frozenset(link["division_id"] for link in links if link["employee_id"] == employee["id"])


def widened(before: Scope, after: Scope) -> Scope:
    """What came into a scope: None if it became all of them."""
    if before is None:
        return frozenset()
    return None if after is None else after - before


def covers(held: Scope, wanted: Scope) -> bool:
    """Whether `wanted` is not wider than `held`."""
    return held is None or (wanted is not None and wanted <= held)
