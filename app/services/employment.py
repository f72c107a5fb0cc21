"""Leaving and coming back: deactivating an employee, and reactivating him."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from app import jobs
from app.errors import FaultCode, Invalid
from app.models import Employee, EmployeeStatus, audit_notes
from app.policy import Member, Permission
from app.services import (
    employee_rights,
    employee_scopes,
    employees,
    hiring,
    reminder_handover,
    sessions,
)
from app.services.members import grants_of_employee

HEIR = "reassign_reminders_to"


async def deactivate(
    viewer: Member,
    *,
    now: datetime,
    id: UUID,
    reassign_reminders_to: UUID | None = None,
) -> Employee:
    """Ends his work here: signed out at once, his open reminders go to the colleague. Twice it stays as it was.

    Raises Invalid: OPEN_REMINDERS if he has some and no colleague is named, LAST_ADMIN for the only admin.
    """
    await Employee.get_visible(viewer, id)
    viewer.require(Permission.EMPLOYEE_MANAGE)
    heirs = [] if reassign_reminders_to is None else [reassign_reminders_to]
    viewer, employee = await employee_rights.lock(viewer, id, *heirs)
    heir = await _heir(viewer, employee, reassign_reminders_to)
    if employee.status is EmployeeStatus.DEACTIVATED:
        return employee
    if employee_rights.runs_project(employee):
        await employee_rights.require_another_admin(employee, path="id")
    await _hand_over(viewer, employee, heir, now)
    await hiring.revoke(employee, now=now)
    await _write(employee, EmployeeStatus.DEACTIVATED, now, deactivated_at=now, next_popup_at=None)
    await sessions.revoke_of_employee(employee, now=now)
    return employee


async def reactivate(viewer: Member, *, now: datetime, id: UUID) -> Employee:
    """He works here again, with the roles, flags and divisions he had; he signs in anew.

    One who never accepted is invited once more. Raises Forbidden if that gives more than the viewer has himself.
    """
    await Employee.get_visible(viewer, id)
    viewer.require(Permission.EMPLOYEE_MANAGE)
    viewer, employee = await employee_rights.lock(viewer, id)
    if employee.status is not EmployeeStatus.DEACTIVATED:
        return employee
    employee_rights.require_grantable(viewer, employee.roles, employee.partner_id)
    employee_scopes.require_within(viewer, await employee_scopes.of(employee))
    if employee.account_id is None:
        await _write(employee, EmployeeStatus.INVITED, now, deactivated_at=None)
        await hiring.send(viewer, employee, now=now)
        return employee
    await _write(employee, EmployeeStatus.ACTIVE, now, deactivated_at=None)
    sessions.viewers_changed(employee.account_id)
    return employee


async def _heir(viewer: Member, employee: Employee, heir_id: UUID | None) -> Employee | None:
    if heir_id is None:
        return None
    heir = await employees.get_active(viewer, heir_id, path=(HEIR,))
    if heir.id == employee.id:
        raise Invalid.at(HEIR, "Choose another colleague: this one is leaving.", FaultCode.INVALID)
    if Permission.REMINDER_OWN not in grants_of_employee(heir):
        sentence = f"{heir.name} has no role, and so no reminders. Choose a colleague who has one."
        raise Invalid.at(HEIR, sentence, FaultCode.NOT_ALLOWED)
    return heir


async def _hand_over(viewer: Member, employee: Employee, heir: Employee | None, now: datetime) -> None:
    count = await reminder_handover.open_count(employee.id)
    if count and heir is None:
        sentence = f"Open reminders of {employee.name}: {count:,}. Say which colleague gets them."
        raise Invalid.at(HEIR, sentence, FaultCode.OPEN_REMINDERS)
    if heir is not None:
        await reminder_handover.reassign_all(viewer, from_employee_id=employee.id, to_employee=heir, now=now)


async def _write(employee: Employee, status: EmployeeStatus, now: datetime, **values: Any) -> None:
    changes = {"status": status, "deactivated_at": values["deactivated_at"]}
    jobs.note(employee, audit_notes.differences(employee, changes))
    values |= {"status": status, "updated_at": now}
    await Employee.filter(id=employee.id).update(**values, version=F("version") + 1)
    employee.update_from_dict({**values, "version": employee.version + 1})
