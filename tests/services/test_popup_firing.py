"""Opening windows: once each, for what is due and in sight, and what the feed is told."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app import config, db
from app.jobs import unit_of_work
from app.models import (
    Employee,
    Reminder,
    ReminderClosedReason,
    ReminderEvent,
    ReminderEventKind,
    ReminderState,
)
from app.policy import Role
from app.services import popup_firing, reminder_log
from app.services.popup_firing import Fired
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_lead_share,
    make_partner,
    make_project,
    make_reminder,
    make_reminder_event,
)
from tests.graphql import settings
from tests.services.popup_cases import MINUTE, fire, log_of, make_worker, next_popup_of, refresh, sent

__all__ = ["sent", "settings"]

pytestmark = pytest.mark.usefixtures("database", "settings")


async def test_firing_shows_all_that_is_due_and_moves_the_window_on(clock: Clock, sent: list[Any]) -> None:
    employee = await make_worker(next_popup_at=clock.at)
    second = await make_reminder(employee, due_at=clock.at)
    first = await make_reminder(employee, due_at=clock.at - MINUTE)
    await make_reminder(employee, due_at=clock.at - MINUTE, snoozed_until=clock.at + 60 * MINUTE)
    await make_reminder(employee, state=ReminderState.RESOLVED, resolved_at=clock.at)

    assert await fire() == 1

    assert await log_of(employee) == [(1, ReminderEventKind.POPUP, [first.id, second.id])]
    after = await Employee.get(id=employee.id)
    assert (after.last_popup_at, after.next_popup_at) == (clock.at, clock.at + 10 * MINUTE)
    assert sent == [f"feed:{employee.id}"]
    assert (await ReminderEvent.get(employee_id=employee.id)).repeat_minutes == 10


async def test_an_event_says_when_its_window_was_due_and_when_it_was_written() -> None:
    began_at = await db.now()
    due_at = (began_at - 3 * MINUTE).replace(microsecond=0)
    employee = await make_worker(next_popup_at=due_at)
    await make_reminder(employee, due_at=due_at - MINUTE)

    await fire()

    event = await ReminderEvent.get(employee_id=employee.id)
    assert event.due_at == due_at, "the window's moment, not its oldest reminder's"
    assert event.written_at is not None and began_at <= event.created_at <= event.written_at <= await db.now()


async def test_firing_again_before_the_interval_is_over_does_nothing(clock: Clock) -> None:
    employee = await make_worker(next_popup_at=clock.at)
    await make_reminder(employee, due_at=clock.at)
    await fire()

    clock.advance(10 * MINUTE - timedelta(milliseconds=1))
    assert await fire() == await fire(employee) == 0
    clock.advance(timedelta(milliseconds=1))
    assert await fire(employee) == 1

    assert [number for number, _, _ in await log_of(employee)] == [1, 2]


async def test_the_interval_counts_from_the_moment_of_firing(clock: Clock) -> None:
    employee = await make_worker(next_popup_at=clock.at - 60 * MINUTE)
    await make_reminder(employee, due_at=clock.at - 60 * MINUTE)

    await fire()

    assert await next_popup_of(employee) == clock.at + 10 * MINUTE
    assert len(await log_of(employee)) == 1, "an hour of missed pop-ups is one pop-up"


async def test_after_firing_the_next_one_to_fall_due_opens_it_before_the_repeat(clock: Clock) -> None:
    employee = await make_worker(next_popup_at=clock.at)
    await make_reminder(employee, due_at=clock.at)
    await make_reminder(employee, due_at=clock.at + 2 * MINUTE)

    await fire()

    assert await next_popup_of(employee) == clock.at + 2 * MINUTE


async def test_a_minute_is_as_long_as_the_settings_say(clock: Clock) -> None:
    employee = await make_worker(next_popup_at=clock.at)
    await make_reminder(employee, due_at=clock.at)

    with config.override(reminder_minute_s=0.05):
        await fire()

    assert await next_popup_of(employee) == clock.at + timedelta(seconds=0.5)


async def test_nothing_due_after_all_is_no_event_and_no_number(clock: Clock) -> None:
    employee = await make_worker(next_popup_at=clock.at)
    await make_reminder(employee, due_at=clock.at + 5 * MINUTE)

    assert await fire() == 1

    assert await log_of(employee) == []
    after = await Employee.get(id=employee.id)
    assert (after.feed_number, after.next_popup_at) == (0, clock.at + 5 * MINUTE)


async def test_a_clock_set_back_opens_nothing_twice(clock: Clock) -> None:
    employee = await make_worker(next_popup_at=clock.at)
    await make_reminder(employee, due_at=clock.at)
    await fire()

    clock.advance(-60 * MINUTE)
    await refresh(employee)
    assert await fire() == 0
    clock.advance(60 * MINUTE)

    assert await fire() == 0
    assert len(await log_of(employee)) == 1


async def test_a_clock_set_ahead_opens_what_became_late_once(clock: Clock) -> None:
    employee = await make_worker()
    await make_reminder(employee, due_at=clock.at + MINUTE)
    await make_reminder(employee, due_at=clock.at + 20 * MINUTE)
    await refresh(employee)

    clock.advance(60 * MINUTE)

    assert [await fire(), await fire()] == [1, 0]
    assert [len(shown) for _, _, shown in await log_of(employee)] == [2]


async def test_a_reminder_whose_contact_went_out_of_reach_is_given_away_when_it_would_pop_up(
    clock: Clock,
) -> None:
    project = await make_project()
    ours, theirs = await make_division(project), await make_division(project)
    employee = await make_worker(project=project, divisions=[ours], next_popup_at=clock.at)
    seen = await make_reminder(employee, due_at=clock.at, contact=await make_contact(project, division=ours))
    hidden = await make_reminder(
        employee, due_at=clock.at, contact=await make_contact(project, division=theirs)
    )

    await fire()

    assert await log_of(employee) == [
        (1, ReminderClosedReason.GIVEN_AWAY, hidden.id),
        (2, ReminderEventKind.POPUP, [seen.id]),
    ]
    kept = await Reminder.get(id=hidden.id)
    assert (kept.assignee_id, kept.state, kept.version) == (None, ReminderState.OPEN, 2)


async def test_a_lead_share_that_ended_takes_its_reminders_along(clock: Clock) -> None:
    project = await make_project()
    partner, contact = await make_partner(project), await make_contact(project)
    await make_lead_share(
        project,
        partner,
        [contact],
        valid_until=clock.at - timedelta(days=9_000),
        valid_from=clock.at - timedelta(days=9_001),
    )
    external = await make_worker(
        project=project, roles=[Role.EXTERNAL_TELEPHONIST], partner=partner, next_popup_at=clock.at
    )
    reminder = await make_reminder(external, due_at=clock.at, contact=contact)

    await fire()

    assert await log_of(external) == [(1, ReminderClosedReason.GIVEN_AWAY, reminder.id)]
    assert await next_popup_of(external) is None


async def test_any_number_of_workers_open_a_window_once(clock: Clock) -> None:
    employees = [await make_worker(next_popup_at=clock.at) for _ in range(20)]
    for employee in employees:
        await make_reminder(employee, due_at=clock.at)

    await asyncio.gather(*(fire() for _ in range(3)), *(fire(employee) for employee in employees))
    await fire()

    assert [len(await log_of(employee)) for employee in employees] == [1] * 20


async def test_a_batch_is_bounded_and_the_rest_follows(clock: Clock) -> None:
    project = await make_project()
    for _ in range(5):
        await make_reminder(await make_worker(project=project, next_popup_at=clock.at), due_at=clock.at)

    claimed = []
    for _ in range(4):
        async with unit_of_work() as work:
            claimed.append((await popup_firing.fire(now=work.now, most=2)).claimed)

    assert claimed == [2, 2, 1, 0]


async def test_a_batch_goes_on_where_the_one_before_ended(clock: Clock) -> None:
    project = await make_project()
    moments = [clock.at - each * MINUTE for each in (4, 3, 3, 1)]
    for moment in moments:
        await make_worker(project=project, next_popup_at=moment)

    async with unit_of_work() as work:
        first = await popup_firing.fire(now=work.now, most=2)
        left_out = await popup_firing.fire(now=work.now, since=clock.at, most=2)
        second = await popup_firing.fire(now=work.now, since=first.last, most=2)
        third = await popup_firing.fire(now=work.now, since=second.last, most=2)

    assert [first, second] == [Fired(2, moments[1], []), Fired(2, moments[3], [])]
    assert [left_out, third] == [Fired(0, None)] * 2


async def test_a_failure_after_the_claim_leaves_the_window_due(
    clock: Clock, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    employee = await make_worker(next_popup_at=clock.at)
    await make_reminder(employee, due_at=clock.at)

    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed between claim and event")

    with monkeypatch.context() as patch:
        patch.setattr(reminder_log, "tell_popups", fail)
        with pytest.raises(RuntimeError):
            await fire()
    assert sent == [] and await next_popup_of(employee) == clock.at

    assert await fire() == 1
    assert [number for number, _, _ in await log_of(employee)] == [1]


async def test_a_look_tells_the_next_moment_and_those_within_50_ms_of_it_as_one(clock: Clock) -> None:
    project = await make_project()
    for milliseconds in (100, 130, 900, 4_000):
        at = clock.at + timedelta(milliseconds=milliseconds)
        last = await make_worker(project=project, next_popup_at=at)

    ahead = await popup_firing.look(within=timedelta(seconds=3))
    of_one = await popup_firing.look(within=timedelta(seconds=9), employee_id=last.id)
    too_far = await popup_firing.look(within=timedelta(seconds=3), employee_id=last.id)

    assert (ahead.now, ahead.moment) == (clock.at, clock.at + timedelta(milliseconds=130))
    assert (of_one.moment, too_far.moment) == (last.next_popup_at, None)
    assert not ahead.is_due


async def test_a_look_sees_what_is_due(clock: Clock) -> None:
    assert (await popup_firing.look(within=MINUTE)).moment is None
    due, late = await make_worker(next_popup_at=clock.at), await make_worker(next_popup_at=clock.at - MINUTE)

    found = await popup_firing.look(within=MINUTE)

    assert found.is_due and found.moment == late.next_popup_at
    assert (await popup_firing.look(within=MINUTE, employee_id=due.id)).is_due


async def test_old_events_are_forgotten_and_younger_ones_kept(clock: Clock) -> None:
    employee = await make_worker()
    for number, days in enumerate((40, 31, 29), 1):
        await make_reminder_event(employee, number=number, created_at=clock.at - timedelta(days=days))

    async with unit_of_work() as work:
        assert await reminder_log.forget_old(now=work.now, limit=1) == 1
        assert await reminder_log.forget_old(now=work.now) == 1

    assert [number for number, _, _ in await log_of(employee)] == [3]
