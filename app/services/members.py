"""Employees as viewers, for what is done in their name without a session of theirs."""

from uuid import UUID

from app.models import DivisionScope, Employee, EmployeeDivision
from app.policy import Flag, Grants, Member, grants_of, is_external


async def member_of(employee: Employee) -> Member:
    """The employee as a viewer, for what is done in his name without a session of his."""
    return Member(
        account_id=employee.account_id or employee.id,
        session_id=employee.id,
        employee_id=employee.id,
        project_id=employee.project_id,
        roles=frozenset(employee.roles),
        grants=grants_of_employee(employee),
        division_ids=await _division_ids(employee),
        partner_id=employee.partner_id,
    )


def grants_of_employee(employee: Employee) -> Grants:
    """What he may, his flags and the ceiling of externals applied."""
    flags = [flag for flag in Flag if getattr(employee, flag.name.lower())]
    return grants_of(employee.roles, flags, external=is_external(employee.roles, employee.partner_id))


async def _division_ids(employee: Employee) -> frozenset[UUID] | None:
    if employee.division_scope is DivisionScope.ALL:
        return None
    chosen = await EmployeeDivision.filter(employee_id=employee.id).values("division_id")
    return frozenset([row["division_id"] for row in chosen])
