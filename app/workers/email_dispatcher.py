"""Whose mail is next: a fair share for each project, and a limit for all. The queue is the table; only slots are here."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from app import db
from app.errors import DatabaseAway
from app.services import email_delivery

log = structlog.get_logger(__name__)

#: Fewer than the worker's jobs. For one project at most so many, so that a server that hangs stops nobody else's mail.
AT_ONCE = 6
AT_ONCE_PER_PROJECT = 2
#: What could not even be taken in hand is left alone for so long.
PAUSE_AFTER_ERROR_S = 5.0

#: A mail's id, and its project's: None for mail of accounts.
Due = tuple[UUID, UUID | None]


class Dispatcher:
    """The deliveries under way in this process. Each is a task of its own, which the end of no job and no sweep cancels.

    `deliver` makes one attempt, if the mail is still due.
    """

    def __init__(self, deliver: Callable[[UUID], Awaitable[None]]) -> None:
        self._deliver = deliver
        self._under_way: dict[asyncio.Task[None], Due] = {}
        self._left_alone: set[UUID] = set()
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

    async def drain(self) -> None:
        """Waits for what is under way; cancelled meanwhile, it cancels that too."""
        try:
            while self._under_way:
                await asyncio.wait(self._under_way)
        except asyncio.CancelledError:
            for each in self._under_way:
                each.cancel()
            raise

    @property
    def _free(self) -> int:
        return AT_ONCE - len(self._under_way)

    async def _pick(self) -> list[Due]:
        """The longest waiting mail of each project, of those projects that have the fewest under way."""
        in_hand = {email_id for email_id, _ in self._under_way.values()}
        for most in range(AT_ONCE_PER_PROJECT):
            found = await email_delivery.due(
                now=await db.now(),
                limit=self._free,
                but=in_hand | self._left_alone,
                but_projects=[each for each, taken in self._taken().items() if taken > most],
            )
            if found:
                return list({project_id: (id_, project_id) for id_, project_id in reversed(found)}.values())
        return []

    def _taken(self) -> Counter[UUID | None]:
        return Counter(project_id for _, project_id in self._under_way.values())

    def _begin(self, due: Due) -> None:
        email_id, project_id = due
        is_full = self._free <= 0 or self._taken()[project_id] >= AT_ONCE_PER_PROJECT
        if is_full or due in self._under_way.values():
            return  # while the database was asked, somebody else began it
        task = asyncio.create_task(self._deliver_loudly(email_id), name=f"email:{email_id}")
        self._under_way[task] = due
        task.add_done_callback(self._under_way.pop)

    async def _deliver_loudly(self, email_id: UUID) -> None:
        try:
            await self._deliver(email_id)
        except Exception as error:
            if not isinstance(error, DatabaseAway):  # that was told where it began
                log.exception("mail could not be taken in hand", email_id=str(email_id))
            self._left_alone.add(email_id)
            asyncio.get_running_loop().call_later(PAUSE_AFTER_ERROR_S, self._left_alone.discard, email_id)
