"""Reminders by the ten thousand that change hands, or go, at once: PostgreSQL takes 32,767 parameters."""

import pytest

from app.jobs import unit_of_work
from app.models import AuditEntry, Employee, Project, Reminder, ReminderEvent
from app.policy import Role
from app.services import partner_sight
from tests.bounds.measure import Measure, measured
from tests.bounds.rows import after_filling, copies, id_of
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
    make_reminder,
)
from tests.graphql import as_employee
from tests.schema.employee_cases import DEACTIVATE

MANY = 40_000
#: What changes a batch: read it, who sees it, change, feed's numbers and events, entries; for kept and hidden ones.
STATEMENTS_A_BATCH = 11


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def holder(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=10)


def is_bounded(measure: Measure, rows: int) -> bool:
    return measure.statements <= 40 + STATEMENTS_A_BATCH * (rows / 1_000) and measure.peak_mb <= 25


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
    assert is_bounded(giving, MANY), giving


async def test_a_partner_that_sees_nothing_any_more_loses_forty_thousand_reminders(
    project: Project, clock: Clock
) -> None:
    partner = await make_partner(project)
    people = 100
    model = await make_employee(
        project, [Role.EXTERNAL_TELEPHONIST], partner=partner, account=None, status="INVITED"
    )
    await copies(model, people - 1, id=id_of("n"), email="'osoba' || n || '@example.cz'")
    contact = await make_contact(project)
    await make_lead_share(project, partner, [contact], recalled_at=clock.at)
    reminder = await make_reminder(model, contact=contact, due_at=clock.at)
    await copies(reminder, MANY // people - 1)
    of_others = MANY - MANY // people
    await copies(reminder, of_others, assignee_id=id_of(f"1 + n % {people - 1}"))
    await after_filling()

    with measured(f"what a partner loses, {MANY} reminders of {people} people") as losing:
        async with unit_of_work() as work:
            await partner_sight.shrank(partner.id, now=work.now)

    assert await Reminder.filter(assignee_id=None).count() == MANY
    assert await ReminderEvent.all().count() == MANY
    assert is_bounded(losing, MANY), losing
