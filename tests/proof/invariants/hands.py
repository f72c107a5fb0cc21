"""Whose hands changed a row: what somebody held in its project when he acted, and which contacts he reached."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.proof.invariants import oracle
from tests.proof.invariants.oracle import Rights, Scope
from tests.proof.invariants.picture import Difference, Picture, Row, differences
from tests.proof.invariants.play import Act, Change
from tests.proof.invariants.words import RowOf


@dataclass(frozen=True)
class Hand:
    """One who may have made this difference."""

    change: Change
    act: Act
    difference: Difference

    @property
    def rights(self) -> Rights:
        """In the row's project; none if he acts in another."""
        return held(self.change, self.act, self.difference.row.get("project_id"))

    @property
    def employee_id(self) -> str | None:
        return self.act.employee["id"] if self.act.employee else None

    def may(self, *any_of: str) -> bool:
        return any(each in self.rights for each in any_of)

    def did(self, *mutations: str) -> bool:
        return self.act.step.mutation in mutations

    def reaches(self, contact: Row | None) -> bool:
        """Whether he works with this contact: by its division, and for externals by what is shared with them."""
        if contact is None or self.act.employee is None:
            return False
        return any(reaches(picture, self.act.employee, contact) for picture in self.pictures)

    @property
    def pictures(self) -> Iterator[Picture]:
        """At once with others he may also have been what he is after."""
        yield self.change.before
        if len(self.change.acts) > 1:
            yield self.change.after

    @property
    def scopes(self) -> list[Scope]:
        found = (picture["employees"].get(self.employee_id or "") for picture in self.pictures)
        return [oracle.scope(p, e) for p, e in zip(self.pictures, found, strict=True) if e is not None]


def hands(change: Change, difference: Difference) -> list[Hand]:
    """Of all whose acts were not refused."""
    return [Hand(change, act, difference) for act in change.done]


def changed(change: Change, *tables: str) -> Iterator[Difference]:
    """What differs in these tables, in projects that were there before."""
    for each in differences(change.before, change.after):
        project_id = each.row.get("project_id")
        if each.table in tables and (project_id is None or project_id in change.before["projects"]):
            yield each


def held(change: Change, act: Act, project_id: str | None) -> Rights:
    """What he had there before; at once with others also what they may have given him meanwhile."""
    if act.employee is None or act.employee["project_id"] != project_id:
        return oracle.OUTSIDER
    was = oracle.rights(act.employee) if act.employee["status"] == "ACTIVE" else oracle.OUTSIDER
    if len(change.acts) == 1:
        return was
    now = oracle.rights(change.after["employees"].get(act.employee["id"]))
    return oracle.union([was, now, *_given_meanwhile(change, act)])


def _given_meanwhile(change: Change, act: Act) -> Iterator[Rights]:
    for other in change.done:
        named = other.step.variables.get("id")
        if isinstance(named, RowOf) and named.type_name == "Employee" and other.variables.get("roles"):
            yield oracle.rights_of_roles(other.variables["roles"])


def reaches(picture: Picture, employee: Row, contact: Row) -> bool:
    """Whether an employee works with this contact, as things are in this picture."""
    within = oracle.scope(picture, employee)
    if within is not None and contact["division_id"] not in (None, *within):
        return False
    return not oracle.is_external(employee) or contact["id"] in _shared(picture, employee)


def _shared(picture: Picture, employee: Row) -> set[str]:
    """The contacts that his firm may see now."""
    shares = {
        each["id"]
        for each in picture["lead_shares"].values()
        if each["partner_id"] == employee["partner_id"] and _is_valid(each)
    }
    return {
        each["contact_id"] for each in picture["lead_share_contacts"].values() if each["share_id"] in shares
    }


def _is_valid(share: Row) -> bool:
    now, until = datetime.now(UTC), share["valid_until"]
    begun = share["recalled_at"] is None and _moment(share["valid_from"]) <= now
    return begun and (until is None or _moment(until) > now)


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
