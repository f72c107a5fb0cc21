"""A database that is away: what of its errors says so, what they become, and the one line of log for a round of it.

Whatever goes to a database goes through here at the client of its engine, below which no error is anything else's: a
refused connection of the mail server's, or the time limit of a request, never looks like the database's.
"""

import asyncio
import sqlite3
import time
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

import asyncpg
import structlog
from asyncpg.exceptions import InternalClientError
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.exceptions import OperationalError, TransactionManagementError

from app.db_connections import STATEMENT_S
from app.db_errors import is_locked
from app.errors import DatabaseAway, Exhausted, Locked, StatementTimeout, Unanswered

log = structlog.get_logger(__name__)

SENTENCE = "The database does not answer at this moment. Try again in a few seconds."
SENTENCE_OF_COMMIT = (
    "The database went away at the very end, so nobody knows whether this was written. Look before you try again; "
    "with the same idempotencyKey it is safe to try again at once."
)
TOO_LONG = f"It took the database longer than {STATEMENT_S:g} s and was given up. Ask for less at once."
LOCKED = "Somebody is changing the same thing and has not finished. Try again in a moment."
#: An error this soon after an answer is of the same round.
SAME_ROUND_S = 2.0

_POSTGRES = (
    asyncpg.PostgresConnectionError,
    # Connections, disk, memory: an operator or time gives them back.
    asyncpg.InsufficientResourcesError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.DatabaseDroppedError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.PostgresIOError,
    # What was the primary is a replica since the failover.
    asyncpg.ReadOnlySQLTransactionError,
    # It is being restored, or its password is being changed.
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
)
_SQLITE = (
    "unable to open database file",
    "disk I/O error",
    "database or disk is full",
    "attempt to write a readonly database",
)


def is_away(error: BaseException) -> bool:
    """Whether the database cannot be asked, or cannot write, at this moment, through no fault of the statement.

    Of an error that came from a database: a builtin OSError counts, whosever it is. So does a TimeoutError: within a
    client it is of the connection, since the limits of requests cancel from outside.
    """
    if isinstance(error, OperationalError | TransactionManagementError) and error.args:
        cause = error.args[0]
        return isinstance(cause, Exception) and is_away(cause)
    if isinstance(error, sqlite3.Error):
        return str(error).startswith(_SQLITE)
    if isinstance(error, asyncpg.InterfaceError):
        return "clos" in str(error)  # closed, closing: the other texts are about wrong use
    if isinstance(error, InternalClientError):
        # The server's last word came between two statements, and the end of the connection has not been seen yet.
        return str(error).startswith("cannot switch to state")
    return isinstance(error, (DatabaseAway, OSError, *_POSTGRES))


class Round:
    """One time that the database is away for this process: a line when it begins, and one when it is over.

    Over it is when answers come for a while and no error among them: a full disk still answers reads. `is_told` while
    the process is connected: one that cannot even start says so itself.
    """

    def __init__(self) -> None:
        self.is_told = False
        self.began_at: float | None = None
        self._answered_at: float | None = None
        self._ending: asyncio.TimerHandle | None = None

    def failed(self, error: BaseException) -> None:
        if not self.is_told:
            return
        if self.began_at is None:
            self.began_at = time.monotonic()
            log.error("database away", reason=reason_of(error))
        self._answered_at = None
        self._stop_waiting()

    def answered(self) -> None:
        """Of a round that lasts."""
        now = time.monotonic()
        if self._answered_at is None:
            self._answered_at = now
            self._ending = asyncio.get_running_loop().call_later(SAME_ROUND_S, self._end)
        elif now - self._answered_at > SAME_ROUND_S:
            self._end()

    def _end(self) -> None:
        self._stop_waiting()
        assert self.began_at is not None and self._answered_at is not None
        log.warning("database back", away_s=round(self._answered_at - self.began_at, 1))
        self.began_at = self._answered_at = None

    def _stop_waiting(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None


ROUND = Round()


def reason_of(error: BaseException) -> str:
    """For operators: what the driver said."""
    cause = error.__cause__ if isinstance(error, DatabaseAway) and error.__cause__ else error
    return f"{type(cause).__name__}: {cause}".partition("\n")[0]


class Asking:
    """A block of nothing but a database's work. Raises DatabaseAway, with `sentence`, for what says that it is away.

    Raises StatementTimeout for a statement that took longer than any may, and Locked for one that waited for somebody.
    """

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            if ROUND.began_at is not None:
                ROUND.answered()
        elif isinstance(error, Exhausted):
            if ROUND.began_at is not None:  # because nobody answers, not because so many ask
                raise DatabaseAway(self._sentence) from error
        elif isinstance(error, Exception) and not isinstance(error, Unanswered):
            self._check(error)

    def _check(self, error: Exception) -> None:
        if isinstance(error, asyncpg.QueryCanceledError):
            raise StatementTimeout(TOO_LONG) from error
        if is_locked(error):
            raise Locked(LOCKED) from error
        if is_away(error):
            ROUND.failed(error)
            raise DatabaseAway(self._sentence) from error


ASKING = Asking(SENTENCE)
#: Once COMMIT is on its way, so is what it says.
COMMITTING = Asking(SENTENCE_OF_COMMIT)


class AskingConnection:
    """The connection that `lent` lends, for a block of nothing but the database's work."""

    __slots__ = ("_lent",)

    def __init__(self, lent: AbstractAsyncContextManager[Any]) -> None:
        self._lent = lent

    async def __aenter__(self) -> Any:
        with ASKING:
            return await self._lent.__aenter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        with ASKING:
            await self._lent.__aexit__(kind, error, trace)
        if error is not None:
            ASKING.__exit__(kind, error, trace)


class AskingTransaction(TransactionContext):
    """A transaction whose own errors, of BEGIN and COMMIT, say so if the database is away. Those of its block pass."""

    def __init__(self, transaction: TransactionContext, *, ending: Asking = COMMITTING) -> None:
        self._transaction = transaction
        self._ending = ending

    async def __aenter__(self) -> TransactionalDBClient:
        with ASKING:
            return await self._transaction.__aenter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            with self._ending if error is None else ASKING:
                await self._transaction.__aexit__(kind, error, trace)
        except DatabaseAway:
            if error is None:
                raise
            # The block's own error says more, and the server undoes what it has lost sight of.
