"""Going on with a feed: from any cursor of one's own, in order, without gap or repeat."""

from datetime import timedelta

import pytest

from app.integrations.pubsub import Hub
from app.jobs import unit_of_work
from app.models import Employee, ReminderEvent
from app.services import reminder_log
from tests.conftest import Clock
from tests.factories import make_reminder
from tests.graphql import as_employee, gid
from tests.schema.feed_cases import brief, feed, hub, next_event, open_window, until_live
from tests.schema.reminder_cases import RESOLVE, director, project, rep

__all__ = ["director", "hub", "project", "rep"]


async def test_what_was_missed_comes_in_order_and_once(hub: Hub, rep: Employee, clock: Clock) -> None:
    one, two = await make_reminder(rep, due_at=clock.at), await make_reminder(rep, due_at=clock.at)
    client = as_employee(rep)
    async with feed(hub, client) as events:
        cursor = (await until_live(events))[-1]["cursor"]

    for _ in range(3):
        await open_window(rep, clock.at)
    await client.run(RESOLVE, input={"id": one})
    await open_window(rep, clock.at)

    async with feed(hub, client, cursor) as events:
        missed = await until_live(events)
        await client.run(RESOLVE, input={"id": two})
        last = await next_event(events)

    popup = ("popup", True, gid(two))
    assert [brief(each) for each in missed] == [
        *[popup] * 3,
        ("closed", "RESOLVED", gid(one)),
        popup,
        ("live", 1),
    ]
    assert brief(last) == ("closed", "RESOLVED", gid(two))


async def test_every_cursor_of_a_feed_continues_it_without_gap_or_repeat(
    hub: Hub, rep: Employee, clock: Clock
) -> None:
    client = as_employee(rep)
    async with feed(hub, client) as events:
        start = (await until_live(events))[-1]["cursor"]
    await make_reminder(rep, due_at=clock.at)
    for _ in range(12):
        await open_window(rep, clock.at)
    async with feed(hub, client, start) as events:
        whole = [each["cursor"] for each in (await until_live(events))[:-1]]
    assert len(set(whole)) == 12

    for place in range(12):
        async with feed(hub, client, whole[place]) as events:
            rest = [each["cursor"] for each in (await until_live(events))[:-1]]
        assert rest == whole[place + 1 :]


async def test_a_long_backlog_is_read_page_by_page(
    hub: Hub, rep: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.feed_pages.PAGE", 3)
    client = as_employee(rep)
    async with feed(hub, client) as events:
        cursor = (await until_live(events))[-1]["cursor"]
    await make_reminder(rep, due_at=clock.at)
    for _ in range(10):
        await open_window(rep, clock.at)

    async with feed(hub, client, cursor) as events:
        assert len(await until_live(events)) == 11


async def test_a_replayed_window_of_which_nothing_is_left_is_skipped(
    hub: Hub, rep: Employee, clock: Clock
) -> None:
    reminder = await make_reminder(rep, due_at=clock.at)
    client = as_employee(rep)
    async with feed(hub, client) as events:
        cursor = (await until_live(events))[-1]["cursor"]
    await open_window(rep, clock.at)
    await client.run(RESOLVE, input={"id": reminder})

    async with feed(hub, client, cursor) as events:
        missed = await until_live(events)

    assert [brief(each) for each in missed] == [("closed", "RESOLVED", gid(reminder)), ("live", 0)]


@pytest.mark.parametrize("kind", ["malformed", "empty", "long", "a colleague's", "forged", "of the future"])
async def test_a_cursor_that_is_none_of_his_resets_the_feed(
    hub: Hub, rep: Employee, director: Employee, clock: Clock, kind: str
) -> None:
    due = await make_reminder(rep, due_at=clock.at)
    await open_window(rep, clock.at)
    async with feed(hub, as_employee(rep)) as events:
        own = (await until_live(events))[-1]["cursor"]
    async with feed(hub, as_employee(director)) as events:
        colleagues = (await until_live(events))[-1]["cursor"]
    if kind == "of the future":
        await Employee.filter(id=rep.id).update(feed_number=0)
        await ReminderEvent.all().delete()
    cursors = {
        "malformed": "%%%",
        "empty": "",
        "long": "ž" * 10_000,
        "a colleague's": colleagues,
        "forged": "AAAAAAAAAAE" + own[11:],
        "of the future": own,
    }
    if kind == "forged":
        cursors["forged"] = own[:-1] + ("A" if own[-1] != "A" else "B")

    async with feed(hub, as_employee(rep), cursors[kind]) as events:
        told = await until_live(events)

    assert [brief(each) for each in told] == [
        ("reset", "CURSOR_UNKNOWN"),
        ("popup", True, gid(due)),
        ("live", 1),
    ]


async def test_a_cursor_before_what_is_kept_resets_the_feed(hub: Hub, rep: Employee, clock: Clock) -> None:
    due = await make_reminder(rep, due_at=clock.at)
    client = as_employee(rep)
    async with feed(hub, client) as events:
        start = (await until_live(events))[-1]["cursor"]
    await open_window(rep, clock.at)
    async with feed(hub, client) as events:
        last = (await until_live(events))[-1]["cursor"]
    clock.advance(timedelta(days=31))
    async with unit_of_work() as work:
        assert await reminder_log.forget_old(now=work.now) == 1

    async with feed(hub, client, start) as events:
        too_old = await until_live(events)
    async with feed(hub, client, last) as events:
        nothing_missed = await until_live(events)

    assert [brief(each) for each in too_old] == [
        ("reset", "CURSOR_TOO_OLD"),
        ("popup", True, gid(due)),
        ("live", 1),
    ]
    assert [brief(each) for each in nothing_missed] == [("live", 1)]
