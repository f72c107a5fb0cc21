"""Reminders of several employees at once: numbers, windows, what goes with a contact or a colleague."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from app.jobs import unit_of_work
from app.models import Employee, Reminder, ReminderClosedReason, ReminderState
from app.policy import Role
from app.services import contact_reminders, reminder_handover, reminders
from tests.conftest import Clock
from tests.factories import make_contact, make_division, make_employee, make_project, make_reminder, viewer_of
from tests.graphql import settings
from tests.services.popup_cases import MINUTE, log_of, make_worker, next_popup_of, sent

__all__ = ["sent", "settings"]

pytestmark = pytest.mark.usefixtures("database", "settings")


async def test_parallel_creates_number_and_time_the_window_rightly(clock: Clock) -> None:
    employee = await make_worker()
    viewer = await viewer_of(employee)

    async def create(minutes: int) -> UUID:
        async with unit_of_work() as work:
            made = await reminders.create(
                viewer, now=work.now, title=f"Úkol {minutes}", due_at=clock.at + minutes * MINUTE
            )
            return made.id

    made = await asyncio.gather(*(create(minutes) for minutes in range(20, 0, -1)))
    assert await next_popup_of(employee) == clock.at + MINUTE

    async def resolve(reminder_id: UUID) -> None:
        async with unit_of_work() as work:
            await reminders.resolve(viewer, now=work.now, id=reminder_id)

    await asyncio.gather(*(resolve(each) for each in made))
    log = await log_of(employee)
    assert [number for number, _, _ in log] == list(range(1, 21))
    assert {id_ for _, _, id_ in log} == set(made)
    assert await next_popup_of(employee) is None


async def test_two_employees_may_swap_reminders_at_the_same_moment(clock: Clock) -> None:
    project = await make_project()
    one, other = await make_worker(project=project), await make_worker(project=project)
    boss = await viewer_of(await make_employee(project, [Role.DIRECTOR]))
    of_one = [await make_reminder(one, due_at=clock.at) for _ in range(5)]
    of_other = [await make_reminder(other, due_at=clock.at) for _ in range(5)]

    async def give(reminder: Reminder, to: Employee) -> None:
        async with unit_of_work() as work:
            await reminders.reassign(boss, now=work.now, id=reminder.id, assignee_id=to.id)

    await asyncio.gather(*(give(each, other) for each in of_one), *(give(each, one) for each in of_other))

    assert await Reminder.filter(id__in=[each.id for each in of_one], assignee_id=other.id).count() == 5
    assert await Reminder.filter(id__in=[each.id for each in of_other], assignee_id=one.id).count() == 5
    for employee in (one, other):
        assert [number for number, _, _ in await log_of(employee)] == [1, 2, 3, 4, 5]


async def test_giving_all_away_closes_them_here_and_opens_them_there(clock: Clock) -> None:
    project = await make_project()
    division = await make_division(project)
    leaving = await make_worker(
        project=project, next_popup_at=clock.at + MINUTE, last_popup_at=clock.at - 9 * MINUTE
    )
    taking = await make_worker(project=project, divisions=[])
    due = await make_reminder(leaving, due_at=clock.at - MINUTE)
    unseen = await make_reminder(leaving, contact=await make_contact(project, division=division))
    done = await make_reminder(leaving, state=ReminderState.RESOLVED, resolved_at=clock.at)
    boss = await viewer_of(await make_employee(project, [Role.ADMIN]))

    async with unit_of_work() as work:
        assert await reminder_handover.open_count(leaving.id) == 2
        await reminder_handover.reassign_all(
            boss, from_employee_id=leaving.id, to_employee=taking, now=work.now
        )

    assert await reminder_handover.open_count(leaving.id) == 0
    assert {(await Reminder.get(id=each.id)).assignee_id for each in (due, unseen, done)} == {
        taking.id,
        None,
        leaving.id,
    }
    assert (await next_popup_of(leaving), await next_popup_of(taking)) == (None, due.alert_at)
    assert {id_ for _, _, id_ in await log_of(leaving)} == {due.id, unseen.id}


async def test_a_contact_that_goes_takes_its_reminders_out_of_every_window(
    clock: Clock, sent: list[Any]
) -> None:
    project = await make_project()
    contact = await make_contact(project)
    one, other = await make_worker(project=project), await make_worker(project=project)
    gone = [await make_reminder(each, due_at=clock.at, contact=contact) for each in (one, other)]
    kept = await make_reminder(one, due_at=clock.at + 30 * MINUTE)

    async with unit_of_work() as work:
        await contact_reminders.close_of_contact(contact.id, now=work.now)

    assert [each.id for each in await Reminder.all()] == [kept.id]
    assert await log_of(one) == [(1, ReminderClosedReason.DELETED, gone[0].id)]
    assert await log_of(other) == [(1, ReminderClosedReason.DELETED, gone[1].id)]
    assert (await next_popup_of(one), await next_popup_of(other)) == (kept.due_at, None)
    assert set(sent) == {f"feed:{one.id}", f"feed:{other.id}"}


async def test_a_contact_that_moves_out_of_sight_leaves_only_the_windows_of_the_blind(clock: Clock) -> None:
    project = await make_project()
    division = await make_division(project)
    contact = await make_contact(project, division=division)
    blind, seeing = await make_worker(project=project, divisions=[]), await make_worker(project=project)
    lost = await make_reminder(blind, due_at=clock.at, contact=contact)
    held = await make_reminder(seeing, due_at=clock.at, contact=contact)

    async with unit_of_work() as work:
        await reminder_handover.give_away_unseen(contact_id=contact.id, now=work.now)
        await reminder_handover.give_away_unseen(employee_id=seeing.id, now=work.now)

    assert (await Reminder.get(id=lost.id)).assignee_id is None
    assert (await Reminder.get(id=held.id)).assignee_id == seeing.id
    assert await log_of(blind) == [(1, ReminderClosedReason.GIVEN_AWAY, lost.id)]
    assert await log_of(seeing) == []
