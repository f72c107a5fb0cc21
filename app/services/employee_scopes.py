"""In which divisions an employee works: all of them, or those that were chosen for him."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.errors import FaultCode, Forbidden, Invalid
from app.models import DivisionScope, Employee, EmployeeDivision
from app.policy import Member
from app.services import divisions


@dataclass(frozen=True, slots=True)
class Scope:
    """ALL has no divisions; CHOSEN with none are the contacts without a division."""

    kind: DivisionScope = DivisionScope.ALL
    division_ids: frozenset[UUID] = frozenset()


async def of(employee: Employee) -> Scope:
    links = await EmployeeDivision.filter(employee_id=employee.id).values("division_id")
    return Scope(employee.division_scope, frozenset([row["division_id"] for row in links]))


async def asked(viewer: Member, sent: Mapping[str, Any], present: Scope) -> Scope:
    """What `division_scope` and `division_ids` in `sent` mean, the rest being as at present.

    Divisions without a scope mean CHOSEN. Raises NotFound for a division, Invalid for an archived one that was not
    chosen before, and for ALL together with some.
    """
    ids: list[UUID] | None = sent.get("division_ids")
    kind = sent.get("division_scope") or (DivisionScope.CHOSEN if ids else present.kind)
    if kind is DivisionScope.ALL:
        if ids:
            sentence = "Who works in all divisions has none chosen. Leave them out, or take the scope CHOSEN."
            raise Invalid.at("division_ids", sentence, FaultCode.INVALID)
        return Scope(kind)
    chosen = present.division_ids if ids is None else frozenset(ids)
    await _require_living(viewer, ids or [], present)
    return Scope(kind, chosen)


def require_within(viewer: Member, wanted: Scope, present: Scope | None = None) -> None:
    """Raises Forbidden if `wanted` gives more than `present` had and the viewer has himself."""
    if viewer.division_ids is None or wanted == present:
        return
    before = present or Scope(DivisionScope.CHOSEN)
    if before.kind is DivisionScope.ALL:
        return
    if (
        wanted.kind is DivisionScope.ALL
        or not wanted.division_ids - before.division_ids <= viewer.division_ids
    ):
        raise Forbidden("Nobody gives a wider scope than his own. Choose among your own divisions.")


async def write(employee: Employee, wanted: Scope, present: Scope) -> None:
    """Chooses exactly these divisions; the kind of scope is a column of the employee, which is not written here."""
    gone = present.division_ids - wanted.division_ids
    if gone:
        await EmployeeDivision.filter(employee_id=employee.id, division_id__in=list(gone)).delete()
    await EmployeeDivision.bulk_create(
        [
            EmployeeDivision(project_id=employee.project_id, employee_id=employee.id, division_id=each)
            for each in sorted(wanted.division_ids - present.division_ids)
        ]
    )


async def _require_living(viewer: Member, ids: list[UUID], present: Scope) -> None:
    """Divisions that he has already may be archived by now."""
    for place, each in enumerate(ids):
        if each not in present.division_ids:
            await divisions.get_living(viewer, each, path=("division_ids", str(place)))
