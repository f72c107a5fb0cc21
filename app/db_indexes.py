"""Indexes on PostgreSQL, made and dropped while the application writes: CONCURRENTLY, outside of any transaction.

What was interrupted leaves an index behind that no plan uses and every write pays for: it is dropped and made again.
"""

import re
from typing import Any

from app.db_engines import Postgres

_MADE = re.compile(r'CREATE (UNIQUE )?INDEX (?:IF NOT EXISTS )?"([^"]+)" (ON .+)', re.DOTALL)
_DROPPED = re.compile(r'DROP INDEX (?:IF EXISTS )?"([^"]+)"')
#: It keeps nobody waiting, and waits itself until every transaction is over that began before.
_PATIENCE = "SET lock_timeout = '30s'; SET statement_timeout = 0"


async def run(client: Postgres, sql: str) -> None:
    """Makes or drops one index, unless that was done. Raises TypeError for any other statement.

    Raises the driver's LockNotAvailableError if a transaction does not end within 30 s; it can be run again.
    """
    statement = sql.strip().rstrip(";")
    made, dropped = _MADE.fullmatch(statement), _DROPPED.fullmatch(statement)
    if not made and not dropped:
        raise TypeError(
            "A migration without a transaction (atomic = False) makes and drops indexes, since each of them can be made "
            f"again if it was interrupted. This cannot, and belongs into a migration of its own: {statement[:100]}"
        )
    connection = await client.connect_apart()
    try:
        await connection.execute(_PATIENCE)
        if made:
            await _make(
                connection, made[2], f'CREATE {made[1] or ""}INDEX CONCURRENTLY "{made[2]}" {made[3]}'
            )
        elif dropped:
            await _drop(connection, dropped[1])
    finally:
        await connection.close()


async def _make(connection: Any, name: str, sql: str) -> None:
    is_valid = await connection.fetchval(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(quote_ident($1))", name
    )
    if is_valid:
        return
    if is_valid is not None:
        await _drop(connection, name)
    await connection.execute(sql)


async def _drop(connection: Any, name: str) -> None:
    await connection.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
