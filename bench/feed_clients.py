"""Thousands of graphql-transport-ws clients in one loop: they say hello, subscribe, and note when events come.

Written for this measurement: a frame is taken apart by hand and JSON only looked into, so that the clients cost the
machine little beside the server. Frames are masked with zeros, which leaves them as they are.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import TypeVar, cast
from uuid import UUID

import orjson

from bench.feed_stage import Person

#: A process lets an address have twenty sockets of strangers: these open so many at once from each.
ADDRESSES = tuple(f"127.0.0.{number}" for number in range(1, 17))
AT_ONCE = 8
PATIENCE_S = 60

FEED = """subscription { reminderFeed { __typename cursor serverTime
  ... on ReminderPopup { reminders { id title dueAt contact { id name } } repeatMinutes replayed } } }"""

SETTLE_S = 1.0

Given = TypeVar("Given")
Made = TypeVar("Made")

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Gone(Exception):
    """The server ended a connection."""


@dataclass(slots=True)
class Arrival:
    """A pop-up at a socket; `at` is this machine's clock."""

    employee_id: UUID
    at: float
    message: bytes


@dataclass(slots=True)
class Arrivals:
    """What came to all clients together."""

    popups: list[Arrival] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    wanted: int = 0
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, count: int) -> None:
        self.popups, self.others, self.wanted = [], Counter(), count
        self.complete.clear()

    def add(self, arrival: Arrival) -> None:
        self.popups.append(arrival)
        if len(self.popups) == self.wanted:
            self.complete.set()

    async def all_there(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.complete.wait()


class Client(asyncio.Protocol):
    """One socket of one person."""

    __slots__ = ("_arrivals", "_held", "_person", "_port", "_step", "transport")

    def __init__(self, port: int, person: Person, arrivals: Arrivals) -> None:
        self._port, self._person, self._arrivals = port, person, arrivals
        self._held = b""
        self._step: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()

    async def opened(self) -> None:
        """Returns when the server has acknowledged who this is."""
        assert self._step is not None
        await self._step

    async def subscribe(self) -> None:
        """Returns when the feed is live."""
        self._step = asyncio.get_running_loop().create_future()
        self._send({"type": "subscribe", "id": "1", "payload": {"query": FEED}})
        await self._step

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        arrived = time.time()
        data = self._held + data
        if data.startswith(b"HTTP/"):
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._held = head
                return
            if b" 101 " not in head[:16]:
                self._fail(Gone(head.decode(errors="replace")))
                return
            payload = {"Authorization": f"Bearer {self._person.token}"}
            self._send({"type": "connection_init", "payload": payload})
        self._held = self._take_frames(data, arrived)

    def connection_lost(self, error: Exception | None) -> None:
        self._arrivals.others["closed"] += 1
        self._fail(error or Gone("The server closed the connection."))

    def _take_frames(self, data: bytes, arrived: float) -> bytes:
        """Takes the whole frames; what is left of the last is given back."""
        while len(data) >= 2:
            length, start = data[1], 2
            if length == 126:
                length, start = int.from_bytes(data[2:4], "big"), 4
            elif length == 127:
                length, start = int.from_bytes(data[2:10], "big"), 10
            if len(data) < start + length:
                break
            self._take(data[0] & 0x0F, data[start : start + length], arrived)
            data = data[start + length :]
        return data

    def _take(self, opcode: int, message: bytes, arrived: float) -> None:
        if opcode == PING:
            self._write(PONG, message)
        elif opcode == CLOSE:
            self._fail(Gone(message[2:].decode(errors="replace")))
        elif b"ReminderPopup" in message:
            self._arrivals.add(Arrival(self._person.employee_id, arrived, message))
        elif b"ReminderHeartbeat" in message:
            self._arrivals.others["heartbeats"] += 1
        elif b"connection_ack" in message or b"ReminderFeedLive" in message:
            if self._step is not None:
                self._step.set_result(None)
                self._step = None
        else:
            self._fail(Gone(message.decode(errors="replace")))

    def _fail(self, error: Exception) -> None:
        if self._step is not None and not self._step.done():
            self._step.set_exception(error)

    def _send(self, message: object) -> None:
        self._write(TEXT, orjson.dumps(message))

    def _write(self, opcode: int, message: bytes) -> None:
        length = len(message)
        head = bytes([0x80 | opcode, 0x80 | length]) if length < 126 else b""
        if length >= 126:
            head = bytes([0x80 | opcode, 0x80 | 126]) + length.to_bytes(2, "big")
        self.transport.write(head + bytes(4) + message)


async def open_all(port: int, persons: Sequence[Person], arrivals: Arrivals) -> list[Client]:
    """A socket for each person in the list, who may stand in it several times."""
    addresses = cycle(ADDRESSES)

    async def one(person: Person) -> Client:
        return await _open(port, person, arrivals, next(addresses))

    return await _in_step(one, persons)


async def open_evenly(
    port: int, persons: Sequence[Person], arrivals: Arrivals, seconds: float
) -> list[Client]:
    """The same with a live feed on each, so that pings and heartbeats come evenly afterwards, as in life."""
    addresses = cycle(ADDRESSES)

    async def one(place: int, person: Person) -> Client:
        await asyncio.sleep(place * seconds / len(persons))
        client = await _open(port, person, arrivals, next(addresses))
        await client.subscribe()
        return client

    return await asyncio.gather(*(one(place, person) for place, person in enumerate(persons)))


async def _open(port: int, person: Person, arrivals: Arrivals, address: str) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: Client(port, person, arrivals), "127.0.0.1", port, local_addr=(address, 0)
    )
    await client.opened()
    return client


async def subscribe_all(clients: Sequence[Client]) -> None:
    """A live feed on each."""
    await _in_step(Client.subscribe, clients)


async def close_all(clients: Sequence[Client]) -> None:
    for client in clients:
        client.transport.abort()
    await asyncio.sleep(SETTLE_S)


async def _in_step(act: Callable[[Given], Awaitable[Made]], given: Sequence[Given]) -> list[Made]:
    """The outcomes in order; a bounded number at once."""
    turnstile = asyncio.Semaphore(len(ADDRESSES) * AT_ONCE)

    async def one(each: Given) -> Made:
        async with turnstile, asyncio.timeout(PATIENCE_S):
            return await act(each)

    return await asyncio.gather(*(one(each) for each in given))
