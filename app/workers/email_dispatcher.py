"""Whose mail is next: a fair share for each project, and a limit for all. The queue is the table; only slots are here.

Among projects with equally few under way those are first that had no turn in this round; otherwise the backlogs of
some, waiting longer, would be before everybody else's mail for ever. And servers that hang never take all slots.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from uuid import UUID

import structlog

from app import db
from app.errors import DatabaseAway
from app.services import email_queue
from app.services.email_queue import Due

log = structlog.get_logger(__name__)

#: Fewer than the worker's jobs. For one project at most so many, so that a server that hangs stops nobody else's mail.
AT_ONCE = 6
AT_ONCE_PER_PROJECT = 2
#: A server is slow when an attempt takes so long, and for so long after; for all slow ones at most so many slots.
SLOW_S = 5.0
SLOW_FOR_S = 60.0
SLOW_AT_ONCE = 4
#: Of how many projects it is known that they had their turn; of more, whoever had it longest ago is forgotten.
MOST_TURNS = 1_000
#: What could not even be taken in hand is left alone for so long.
PAUSE_AFTER_ERROR_S = 5.0


class Dispatcher:
    """The deliveries under way in this process. Each is a task of its own, which the end of no job and no sweep cancels.

    `deliver` makes one attempt, if the mail is still due.
    """

    def __init__(self, deliver: Callable[[UUID], Awaitable[None]]) -> None:
        self._deliver = deliver
        self._under_way: dict[asyncio.Task[None], Due] = {}
        #: Under way without a slot.
        self._aside: set[asyncio.Task[None]] = set()
        self._left_alone: set[UUID] = set()
        #: In order of their turns.
        self._had_turn: dict[UUID | None, None] = {}
        #: Their mailboxes (None: the relay), and until when they count as slow.
        self._slow: dict[UUID | None, float] = {}
        self._is_woken = False
        self._sleeping: set[asyncio.Future[None]] = set()

    @property
    def is_busy(self) -> bool:
        return bool(self._under_way)

    def wake(self) -> None:
        """Something may be due: whoever sleeps in `changed`, or comes next, looks at once."""
        self._is_woken = True
        for each in self._sleeping:
            if not each.done():
                each.set_result(None)

    async def take_due(self) -> None:
        """Begins what is due, as long as there are slots."""
        while self._free > 0 and (picked := await self._pick()):
            for each in picked:
                self._begin(each)

    async def changed(self, within_s: float) -> None:
        """Returns when a delivery ended, when woken, or after so many seconds."""
        woken = asyncio.get_running_loop().create_future()
        self._sleeping.add(woken)
        try:
            if not self._is_woken:
                await asyncio.wait(
                    {woken, *self._under_way}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            self._sleeping.discard(woken)
            self._is_woken = False

    def free_slot(self, task: "asyncio.Task[Any] | None") -> None:
        """Somebody else may begin though this delivery goes on. Only `drain` waits for it still."""
        if task in self._under_way:
            del self._under_way[task]
            self._aside.add(task)
            task.add_done_callback(self._aside.discard)
            self.wake()

    async def drain(self) -> None:
        """Waits for what is under way, without a slot too; cancelled meanwhile, it cancels that too."""
        try:
            while tasks := [*self._under_way, *self._aside]:
                await asyncio.wait(tasks)
        except asyncio.CancelledError:
            for each in [*self._under_way, *self._aside]:
                each.cancel()
            raise

    @property
    def _free(self) -> int:
        return AT_ONCE - len(self._under_way)

    async def _pick(self) -> list[Due]:
        """The longest waiting mail of each project that is next."""
        slow = self._slow_servers()
        full = slow if self._is_full_of(slow) else set()
        for passed_over in self._passed_over():
            found = await email_queue.due(
                now=await db.now(),
                limit=self._free,
                but={each.email_id for each in self._under_way.values()} | self._left_alone,
                but_projects=passed_over,
                but_mailboxes=full,
            )
            if found:
                self._begin_round(passed_over)
                return list({each.project_id: each for each in reversed(found)}.values())
        return []

    def _passed_over(self) -> list[frozenset[UUID | None]]:
        """Which projects have to wait: first those that have any under way or had a turn, in the end only the full."""
        taken, found = self._taken(), []
        for most in range(AT_ONCE_PER_PROJECT):
            busy = frozenset(project_id for project_id, count in taken.items() if count > most)
            found += [busy.union(self._had_turn), busy]
        return list(dict.fromkeys(found))

    def _begin_round(self, passed_over: Collection[UUID | None]) -> None:
        """A new one, if somebody is next who had a turn: then nobody waits who had none."""
        if not self._had_turn.keys() <= set(passed_over):
            self._had_turn.clear()

    def _taken(self) -> Counter[UUID | None]:
        return Counter(each.project_id for each in self._under_way.values())

    def _slow_servers(self) -> set[UUID | None]:
        now = asyncio.get_running_loop().time()
        self._slow = {each: until for each, until in self._slow.items() if until > now}
        return set(self._slow)

    def _is_full_of(self, slow: Collection[UUID | None]) -> bool:
        return sum(each.mailbox_id in slow for each in self._under_way.values()) >= SLOW_AT_ONCE

    def _begin(self, due: Due) -> None:
        if self._free <= 0 or due in self._under_way.values() or not self._is_room_for(due):
            return  # while the database was asked, somebody else began it or took the place
        task = asyncio.create_task(self._deliver_loudly(due), name=f"email:{due.email_id}")
        self._under_way[task] = due
        task.add_done_callback(lambda ended: self._under_way.pop(ended, None))
        self._had_turn.pop(due.project_id, None)
        self._had_turn[due.project_id] = None
        if len(self._had_turn) > MOST_TURNS:
            del self._had_turn[next(iter(self._had_turn))]

    def _is_room_for(self, due: Due) -> bool:
        slow = self._slow_servers()
        is_too_slow = due.mailbox_id in slow and self._is_full_of(slow)
        return not is_too_slow and self._taken()[due.project_id] < AT_ONCE_PER_PROJECT

    async def _deliver_loudly(self, due: Due) -> None:
        loop = asyncio.get_running_loop()
        is_slow = loop.call_later(SLOW_S, self._remember_slow, due.mailbox_id)
        try:
            await self._deliver(due.email_id)
        except Exception as error:
            if not isinstance(error, DatabaseAway):  # that was told where it began
                log.exception("mail could not be taken in hand", email_id=str(due.email_id))
            self._left_alone.add(due.email_id)
            loop.call_later(PAUSE_AFTER_ERROR_S, self._left_alone.discard, due.email_id)
        finally:
            is_slow.cancel()

    def _remember_slow(self, mailbox_id: UUID | None) -> None:
        self._slow[mailbox_id] = asyncio.get_running_loop().time() + SLOW_FOR_S
