"""The connections of this process to PostgreSQL, lent to one task at a time, the last used first.

asyncpg's own pool wraps each connection anew, and makes a task of each release: together more than a short read costs
(72 µs of processor time a read, against 27 on a connection of one's own). Nothing here is set in a session that would
outlive its loan, so nothing has to be reset either.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Connection = Any
#: A firewall forgets a connection that is silent for long: those are closed before.
IDLE_FOR_S = 300.0


class Pool:
    """At most `most` connections, opened when they are needed. As Tortoise asks of asyncpg's pool."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, most: int) -> None:
        self._connect = connect
        self._most = most
        self._lent: set[Connection] = set()
        self._opening = 0
        self._idle: deque[tuple[Connection, float]] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_closing = False

    async def acquire(self) -> Connection:
        """A connection, for as long as until `release`. Waits for one if all are lent."""
        while True:
            if self._is_closing:
                raise ConnectionError("The pool is closed.")
            if (connection := self._take()) is not None:
                return connection
            if len(self._lent) + self._opening < self._most:
                return await self._open()
            await self._turn()

    async def release(self, connection: Connection) -> None:
        """Gives it back. One that is not quiet is not lent again: nobody knows what its server makes of it."""
        self._lent.discard(connection)
        if self._is_closing or not connection.is_quiet():
            connection.terminate()
        else:
            self._idle.append((connection, time.monotonic()))
            self._drop_silent()
        self._wake_one()

    async def close(self) -> None:
        """Waits until all are back, and closes them."""
        self._is_closing = True
        while self._waiting:
            self._wake_one()
        while self._lent or self._opening:
            await self._turn()
        while self._idle:
            connection, _ = self._idle.pop()
            await connection.close()

    def terminate(self) -> None:
        """Closes all at once, whatever they do."""
        self._is_closing = True
        for connection in (*self._lent, *(each for each, _ in self._idle)):
            connection.terminate()
        self._idle.clear()
        self._lent.clear()

    async def expire_connections(self) -> None:
        """Those that are not lent are closed; the next ones are new."""
        while self._idle:
            connection, _ = self._idle.pop()
            await connection.close()

    def _take(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                self._lent.add(connection)
                return connection
        return None

    async def _open(self) -> Connection:
        self._opening += 1
        try:
            connection = await self._connect()
        except BaseException:
            self._opening -= 1
            self._wake_one()
            raise
        self._opening -= 1
        self._lent.add(connection)
        return connection

    async def _turn(self) -> None:
        """Until something was given back, or could not be opened. First come, first served."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake_one()  # it was our turn: the next one takes it
            raise

    def _wake_one(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _drop_silent(self) -> None:
        connection, since = self._idle[0]
        if time.monotonic() - since > IDLE_FOR_S:
            self._idle.popleft()
            connection.terminate()
