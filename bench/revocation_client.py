"""A socket with one live subscription, which notes when and by which frame that ends."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from bench.revocation_people import FEED, GIVEN_AWAY, OVER, Person

PATIENCE_S = 60
FOLLOW_FEED = """subscription { reminderFeed { __typename cursor serverTime
  ... on ReminderPopup { reminders { id title contact { id name } } }
  ... on ReminderClosed { reminderId closedReason } } }"""
FOLLOW_MAIL = """subscription ($id: ID!) {
  emailStatus(emailId: $id) { id state subject contact { id name } } }"""


class Listener:
    """One socket of one person. `ended` has the moment, by this machine's clock, once it ended by `ending`."""

    def __init__(self, port: int, person: Person, kind: str) -> None:
        self._port = port
        self._reading: asyncio.Task[None] | None = None
        self.person, self.kind = person, kind
        self.ending: str | None = None
        self.ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def open(self, address: str) -> None:
        """From this address of the loopback. Returns when the subscription is live."""
        async with asyncio.timeout(PATIENCE_S):
            connection = await connect(
                f"ws://127.0.0.1:{self._port}/graphql",
                subprotocols=[Subprotocol("graphql-transport-ws")],
                local_addr=(address, 0),
                compression=None,
                ping_interval=None,
                proxy=None,
            )
            await _send(
                connection,
                type="connection_init",
                payload={"Authorization": f"Bearer {self.person.token}"},
            )
            assert await _receive(connection) == {"type": "connection_ack"}
            await _send(connection, type="subscribe", id="1", payload=self._asked())
            while not _is_live(await _receive(connection), self.kind):
                pass
        self._reading = asyncio.create_task(self._read(connection))

    def stop(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    def _asked(self) -> dict[str, Any]:
        if self.kind == FEED:
            return {"query": FOLLOW_FEED}
        return {"query": FOLLOW_MAIL, "variables": {"id": self.person.mail_id}}

    async def _read(self, connection: ClientConnection) -> None:
        try:
            with suppress(ConnectionClosed):
                while True:
                    self._note(_ending_of(await _receive(connection)))
            self._note(f"closed {connection.close_code}")
        finally:
            connection.transport.abort()

    def _note(self, ending: str | None) -> None:
        """Only the first counts: a socket that goes on is closed in the end."""
        if ending is not None and self.ending is None:
            self.ending = ending
            self.ended.set_result(time.time())


def _is_live(message: dict[str, Any], kind: str) -> bool:
    """A feed tells first what is due; a mail's present state is all that it tells."""
    assert message["type"] == "next" and "errors" not in message["payload"], message
    return kind != FEED or message["payload"]["data"]["reminderFeed"]["__typename"] == "ReminderFeedLive"


def _ending_of(message: dict[str, Any]) -> str | None:
    """None for a heartbeat; anything else that goes on, as a mail that is told once more, is an ending of its own."""
    match message:
        case {"type": "ping"}:
            return None
        case {"type": "complete"}:
            return OVER
        case {"type": "error", "payload": [error]}:
            return f"error {error['extensions']['code']}"
        case {"payload": {"data": {"reminderFeed": {"closedReason": reason}}}}:
            return GIVEN_AWAY if reason == GIVEN_AWAY else f"ReminderClosed {reason}"
        case {"payload": {"data": {"reminderFeed": {"__typename": "ReminderHeartbeat"}}}}:
            return None
    return f"a message: {orjson.dumps(message).decode()[:200]}"


async def _send(connection: ClientConnection, **message: Any) -> None:
    await connection.send(orjson.dumps(message).decode())


async def _receive(connection: ClientConnection) -> dict[str, Any]:
    received: dict[str, Any] = orjson.loads(await connection.recv())
    return received
