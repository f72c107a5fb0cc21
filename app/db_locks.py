"""The locks of a migration: against other processes that migrate."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tortoise.backends.base.client import BaseDBAsyncClient

from app.db_engines import Postgres, Sqlite

_ADVISORY_LOCK = 0x446976697A65  # "Divize"; other users of advisory locks take other numbers.
_LOCK_POLL_S = 0.05


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
    try:
        while not _locks(handle):  # noqa: ASYNC110 — another process has it, nobody here could set an event
            await asyncio.sleep(_LOCK_POLL_S)
        yield
    finally:
        os.close(handle)


def _locks(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@asynccontextmanager
async def _advisory_lock(client: Postgres) -> AsyncIterator[None]:
    """On a connection of its own, so that a pool of one is enough."""
    connection = await client.connect_apart()
    try:
        await connection.execute(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
        yield
    finally:
        await connection.close()
