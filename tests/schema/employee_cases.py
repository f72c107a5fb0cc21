"""What the tests of employees share: documents, and a project with people in it."""

from typing import Any

import pytest

from app.models import (
    Email,
    Employee,
    EmployeeDivision,
    Invitation,
    Project,
    Reminder,
    ReminderEvent,
    Session,
)
from app.policy import Role
from tests.factories import make_employee, make_project

INVITE = """
mutation Invite($input: EmployeeInviteInput!) {
  employeeInvite(input: $input) {
    employee { id name email roles status reminderIntervalMinutes canDeleteContacts canSendBulkEmail divisions { id name } }
    errors { code message path }
  }
}
"""
RESEND = """
mutation Resend($input: EmployeeInvitationResendInput!) {
  employeeInvitationResend(input: $input) { employee { id status } errors { code message path } }
}
"""
UPDATE = """
mutation UpdateEmployee($input: EmployeeUpdateInput!) {
  employeeUpdate(input: $input) {
    employee { id name roles divisionScope divisions { name } reminderIntervalMinutes version }
    errors { code message path }
  }
}
"""
DEACTIVATE = """
mutation Deactivate($input: EmployeeDeactivateInput!) {
  employeeDeactivate(input: $input) { employee { id status deactivatedAt } errors { code message path } }
}
"""
REACTIVATE = """
mutation Reactivate($input: EmployeeReactivateInput!) {
  employeeReactivate(input: $input) { employee { id status } errors { code message path } }
}
"""
MUTATIONS = {
    "employeeInvite": INVITE,
    "employeeInvitationResend": RESEND,
    "employeeUpdate": UPDATE,
    "employeeDeactivate": DEACTIVATE,
    "employeeReactivate": REACTIVATE,
}
NOVAK = {"name": "Jan Novák", "email": "jan.novak@example.cz", "roles": ["SALES_REP"]}


@pytest.fixture
async def project() -> Project:
    return await make_project(name="Pekárna Šťastný")


@pytest.fixture
async def admin(project: Project) -> Employee:
    return await make_employee(project, [Role.ADMIN], name="Adam")


@pytest.fixture
async def director(project: Project) -> Employee:
    return await make_employee(project, [Role.DIRECTOR], name="Dana")


@pytest.fixture
async def rep(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP], name="Radek")


async def fresh(employee: Employee) -> Employee:
    return await Employee.get(id=employee.id)


async def everything() -> Any:
    """Whatever a refused mutation must leave alone."""
    tables = (Employee, EmployeeDivision, Invitation, Email, Reminder, ReminderEvent)
    sessions = await Session.all().order_by("id").values("id", "revoked_at")
    return sessions, [await table.all().order_by("id").values() for table in tables]
