"""Employees as viewers: the one place where roles, flags, divisions and partner become rights."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from app.models import DivisionScope, Employee, EmployeeDivision
from app.policy import Flag, Grants, Member, Role, grants_of, is_external

FLAGS = {flag: flag.name.lower() for flag in Flag}
#: The columns of an employee that his rights follow from.
FACTS = ("roles", "division_scope", "partner_id", *FLAGS.values())


async def member_of(employee: Employee) -> Member:
    """The employee as a viewer, for what is done in his name without a session of his."""
    facts = {name: getattr(employee, name) for name in FACTS}
    return await member(
        facts,
        employee_id=employee.id,
        project_id=employee.project_id,
        account_id=employee.account_id or employee.id,
        session_id=employee.id,
    )


async def member(
    facts: Mapping[str, Any], *, employee_id: UUID, project_id: UUID, account_id: UUID, session_id: UUID
) -> Member:
    """The viewer that an employee with these `FACTS` is in this session. Reads his divisions if he has chosen ones."""
    return member_with(
        facts,
        await _chosen_divisions(facts, employee_id, project_id),
        employee_id=employee_id,
        project_id=project_id,
        account_id=account_id,
        session_id=session_id,
    )


def member_with(
    facts: Mapping[str, Any],
    chosen_divisions: frozenset[UUID],
    *,
    employee_id: UUID,
    project_id: UUID,
    account_id: UUID,
    session_id: UUID,
) -> Member:
    """The same with what was read already. The divisions count only where his scope is CHOSEN."""
    return Member(
        account_id=account_id,
        session_id=session_id,
        employee_id=employee_id,
        project_id=project_id,
        roles=frozenset(facts["roles"]),
        grants=_grants(facts),
        division_ids=None if facts["division_scope"] is DivisionScope.ALL else chosen_divisions,
        partner_id=facts["partner_id"],
    )


def grants_of_employee(employee: Employee) -> Grants:
    """What he may, his flags and the ceiling of externals applied."""
    return _grants({name: getattr(employee, name) for name in FACTS})


def _grants(facts: Mapping[str, Any]) -> Grants:
    flags = tuple(flag for flag, column in FLAGS.items() if facts[column])
    roles = tuple(facts["roles"])
    return _grants_of(roles, flags, is_external(roles, facts["partner_id"]))


@lru_cache(maxsize=1024)
def _grants_of(roles: tuple[Role, ...], flags: tuple[Flag, ...], external: bool) -> Grants:
    """Worked out once for all who hold the same, who share one mapping."""
    return grants_of(roles, flags, external=external)


async def _chosen_divisions(facts: Mapping[str, Any], employee_id: UUID, project_id: UUID) -> frozenset[UUID]:
    if facts["division_scope"] is DivisionScope.ALL:
        return frozenset()
    chosen = EmployeeDivision.filter(employee_id=employee_id, project_id=project_id)
    return frozenset([row["division_id"] for row in await chosen.values("division_id")])
