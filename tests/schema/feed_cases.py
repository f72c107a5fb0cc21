"""A subscriber of the feed, as the tests of it need him."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Any

import pytest

from app import jobs
from app.integrations.pubsub import Hub
from app.jobs import QueuedJob, unit_of_work
from app.models import Employee
from app.services import popup_firing, sessions
from tests.graphql import Client

FEED = """subscription Feed($after: String) {
  reminderFeed(after: $after) {
    __typename cursor serverTime
    ... on ReminderPopup { repeatMinutes replayed moreDue reminders { id title dueAt contact { id name } } }
    ... on ReminderClosed { reminderId closedReason snoozedUntil }
    ... on ReminderFeedLive { openCount }
    ... on ReminderFeedReset { resetReason }
  }
}"""
PATIENCE_S = 5
SHORT_S = 0.05

Events = AsyncIterator[Any]


@pytest.fixture
def hub(bells: object) -> Iterator[Hub]:
    """A doorbell without Redis: it rings within this process."""
    hub = Hub("unix:///nowhere")

    async def send(queued: Sequence[QueuedJob]) -> None:
        """Nobody works; the tests open the windows."""

    jobs.bind(send, hub.ring_all)
    yield hub
    jobs.bind(None, None)
    sessions.BELIEVED.clear()


@asynccontextmanager
async def answers(
    hub: Hub, client: Client, after: str | None = None, document: str = FEED
) -> AsyncIterator[Events]:
    """The answers as a socket gets and closes them."""
    client.hub = hub
    results = client.subscribe(document, **({} if after is None else {"after": after}))
    async with aclosing(results):
        yield results


@asynccontextmanager
async def feed(hub: Hub, client: Client, after: str | None = None) -> AsyncIterator[Events]:
    """The events of a feed in which nothing goes wrong."""
    async with answers(hub, client, after) as results:

        async def events() -> Events:
            async for result in results:
                assert not result.errors, result.errors
                yield result.data["reminderFeed"]

        yield events()


async def next_event(events: Events) -> Any:
    return await asyncio.wait_for(anext(events), PATIENCE_S)


async def until_live(events: Events) -> list[Any]:
    found = [await next_event(events)]
    while found[-1]["__typename"] != "ReminderFeedLive":
        found.append(await next_event(events))
    return found


async def live_of(results: Events) -> Any:
    """The event that says that the feed is live, of answers in which nothing went wrong until then."""
    async for result in results:
        assert not result.errors, result.errors
        if result.data["reminderFeed"]["__typename"] == "ReminderFeedLive":
            return result.data["reminderFeed"]
    raise AssertionError("The feed ended.")


async def is_silent(events: Events) -> bool:
    """Asks for one more event; the feed ends with that."""
    try:
        await asyncio.wait_for(anext(events), SHORT_S)
    except TimeoutError:
        return True
    return False


async def open_window(employee: Employee, now: datetime) -> None:
    """Opens the employee's window at this moment, whenever it would have opened."""
    await Employee.filter(id=employee.id).update(next_popup_at=now)
    async with unit_of_work():
        await popup_firing.fire(now=now, employee_id=employee.id)


def brief(event: Any) -> tuple[Any, ...]:
    """What kind of event, and about which reminders."""
    match event["__typename"]:
        case "ReminderPopup":
            return ("popup", event["replayed"], *[each["id"] for each in event["reminders"]])
        case "ReminderClosed":
            return ("closed", event["closedReason"], event["reminderId"])
        case "ReminderFeedLive":
            return ("live", event["openCount"])
        case "ReminderFeedReset":
            return ("reset", event["resetReason"])
        case other:
            return (other,)
