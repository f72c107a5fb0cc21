"""Windows of people with much due: as many of their reminders as the selection can afford, and none is lost by it."""

import asyncio
from typing import Any

import pytest

from app.engine import cost
from app.integrations.pubsub import Hub
from app.models import Employee, Project, Reminder, ReminderState
from tests.bounds.rows import copies
from tests.conftest import Clock
from tests.factories import make_contact, make_employee, make_reminder
from tests.graphql import as_employee, gid
from tests.schema.feed_cases import (
    PATIENCE_S,
    Events,
    answers,
    hub,
    next_event,
    open_window,
)
from tests.schema.reminder_cases import director, project, rep

__all__ = ["director", "hub", "project", "rep"]

#: A reminder, its contact, their activities: 103 objects. So a window has room for 97.
WIDE = """subscription ($after: String) { reminderFeed(after: $after) { __typename cursor
  ... on ReminderPopup { moreDue replayed
      reminders { id contact { activities(first: 100) { nodes { summary } } } } }
  ... on ReminderFeedLive { openCount } } }"""
ROOM, DUE = 97, 120
#: Of one reminder alone.
TOO_WIDE = WIDE.replace("{ summary }", "{ contact { activities(first: 100) { nodes { summary } } } }")


async def make_due(employee: Employee, project: Project, clock: Clock, count: int = DUE) -> list[str]:
    """Global ids, the longest due first."""
    reminder = await make_reminder(employee, due_at=clock.at, contact=await make_contact(project))
    await copies(reminder, count - 1)
    return [gid(each) for each in await Reminder.filter(assignee_id=employee.id).order_by("alert_at", "id")]


async def handle(shown: list[str]) -> None:
    for each in await Reminder.filter(state=ReminderState.OPEN):
        if gid(each) in shown:
            each.state, each.resolved_at = ReminderState.RESOLVED, each.due_at
            await each.save()


def in_window(event: Any) -> list[str]:
    return [each["id"] for each in event["reminders"]]


async def window_of(results: Events) -> Any:
    answer = await next_event(results)
    assert answer.errors == [], answer.errors
    return answer.data["reminderFeed"]


async def test_a_window_shows_what_its_selection_can_afford_and_the_others_follow_as_these_are_handled(
    hub: Hub, rep: Employee, project: Project, clock: Clock
) -> None:
    due, client = await make_due(rep, project, clock), as_employee(rep)

    async with answers(hub, client, document=WIDE) as results:
        first, live = [await window_of(results) for _ in range(2)]
        await open_window(rep, clock.at)
        again = await window_of(results)
        await handle(in_window(again))
        await open_window(rep, clock.at)
        rest = await window_of(results)
    async with answers(hub, client, after=live["cursor"], document=WIDE) as results:
        replayed = [await window_of(results) for _ in range(3)]

    assert in_window(first) == in_window(again) == due[:ROOM]
    assert [each["moreDue"] for each in (first, again, rest)] == [DUE - ROOM, DUE - ROOM, 0]
    assert in_window(rest) == due[ROOM:], "none lost, none twice"
    assert [(in_window(each), each["moreDue"]) for each in replayed[:2]] == [(due[ROOM:], 0)] * 2
    assert replayed[2]["openCount"] == DUE - ROOM


async def test_a_replayed_window_is_cut_as_a_live_one(
    hub: Hub, rep: Employee, project: Project, clock: Clock
) -> None:
    due, client = await make_due(rep, project, clock), as_employee(rep)
    async with answers(hub, client, document=WIDE) as results:
        start = (await window_of(results))["cursor"]
    await open_window(rep, clock.at)

    async with answers(hub, client, after=start, document=WIDE) as results:
        replayed = await window_of(results)

    assert (in_window(replayed), replayed["moreDue"]) == (due[:ROOM], DUE - ROOM)


async def test_a_selection_that_cannot_afford_one_reminder_is_refused_at_once(
    hub: Hub, rep: Employee, clock: Clock
) -> None:
    async with answers(hub, as_employee(rep), document=TOO_WIDE) as results:
        told = [each async for each in results]

    assert [(each.data, each.codes) for each in told] == [(None, ["COST_EXCEEDED"])]
    (refusal,) = told[0].errors
    assert refusal["message"] == (
        "A ReminderPopup could not show even one Reminder: it may bring 10,303 objects, and at most 10,000 are "
        "answered at once. Ask for smaller pages, or for less inside of it."
    )


async def test_the_same_reminders_under_two_names_cost_twice(
    hub: Hub, rep: Employee, project: Project, clock: Clock
) -> None:
    due = await make_due(rep, project, clock)
    document = WIDE.replace(
        "moreDue", "moreDue others: reminders { contact { activities(first: 100) { nodes { kind } } } }"
    )

    async with answers(hub, as_employee(rep), document=document) as results:
        window = await window_of(results)

    assert in_window(window) == due[: ROOM // 2] and len(window["others"]) == ROOM // 2
    assert window["moreDue"] == DUE - ROOM // 2


async def test_what_is_affordable_is_decided_anew_when_rights_change(
    hub: Hub, rep: Employee, project: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the selection cost more from then on: first it shows fewer, then it cannot show one."""
    due = await make_due(rep, project, clock, 4)

    async with answers(hub, as_employee(rep), document=WIDE) as results:
        assert in_window(await window_of(results)) == due
        await window_of(results)
        monkeypatch.setattr(cost, "MOST_OBJECTS", 250)
        await open_window(rep, clock.at)
        window = await window_of(results)
        monkeypatch.setattr(cost, "MOST_OBJECTS", 100)
        await open_window(rep, clock.at)
        ended = [each async for each in results]

    assert (in_window(window), window["moreDue"]) == (due[:2], 2)
    assert [(each.data, each.codes) for each in ended] == [(None, ["COST_EXCEEDED"])]


async def test_whoever_has_much_due_spoils_no_window_told_in_the_same_moment(
    hub: Hub, project: Project, rep: Employee, clock: Clock
) -> None:
    """Their questions are alike, and were refused together."""
    others = [await make_employee(project, rep.roles, reminder_interval_minutes=10) for _ in range(5)]
    contact = await make_contact(project)
    mine = [await make_reminder(each, due_at=clock.at, contact=contact) for each in others]
    due = await make_due(rep, project, clock)

    async def first_window(employee: Employee) -> Any:
        async with answers(hub, as_employee(employee), document=WIDE) as results:
            return await window_of(results)

    async with asyncio.timeout(PATIENCE_S):
        *small, large = await asyncio.gather(*(first_window(each) for each in (*others, rep)))

    assert [(in_window(each), each["moreDue"]) for each in small] == [([gid(one)], 0) for one in mine]
    assert (in_window(large), large["moreDue"]) == (due[:ROOM], DUE - ROOM)


async def test_more_than_a_window_has_room_for_is_counted_at_every_window(
    hub: Hub, rep: Employee, project: Project, clock: Clock
) -> None:
    """Its event names five hundred; of the others it is known only how many they are."""
    await make_due(rep, project, clock, 520)
    document = WIDE.replace(
        "reminders { id contact { activities(first: 100) { nodes { summary } } } }", "reminders { id }"
    )

    async with answers(hub, as_employee(rep), document=document) as results:
        first, live = [await window_of(results) for _ in range(2)]
        await open_window(rep, clock.at)
        again = await window_of(results)
        await handle(in_window(again)[:30])
    async with answers(hub, as_employee(rep), after=live["cursor"], document=document) as results:
        replayed = await window_of(results)

    counts = [(len(each["reminders"]), each["moreDue"]) for each in (first, again, replayed)]
    assert counts == [(500, 20), (500, 20), (470, 20)]
