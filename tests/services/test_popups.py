"""When the window opens, for whom, and what its feed is told."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app import config, jobs
from app.config import TEST_SECRET_KEY, Settings
from app.jobs import Job, unit_of_work
from app.models import (
    Employee,
    EmployeeStatus,
    Reminder,
    ReminderClosedReason,
    ReminderEvent,
    ReminderEventKind,
    ReminderState,
)
from app.policy import Role
from app.services import popups, reminder_log, reminders
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
    make_reminder,
    make_reminder_event,
    viewer_of,
)

pytestmark = pytest.mark.usefixtures("database", "settings")

MINUTE = timedelta(minutes=1)


@pytest.fixture
def settings() -> Iterator[Settings]:
    made = Settings(
        environment="test",
        secret_key=TEST_SECRET_KEY,
        database_url="sqlite:///unused.db",
        redis_url="redis://127.0.0.1:1",
        public_url="http://127.0.0.1:8000",
        smtp_url="smtp://127.0.0.1:1",
        smtp_from="divize@example.com",
    )
    config.use(made)
    yield made
    config.use(None)


@pytest.fixture
def sent() -> Iterator[list[Any]]:
    """Jobs `(name, ids, at)` and bells (their channels) in the order in which they were rung."""
    found: list[Any] = []

    async def send(job: Job, ids: Any, at: datetime | None) -> None:
        found.append((job, tuple(ids), at))

    async def ring(channel: str) -> None:
        found.append(channel)

    jobs.bind(send, ring)
    yield found
    jobs.bind(None, None)


async def make_worker(**values: Any) -> Employee:
    """An employee whose window comes back every 10 minutes, unless `values` say otherwise."""
    project = values.pop("project", None) or await make_project()
    roles = values.pop("roles", [Role.SALES_REP])
    return await make_employee(project, roles, **{"reminder_interval_minutes": 10, **values})


async def refresh(employee: Employee, alert_at: datetime | None = None) -> datetime | None:
    async with unit_of_work() as work:
        await popups.refresh_window(employee.id, now=work.now, alert_at=alert_at)
    return await next_of(employee)


async def fire(employee: Employee | None = None) -> int:
    async with unit_of_work() as work:
        return await popups.fire(now=work.now, employee_id=employee.id if employee else None)


async def next_of(employee: Employee) -> datetime | None:
    return (await Employee.get(id=employee.id)).next_popup_at


async def log_of(employee: Employee) -> list[tuple[int, Any, Any]]:
    """`(number, kind or reason, reminders)` of each event."""
    events = await ReminderEvent.filter(employee_id=employee.id).order_by("number")
    return [
        (
            event.number,
            event.closed_reason or event.kind,
            event.reminder_id or list(map(UUID, event.reminder_ids)),
        )
        for event in events
    ]


async def test_the_window_opens_when_the_first_reminder_comes_due(clock: Clock) -> None:
    employee = await make_worker()
    for minutes in (30, 5):
        await make_reminder(employee, due_at=clock.at + minutes * MINUTE)

    assert await refresh(employee) == clock.at + 5 * MINUTE


async def test_it_comes_back_after_the_interval_while_a_reminder_that_was_shown_is_open(clock: Clock) -> None:
    shown_at = clock.at - 4 * MINUTE
    employee = await make_worker(last_popup_at=shown_at)
    await make_reminder(employee, due_at=shown_at)
    await make_reminder(employee, due_at=clock.at + 60 * MINUTE)

    assert await refresh(employee) == shown_at + 10 * MINUTE


async def test_one_that_falls_due_within_the_interval_opens_it_at_its_own_time(clock: Clock) -> None:
    employee = await make_worker(last_popup_at=clock.at - MINUTE)
    await make_reminder(employee, due_at=clock.at - 2 * MINUTE)
    await make_reminder(employee, due_at=clock.at + 3 * MINUTE)

    assert await refresh(employee) == clock.at + 3 * MINUTE


async def test_one_that_comes_late_opens_it_at_once_whatever_the_interval(clock: Clock) -> None:
    employee = await make_worker(last_popup_at=clock.at - MINUTE)
    late = await make_reminder(employee, due_at=clock.at - 60 * MINUTE)

    due = await refresh(employee, late.alert_at)

    assert due is not None and due <= clock.at
    assert await refresh(employee) == due, "another change before the worker comes must not put it off"


async def test_a_snoozed_reminder_waits_until_its_time(clock: Clock) -> None:
    employee = await make_worker(last_popup_at=clock.at - MINUTE)
    until = clock.at + 45 * MINUTE
    await make_reminder(employee, due_at=clock.at - MINUTE, snoozed_until=until)

    assert await refresh(employee) == until


@pytest.mark.parametrize(
    "changed",
    [
        {"reminder_interval_minutes": None},
        {"status": EmployeeStatus.DEACTIVATED},
        {"status": EmployeeStatus.INVITED},
        {"roles": []},
    ],
)
async def test_no_window_opens_without_interval_work_or_role(clock: Clock, changed: dict[str, Any]) -> None:
    employee = await make_worker(**changed)
    await make_reminder(employee, due_at=clock.at - MINUTE)

    assert await refresh(employee) is None


async def test_no_window_opens_when_nothing_is_open(clock: Clock) -> None:
    employee = await make_worker(next_popup_at=clock.at + MINUTE)
    await make_reminder(employee, state=ReminderState.RESOLVED, resolved_at=clock.at)

    assert await refresh(employee) is None


async def test_a_shorter_interval_takes_effect_at_once(clock: Clock) -> None:
    shown_at = clock.at - 6 * MINUTE
    employee = await make_worker(last_popup_at=shown_at, next_popup_at=shown_at + 10 * MINUTE)
    await make_reminder(employee, due_at=shown_at)

    await Employee.filter(id=employee.id).update(reminder_interval_minutes=5)

    assert await refresh(employee) == shown_at + 5 * MINUTE < clock.at


async def test_a_near_moment_rings_the_worker_for_it_and_a_far_one_does_not(
    clock: Clock, sent: list[Any]
) -> None:
    employee = await make_worker()
    soon = clock.at + timedelta(seconds=2)
    await make_reminder(employee, due_at=soon)
    far_off = await make_worker()
    await make_reminder(far_off, due_at=clock.at + 30 * MINUTE)

    await refresh(employee)
    await refresh(far_off)

    assert sent == [(Job.FIRE_POPUP, (str(employee.id),), soon)]


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

    assert await next_of(employee) == clock.at + 10 * MINUTE
    assert len(await log_of(employee)) == 1, "an hour of missed pop-ups is one pop-up"


async def test_after_firing_the_next_one_to_fall_due_opens_it_before_the_repeat(clock: Clock) -> None:
    employee = await make_worker(next_popup_at=clock.at)
    await make_reminder(employee, due_at=clock.at)
    await make_reminder(employee, due_at=clock.at + 2 * MINUTE)

    await fire()

    assert await next_of(employee) == clock.at + 2 * MINUTE


async def test_a_minute_is_as_long_as_the_settings_say(clock: Clock) -> None:
    employee = await make_worker(next_popup_at=clock.at)
    await make_reminder(employee, due_at=clock.at)

    with config.override(reminder_minute_s=0.05):
        await fire()

    assert await next_of(employee) == clock.at + timedelta(seconds=0.5)


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
    assert await next_of(external) is None


async def test_any_number_of_workers_open_a_window_once(clock: Clock) -> None:
    employees = [await make_worker(next_popup_at=clock.at) for _ in range(20)]
    for employee in employees:
        await make_reminder(employee, due_at=clock.at)

    await asyncio.gather(*(fire() for _ in range(3)), *(fire(employee) for employee in employees))
    await fire()

    assert [len(await log_of(employee)) for employee in employees] == [1] * 20


async def test_a_batch_is_bounded_and_the_rest_follows(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(popups, "BATCH", 2)
    project = await make_project()
    for _ in range(5):
        await make_reminder(await make_worker(project=project, next_popup_at=clock.at), due_at=clock.at)

    assert [await fire(), await fire(), await fire(), await fire()] == [2, 2, 1, 0]


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
    assert sent == [] and await next_of(employee) == clock.at

    assert await fire() == 1
    assert [number for number, _, _ in await log_of(employee)] == [1]


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
    assert await next_of(employee) == clock.at + MINUTE

    async def resolve(reminder_id: UUID) -> None:
        async with unit_of_work() as work:
            await reminders.resolve(viewer, now=work.now, id=reminder_id)

    await asyncio.gather(*(resolve(each) for each in made))
    log = await log_of(employee)
    assert [number for number, _, _ in log] == list(range(1, 21))
    assert {id_ for _, _, id_ in log} == set(made)
    assert await next_of(employee) is None


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


async def test_moments_ahead_are_told_in_steps(clock: Clock) -> None:
    project = await make_project()
    for milliseconds in (0, 100, 130, 900, 4_000):
        at = clock.at + timedelta(milliseconds=milliseconds)
        last = await make_worker(project=project, next_popup_at=at)

    ahead = await popups.moments_ahead(now=clock.at, within=timedelta(seconds=3))
    of_one = await popups.moments_ahead(now=clock.at, within=timedelta(seconds=9), employee_id=last.id)

    assert ahead == [clock.at + timedelta(milliseconds=each) for each in (130, 900)]
    assert of_one == [last.next_popup_at]


async def test_old_events_are_forgotten_and_younger_ones_kept(clock: Clock) -> None:
    employee = await make_worker()
    for number, days in enumerate((40, 31, 29), 1):
        await make_reminder_event(employee, number=number, created_at=clock.at - timedelta(days=days))

    async with unit_of_work() as work:
        assert await reminder_log.forget_old(now=work.now, limit=1) == 1
        assert await reminder_log.forget_old(now=work.now) == 1

    assert [number for number, _, _ in await log_of(employee)] == [3]


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
        assert await reminders.open_count(leaving.id) == 2
        await reminders.reassign_all(boss, from_employee_id=leaving.id, to_employee=taking, now=work.now)

    assert await reminders.open_count(leaving.id) == 0
    assert {(await Reminder.get(id=each.id)).assignee_id for each in (due, unseen, done)} == {
        taking.id,
        None,
        leaving.id,
    }
    assert (await next_of(leaving), await next_of(taking)) == (None, due.alert_at)
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
        await reminders.close_of_contact(contact.id, now=work.now)

    assert [each.id for each in await Reminder.all()] == [kept.id]
    assert await log_of(one) == [(1, ReminderClosedReason.DELETED, gone[0].id)]
    assert await log_of(other) == [(1, ReminderClosedReason.DELETED, gone[1].id)]
    assert (await next_of(one), await next_of(other)) == (kept.due_at, None)
    assert set(sent) == {f"feed:{one.id}", f"feed:{other.id}"}


async def test_a_contact_that_moves_out_of_sight_leaves_only_the_windows_of_the_blind(clock: Clock) -> None:
    project = await make_project()
    division = await make_division(project)
    contact = await make_contact(project, division=division)
    blind, seeing = await make_worker(project=project, divisions=[]), await make_worker(project=project)
    lost = await make_reminder(blind, due_at=clock.at, contact=contact)
    held = await make_reminder(seeing, due_at=clock.at, contact=contact)

    async with unit_of_work() as work:
        await reminders.give_away_unseen(contact_id=contact.id, now=work.now)
        await reminders.give_away_unseen(employee_id=seeing.id, now=work.now)

    assert (await Reminder.get(id=lost.id)).assignee_id is None
    assert (await Reminder.get(id=held.id)).assignee_id == seeing.id
    assert await log_of(blind) == [(1, ReminderClosedReason.GIVEN_AWAY, lost.id)]
    assert await log_of(seeing) == []
