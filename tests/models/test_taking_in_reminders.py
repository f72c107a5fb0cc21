"""Open reminders that were nobody's, or with whom may not have them, before there were windows for them."""

from importlib import import_module

import pytest

from app import db
from app.db_editors import PostgresEditor, SqliteEditor
from app.jobs import unit_of_work
from app.models import Employee, EmployeeStatus, Reminder, ReminderEvent, ReminderState
from app.policy import Role
from app.services import popup_firing
from tests.conftest import Clock
from tests.factories import (
    LONG_AGO,
    NOON,
    make_contact,
    make_division,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
    make_reminder,
)
from tests.graphql import settings

__all__ = ["settings"]

MIGRATION = import_module("migrations.0011_unassigned_reminders")
FAR = NOON.replace(year=2050)


async def take_in() -> None:
    editor = SqliteEditor if db.dialect() == "sqlite" else PostgresEditor
    await MIGRATION.take_in(None, editor(db.connection()))


async def test_they_are_taken_in_and_windows_open_for_them(
    database: str, settings: object, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MIGRATION, "AT_ONCE", 2)
    project = await make_project()
    partner = await make_partner(project)
    ours, theirs = await make_division(project), await make_division(project)
    hidden, seen = await make_contact(project, division=theirs), await make_contact(project, division=ours)
    shared, recalled = await make_contact(project), await make_contact(project)
    await make_lead_share(project, partner, [shared])
    await make_lead_share(project, partner, [recalled], recalled_at=NOON)
    rep = await make_employee(project, [Role.SALES_REP], divisions=[ours])
    external = await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=partner)
    idle = await make_employee(project)
    gone = await make_employee(project, [Role.SALES_REP], status=EmployeeStatus.DEACTIVATED)
    director = await make_employee(project, [Role.DIRECTOR], reminder_interval_minutes=10)
    silent = await make_employee(project, [Role.DIRECTOR])
    ending = await make_project(deletion_requested_at=NOON, purge_after=NOON)
    last = await make_employee(ending, [Role.ADMIN], reminder_interval_minutes=10)
    elsewhere = await make_employee(await make_project(), [Role.ADMIN], reminder_interval_minutes=10)
    kept = [
        await make_reminder(None, created_by=last),
        await make_reminder(rep, contact=seen, snoozed_until=FAR),
        await make_reminder(rep),
        await make_reminder(external, contact=shared),
        await make_reminder(idle, state=ReminderState.RESOLVED, resolved_at=NOON),
    ]
    unsound = [
        await make_reminder(rep, contact=hidden, snoozed_until=FAR),
        await make_reminder(external, contact=recalled),
        await make_reminder(idle),
        await make_reminder(gone, contact=shared),
    ]
    snoozed = await make_reminder(None, created_by=rep, snoozed_until=FAR)
    held = {each.id: each.assignee_id for each in kept}

    await take_in()
    await take_in()

    assert {each.id: each.assignee_id for each in await Reminder.filter(version=1)} == held
    taken = await Reminder.filter(version=2)
    assert {each.id for each in taken} == {each.id for each in [*unsound, snoozed]}
    assert {(each.assignee_id, each.snoozed_until, each.alert_at) for each in taken} == {(None, None, NOON)}
    opening = await Employee.filter(next_popup_at__gt=LONG_AGO)
    assert [each.id for each in opening] == [director.id]
    assert silent.next_popup_at is None and elsewhere.next_popup_at is None
    clock.at = opening[0].next_popup_at or clock.at
    async with unit_of_work() as work:
        await popup_firing.fire(now=work.now)
    event = await ReminderEvent.get(employee_id=director.id)
    assert set(event.unassigned_ids) == {str(each.id) for each in taken}
