"""Clients that listen to their feed of reminders, come back with their cursor, and keep every event."""

import asyncio
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from app.services.feed import NUMBER_BYTES
from tests.e2e.client import DOCUMENTS, Client
from tests.faults.people import Person

#: A feed says something every 25 s: one that is silent for longer is dead.
SILENCE_S = 30.0
PAUSE_S = 0.2
OPEN_TIMEOUT_S = 10.0
#: An event of the log; the others of the feed tell where it stands.
LOGGED = ("ReminderPopup", "ReminderClosed")


@dataclass(frozen=True)
class Heard:
    """An event of the log, as it came. `titles` are those of a pop-up."""

    number: int
    titles: tuple[str, ...]
    at: float


class Listener:
    """One client. `heard` is what came after `starts_after`, in the order in which it came."""

    def __init__(self, person: Person, client: Callable[[], Client]) -> None:
        self.person = person
        self.heard: list[Heard] = []
        self.resets = 0
        self.connections = 0
        self.starts_after = 0
        self._client = client
        self._cursor: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether it has a place in the feed, from which it would go on."""
        return self._cursor is not None

    async def run(self) -> None:
        """Listens until cancelled, and comes back whenever the connection is lost."""
        while True:
            with suppress(OSError, TimeoutError, WebSocketException):
                await self._listen()
            await asyncio.sleep(PAUSE_S)

    async def _listen(self) -> None:
        client = self._client()
        protocol = Subprotocol("graphql-transport-ws")
        address = f"ws://{client.address}/graphql"
        async with connect(
            address, subprotocols=[protocol], proxy=None, open_timeout=OPEN_TIMEOUT_S, close_timeout=1
        ) as connection:
            payload = {"Authorization": f"Bearer {client.token}"}
            await _send(connection, type="connection_init", payload=payload)
            while (message := await _received(connection))["type"] in ("connection_ack", "ping", "next"):
                if message["type"] == "connection_ack":
                    await self._subscribe(connection)
                elif message["type"] == "ping":
                    await _send(connection, type="pong")
                elif event := (message["payload"].get("data") or {}).get("reminderFeed"):
                    self._take(event)

    async def _subscribe(self, connection: ClientConnection) -> None:
        self.connections += 1
        variables = {"after": self._cursor} if self._cursor else {}
        payload = {"query": DOCUMENTS, "operationName": "Feed", "variables": variables}
        await _send(connection, id="feed", type="subscribe", payload=payload)

    def _take(self, event: dict[str, Any]) -> None:
        number, kind = number_in(event["cursor"]), event["__typename"]
        if self._cursor is None:
            self.starts_after = number
        elif kind == "ReminderFeedReset":
            self.resets += 1
        elif kind in LOGGED:
            titles = tuple(each["title"] for each in event.get("reminders", ()))
            self.heard.append(Heard(number, titles, time.monotonic()))
        self._cursor = event["cursor"]


def number_in(cursor: str) -> int:
    """The number of the event that a cursor names."""
    return int.from_bytes(urlsafe_b64decode(cursor)[:NUMBER_BYTES], "big")


async def _send(connection: ClientConnection, **message: Any) -> None:
    await connection.send(orjson.dumps(message).decode())


async def _received(connection: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(SILENCE_S):
        message: dict[str, Any] = orjson.loads(await connection.recv())
    return message
