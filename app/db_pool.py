"""The connections of this process to PostgreSQL, lent to one task at a time, the last used first.

asyncpg's own pool wraps each connection anew, and makes a task of each release: together more than a short read costs
(72 µs of processor time a read, against 27 on a connection of one's own). Nothing here is set in a session that would
outlive its loan, so nothing has to be reset either.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

from app.errors import Exhausted

Connection = Any
#: A firewall forgets a connection that is silent for long: none is lent after that.
IDLE_FOR_S = 60.0
#: Who gets none within this is told so.
ACQUIRE_S = 5.0
GOODBYE_S = 1.0


class Pool:
    """At most `most` connections, opened when they are needed. As Tortoise asks of asyncpg's pool.

    Whoever writes may come to wait for a lock that somebody else holds: transactions have two thirds of the places, so
    that a crowd of them leaves some to those who only read. Both are served in the order in which they came.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, most: int) -> None:
        self._connect = connect
        self._most = most
        self._most_writing = most - max(1, most // 3) if most > 1 else most
        self._taken = self._writing = 0
        self._lent: dict[Connection, bool] = {}
        self._idle: deque[tuple[Connection, float]] = deque()
        #: Those who read and those who write, each with the number that they drew.
        self._waiting: Mapping[bool, deque[tuple[int, asyncio.Future[None]]]] = {
            False: deque(),
            True: deque(),
        }
        self._numbers = count()
        self._all_back = asyncio.Event()
        self._is_closing = False

    async def acquire(self, *, writes: bool = False) -> Connection:
        """A connection, for as long as until `release`; for a transaction if `writes`.

        Raises Exhausted after 5 s without a free one, and what `connect` raises.
        """
        if self._has_place(
            writes
        ):  # whoever waits could not take it: they are served as soon as there is one
            self._take_place(writes)
        else:
            await self._turn(writes)
        try:
            connection = await self._one()
        except BaseException:
            self._leave_place(writes)
            raise
        self._lent[connection] = writes
        return connection

    async def release(self, connection: Connection) -> None:
        """Gives it back. One that is not quiet is not lent again: nobody knows what its server makes of it.

        With one whose server was found dead the others go too, which are probably dead as well.
        """
        if connection.is_lost:
            self._drop_idle()
        if self._is_closing or not connection.is_quiet():
            connection.terminate()
        else:
            self._idle.append((connection, time.monotonic()))
        if connection in self._lent:  # not after `terminate`
            self._leave_place(self._lent.pop(connection))

    async def close(self) -> None:
        """Waits until all are back, and closes them. Who still waits for one is told that there is none."""
        self._is_closing = True
        for turns in self._waiting.values():
            for _, turn in turns:
                if not turn.done():
                    turn.set_exception(_closed())
            turns.clear()
        if self._taken:
            await self._all_back.wait()
        await self.expire_connections()

    def terminate(self) -> None:
        """Closes all at once, whatever they do."""
        self._is_closing = True
        for connection in self._lent:
            connection.terminate()
        self._lent.clear()
        self._drop_idle()

    async def expire_connections(self) -> None:
        """Those that are not lent are closed; the next ones are new. A server that does not say goodbye is left."""
        idle = [connection for connection, _ in self._idle]
        self._idle.clear()
        await asyncio.gather(*(each.close(timeout=GOODBYE_S) for each in idle), return_exceptions=True)

    async def _one(self) -> Connection:
        if self._is_closing:
            raise _closed()
        return self._newest_idle() or await self._connect()

    def _newest_idle(self) -> Connection | None:
        while self._idle:
            connection, since = self._idle.pop()
            if time.monotonic() - since > IDLE_FOR_S:
                connection.terminate()
                self._drop_idle()  # they are older
            elif not connection.is_closed():
                return connection
        return None

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop()[0].terminate()

    def _has_place(self, writes: bool) -> bool:
        return self._taken < self._most and (not writes or self._writing < self._most_writing)

    def _take_place(self, writes: bool) -> None:
        self._taken += 1
        self._writing += writes

    def _leave_place(self, writes: bool) -> None:
        self._taken -= 1
        self._writing -= writes
        self._serve_next()
        if self._is_closing and not self._taken:
            self._all_back.set()

    async def _turn(self, writes: bool) -> None:
        """Until there is a place, which is taken then. First come, first served."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting[writes].append((next(self._numbers), turn))
        alarm = loop.call_later(ACQUIRE_S, self._give_up, turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._leave_place(writes)  # it was our turn: the next one takes it
            raise
        finally:
            alarm.cancel()

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            turn.set_exception(
                Exhausted(
                    f"None of the {self._most} connections to the database was free within {ACQUIRE_S:g} s."
                )
            )

    def _serve_next(self) -> None:
        """Gives the places that are free to those who wait, in the order in which they came."""
        while turns := [each for writes, each in self._waiting.items() if each and self._has_place(writes)]:
            first = min(turns)  # the number decides
            _, turn = first.popleft()
            if not turn.done():
                self._take_place(writes=first is self._waiting[True])
                turn.set_result(None)


def _closed() -> ConnectionError:
    return ConnectionError("The pool is closed.")
