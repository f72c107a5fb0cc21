"""The window that pops up, and comes back until it is handled. An interval of one minute lasts half a second here."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from app import db
from tests.e2e.client import Client, Stream
from tests.e2e.firm import Firm

INTERVAL = timedelta(seconds=0.5)


async def test_a_window_comes_back_until_it_is_handled_on_any_device(firm: Firm) -> None:
    person = await firm.hire("Karel Klasický", "SALES_REP", reminderIntervalMinutes=1)
    phone = await firm.sign_in(person)
    async with person.client.socket() as desk, phone.socket() as pocket:
        feeds = [await socket.subscribe("Feed") for socket in (desk, pocket)]
        assert [[shown(each) for each in await feed.backlog()] for feed in feeds] == [[[]]] * 2

        call = await remind(person.client, "Zavolat", await moment(firm, INTERVAL))
        first = await both(feeds, "ReminderPopup")
        again = await both(feeds, "ReminderPopup")

        assert [shown(event) for event in first + again] == [["Zavolat"]] * 4
        assert [(event["repeatMinutes"], event["replayed"]) for event in first] == [(1, False)] * 2
        assert all(at(event) >= due(first[0]) for event in first)

        until = await moment(firm, 3 * INTERVAL)
        await phone.do("Snooze", id=call, until={"at": until.isoformat()})
        closed = await both(feeds, "ReminderClosed")
        back = await both(feeds, "ReminderPopup")

        assert [(event["reminderId"], event["closedReason"]) for event in closed] == [(call, "SNOOZED")] * 2
        assert [shown(event) for event in back] == [["Zavolat"]] * 2
        assert all(at(event) >= at_moment(closed[0]["snoozedUntil"]) for event in back)

        await person.client.do("Resolve", id=call)
        resolved = await both(feeds, "ReminderClosed")
        await remind(phone, "Napsat", await moment(firm, 3 * INTERVAL))
        following = [await feed.next() for feed in feeds]

        assert [(event["reminderId"], event["closedReason"]) for event in resolved] == [
            (call, "RESOLVED")
        ] * 2
        assert [shown(event) for event in following] == [["Napsat"]] * 2


async def test_whoever_was_away_gets_all_he_missed_in_order_and_once(firm: Firm) -> None:
    person = await firm.hire("Olina Odpojená", "TELEPHONIST", reminderIntervalMinutes=1440)
    async with person.client.socket() as desk:
        feed = await desk.subscribe("Feed")
        async with person.client.socket() as pocket:
            left_at = (await (await pocket.subscribe("Feed")).next())["cursor"]
        await feed.backlog()

        seen = [await popped_up(person.client, feed, firm, title) for title in ("Jedna", "Dvě", "Tři")]
        one, two, _ = (reminder["id"] for reminder in seen[2]["reminders"])
        await person.client.do("Resolve", id=two)
        await person.client.do("Snooze", id=one, until={"minutes": 60})
        seen += [await feed.next(), await feed.next()]

        async with person.client.socket() as pocket:
            missed = await (await pocket.subscribe("Feed", after=left_at)).backlog()
            rest = await (await pocket.subscribe("Feed", after=missed[0]["cursor"])).backlog()
            again = await pocket.subscribe("Feed", after=missed[-1]["cursor"])
            assert (await again.next())["openCount"] == 2

    # What was handled meanwhile is left out of the windows that opened before.
    assert [shown(event) for event in missed[:3]] == [["Jedna"], ["Jedna"], ["Jedna", "Tři"]]
    assert [event["replayed"] for event in missed[:3]] == [True] * 3
    assert [without_time(event) for event in missed[3:]] == [without_time(event) for event in seen[3:]]
    assert [event["cursor"] for event in missed] == [event["cursor"] for event in seen]
    assert [event["cursor"] for event in rest] == [event["cursor"] for event in seen[1:]]


async def test_a_cursor_of_somebody_else_starts_the_feed_anew(firm: Firm) -> None:
    client, other = firm.holder_of("SALES_REP").client, firm.holder_of("INVOICER").client
    async with client.socket() as own, other.socket() as foreign:
        cursor = (await (await foreign.subscribe("Feed")).next())["cursor"]
        feed = await own.subscribe("Feed", after=cursor)

        assert (await feed.next())["resetReason"] == "CURSOR_UNKNOWN"


async def test_a_reminder_is_put_off_corrected_and_given_to_a_colleague(firm: Firm) -> None:
    giver = firm.holder_of("COMPLAINTS").client
    person = await firm.hire("Stáňa Střídající", "SALES_REP", reminderIntervalMinutes=1440)
    async with person.client.socket() as socket:
        feed = await socket.subscribe("Feed")
        await feed.backlog()
        reminder = await remind(giver, "Převzít reklamaci", await moment(firm, timedelta(days=1)))
        due_at = await moment(firm, -INTERVAL)
        changed = await giver.do("ChangeReminder", id=reminder, dueAt=due_at.isoformat())

        given = await giver.do("Reassign", id=reminder, assigneeId=person.id)

        assert shown(await feed.next()) == ["Převzít reklamaci"]
    assert changed["reminder"]["version"] == 2
    assert given["reminder"] == {"id": reminder, "assignee": {"id": person.id}}
    assert [each["id"] for each in (await person.client.ask("ToDo"))["nodes"]] == [reminder]


async def test_a_founder_and_whoever_is_invited_have_a_window_without_a_word_about_it(firm: Firm) -> None:
    person = await firm.hire("Bohdan Bezeslovný", "SALES_REP")
    for client in (firm.admin, person.client):
        async with client.socket() as socket:
            feed = await socket.subscribe("Feed")
            assert (await feed.live())["popupsOff"] is False

            opened = await popped_up(client, feed, firm, "Zavolat")

            assert (shown(opened), opened["repeatMinutes"]) == (["Zavolat"], 10)
            await client.do("Resolve", id=opened["reminders"][0]["id"])


async def test_with_the_window_off_none_opens_until_an_interval_is_set(firm: Firm) -> None:
    person = await firm.hire("Bohdana Bezokenní", "SALES_REP", reminderIntervalMinutes=None)
    async with person.client.socket() as socket:
        feed = await socket.subscribe("Feed")
        assert (await feed.live())["popupsOff"] is True
        await remind(person.client, "Zavolat", await moment(firm, -INTERVAL))

        await firm.admin.do("UpdateEmployee", id=person.id, reminderIntervalMinutes=7)

        opened = await feed.next()
        assert (shown(opened), opened["repeatMinutes"]) == (["Zavolat"], 7)


async def test_whose_window_is_off_is_told_and_listed_until_they_set_an_interval_themselves(
    firm: Firm,
) -> None:
    person = await firm.hire("Hynek Hlídaný", "SALES_REP", reminderIntervalMinutes=None)
    await remind(person.client, "Zavolat", await moment(firm, -INTERVAL))
    limits = {"defaultReminderIntervalMinutes": 10, "reminderIntervalMaxMinutes": 60}
    project = (await firm.admin.do("SetReminderDefaults", **limits))["project"]
    assert {name: project[name] for name in limits} == limits
    assert (person.id, 1) in await windowless(firm)
    async with person.client.socket() as socket:
        feed = await socket.subscribe("Feed")
        live = await feed.next()
        assert (live["popupsOff"], live["dueCount"], live["openCount"]) == (True, 1, 1)

        mine = await person.client.do("SetOwnInterval", reminderIntervalMinutes=30)

        opened = await feed.next()
    assert mine["employee"]["reminderIntervalMinutes"] == 30
    assert (shown(opened), opened["repeatMinutes"]) == (["Zavolat"], 30)
    assert person.id not in dict(await windowless(firm))


async def windowless(firm: Firm) -> list[tuple[str, int]]:
    nodes = (await firm.admin.ask("Windowless"))["nodes"]
    return [(each["id"], each["dueReminderCount"]) for each in nodes]


async def remind(client: Client, title: str, due_at: datetime) -> str:
    """The id of a new reminder of the client's own."""
    payload = await client.do("Remind", title=title, dueAt=due_at.isoformat())
    return str(payload["reminder"]["id"])


async def popped_up(client: Client, feed: Stream, firm: Firm, title: str) -> Any:
    """The event of the window that a new, overdue reminder opens."""
    await remind(client, title, await moment(firm, -INTERVAL))
    return await feed.next()


async def moment(firm: Firm, later: timedelta) -> datetime:
    """So much after now, by the database's clock."""
    async with firm.divize.rows():
        return await db.now() + later


async def both(feeds: list[Stream], kind: str) -> list[Any]:
    """The next event of this kind on each; windows that opened before a change was made are passed over."""

    async def next_of(feed: Stream) -> Any:
        while True:
            event = await feed.next()
            if event["__typename"] == kind:
                return event
            assert event["__typename"] == "ReminderPopup", event

    return list(await asyncio.gather(*(next_of(feed) for feed in feeds)))


def shown(event: Any) -> list[str]:
    """The titles in a window."""
    assert event["__typename"] == "ReminderPopup", event
    return [reminder["title"] for reminder in event["reminders"]]


def without_time(event: Any) -> Any:
    return {name: value for name, value in event.items() if name != "serverTime"}


def due(event: Any) -> datetime:
    return at_moment(event["reminders"][0]["dueAt"])


def at(event: Any) -> datetime:
    return at_moment(event["serverTime"])


def at_moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
