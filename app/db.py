"""The database of this process: connection, clock, raw SQL, migrations.

SQLite and PostgreSQL behave alike behind these functions. Use them through the module (`db.now()`, `db.clock_of`), so
that tests can put their own clock in.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.context import TortoiseContext, require_context

from app import (
    db_addresses,
    db_availability,
    db_connections,
    db_engines,
    db_errors,
    db_locks,
    db_migrator,
    times,
)
from app.db_transactions import PostgresTransaction
from app.errors import DatabaseAway

Dialect = Literal["sqlite", "postgres"]

MODELS = "app.models"
MIGRATIONS = "migrations"

_context: TortoiseContext | None = None
_dialect: Dialect | None = None


async def connect(
    url: str,
    *,
    pool_size: int = 10,
    models: str = MODELS,
    migrations: str = MIGRATIONS,
    must_answer: bool = True,
) -> None:
    """Connect this process, every task of it, to one database. Does not migrate.

    Without `must_answer` a database that is away now is connected to when it is there.

    `url` is `sqlite:///absolute/path.db` or `postgres://user:password@host:port/name`; a unix socket is
    `postgres://user@/name?host=/folder`; TLS is as libpq has it (`sslmode`, `sslrootcert`). Raises ValueError for a
    wrong URL, PoolerInTheWay for a pooler, RuntimeError when connected already, and DatabaseAway when the database does
    not answer.
    """
    global _context, _dialect
    if _context is not None:
        raise RuntimeError("Already connected to a database: close() first.")
    context = TortoiseContext()
    connections = {db_migrator.CONNECTION: db_engines.settings_of(url, pool_size)}
    config = {"connections": connections, "apps": db_migrator.apps_config(models, migrations)}
    with context:
        await context.init(config=config, use_tz=True, timezone="UTC", _enable_global_fallback=True)
    _context = context
    _dialect = cast(Dialect, connection().capabilities.dialect)
    db_availability.ROUND.is_told = not must_answer
    try:
        await fetch("SELECT 1")
    except BaseException as error:
        if must_answer or not isinstance(error, DatabaseAway):
            await close()
            raise
    db_availability.ROUND.is_told = True


async def close() -> None:
    """Close the connections. Does nothing when there are none."""
    global _context, _dialect
    if _context is None:
        return
    context, _context, _dialect = _context, None, None
    db_availability.ROUND.is_told = False
    await context.close_connections()
    # Tortoise keeps ready-made INSERTs per connection name, whatever the engine behind the name.
    EXECUTOR_CACHE.clear()


def connection() -> BaseDBAsyncClient:
    """The current task's transaction, or the connection outside of one."""
    # As Tortoise's `get_connection`, which imports this at each call.
    return require_context().connections.get(db_migrator.CONNECTION)


def dialect() -> Dialect:
    """The engine's of this process."""
    return _dialect or cast(Dialect, connection().capabilities.dialect)


async def now() -> datetime:
    """The database's clock, in UTC and whole milliseconds. It runs on within a transaction."""
    return clock_of((await fetch(f"SELECT {CLOCK[dialect()]} AS now"))[0]["now"])


#: What `now` asks, for a statement that reads something else too; `clock_of` makes a time of the answer. As times are
#: stored, so a statement may write it as well.
CLOCK: Mapping[Dialect, str] = {
    "postgres": times.postgres_cut("clock_timestamp()"),
    "sqlite": times.sqlite_clock(),
}


def clock_of(fetched: datetime | str) -> datetime:
    """The database's clock, out of a statement that asked it."""
    return as_datetime(fetched)


async def fetch(sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Rows of one statement (also of UPDATE … RETURNING) in the current transaction.

    Placeholders are `$1`, `$2` … on both engines; UUID and aware datetime parameters are compared rightly
    on both. Results are as the driver gives them: SQLite returns UUIDs and datetimes as text and booleans
    as 0 and 1; see `as_uuid` and `as_datetime`.
    """
    client = connection()
    query = _numbered_for_sqlite(sql) if client.capabilities.dialect == "sqlite" else sql
    return await client.execute_query_dict(query, list(params))


async def read(
    sql: str, params: Sequence[Any] = (), *, timeout_s: float | None = None
) -> Sequence[Mapping[str, Any]]:
    """As `fetch`, for a plain SELECT: none that locks, or calls what has an effect. It needs no transaction to begin.

    A server that does not answer within `timeout_s` is taken for dead, where that is sooner than for any statement.
    """
    client = connection()
    if isinstance(client, PostgresTransaction | db_engines.Postgres):
        rows: Sequence[Mapping[str, Any]] = await client.read(sql, params, timeout_s)
        return rows
    return await fetch(sql, params)


async def write_last(sql: str, params: Sequence[Any] = ()) -> None:
    """One statement, after which nothing is written before the transaction ends: often it is one by itself."""
    client = connection()
    if isinstance(client, PostgresTransaction):
        await client.write_last(sql, params)
    else:
        await client.execute_insert(sql, list(params))


async def fetch_row(sql: str, params: Sequence[Any] = ()) -> Sequence[Any]:
    """The only row of one SELECT, by position, in the current transaction. For statements made for this very engine.

    Placeholders are the engine's own (`$1` or `?1`), and nothing is converted on the way in or out.
    """
    client = connection()
    client.log.debug("%s: %s", sql, params)
    if isinstance(client, db_engines.Postgres):
        return await client.fetch_row(sql, params)
    async with client.acquire_connection() as raw:
        if client.capabilities.dialect == "postgres":
            return cast(Sequence[Any], await raw.fetchrow(sql, *params))
        return cast(Sequence[Any], (await raw.execute_fetchall(sql, params))[0])


async def fetch_rows(sql: str, params: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
    """As `fetch_row`, for a SELECT of any number of rows."""
    client = connection()
    client.log.debug("%s: %s", sql, params)
    async with client.acquire_connection() as raw:
        if client.capabilities.dialect == "postgres":
            return cast(Sequence[Sequence[Any]], await raw.fetch(sql, *params))
        return cast(Sequence[Sequence[Any]], await raw.execute_fetchall(sql, params))


is_race = db_errors.is_race
LOOK_UP_S = db_connections.LOOK_UP_S
is_away = db_availability.is_away
reason_of = db_availability.reason_of
MigrationBlocked = db_locks.MigrationBlocked
PoolerInTheWay = db_addresses.PoolerInTheWay


def as_uuid(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def as_datetime(value: datetime | str) -> datetime:
    """A fetched timestamp in UTC, from either engine."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


_APART_OR_PLACEHOLDER = re.compile(r"""'[^']*'|"[^"]*"|--[^\n]*|/\*.*?\*/|\$(\d+)""", re.DOTALL)


@lru_cache(maxsize=2048)
def _numbered_for_sqlite(sql: str) -> str:
    return _APART_OR_PLACEHOLDER.sub(lambda m: f"?{m[1]}" if m[1] else m[0], sql)


async def migrate() -> list[str]:
    """Apply the pending migrations, one transaction each, and return their names.

    Processes that start at once wait for each other. Call it before serving: on SQLite the foreign keys
    are off meanwhile. An error leaves the database as before the migration that failed; of one that only makes indexes,
    which PostgreSQL does without a transaction, those that were made stay. Raises MigrationBlocked if others hold for two
    minutes (for indexes: ten) what it must lock; they can write meanwhile.
    """
    return await db_migrator.migrate(connection(), _apps_config())


async def pending() -> list[str]:
    """Names of the migrations that this database has not seen. Writes nothing."""
    return await db_migrator.pending(connection(), _apps_config())


async def drift(models: str = MODELS, migrations: str = MIGRATIONS) -> list[str]:
    """What the models say and no migration does, in words. Needs no connection, writes nothing."""
    return await db_migrator.drift(models, migrations)


async def make_migration(name: str, models: str = MODELS, migrations: str = MIGRATIONS) -> Path | None:
    """Write the next numbered migration for what `drift` finds. None if there is nothing to do.

    New indexes of tables that stand already come last, in one without a transaction: call it until it answers None.
    """
    return await db_migrator.make_migration(name, models, migrations)


def _apps_config() -> dict[str, dict[str, Any]]:
    if _context is None or _context.apps is None:
        raise RuntimeError("Not connected to a database: connect() first.")
    return _context.apps._config
