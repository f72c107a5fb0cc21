"""Leaving and coming back: deactivating an employee, and reactivating him."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from app import jobs
from app.models import Employee, EmployeeStatus, audit_notes
from app.policy import Member, Permission
from app.services import (
    colleagues,
    employee_rights,
    employee_scopes,
    hiring,
    popups,
    sessions,
    unassigned_windows,
)


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
    heir = await colleagues.get_heir(viewer, employee, reassign_reminders_to)
    if employee.status is EmployeeStatus.DEACTIVATED:
        return employee
    if employee_rights.runs_project(employee):
        await employee_rights.require_another_admin(employee, path="id")
    await colleagues.hand_over(viewer, employee, heir, now)
    await hiring.revoke(employee, now=now)
    shown = await unassigned_windows.showing(employee, now)
    await _write(employee, EmployeeStatus.DEACTIVATED, now, deactivated_at=now, next_popup_at=None)
    await unassigned_windows.shrank(employee, shown, now=now)
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
    await popups.refresh_window(employee.id, now=now)
    sessions.viewers_changed(employee.account_id)
    return employee


async def _write(employee: Employee, status: EmployeeStatus, now: datetime, **values: Any) -> None:
    changes = {"status": status, "deactivated_at": values["deactivated_at"]}
    jobs.note(employee, audit_notes.differences(employee, changes))
    values |= {"status": status, "updated_at": now}
    await Employee.filter(id=employee.id).update(**values, version=F("version") + 1)
    employee.update_from_dict({**values, "version": employee.version + 1})
