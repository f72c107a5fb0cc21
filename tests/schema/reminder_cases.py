"""Documents, people and looks at the database that the tests of reminders share."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.models import Employee, Project, Reminder, ReminderEvent
from app.policy import Role
from tests.conftest import Clock
from tests.factories import make_employee, make_project

MINUTE = timedelta(minutes=1)
DUE = datetime(2026, 3, 3, 8, 30, tzinfo=UTC)
FAULTS = "errors { message code path }"

CREATE = f"""mutation ($input: ReminderCreateInput!) {{ reminderCreate(input: $input) {{
  reminder {{ id title note kind dueAt snoozedUntil state resolvedAt version assignee {{ id }} contact {{ id name }}
              createdBy {{ id }} viewerCan {{ update delete }} }} {FAULTS} }} }}"""
UPDATE = f"""mutation ($input: ReminderUpdateInput!) {{ reminderUpdate(input: $input) {{
  reminder {{ id title note kind dueAt snoozedUntil version contact {{ id }} }} {FAULTS} }} }}"""
REASSIGN = f"""mutation ($input: ReminderReassignInput!) {{ reminderReassign(input: $input) {{
  reminder {{ id assignee {{ id }} }} {FAULTS} }} }}"""
SNOOZE = f"""mutation ($input: ReminderSnoozeInput!) {{ reminderSnooze(input: $input) {{
  reminder {{ id state dueAt snoozedUntil }} {FAULTS} }} }}"""
RESOLVE = f"""mutation ($input: ReminderResolveInput!) {{ reminderResolve(input: $input) {{
  reminder {{ id state resolvedAt resolvedBy {{ id }} version }} {FAULTS} }} }}"""
DELETE = f"""mutation ($input: ReminderDeleteInput!) {{ reminderDelete(input: $input) {{ deletedReminderId {FAULTS} }} }}"""
LIST = """query ($first: Int, $after: String, $where: ReminderWhere, $orderBy: [ReminderOrderBy!]) {
  reminders(first: $first, after: $after, where: $where, orderBy: $orderBy) {
    totalCount nodes { id } pageInfo { hasNextPage endCursor } } }"""
ONE = "query ($id: ID!) { reminder(id: $id) { id title } }"
COUNT = "{ openReminderCount }"

MUTATIONS = {
    "reminderUpdate": UPDATE,
    "reminderReassign": REASSIGN,
    "reminderSnooze": SNOOZE,
    "reminderResolve": RESOLVE,
    "reminderDelete": DELETE,
}


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def rep(project: Project) -> Employee:
    """Sells, and has reminders of his own only."""
    return await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=10)


@pytest.fixture
async def director(project: Project) -> Employee:
    """Gives reminders to others."""
    return await make_employee(project, [Role.DIRECTOR], reminder_interval_minutes=10)


async def closed_for(employee: Employee) -> list[tuple[Any, Any]]:
    """`(reminder, reason)` of what left the employee's window."""
    events = await ReminderEvent.filter(employee_id=employee.id).order_by("number")
    return [(event.reminder_id, event.closed_reason) for event in events]


async def next_popup_of(employee: Employee) -> datetime | None:
    return (await Employee.get(id=employee.id)).next_popup_at


async def state_of_reminders() -> Any:
    """Everything that a refused mutation must leave alone."""
    reminders = await Reminder.all().order_by("id").values()
    employees = await Employee.all().order_by("id").values("id", "next_popup_at", "feed_number")
    return reminders, employees, await ReminderEvent.all().count()
