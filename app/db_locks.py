"""The locks of a migration: against other processes that migrate, and on tables that the application writes to.

Whoever waits for a lock on a table keeps all those waiting who come after. So a migration waits a second, lets everybody
go on, and tries again.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

import asyncpg
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import BaseORMException

from app.db_connections import SILENCE_S
from app.db_engines import Postgres, Sqlite
from app.db_errors import is_locked
from app.db_transactions import PostgresTransaction
from app.errors import Locked

T = TypeVar("T")

#: How long others wait at most for a migration that waits, how often it tries, and how long it lets them go on.
LOCK_TIMEOUT_S = 1.0
TRIES = 60
PAUSE_S = 1.0
#: Of making indexes, which waits longer each time and keeps nobody waiting.
TRIES_OF_INDEXES = 20

_LIMITS = f"""
    SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s';
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = '60s'
"""
_ADVISORY_LOCK = 0x446976697A65  # "Divize"; other users of advisory locks take other numbers.
_LOCK_POLL_S = 0.05
_TRIES_BETWEEN_WORDS = 200


_log = logging.getLogger(__name__)


class MigrationBlocked(Exception):
    """Others held what the migration needs, for as long as it tried."""

    def __init__(self, name: str, tries: int) -> None:
        super().__init__(
            f"Migration {name} was tried {tries} times and did not get its locks: somebody's transaction holds on to a table "
            "that it changes. Look for the oldest in pg_stat_activity (xact_start), end it with pg_terminate_backend(pid), "
            "and migrate again: what was applied stays applied."
        )


async def insist(name: str, attempt: Callable[[], Awaitable[T]], *, is_atomic: bool) -> T:
    """Makes the attempt until it gets its locks. Raises MigrationBlocked when it has tried often enough."""
    tries = TRIES if is_atomic else TRIES_OF_INDEXES
    for number in range(1, tries + 1):
        try:
            return await attempt()
        except (asyncpg.PostgresError, BaseORMException, Locked) as error:
            if not _is_about_locks(error):
                raise
            _log.warning("Migration %s waits for locks that others hold (try %d of %d)", name, number, tries)
        await asyncio.sleep(PAUSE_S)
    raise MigrationBlocked(name, tries)


def _is_about_locks(error: BaseException) -> bool:
    cause = error.args[0] if isinstance(error, BaseORMException) and error.args else error
    return isinstance(cause, Locked | asyncpg.DeadlockDetectedError) or is_locked(error)


async def limit_waiting(transaction: BaseDBAsyncClient) -> None:
    """Of a migration's transaction: it waits briefly for locks, and may take its time for everything else."""
    if isinstance(transaction, PostgresTransaction):
        await transaction.execute_script(_LIMITS)
        transaction.take_time()


@asynccontextmanager
async def alone(client: BaseDBAsyncClient) -> AsyncIterator[None]:
    """Hold the right to migrate this database; a process that dies loses it."""
    if isinstance(client, Sqlite):
        lock = _file_lock(Path(f"{client.filename}.migrating"))
    elif isinstance(client, Postgres):
        lock = _advisory_lock(client)
    else:
        raise TypeError(f"Migrations do not run on {type(client).__name__}, nor inside a transaction.")
    async with lock:
        yield


@asynccontextmanager
async def _file_lock(path: Path) -> AsyncIterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    async def locks() -> bool:
        return _locks(handle)

    try:
        await _insist_alone(locks)
        yield
    finally:
        os.close(handle)


async def _insist_alone(locks: Callable[[], Awaitable[bool]]) -> None:
    """Until another process has migrated, which may take long: whoever waits says so."""
    for tries in count(1):
        if await locks():
            return
        if tries % _TRIES_BETWEEN_WORDS == 0:
            _log.warning("Another process migrates this database; waiting until it has ended")
        await asyncio.sleep(_LOCK_POLL_S)


def _locks(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@asynccontextmanager
async def _advisory_lock(client: Postgres) -> AsyncIterator[None]:
    """On a connection of its own, so that a pool of one is enough.

    It asks again and again: who waits within a statement would be waited for by whoever makes an index.
    """
    connection = await client.connect_apart()

    async def locks() -> bool:
        return bool(
            await connection.fetchval(f"SELECT pg_try_advisory_lock({_ADVISORY_LOCK})", timeout=SILENCE_S)
        )

    try:
        await _insist_alone(locks)
        yield
    finally:
        await connection.close(timeout=SILENCE_S)
