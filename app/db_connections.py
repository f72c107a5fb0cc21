"""One connection to PostgreSQL: how long anything may take on it, and whether it may be lent to the next one.

A server that is gone without a word (a failover, a firewall, a frozen machine) closes nothing. So each wait has an end:
the server gives up a statement, a lock, and a transaction in which nothing happens, by `LIMITS`; the kernels on both
sides give up a peer that acknowledges nothing; and we give up a server that should have answered by its own limits.
"""

import asyncio
import socket
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import asyncpg
from asyncpg.exceptions import InternalClientError

from app import db_addresses, times

#: A new connection is there within this, or the database is away.
CONNECT_S = 3.0
#: Of the server's own limits the longest is for a statement; a second later it must have told. Requests end after 10 s.
STATEMENT_S, SILENCE_S = 8.0, 9.0
#: A look-up by keys, which every request needs.
LOOK_UP_S = 3.0
KEEPALIVE_IDLE_S, KEEPALIVE_EVERY_S, KEEPALIVE_PROBES = 10, 5, 2
UNACKNOWLEDGED_MS = 10_000

#: PostgreSQL's settings of a session, from version 14. These have its kernel find that we are gone.
SILENCE: Mapping[str, str] = {
    "tcp_keepalives_idle": f"{KEEPALIVE_IDLE_S}",
    "tcp_keepalives_interval": f"{KEEPALIVE_EVERY_S}",
    "tcp_keepalives_count": f"{KEEPALIVE_PROBES}",
    "tcp_user_timeout": f"{UNACKNOWLEDGED_MS}",
}
LIMITS: Mapping[str, str] = {
    "statement_timeout": f"{STATEMENT_S:g}s",
    # Rows are held for milliseconds. Who waits for one that is held longer keeps a connection from others who write.
    "lock_timeout": "1s",
    # A process that was frozen within a transaction holds its locks no longer than this.
    "idle_in_transaction_session_timeout": "10s",
    # A statement whose client hung up is given up.
    "client_connection_check_interval": "2s",
    **SILENCE,
}


class Lost(ConnectionError):
    """The server does not answer, or hung up: whether it did what was asked last is not known."""


async def connect(**options: Any) -> "Connection":
    """A connection within 3 s. Raises Lost if there is no answer; otherwise as `db_addresses.connect` does."""
    try:
        async with asyncio.timeout(CONNECT_S):
            connection: Connection = await db_addresses.connect(
                **{**options, "connection_class": Connection, "command_timeout": SILENCE_S}
            )
    except TimeoutError as error:
        raise Lost(f"The database could not be reached within {CONNECT_S:g} s.") from error
    connection.notice_silence()
    return connection


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """asyncpg's own, which says whether it is left as it was found. `is_lost`: its server was found dead."""

    is_lost = False
    _takes_time = False

    async def execute(self, query: str, *arguments: Any, **options: Any) -> Any:
        try:
            told = await super().execute(query, *arguments, **options)
        except _FAILURES as error:
            self._check_alive(error)
            raise
        if told == "ROLLBACK" and query.startswith("COMMIT"):
            # PostgreSQL's answer where a statement had failed and somebody went on: nothing was written.
            raise asyncpg.InFailedSQLTransactionError(
                "The transaction had failed, and was rolled back at its end."
            )
        return told

    async def _execute(self, query: str, parameters: Iterable[Any], *how: Any, **options: Any) -> Any:
        """What asyncpg fetches by. Times go in milliseconds."""
        try:
            return await super()._execute(query, _cut(parameters), *how, **options)
        except _FAILURES as error:
            self._check_alive(error)
            raise

    async def _executemany(self, query: str, rows: Iterable[Any], *how: Any, **options: Any) -> Any:
        try:
            return await super()._executemany(query, map(_cut, rows), *how, **options)
        except _FAILURES as error:
            self._check_alive(error)
            raise

    def is_quiet(self) -> bool:
        """Whether it is open, in no transaction, and waits for no answer.

        Right after a cancellation asyncpg does not know yet what the server made of the statement: a BEGIN that was on
        the wire leaves a transaction behind, in which the next one's writes would be acknowledged and then rolled back.
        """
        if self.is_closed() or self.is_waiting() or self.is_lost or self._takes_time:
            return False
        return self._top_xact is None and not self.is_in_transaction()

    def is_waiting(self) -> bool:
        """Whether the server has yet to answer a statement that was given up."""
        return not self.is_closed() and bool(self._protocol._is_cancelling())

    def take_time(self) -> None:
        """From now on a statement may last as long as it likes, as those of a migration do. It is not lent again."""
        self._takes_time = True
        self._config: Any = self._config._replace(command_timeout=None)

    def notice_silence(self) -> None:
        """Has the kernel end a connection whose other side acknowledges nothing."""
        raw = self._transport.get_extra_info("socket")
        if raw is None or raw.family == socket.AF_UNIX:
            return
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _TCP_OPTIONS.items():
            if hasattr(socket, name):  # not each on every system
                raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def _check_alive(self, error: Exception) -> None:
        """Raises Lost instead of an error that says no more than that."""
        if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            self.is_lost = True  # what was the primary is none since the failover: nobody else should get it
            return
        is_dead = self.is_closed() or isinstance(error, TimeoutError | InternalClientError)
        if isinstance(error, Lost) or not is_dead:
            return
        self.is_lost = True
        raise Lost(
            "The database did not answer in time."
            if isinstance(error, TimeoutError)
            else "The database closed the connection."
        ) from error


def _cut(parameters: Iterable[Any]) -> list[Any]:
    return [times.cut(each) if isinstance(each, datetime) else each for each in parameters]


#: A TimeoutError is an OSError. The last one comes when the server's last word came between two statements.
_FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, InternalClientError)
_TCP_OPTIONS = {
    "TCP_KEEPIDLE": KEEPALIVE_IDLE_S,
    "TCP_KEEPINTVL": KEEPALIVE_EVERY_S,
    "TCP_KEEPCNT": KEEPALIVE_PROBES,
    "TCP_USER_TIMEOUT": UNACKNOWLEDGED_MS,
}
