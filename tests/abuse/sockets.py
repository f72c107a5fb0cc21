"""Feeds on real sockets, as the cases of live connections open and read them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from app.models import Account, Employee
from app.services.reminder_log import CHANNEL
from tests.abuse.serving import Divize
from tests.factories import make_reminder, make_reminder_event
from tests.http.socket_client import SocketClient, signed_in
from tests.schema.feed_cases import FEED

LIVE = "ReminderFeedLive"
BILLING_FEED = FEED.replace("contact { id name }", "contact { name vatId }")


async def token_of(divize: Divize, who: Employee | Account) -> str:
    """A session of its own for this device."""
    token = (await divize.device(who)).token
    assert token is not None
    return token


@asynccontextmanager
async def listening(
    divize: Divize, token: str, *, document: str = FEED, after: str | None = None
) -> AsyncIterator[SocketClient]:
    """A socket on which the feed has begun."""
    async with signed_in(divize, token) as socket:
        await socket.subscribe(document, variables={} if after is None else {"after": after})
        yield socket


@asynccontextmanager
async def live(divize: Divize, token: str, *, document: str = FEED) -> AsyncIterator[SocketClient]:
    """A socket on which the feed has told its backlog."""
    async with listening(divize, token, document=document) as socket:
        await until_live(socket)
        yield socket


async def next_event(socket: SocketClient) -> dict[str, Any]:
    """The next event of the feed, whatever else it says."""
    message = await socket.receive()
    assert message["type"] == "next", message
    event: dict[str, Any] = message["payload"]["data"]["reminderFeed"]
    return event


def codes_in(message: dict[str, Any]) -> list[str]:
    """The codes of the errors in an answer, however it is framed."""
    payload = message.get("payload")
    errors = payload if isinstance(payload, list) else (payload or {}).get("errors", [])
    return [error["extensions"]["code"] for error in errors]


async def until_live(socket: SocketClient) -> list[dict[str, Any]]:
    """The backlog, with the event that ends it."""
    events = [await next_event(socket)]
    while events[-1]["__typename"] != LIVE:
        events.append(await next_event(socket))
    return events


async def happen(divize: Divize, employee: Employee, title: str = "Zavolat") -> None:
    """Something new in his feed, written and rung as another process would do it."""
    reminder = await make_reminder(employee, title=title)
    await make_reminder_event(employee, reminder_ids=[reminder.id], repeat_minutes=10)
    await divize.parts.hub.ring(f"{CHANNEL}{employee.id}")
