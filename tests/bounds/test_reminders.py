"""Reminders by the ten thousand that change hands, or go, at once: PostgreSQL takes 32,767 parameters."""

import pytest

from app.db_rows import AT_ONCE
from app.models import AuditEntry, Employee, Project, Reminder, ReminderEvent
from app.policy import Role
from tests.bounds.measure import measured
from tests.bounds.rows import after_filling, copies
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_project,
    make_reminder,
)
from tests.graphql import as_employee
from tests.schema.employee_cases import DEACTIVATE

MANY = 40_000


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def holder(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=10)


async def test_forty_thousand_reminders_go_to_a_colleague(
    project: Project, holder: Employee, clock: Clock
) -> None:
    division = await make_division(project)
    heir = await make_employee(project, [Role.SALES_REP], divisions=[], reminder_interval_minutes=10)
    seen, hidden = await make_contact(project), await make_contact(project, division=division)
    for contact in (seen, hidden):
        await copies(await make_reminder(holder, contact=contact, due_at=clock.at), MANY // 2 - 1)
    await after_filling()
    director = await as_employee(await make_employee(project, [Role.DIRECTOR])).sign_in()

    with measured(f"employeeDeactivate, {MANY} reminders") as giving:
        answer = await director.run(DEACTIVATE, input={"id": holder, "reassignRemindersTo": heir})

    assert answer.faults("employeeDeactivate") == []
    assert await Reminder.filter(assignee_id=heir.id, version=2, updated_at=clock.at).count() == MANY // 2
    assert await Reminder.filter(assignee_id=None, contact_id=hidden.id, version=2).count() == MANY // 2
    assert await AuditEntry.filter(subject="Reminder", action="employeeDeactivate").count() == MANY
    events = await ReminderEvent.filter(employee_id=holder.id).order_by("number").values("number")
    assert [event["number"] for event in events] == list(range(1, MANY + 1))
    assert await ReminderEvent.all().count() == MANY
    assert (await Employee.get(id=heir.id)).next_popup_at == clock.at
    assert giving.statements <= 40 + 7 * MANY / AT_ONCE and giving.peak_mb <= 10
