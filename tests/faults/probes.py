"""Requests at a steady rate that wait for nobody, and windows that fall due one after another: is it whole, and since when?"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import httpx

from tests.faults.people import Person, make_due
from tests.faults.stage import Stage
from tests.faults.workload import Outcome, reminder

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
                probe.is_done = await mutation.send(client) is Outcome.ACKNOWLEDGED
                probe.told = ",".join(mutation.codes)
            else:
                answer = await client.run("Me")
                probe.is_done, probe.told = not answer.errors, ",".join(answer.codes)
        except (httpx.TransportError, ValueError) as error:
            probe.told = type(error).__name__
        probe.ended = time.monotonic()


class Windows:
    """Windows of people who do nothing else, one every half second from the moment that it is made."""

    APART_S = 0.5

    def __init__(self, people: Sequence[Person], title: str) -> None:
        self._people, self._title = people, title
        self._due: dict[object, datetime] = {}
        self.began = time.monotonic()

    async def make(self, here: Stage) -> None:
        async with here.sql() as connection:
            for place, person in enumerate(self._people, 1):
                in_s = place * self.APART_S - (time.monotonic() - self.began)
                self._due[person.employee_id] = await make_due(
                    connection, [person], in_s=in_s, title=self._title
                )

    async def late_s(self, here: Stage) -> list[tuple[float, float]]:
        """Of each that has fallen due: when, in seconds after `began`, and by how much it opened late. Waits for none."""
        async with here.sql() as connection:
            now: datetime = await connection.fetchval("SELECT now()")
            rows = await connection.fetch(
                "SELECT employee_id, min(created_at) AS at FROM reminder_events e WHERE kind = 'POPUP' AND EXISTS ("
                " SELECT 1 FROM reminders r WHERE r.title = $1 AND r.assignee_id = e.employee_id"
                " AND e.reminder_ids LIKE '%' || r.id::text || '%') GROUP BY employee_id",
                self._title,
            )
        opened = {row["employee_id"]: row["at"] for row in rows}
        began = datetime.fromtimestamp(time.time() - (time.monotonic() - self.began), UTC)
        return [
            ((due - began).total_seconds(), (opened.get(id_, now) - due).total_seconds())
            for id_, due in self._due.items()
            if due < now
        ]


def windows_whole_after_s(late: Sequence[tuple[float, float]]) -> float:
    """When the last that was late opened, in seconds after the first was made."""
    return max((due + late_s for due, late_s in late if late_s > WINDOW_WITHIN_S), default=0.0)
