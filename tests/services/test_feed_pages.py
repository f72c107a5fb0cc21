"""What is new in many feeds at once: each his own, whatever is the matter with another's."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from app import db
from app.jobs import unit_of_work
from app.models import Employee, ReminderClosedReason, ReminderEventKind, ReminderState
from app.policy import Member, Role
from app.services import feed_pages, members, popup_firing
from app.services.feed_pages import FEW, Page, page_after
from app.services.sight import in_sight
from tests.bounds.rows import copies
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_project,
    make_reminder,
    make_reminder_event,
)
from tests.graphql import settings
from tests.services.popup_cases import make_worker

__all__ = ["settings"]

pytestmark = pytest.mark.usefixtures("database", "settings")


async def pages_after(viewers: list[Member], number: int = 0) -> list[Page]:
    """Asked in the same moment."""
    return list(await asyncio.gather(*(page_after(viewer, number) for viewer in viewers)))


async def open_all_windows() -> None:
    async with unit_of_work() as work:
        await popup_firing.fire(now=work.now)


async def test_people_of_different_projects_get_their_own_in_one_batch(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = [await make_worker(next_popup_at=clock.at) for _ in range(3)]
    own = [await make_reminder(each, due_at=clock.at) for each in workers]
    viewers = [await members.member_of(each) for each in workers]
    await open_all_windows()
    fetch, statements = db.fetch, []

    async def counted(sql: str, params: Any = ()) -> Any:
        statements.append(sql)
        return await fetch(sql, params)

    monkeypatch.setattr(db, "fetch", counted)
    pages = await pages_after(viewers)

    shown = [[(news.number, news.reminder_ids) for news in page.news] for page in pages]
    assert shown == [[(1, [reminder.id])] for reminder in own]
    assert {page.server_time for page in pages} == {clock.at}
    assert len(statements) == 2


async def test_nobody_reads_the_feed_of_an_employee_under_another_project(clock: Clock) -> None:
    worker, stranger = await make_worker(), await make_worker()
    await make_reminder_event(worker, number=1)
    viewer = await members.member_of(worker)
    forged = Member(
        account_id=viewer.account_id,
        session_id=viewer.session_id,
        employee_id=viewer.employee_id,
        project_id=stranger.project_id,
        roles=viewer.roles,
        grants=viewer.grants,
    )

    of_worker, of_forged = await pages_after([viewer, forged])

    assert (len(of_worker.news), len(of_forged.news)) == (1, 0)


async def test_one_without_the_right_gets_nothing_and_the_others_all(clock: Clock) -> None:
    worker, other = await make_worker(), await make_worker()
    for each in (worker, other):
        await make_reminder_event(each, number=1)
    await Employee.filter(id=other.id).update(roles=[])
    viewers = [await members.member_of(await Employee.get(id=each.id)) for each in (worker, other)]

    pages = await pages_after(viewers)

    assert [len(page.news) for page in pages] == [1, 0]


async def test_a_pop_up_names_what_is_still_open_his_and_in_sight(clock: Clock) -> None:
    project = await make_project()
    ours, theirs = await make_division(project), await make_division(project)
    worker = await make_worker(project=project, divisions=[ours], next_popup_at=clock.at)
    colleague = await make_employee(project, [Role.SALES_REP])
    near, far = await make_contact(project, division=ours), await make_contact(project, division=ours)
    kept, handled, given, hidden, late = [
        await make_reminder(worker, due_at=clock.at, contact=contact)
        for contact in (near, near, near, far, None)
    ]
    await open_all_windows()

    await type(handled).filter(id=handled.id).update(state=ReminderState.RESOLVED, resolved_at=clock.at)
    await type(given).filter(id=given.id).update(assignee_id=colleague.id)
    await type(far).filter(id=far.id).update(division_id=theirs.id)
    [page] = await pages_after([await members.member_of(worker)])

    assert [news.reminder_ids for news in page.news] == [[kept.id, late.id]]
    assert hidden.contact_id == far.id


async def test_events_come_in_order_a_page_at_a_time(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_pages, "PAGE", 3)
    worker, other = await make_worker(), await make_worker()
    for number in (2, 3, 5, 8, 9):
        await make_reminder_event(worker, number=number)
        await make_reminder_event(other, number=number + 100)
    viewers = [await members.member_of(each) for each in (worker, other)]

    first, second = await pages_after(viewers), await pages_after(viewers, 5)

    assert [[news.number for news in page.news] for page in first] == [[2, 3, 5], [102, 103, 105]]
    assert [news.number for news in second[0].news] == [8, 9]


async def test_a_closing_says_what_why_and_until_when(clock: Clock) -> None:
    worker = await make_worker()
    reminder = await make_reminder(worker)
    await make_reminder_event(
        worker,
        number=1,
        kind=ReminderEventKind.CLOSED,
        reminder_id=reminder.id,
        closed_reason=ReminderClosedReason.SNOOZED,
        snoozed_until=clock.at,
    )

    [page] = await pages_after([await members.member_of(worker)])

    [news] = page.news
    assert (news.reminder_id, news.closed_reason) == (reminder.id, ReminderClosedReason.SNOOZED)
    assert (news.snoozed_until, news.reminder_ids) == (clock.at, [])


async def test_the_clock_is_read_once_for_all(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    async def now() -> Any:
        read.append(clock.at)
        return clock.at

    monkeypatch.setattr(db, "now", now)

    assert await asyncio.gather(*(feed_pages.clock() for _ in range(5))) == [clock.at] * 5
    assert len(read) == 1


async def test_nobody_with_few_reminders_waits_for_whoever_has_many(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = [await make_worker(next_popup_at=clock.at) for _ in range(3)]
    own = [await make_reminder(each, due_at=clock.at) for each in workers]
    await copies(own[0], FEW)
    viewers = [await members.member_of(each) for each in workers]
    await open_all_windows()
    may_end = asyncio.Event()

    async def slow_for_many(rows_of: Any, asked: Sequence[Any]) -> list[bool]:
        if len(asked) > FEW:
            await may_end.wait()
        return await in_sight(rows_of, asked)

    monkeypatch.setattr(feed_pages, "in_sight", slow_for_many)
    late = asyncio.ensure_future(page_after(viewers[0], 0))
    async with asyncio.timeout(5):
        pages = await pages_after(viewers[1:])
    may_end.set()

    assert [page.news[0].reminder_ids for page in pages] == [[each.id] for each in own[1:]]
    assert len((await late).news[0].reminder_ids) == FEW + 1
