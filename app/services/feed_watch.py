"""Waking the feeds of a process: by the doorbell, by a regular look into the database, and for their heartbeats.

A feed that waits costs a future and no timer. One task looks after all of them, a part of the employees at a time, so
that ten thousand do not ask at one moment; only those are woken whose feed has grown.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import Context
from itertools import cycle
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID
from weakref import WeakKeyDictionary

from app import db, db_rows
from app.errors import Unanswered
from app.services.reminder_log import CHANNEL

log = logging.getLogger("divize.feed")

HEARTBEAT_EVERY_S = 25.0
#: The net under the doorbell: each employee's number is looked at this often without a ring. A window may be 5 s late
#: however its ring was lost: here, where it was to be heard, or in the worker that was cut off from Redis. For 10,000
#: employees it is six statements a second, of a millisecond or two.
POLL_EVERY_S = 3.5
#: In so many parts. Heartbeats go out with each.
PARTS = 20


class Hub(Protocol):
    """What is asked of the doorbell."""

    def on(
        self, prefix: str, hear: Callable[[str, str], None], *, missed: Callable[[], None] | None = None
    ) -> None: ...


class Seat:
    """One feed's place. `number` is the event it read last, `beats_at` when its client wants a sign of life."""

    __slots__ = ("_rung", "_waiting", "_watch", "beats_at", "employee_id", "number")

    def __init__(self, watch: "Watch", employee_id: UUID) -> None:
        self._watch = watch
        self._rung = False
        self._waiting: asyncio.Future[None] | None = None
        self.employee_id = employee_id
        self.number = 0
        self.beat()

    def __enter__(self) -> Self:
        self._watch.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.remove(self)

    async def wait(self) -> bool:
        """True when there may be something new, also since the last time; False when nothing but a heartbeat is due."""
        if not self._rung:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        has_rung, self._rung = self._rung, False
        return has_rung

    def ring(self) -> None:
        """There may be something new."""
        self._rung = True
        self.wake()

    def wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def beat(self) -> None:
        """The client has just had, or is about to get, a sign of life."""
        self.beats_at = time.monotonic() + HEARTBEAT_EVERY_S

    @property
    def is_silent(self) -> bool:
        return time.monotonic() >= self.beats_at


class Watch:
    """The seats of a process, by part and employee. Its task runs while there is one, in the loop of the first."""

    def __init__(self, hub: Hub) -> None:
        self._parts: list[dict[UUID, set[Seat]]] = [{} for _ in range(PARTS)]
        self._task: asyncio.Task[None] | None = None
        self.count = 0
        hub.on(CHANNEL, self._hear, missed=self._ring_all)

    def add(self, seat: Seat) -> None:
        self._part_of(seat.employee_id).setdefault(seat.employee_id, set()).add(seat)
        self.count += 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._keep_watch(), context=Context())

    def remove(self, seat: Seat) -> None:
        part = self._part_of(seat.employee_id)
        part[seat.employee_id].discard(seat)
        if not part[seat.employee_id]:
            del part[seat.employee_id]
        self.count -= 1
        if not self.count and self._task is not None:
            self._task.cancel()
            self._task = None

    def _part_of(self, employee_id: UUID) -> dict[UUID, set[Seat]]:
        return self._parts[employee_id.int % PARTS]

    def _hear(self, employee_id: str, _: str) -> None:
        id_ = UUID(employee_id)
        for seat in self._part_of(id_).get(id_, ()):
            seat.ring()

    def _ring_all(self) -> None:
        for seat in self._seats():
            seat.ring()

    def _seats(self) -> Iterator[Seat]:
        for part in self._parts:
            for seats in part.values():
                yield from seats

    async def _keep_watch(self) -> None:
        for part in cycle(self._parts):
            await asyncio.sleep(POLL_EVERY_S / PARTS)
            now = time.monotonic()
            for seat in self._seats():
                if seat.beats_at <= now:
                    seat.wake()
            await _look_or_log(part)


async def _look_or_log(part: Mapping[UUID, Iterable[Seat]]) -> None:
    """Wakes those whose feed has grown."""
    try:
        numbers = await _numbers(list(part))
    except Unanswered:
        return  # it says nothing of the feeds: the next round asks again
    except Exception:  # an edge: the task looks after all feeds of this process
        log.exception("feeds could not be looked at")
        return
    for employee_id, number in numbers.items():
        for seat in part.get(employee_id, ()):
            if seat.number < number:
                seat.ring()


_watches: WeakKeyDictionary[Any, Watch] = WeakKeyDictionary()


def seat(hub: Hub, employee_id: UUID) -> Seat:
    """A place at the doorbell for one feed. Enter it first, then read the database, then wait."""
    watch = _watches.get(hub)
    if watch is None:
        watch = _watches[hub] = Watch(hub)
    return Seat(watch, employee_id)


def seats_taken(hub: Hub) -> int:
    """How many feeds wait at this doorbell."""
    watch = _watches.get(hub)
    return watch.count if watch is not None else 0


async def _numbers(employee_ids: Iterable[UUID]) -> Mapping[UUID, int]:
    """The last number of each one's feed."""
    asked = [{"id": each} for each in employee_ids]
    if not asked:
        return {}
    source = db_rows.unpacked(db.dialect(), "$1", "asked", id="uuid")
    sql = f"SELECT e.id, e.feed_number FROM {source} JOIN employees e ON e.id = asked.id"  # noqa: S608
    rows = await db.fetch(sql, [db_rows.packed(asked)])
    return {db.as_uuid(row["id"]): row["feed_number"] for row in rows}
