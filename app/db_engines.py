"""The two database clients: Tortoise's own, with transactions that survive errors and other processes.

Tortoise finds `get_client_class` here because `settings_of` names this module as the engine.
"""

import asyncio
import os
import sqlite3
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.base.client import (
    BaseDBAsyncClient,
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

from app import db_addresses, times
from app.db_availability import ASKING, AskingConnection, AskingTransaction
from app.db_connections import LIMITS, SILENCE, Connection, connect
from app.db_pool import Pool
from app.db_transactions import PooledTransaction, PostgresTransaction

BUSY_TIMEOUT_MS = 5000
CONNECT_TIMEOUT_S = 10
#: For each connection. PostgreSQL keeps a plan of each, some 20 KB.
PREPARED_STATEMENTS = 400
#: In characters; a selection of many fields makes a long one.
LONGEST_PREPARED = 64 * 1024


def settings_of(url: str, pool_size: int) -> dict[str, Any]:
    """Tortoise's settings of one connection. Raises ValueError for a URL that names no known database."""
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        credentials = _sqlite_credentials(url)
    elif scheme in ("postgres", "postgresql"):
        credentials = _postgres_credentials(url, pool_size)
    else:
        raise ValueError(f"Database URL starts with {scheme!r}: use sqlite:///absolute/path or postgres://…")
    return {"engine": __name__, "credentials": credentials}


def _sqlite_credentials(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    if parts.netloc or not path.name:
        raise ValueError(f"{url!r} must be sqlite:/// and an absolute path of a file")
    if not path.parent.is_dir():
        raise ValueError(f"There is no folder {str(path.parent)!r} for the database {path.name!r}")
    return {
        "file_path": str(path),
        "journal_mode": "WAL",
        "synchronous": "NORMAL",
        "busy_timeout": BUSY_TIMEOUT_MS,
        "foreign_keys": "ON",
    }


def _postgres_credentials(url: str, pool_size: int) -> dict[str, Any]:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or (unquote(parts.hostname) if parts.hostname else None)
    credentials = {
        "host": host,
        "port": parts.port or int(options.pop("port", 5432)),
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "database": unquote(parts.path.lstrip("/")) or None,
        "minsize": 1,
        "maxsize": pool_size,
        "timeout": CONNECT_TIMEOUT_S,
        "statement_cache_size": PREPARED_STATEMENTS,
        "max_cacheable_statement_size": LONGEST_PREPARED,
        # Short queries: compiling them costs more than it saves.
        "server_settings": {
            "application_name": "divize",
            "timezone": "UTC",
            "jit": "off",
            "default_transaction_isolation": "read committed",
        },
    }
    credentials.update(db_addresses.tls_options(options))
    if options:
        raise ValueError(f"Unknown options in the database URL: {', '.join(sorted(options))}")
    return credentials


def get_client_class(settings: Mapping[str, Any]) -> type[BaseDBAsyncClient]:
    return Sqlite if "file_path" in settings["credentials"] else Postgres


class Sqlite(SqliteClient):
    """One connection per process, shared by all tasks; a transaction keeps the others waiting."""

    async def create_connection(self, with_db: bool) -> None:
        """Makes a new file readable by its owner only, as SQLite then does with the files beside it."""
        os.close(os.open(self.filename, os.O_RDWR | os.O_CREAT, 0o600))
        await super().create_connection(with_db)
        assert self._connection is not None
        await self._connection.create_function("base64", 1, _base64, deterministic=True)

    def acquire_connection(self) -> Any:
        return AskingConnection(super().acquire_connection())

    def _in_transaction(self) -> TransactionContext:
        transaction = _ImmediateTransaction(_ImmediateWrapper(self), self._lock)
        return AskingTransaction(transaction, ending=ASKING)  # what failed is undone, for certain

    async def execute_many(self, query: str, values: list[Any]) -> None:
        """In a real transaction: Tortoise's own leaves one open on the shared connection when cancelled."""
        async with self._in_transaction() as transaction:
            await transaction.execute_many(query, values)


class _ImmediateWrapper(SqliteTransactionWrapper):
    def acquire_connection(self) -> Any:
        return AskingConnection(super().acquire_connection())

    def _in_transaction(self) -> TransactionContext:
        return AskingTransaction(NestedTransactionContext(_Savepoint(self)), ending=ASKING)

    async def begin(self) -> None:
        """BEGIN IMMEDIATE, so that a transaction waits for its turn to write before it reads anything.

        A plain BEGIN takes the right to write at the first write. When another process wrote in between,
        SQLite refuses at once, whatever the busy_timeout: of 1,332 transactions of two writing processes
        641 failed with "database is locked", with BEGIN IMMEDIATE none of 797.
        """
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise TransactionManagementError(error) from error


class _Savepoint(SqliteTransactionWrapper):
    def acquire_connection(self) -> Any:
        return AskingConnection(super().acquire_connection())


class _ImmediateTransaction(SqliteTransactionContext):
    """Gives the connection back clean however the transaction ends.

    Tortoise's own keeps the connection locked for ever when BEGIN fails, and leaves the transaction open
    when BEGIN is cancelled or COMMIT fails.
    """

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            await self._undo_and_unlock()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return self.connection  # type: ignore[no-any-return]

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        get_connections().reset(self.token)
        if exc_type is not None:
            await self._undo_and_unlock()
            return
        try:
            if not self.connection._finalized:
                await self.connection.commit()
        except BaseException:
            await self._undo_and_unlock()
            raise
        self._trxlock.release()

    async def _undo_and_unlock(self) -> None:
        """Runs to its end even if the task is cancelled: SQLite's thread takes statements in order."""
        raw = self.connection._connection
        try:
            if raw is not None:
                await asyncio.shield(raw.rollback())
        finally:
            self._trxlock.release()


class Postgres(AsyncpgDBClient):
    """A pool of connections; a transaction holds one of them.

    Nothing here may set what outlives a transaction: use SET LOCAL and pg_advisory_xact_lock, else `connect_apart`.
    """

    async def create_pool(self, **options: Any) -> Any:
        """Our own, in which no connection is open yet: so that many who are the first make one pool, not one each."""
        del options["min_size"]
        most = options.pop("max_size")
        options["server_settings"] = {**options["server_settings"], **LIMITS}
        return Pool(partial(connect, **options), most=most)

    def acquire_connection(self) -> Any:
        return AskingConnection(super().acquire_connection())

    async def fetch_row(self, sql: str, params: Sequence[Any]) -> Sequence[Any]:
        """The first row, past Tortoise's wrapping, which costs a tenth of a short read."""
        with ASKING:
            return await self._fetch_row(sql, params)

    async def _fetch_row(self, sql: str, params: Sequence[Any]) -> Sequence[Any]:
        pool = await self._opened_pool()
        connection = await pool.acquire()
        try:
            row: Sequence[Any] = await connection.fetchrow(sql, *params)
        finally:
            await pool.release(connection)
        return row

    async def read(self, sql: str, params: Sequence[Any], timeout_s: float | None) -> list[Any]:
        """All rows, past Tortoise's wrapping. After `timeout_s` the connection is given up as lost."""
        with ASKING:
            return await self._read(sql, params, timeout_s)

    async def _read(self, sql: str, params: Sequence[Any], timeout_s: float | None) -> list[Any]:
        pool = await self._opened_pool()
        connection = await pool.acquire()
        try:
            rows: list[Any] = await connection.fetch(sql, *params, timeout=timeout_s)
        finally:
            await pool.release(connection)
        return rows

    async def _opened_pool(self) -> Any:
        if self._pool is None:
            await self.create_connection(with_db=True)
        return self._pool

    def _in_transaction(self) -> TransactionContext:
        return AskingTransaction(PooledTransaction(PostgresTransaction(self), self._pool_init_lock))

    async def connect_apart(self) -> Connection:
        """A connection outside the pool and without limits of its statements, for locks that belong to a session.

        The caller closes it. A machine that loses its power loses its locks with it.
        """
        connection: Connection = await db_addresses.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=self.database,
            server_settings={**self.server_settings, **SILENCE},
            connection_class=Connection,
            **self.extra,
        )
        connection.notice_silence()
        return connection


def _base64(text: str | None) -> str | None:
    return None if text is None else b64encode(text.encode()).decode()


# After Tortoise's own adapters, which its client's import registered above.
sqlite3.register_adapter(datetime, times.stored_text)
sqlite3.register_adapter(UUID, str)
