"""The migration runner. Call it through `app.db`; never run Tortoise's own `migrate`.

Tortoise's loader, planner, autodetector and writer serve as they are. Ours are the schema editors, the
transaction that holds a migration together with the record of it, and the lock between processes.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import TortoiseContext
from tortoise.exceptions import IntegrityError
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import AddIndex, CreateModel, RunSQL
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.writer import MigrationWriter, format_migration_name
from tortoise.transactions import in_transaction

from app import db_locks
from app.db_editors import PostgresEditor, SqliteEditor
from app.db_engines import Sqlite
from app.migration_batches import UpdateInBatches

CONNECTION = "default"
APP = "models"

_RECORDS = "tortoise_migrations"

_log = logging.getLogger(__name__)

AppsConfig = dict[str, dict[str, Any]]


def apps_config(models: str, migrations: str) -> AppsConfig:
    return {APP: {"models": [models], "default_connection": CONNECTION, "migrations": migrations}}


async def migrate(client: BaseDBAsyncClient, apps: AppsConfig) -> list[str]:
    async with db_locks.alone(client):
        return await _Migrator(client, apps).apply_pending()


async def pending(client: BaseDBAsyncClient, apps: AppsConfig) -> list[str]:
    migrator = _Migrator(client, apps)
    await migrator.loader.build_graph()
    return [migration.name for migration in migrator.after(await migrator.applied())]


class _Migrator(MigrationExecutor):
    async def apply_pending(self) -> list[str]:
        await self.loader.build_graph()
        await self.recorder.ensure_schema(self._schema_editor())
        applied = await self.applied()
        state = await self._project_state(applied)
        names = []
        async with _foreign_keys_off(self.connection):
            for migration in self.after(applied):
                state = await db_locks.insist(
                    migration.name,
                    partial(self._apply, migration, state),
                    is_atomic=self._is_atomic(migration),
                )
                names.append(migration.name)
        return names

    def after(self, applied: set[MigrationKey]) -> list[Migration]:
        steps = self._migration_plan(None, applied, self.loader.graph)
        return [step.migration for step in steps if not step.backward]

    async def applied(self) -> set[MigrationKey]:
        """Unlike the recorder's, does not take every error for an empty table."""
        if not await _has_table(self.connection, _RECORDS):
            return set()
        rows = await self.connection.execute_query_dict(f"SELECT app, name FROM {_RECORDS}")  # noqa: S608
        return {MigrationKey(app_label=row["app"], name=row["name"]) for row in rows}

    async def _apply(self, migration: Migration, before: State) -> State:
        """The state after it. Migration and record in one transaction, unless it has many or only makes indexes."""
        state = before.clone()
        if not self._is_atomic(migration):
            await self._apply_on(self.connection, migration, state)
            return state
        async with in_transaction(CONNECTION) as transaction:
            await db_locks.limit_waiting(transaction)
            await self._apply_on(transaction, migration, state)
        return state

    def _is_atomic(self, migration: Migration) -> bool:
        """SQLite makes indexes in a transaction too, but not what has many of its own."""
        is_batched = any(isinstance(each, UpdateInBatches) for each in migration.operations)
        if is_batched and (migration.atomic or len(migration.operations) > 1):
            raise TypeError(
                f"UpdateInBatches is the only operation of its migration, with atomic = False; {migration.name} is not so."
            )
        return not is_batched and (migration.atomic or isinstance(self.connection, Sqlite))

    async def _apply_on(self, client: BaseDBAsyncClient, migration: Migration, state: State) -> None:
        editor = self._schema_editor(atomic=migration.atomic)
        editor.client = self.recorder.connection = client
        for operation in migration.operations:
            # Cloning takes nine tenths of the time, and these operations look at the new state only.
            before = state if isinstance(operation, CreateModel | RunSQL) else state.clone()
            operation.state_forward(migration.app_label, state)
            await operation.database_forward(migration.app_label, before, state, editor)
        state.validate_relations_initialized()
        await _check_foreign_keys(client)
        await self.recorder.record_applied(migration.app_label, migration.name)
        _log.info("Applied migration %s", migration.name)

    def _schema_editor(self, atomic: bool = True, collect_sql: bool = False) -> BaseSchemaEditor:
        editor = SqliteEditor if isinstance(self.connection, Sqlite) else PostgresEditor
        return editor(self.connection, atomic=atomic, collect_sql=collect_sql)


async def _has_table(client: BaseDBAsyncClient, table: str) -> bool:
    if isinstance(client, Sqlite):
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    else:
        query = "SELECT 1 WHERE to_regclass($1) IS NOT NULL"
    return bool(await client.execute_query_dict(query, [table]))


@asynccontextmanager
async def _foreign_keys_off(client: BaseDBAsyncClient) -> AsyncIterator[None]:
    """On SQLite, where rebuilding a table would delete its children. The pragma works outside transactions only."""
    if not isinstance(client, Sqlite):
        yield
        return
    await client.execute_query("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        await client.execute_query("PRAGMA foreign_keys=ON")


async def _check_foreign_keys(client: BaseDBAsyncClient) -> None:
    if client.capabilities.dialect != "sqlite":
        return
    broken = await client.execute_query_dict("PRAGMA foreign_key_check")
    if broken:
        links = sorted({f"{row['table']} → {row['parent']}" for row in broken})
        raise IntegrityError(f"{len(broken)} rows would point nowhere: {', '.join(links)}")


async def drift(models: str, migrations: str) -> list[str]:
    operations = [
        operation for writer in await _changes(models, migrations) for operation in writer.operations
    ]
    return [operation.describe() for operation in operations]


async def make_migration(name: str, models: str, migrations: str) -> Path | None:
    for writer in await _changes(models, migrations):
        number = int(writer.name.split("_", 1)[0])
        writer.name = format_migration_name(number, name)
        others = [operation for operation in writer.operations if not isinstance(operation, AddIndex)]
        writer.operations = others or writer.operations
        path = writer.write()
        if not others:
            _leave_without_transaction(path)
        return path
    return None


def _leave_without_transaction(path: Path) -> None:
    operations = "    operations = ["
    path.write_text(path.read_text().replace(operations, f"    atomic = False\n\n{operations}", 1))


async def _changes(models: str, migrations: str) -> list[MigrationWriter]:
    """Compares models with migrations in a context of its own, which never connects."""
    apps = apps_config(models, migrations)
    context = TortoiseContext()
    config = {"connections": {CONNECTION: "sqlite://:memory:"}, "apps": apps}
    await context.init(config=config, init_connections=False)
    if context.apps is None:
        raise RuntimeError(f"No models in {models!r}")
    return await MigrationAutodetector(context.apps, apps).changes()
