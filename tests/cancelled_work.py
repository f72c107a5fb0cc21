"""A process of a test: cancels work at every turn of the event loop, and counts the writes after it that are not there.

    python -m tests.cancelled_work URL asyncio|uvloop WRITES

What is cancelled goes on until it is over before its turn to be cancelled comes; then the next kind of work has its
turn. After each cancellation two mutations are sent and answered, over the connections that are there then.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
import uvloop

from app import config, db
from app.models import Contact
from app.policy import Role
from app.workers import reminders
from tests.factories import make_contact, make_employee, make_project, make_reminder
from tests.graphql import SETTINGS, Client, as_employee

Work = Callable[[], Awaitable[object]]

#: A cancelled task that was not over after so many turns would never end; one takes some microseconds.
MOST_TURNS = 100_000
AFTER_EACH = 2

UPDATE = "mutation ($input: ContactUpdateInput!) { contactUpdate(input: $input) { contact { name } errors { code } } }"
RECORD = "mutation ($input: ActivityRecordInput!) { activityRecord(input: $input) { errors { code } } }"
READ = "{ contacts(first: 5) { nodes { name activities(first: 2) { nodes { summary } } } } }"


class Outside:
    """Another connection, on which nothing is cancelled: what it sees is what stands in the database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._postgres: asyncpg.Connection[Any] | None = None

    async def run(self, sql: str) -> list[str]:
        """The first column of what the statement brings."""
        if self._url.startswith("sqlite"):
            with closing(sqlite3.connect(urlsplit(self._url).path, timeout=60)) as connection, connection:
                return [row[0] for row in connection.execute(sql)]
        self._postgres = self._postgres or await asyncpg.connect(self._url)
        return [row[0] for row in await self._postgres.fetch(sql)]


class Desk:
    """Who works, and on what."""

    def __init__(self, client: Client, contact: Contact, outside: Outside) -> None:
        self._client = client
        self._contact = contact
        self._outside = outside
        self._numbers = count()
        self.acknowledged: list[str] = []

    @classmethod
    async def open(cls, url: str) -> "Desk":
        project = await make_project()
        employee = await make_employee(project, [Role.ADMIN], reminder_interval_minutes=1)
        contact = await make_contact(project)
        await make_reminder(employee, contact=contact, due_at=datetime.now(UTC) - timedelta(hours=1))
        return cls(as_employee(employee), contact, Outside(url))

    @property
    def kinds(self) -> Mapping[str, Work]:
        return {
            "mutation": self.correct_contact,
            "short write": self.record,
            "read": lambda: self._client.run(READ),
            "job": self.open_window,
        }

    async def correct_contact(self) -> None:
        await self._client.run(UPDATE, input={"id": self._contact, "name": f"Novák {next(self._numbers)}"})

    async def record(self) -> str:
        """Needs no transaction of its own."""
        summary = f"Volal {next(self._numbers)}"
        values = {"contactId": self._contact, "kind": "CALL", "area": "SALES", "summary": summary}
        answer = await self._client.run(RECORD, input=values)
        assert answer.faults("activityRecord") == []
        return summary

    async def open_window(self) -> None:
        assert self._client.employee is not None
        await reminders.fire_popup({}, str(self._client.employee.id))

    async def make_due(self) -> None:
        """From outside, so that nothing that is examined here takes part."""
        await self._outside.run("UPDATE employees SET next_popup_at = '2026-01-01 00:00:00+00:00'")

    async def write(self) -> None:
        for _ in range(AFTER_EACH):
            self.acknowledged.append(await self.record())

    async def lost(self) -> list[str]:
        return sorted(set(self.acknowledged) - set(await self._outside.run("SELECT summary FROM activities")))


async def cancelled_at(turn: int, work: Work) -> bool:
    """Whether the work was not over yet after so many turns of the loop."""
    task = asyncio.ensure_future(work())
    for _ in range(turn):
        await asyncio.sleep(0)
        if task.done():
            await task
            return False
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return True


async def examine(url: str, writes: int) -> dict[str, Any]:
    config.use(config.load(**SETTINGS))
    await db.connect(url, pool_size=2)
    desk = await Desk.open(url)
    cancellations = dict.fromkeys(desk.kinds, 0)
    while len(desk.acknowledged) < writes:
        for kind, work in desk.kinds.items():
            for turn in range(MOST_TURNS):
                await desk.make_due()
                if not await cancelled_at(turn, work):
                    break
                cancellations[kind] += 1
                await desk.write()
    lost = await desk.lost()
    await db.close()
    return {"cancellations": cancellations, "writes": len(desk.acknowledged), "lost": len(lost)}


if __name__ == "__main__":
    _, url, loop, writes = sys.argv
    run = {"asyncio": asyncio.run, "uvloop": uvloop.run}[loop]
    sys.stdout.write(orjson.dumps(run(examine(url, int(writes)))).decode())
