"""Clients that send a mutation and are gone, over sockets and HTTP, at moments of chance: what others write meanwhile, and
after, is kept.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.e2e.client import ACCEPT, DOCUMENTS, Client
from tests.faults.checker import found, lost_rows
from tests.faults.people import Person, make_people
from tests.faults.result import Result
from tests.faults.stage import Stage, stage
from tests.faults.workload import Mutation, Outcome, contact, reminder, summary

#: How long after sending they are gone, at most.
GONE_WITHIN_S = 0.03
#: Few, so that they meet at the same rows.
PEOPLE = 4
#: Of those who do not vanish.
LEAST_ACKNOWLEDGED = 0.9
SOCKET = Subprotocol("graphql-transport-ws")


@dataclass(frozen=True)
class Size:
    """In each round `vanishing` clients vanish at once, and others do `writes`; `rounds` at each distance.

    `least`: so many of those writes are acknowledged, or nothing is proved.
    """

    rounds: int
    least: int
    vanishing: int = 4
    writes: int = 8
    distances_s: tuple[float, ...] = (0.0, 0.001)


LARGE = Size(rounds=150, least=2_000)
SMALL = Size(rounds=12, least=150)


async def play(folder: Path, seed: str, size: Size = LARGE) -> Result:
    async with stage(folder, people=lambda: make_people(2, each=2)) as here:
        return await act(here, seed, size)


async def act(here: Stage, seed: str, size: Size) -> Result:
    """On a stage with at least four people."""
    chance = random.Random(f"vanished-{seed}")
    vanished, written = list[Mutation](), list[Mutation]()
    for distance_s in size.distances_s:
        here.roads.web_postgres.delay_s = distance_s
        for number in range(size.rounds):
            name = f"{distance_s * 1000:g}ms-{number}"
            vanished += await _vanish(here, name, size.vanishing, chance)
            written += await _write(here, name, size.writes)
    here.roads.heal()
    async with here.sql() as connection:
        lost = await lost_rows(connection, [*written, *vanished])
        done = await found(connection, vanished)
    acknowledged = sum(each.outcome is Outcome.ACKNOWLEDGED for each in written)
    line = f"vanished clients writes {acknowledged} lost {len(lost)}"
    notes = [f"{len(vanished)} vanished, of which {done} were done", f"others: {summary(written)}"]
    return Result(line, [*lost, *undone(written, done, size)], notes)


def undone(written: Sequence[Mutation], vanished_done: int, size: Size) -> Iterator[str]:
    """What makes it worth nothing: others that were not answered, or clients that vanished before they asked."""
    acknowledged = sum(each.outcome is Outcome.ACKNOWLEDGED for each in written)
    if acknowledged < max(size.least, LEAST_ACKNOWLEDGED * len(written)):
        yield f"only {acknowledged} of {len(written)} writes were acknowledged: {summary(written)}"
    if not vanished_done:
        yield "nothing that the vanished asked for was done"


async def _vanish(here: Stage, name: str, count: int, chance: random.Random) -> list[Mutation]:
    """Sent, and never waited for; the others begin to write while some of them are still at it."""
    tasks, sent = [], []
    for number in range(count):
        person = here.people[number % PEOPLE]
        mutation = chance.choice((contact, reminder))(person, f"gone-{name}-{number}")
        mutation.outcome = Outcome.UNKNOWN
        sent.append(mutation)
        leave = chance.choice((_leave_socket, _leave_http))
        gone_after_s = chance.uniform(0, GONE_WITHIN_S)
        tasks.append(leave(here.client(person), mutation, gone_after_s))
    await asyncio.gather(*tasks)
    return sent


async def _leave_socket(client: Client, mutation: Mutation, gone_after_s: float) -> None:
    with suppress(OSError, WebSocketException):
        connection = await connect(f"ws://{client.address}/graphql", subprotocols=[SOCKET], proxy=None)
        try:
            initial = {"type": "connection_init", "payload": {"Authorization": f"Bearer {client.token}"}}
            await connection.send(orjson.dumps(initial).decode())
            await connection.recv()
            payload = _body(mutation)
            await connection.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": payload}).decode())
            await asyncio.sleep(gone_after_s)
        finally:
            connection.transport.abort()


async def _leave_http(client: Client, mutation: Mutation, gone_after_s: float) -> None:
    host, _, port = client.address.partition(":")
    body = orjson.dumps(_body(mutation))
    headers = {
        "Host": client.address,
        "Authorization": f"Bearer {client.token}",
        "Content-Type": "application/json",
        "Accept": ACCEPT,
        "Content-Length": str(len(body)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + body)
    await asyncio.sleep(gone_after_s)
    writer.transport.abort()


def _body(mutation: Mutation) -> dict[str, Any]:
    variables = {"input": mutation.input}
    return {"query": DOCUMENTS, "operationName": mutation.kind.value, "variables": variables}


async def _write(here: Stage, name: str, count: int) -> list[Mutation]:
    """By others, two at a time, so that few connections serve all of them."""
    written = [_ordinary(here.people[number % PEOPLE], f"kept-{name}-{number}") for number in range(count)]
    for first in range(0, count, 2):
        await asyncio.gather(*(each.send(here.client(each.person)) for each in written[first : first + 2]))
    return written


def _ordinary(person: Person, name: str) -> Mutation:
    return reminder(person, name) if name.endswith(("1", "2", "5", "6")) else contact(person, name)
