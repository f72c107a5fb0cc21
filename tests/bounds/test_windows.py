"""Windows of people with thousands of reminders due: each event, and what opening and reading them holds, is bounded."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.jobs import unit_of_work
from app.models import Employee, Project, Reminder, ReminderEvent, ReminderState
from app.policy import Role
from app.services import feed_pages, feed_states, popup_firing
from app.services.popup_firing import FIRST_BATCH, Fired
from app.services.popup_windows import MOST_IN_FULL, MOST_SHOWN
from app.workers import reminders as worker
from tests.bounds.measure import measured
from tests.bounds.rows import after_filling, colleagues, copies, id_of
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_project,
    make_reminder,
    make_reminder_event,
    viewer_of,
)

PEOPLE, DUE = 40, 1_000


@pytest.fixture
async def project() -> Project:
    return await make_project()


async def make_holder(project: Project, clock: Clock) -> Employee:
    return await make_employee(
        project, [Role.SALES_REP], divisions=[], reminder_interval_minutes=10, next_popup_at=clock.at
    )


async def test_forty_windows_of_a_thousand_reminders_open_with_the_longest_due(
    project: Project, clock: Clock
) -> None:
    holder, contact = await make_holder(project, clock), await make_contact(project)
    await colleagues(holder, PEOPLE - 1)
    reminder = await make_reminder(holder, contact=contact, due_at=clock.at - timedelta(days=1))
    await copies(reminder, DUE - 1)
    await copies(reminder, DUE * (PEOPLE - 1), assignee_id=id_of(f"1 + n % {PEOPLE - 1}"))
    await after_filling()

    with measured(f"opening {PEOPLE} windows with {DUE} due each") as opening:
        await worker._open_due(worker.LOOK_AHEAD)

    events = await ReminderEvent.all()
    assert {event.employee_id for event in events} == set(await Employee.all().values_list("id", flat=True))
    assert [len(event.reminder_ids) for event in events] == [MOST_SHOWN] * PEOPLE
    repeat = clock.at + timedelta(minutes=10)
    assert await Employee.filter(next_popup_at=repeat).count() == PEOPLE
    assert opening.peak_mb <= 25 and opening.statements <= 120


async def test_what_does_not_fit_comes_up_later_and_is_counted_and_what_is_hidden_takes_no_room(
    project: Project, clock: Clock
) -> None:
    holder = await make_holder(project, clock)
    contact = await make_contact(project)
    hidden = await make_contact(project, division=await make_division(project))
    for concerned, count, days in ((hidden, 2 * DUE, 3), (contact, DUE + DUE // 5, 2)):
        due_at = clock.at - timedelta(days=days)
        await copies(await make_reminder(holder, contact=concerned, due_at=due_at), count - 1)
    everything = set(await Reminder.filter(contact_id=contact.id).values_list("id", flat=True))

    shown: list[set[str]] = []
    while await feed_states.count_open(await viewer_of(holder)):
        await worker._open_due(worker.LOOK_AHEAD)
        event = await ReminderEvent.filter(kind="POPUP").order_by("-number").first()
        assert event is not None and len(shown) < 10
        shown.append(set(event.reminder_ids))
        state = await feed_states.state_of(await viewer_of(holder))
        assert [str(each) for each in state.due] == event.reminder_ids
        assert state.open_count == state.due_count == len(everything) - sum(map(len, shown[:-1]))
        page = await feed_pages.page_after(await viewer_of(holder), event.number - 1)
        assert page.news[-1].more_due == state.more_due == state.due_count - len(shown[-1])
        await Reminder.filter(id__in=event.reminder_ids).update(
            state=ReminderState.RESOLVED, resolved_at=clock.at
        )
        clock.advance(timedelta(minutes=10))

    assert [len(each) for each in shown] == [MOST_SHOWN, MOST_SHOWN, DUE + DUE // 5 - 2 * MOST_SHOWN]
    assert set.union(*shown) == {str(each) for each in everything}
    assert await Reminder.filter(contact_id=hidden.id, assignee_id=None).count() == 2 * DUE


async def test_twenty_clients_that_come_back_to_sixty_large_windows_are_read_to_in_small_pages(
    project: Project, clock: Clock
) -> None:
    clients, windows = 20, 60
    holder, contact = await make_holder(project, clock), await make_contact(project)
    await copies(await make_reminder(holder, contact=contact, due_at=clock.at), MOST_SHOWN - 1)
    ids = [str(each) for each in await Reminder.all().values_list("id", flat=True)]
    holders = [holder, *[await make_holder(project, clock) for _ in range(clients - 1)]]
    for each in holders:
        event = await make_reminder_event(each, number=1, reminder_ids=ids, repeat_minutes=10)
        await copies(event, windows - 1, number="n + 1")
    viewers = [await viewer_of(each) for each in holders]
    await after_filling()

    with measured(f"{clients} first pages of {windows} windows with {MOST_SHOWN} each") as reading:
        pages = await asyncio.gather(*(feed_pages.page_after(viewer, 0) for viewer in viewers))
    numbers, page = [0], pages[0]
    numbers += [news.number for news in page.news]
    while not page.is_last:
        page = await feed_pages.page_after(viewers[0], numbers[-1])
        numbers += [news.number for news in page.news]

    assert numbers == list(range(windows + 1)), "every window, in order, once"
    assert [len(each.news) for each in pages] == [2] * clients
    assert [len(news.reminder_ids) for news in pages[0].news] == [MOST_SHOWN] * 2
    assert reading.peak_mb <= 30


async def test_a_count_of_very_many_open_reminders_ends_at_ten_thousand(
    project: Project, clock: Clock
) -> None:
    holder = await make_holder(project, clock)
    await copies(await make_reminder(holder, due_at=clock.at + timedelta(days=1)), 12_000)
    viewer = await viewer_of(holder)

    assert (await feed_states.state_of(viewer)).open_count == feed_states.MOST_COUNTED
    assert await feed_states.count_open(viewer) == feed_states.MOST_COUNTED
    async with unit_of_work():
        assert await Reminder.filter(assignee_id=holder.id).count() == 12_001


async def make_full(holder: Employee, people: int, due: int, clock: Clock) -> None:
    """So many colleagues of this employee, the n-th with the id of n, with so many reminders due each."""
    await colleagues(holder, people)
    reminder = await make_reminder(holder, due_at=clock.at - timedelta(days=1))
    await copies(reminder, due * people, assignee_id=id_of(f"1 + n % {people}"))


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Fired]:
    """What each transaction claimed."""
    found: list[Fired] = []
    fire = popup_firing.fire

    async def counted(**options: Any) -> Fired:
        found.append(await fire(**options))
        return found[-1]

    monkeypatch.setattr(popup_firing, "fire", counted)
    return found


async def test_a_thousand_people_with_thirty_due_each_take_a_few_transactions(
    project: Project, clock: Clock, batches: list[Fired]
) -> None:
    holder = await make_holder(project, clock)
    await make_full(holder, 999, 30, clock)
    await copies(await make_reminder(holder, due_at=clock.at), 28)
    await after_filling()

    with measured("opening 1,000 windows with 30 due each") as opening:
        await worker._open_due(worker.LOOK_AHEAD)

    events = await ReminderEvent.all().values("employee_id", "reminder_ids", "number")
    assert len({each["employee_id"] for each in events}) == len(events) == 1_000
    assert {len(each["reminder_ids"]) for each in events} == {30}
    assert len(batches) <= 6 and sum(each.claimed for each in batches) == 1_000
    assert opening.peak_mb <= 25 and opening.statements <= 80


async def test_whoever_has_little_due_waits_for_none_before_them_who_have_much(
    project: Project, clock: Clock, batches: list[Fired]
) -> None:
    full = FIRST_BATCH + 5
    holder = await make_holder(project, clock)
    await make_full(holder, full, MOST_SHOWN + 1, clock)
    # At the same moment as most of them, and after all.
    last = [await make_holder(project, clock) for _ in range(2)]
    await Employee.filter(id=last[1].id).update(next_popup_at=clock.at + timedelta(seconds=1))
    for each in last:
        await make_reminder(each, due_at=clock.at)
    clock.advance(timedelta(seconds=1))
    await after_filling()

    opened_after: list[int] = []
    with measured(f"opening {full} windows with {MOST_SHOWN + 1} due each") as opening:
        await worker._open_due(worker.LOOK_AHEAD)

    assert await ReminderEvent.all().count() == full + 3
    assert await Employee.filter(next_popup_at__lte=clock.at).count() == 0
    for each in last:
        event = await ReminderEvent.get(employee_id=each.id)
        opened_after.append(await ReminderEvent.filter(id__lt=event.id).count())
    assert max(opened_after) <= 2 * MOST_IN_FULL // MOST_SHOWN + 1, "within the first two transactions"
    assert len(batches) <= 2 * (full * MOST_SHOWN // MOST_IN_FULL + 1)
    assert sum(each.claimed for each in batches) <= 6 * full, "locked in vain"
    assert opening.peak_mb <= 25
