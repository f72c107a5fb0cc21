"""Requests at a steady rate that wait for nobody, and windows that fall due one after another: is it whole, and since when?"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Protocol
from uuid import UUID

import asyncpg
import httpx

from tests.faults.people import Person, make_due
from tests.faults.stage import Stage
from tests.faults.workload import Mutation, Outcome, reminder

EVERY_S = 0.2
#: Well is an answer within this.
WELL_WITHIN_S = 1.0
#: A window is opened within a second of its moment.
WINDOW_WITHIN_S = 1.5


@dataclass
class Probe:
    """One request. Moments are of the monotonic clock; `ended` is None while it is under way."""

    began: float
    ended: float | None = None
    is_done: bool = False
    told: str = ""

    @property
    def took_s(self) -> float:
        return (self.ended or time.monotonic()) - self.began

    @property
    def is_well(self) -> bool:
        return self.is_done and self.took_s <= WELL_WITHIN_S


class Prober:
    """Reads and writes in turn, each by the next person, whatever became of those before."""

    def __init__(self, here: Stage, people: Sequence[Person]) -> None:
        self.probes: list[Probe] = []
        self.written: list[Mutation] = []
        self._here, self._people = here, people
        self._numbers = count()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """In the block requests are sent; after it those under way are waited for, as long as a client waits."""
        sending = asyncio.create_task(self._send())
        try:
            yield
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await asyncio.gather(*self._under_way)

    @property
    def is_well(self) -> bool:
        """Are the last ones of a few seconds all well?"""
        last = self.probes[-int(3 / EVERY_S) :]
        return bool(last) and all(each.is_well for each in last)

    def whole_after_s(self, since: float) -> float:
        """When the last that was not well ended, after that moment; 0 if all were."""
        return max((each.began + each.took_s - since for each in self._unwell(since)), default=0.0)

    def slowest_s(self) -> float:
        return max((each.took_s for each in self.probes), default=0.0)

    def told(self, since: float) -> dict[str, int]:
        """What those that were not well were told."""
        told: dict[str, int] = {}
        for each in self._unwell(since):
            told[each.told] = told.get(each.told, 0) + 1
        return told

    def _unwell(self, since: float) -> list[Probe]:
        return [each for each in self.probes if not each.is_well and each.began + each.took_s > since]

    async def _send(self) -> None:
        self._under_way = set[asyncio.Task[None]]()
        while True:
            task = asyncio.create_task(self._probe(next(self._numbers)))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(EVERY_S)

    async def _probe(self, number: int) -> None:
        person, probe = self._people[number % len(self._people)], Probe(time.monotonic())
        self.probes.append(probe)
        client = self._here.client(person)
        try:
            if number % 2:
                mutation = reminder(person, f"probe-{number}")
                self.written.append(mutation)
                probe.is_done = await mutation.send(client) is Outcome.ACKNOWLEDGED
                probe.told = ",".join(mutation.codes)
            else:
                answer = await client.run("Me")
                probe.is_done, probe.told = not answer.errors, ",".join(answer.codes)
        except (httpx.TransportError, ValueError) as error:
            probe.told = type(error).__name__
        probe.ended = time.monotonic()


@dataclass(frozen=True)
class Lateness:
    """Of one window: when it was due, in seconds after the first was made, and by how much later it opened."""

    due_s: float
    late_s: float

    @property
    def is_well(self) -> bool:
        return self.late_s <= WINDOW_WITHIN_S


class Database(Protocol):
    """What windows are made in and looked up: a stage."""

    def sql(self) -> AbstractAsyncContextManager["asyncpg.Connection[asyncpg.Record]"]: ...


class Windows:
    """Windows of people who do nothing else: of some of them every half second, and of the same again two seconds later.

    The second moment is near when the first window opens: then a job is sent for it.
    """

    APART_S = 0.5
    AGAIN_S = 2.0

    def __init__(self, people: Sequence[Person], *, at_once: int = 1) -> None:
        self._groups = [people[first : first + at_once] for first in range(0, len(people), at_once)]
        self._due: dict[tuple[UUID, str], datetime] = {}
        self.began = time.monotonic()

    async def make(self, here: Database) -> None:
        async with here.sql() as connection:
            for place, group in enumerate(self._groups, 1):
                for title, after_s, opens_window in (("first", 0.0, True), ("again", self.AGAIN_S, False)):
                    in_s = place * self.APART_S + after_s - (time.monotonic() - self.began)
                    due_at = await make_due(
                        connection, group, in_s=in_s, title=title, opens_window=opens_window
                    )
                    self._due.update({(person.employee_id, title): due_at for person in group})

    async def late(self, here: Database) -> list[Lateness]:
        """Of those that have fallen due, in that order. Waits for none: one that has not opened is late until now.

        By when the event was written: the transaction may have begun long before, and waited.
        """
        async with here.sql() as connection:
            now: datetime = await connection.fetchval("SELECT now()")
            rows = await connection.fetch(
                "SELECT r.assignee_id, r.title, min(e.written_at) AS at FROM reminders r JOIN reminder_events e"
                " ON e.employee_id = r.assignee_id AND e.reminder_ids LIKE '%' || r.id::text || '%'"
                " WHERE r.title IN ('first', 'again') GROUP BY 1, 2"
            )
        opened = {(row["assignee_id"], row["title"]): row["at"] for row in rows}
        began = now - timedelta(seconds=time.monotonic() - self.began)
        return [
            Lateness((due - began).total_seconds(), (opened.get(which, now) - due).total_seconds())
            for which, due in sorted(self._due.items(), key=lambda item: item[1])
            if due < now
        ]


def windows_whole_after_s(late: Sequence[Lateness]) -> float:
    """When the last that was late opened, in seconds after the first was made."""
    return max((each.due_s + each.late_s for each in late if not each.is_well), default=0.0)
