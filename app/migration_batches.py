"""Changes of very many rows in a migration: some rows a transaction, so that nobody who writes waits long for any.

Such a migration is not atomic and holds nothing else. One that was interrupted is begun anew, and passes over what was
changed before.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.operations import Operation
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.transactions import in_transaction

from app import db_locks

#: Rows that one transaction looks at, and changes at most.
AT_ONCE = 1_000
CONNECTION = "default"

_log = logging.getLogger(__name__)


class RowUpdate(NamedTuple):
    """What the columns of all rows of a table become: SQL for each. A row that is so already is left alone."""

    table: str
    values: Mapping[str, str]


class UpdateInBatches(Operation):
    """`updates` tells which, asked when the migration runs. Triggers of these tables are not asked: it takes their owner."""

    def __init__(self, updates: Callable[[BaseDBAsyncClient], Awaitable[Iterable[RowUpdate]]]) -> None:
        self.updates = updates

    def state_forward(self, app_label: str, state: State) -> None:
        """Rows only."""

    async def database_forward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        if state_editor is not None:
            for update in await self.updates(state_editor.client):
                await update_rows(state_editor.client, update)

    async def database_backward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Nobody knows what it was before."""


async def update_rows(client: BaseDBAsyncClient, update: RowUpdate) -> None:
    """Outside of any transaction. Raises MigrationBlocked if others hold some of the rows for long."""
    rows = await _Walk(client, update).through()
    _log.info("Changed %d rows of %s", rows, update.table)


class _Walk:
    """Through one table by its key, `id`."""

    def __init__(self, client: BaseDBAsyncClient, update: RowUpdate) -> None:
        self._client = client
        self._name, self._table = update.table, f'"{update.table}"'
        self._is_sqlite = client.capabilities.dialect == "sqlite"
        differs = "IS NOT" if self._is_sqlite else "IS DISTINCT FROM"
        self._set = ", ".join(f'"{name}" = {value}' for name, value in update.values.items())
        self._is_due = " OR ".join(f'"{name}" {differs} {value}' for name, value in update.values.items())

    async def through(self) -> int:
        """How many rows were changed."""
        rows, last, is_last = 0, None, False
        while not is_last:
            upto = await self._end(last)
            is_last = upto is None
            bounds = _bounds(last, upto)
            if await self._is_anything_due(bounds):
                change = partial(self._change, bounds)
                rows += await db_locks.insist(f"of {self._name}", change, is_atomic=True)
            last = upto
        return rows

    async def _end(self, after: Any) -> Any:
        """The last key of the next portion; None for what is left."""
        where, keys = self._where(_bounds(after, None))
        sql = f"SELECT id FROM {self._table} WHERE {where} ORDER BY id LIMIT 1 OFFSET {AT_ONCE - 1}"  # noqa: S608
        found = await self._client.execute_query_dict(sql, keys)
        return found[0]["id"] if found else None

    async def _is_anything_due(self, bounds: Mapping[str, Any]) -> bool:
        where, keys = self._where(bounds)
        sql = f"SELECT 1 FROM {self._table} WHERE {where} AND ({self._is_due}) LIMIT 1"  # noqa: S608
        return bool(await self._client.execute_query_dict(sql, keys))

    async def _change(self, bounds: Mapping[str, Any]) -> int:
        where, keys = self._where(bounds)
        sql = f"UPDATE {self._table} SET {self._set} WHERE {where} AND ({self._is_due})"  # noqa: S608
        async with in_transaction(CONNECTION) as transaction, self._triggers_off(transaction):
            changed, _ = await transaction.execute_query(sql, keys)
        return changed

    def _where(self, bounds: Mapping[str, Any]) -> tuple[str, list[Any]]:
        mark = "?" if self._is_sqlite else "$"
        conditions = [f"id {bound} {mark}{place}" for place, bound in enumerate(bounds, 1)]
        return " AND ".join(conditions) or "TRUE", list(bounds.values())

    @asynccontextmanager
    async def _triggers_off(self, transaction: BaseDBAsyncClient) -> AsyncIterator[None]:
        """For nobody but this transaction: who writes to the table meanwhile waits for its end, and is asked."""
        if self._is_sqlite:
            off, on = await self._sqlite_triggers(transaction)
        else:
            off, on = await self._postgres_triggers(transaction)
        for statement in off:
            await transaction.execute_query(statement)
        yield
        for statement in on:
            await transaction.execute_query(statement)

    async def _sqlite_triggers(self, transaction: BaseDBAsyncClient) -> tuple[Sequence[str], Sequence[str]]:
        sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
        rows = await transaction.execute_query_dict(sql, [self._name])
        return [f'DROP TRIGGER "{row["name"]}"' for row in rows], [row["sql"] for row in rows]

    async def _postgres_triggers(self, transaction: BaseDBAsyncClient) -> tuple[Sequence[str], Sequence[str]]:
        sql = """SELECT tgname AS name FROM pg_trigger
            WHERE tgrelid = to_regclass(quote_ident($1)) AND NOT tgisinternal AND tgenabled = 'O'"""
        rows = await transaction.execute_query_dict(sql, [self._name])
        altered = [f'ALTER TABLE {self._table} {{}} TRIGGER "{row["name"]}"' for row in rows]
        return [each.format("DISABLE") for each in altered], [each.format("ENABLE") for each in altered]


def _bounds(after: Any, upto: Any) -> dict[str, Any]:
    return {bound: key for bound, key in ((">", after), ("<=", upto)) if key is not None}
