"""Whether every time that a test left in its database is in whole milliseconds, and written in one way."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import asyncpg

#: Finer than a millisecond; or on SQLite, which compares texts, written otherwise than others of the same moment.
_POSTGRES = "date_trunc('milliseconds', {column}) <> {column}"
_SQLITE = """NOT ({column} GLOB '????-??-?? ??:??:??+00:00' OR
    ({column} GLOB '????-??-?? ??:??:??.???000+00:00' AND substr({column}, 20, 4) <> '.000'))"""

_POSTGRES_COLUMNS = """SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type = 'timestamp with time zone'"""
_SQLITE_COLUMNS = """SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c
    WHERE t.type = 'table' AND c.type = 'TIMESTAMP'"""
#: Tortoise's own, and no row of the application's.
_NOT_OURS = "tortoise_migrations"


def finer_in_sqlite(url: str) -> list[str]:
    """Columns, as `table.column`, of the file with a time that is finer."""
    connection = sqlite3.connect(url.removeprefix("sqlite://"))
    try:
        statement = _statement(connection.execute(_SQLITE_COLUMNS), _SQLITE)
        return [name for (name,) in connection.execute(statement)]
    finally:
        connection.close()


async def finer_in_postgres(url: str) -> list[str]:
    """The same for PostgreSQL."""
    connection = await asyncpg.connect(url)
    try:
        return [row["name"] for row in await (await postgres_statement(connection)).fetch()]
    finally:
        await connection.close()


async def postgres_statement(connection: Any) -> Any:
    """What asks for them, prepared for this connection."""
    rows = await connection.fetch(_POSTGRES_COLUMNS)
    return await connection.prepare(_statement((tuple(row) for row in rows), _POSTGRES))


def _statement(columns: Iterable[tuple[str, str]], finer: str) -> str:
    return " UNION ALL ".join(
        f"SELECT '{table}.{column}' AS name WHERE EXISTS "
        f'(SELECT 1 FROM "{table}" WHERE {finer.format(column=column)})'
        for table, column in columns
        if table != _NOT_OURS
    )
