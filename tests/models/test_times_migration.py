"""Times from before they were kept in milliseconds are cut by a migration: many rows, some at a time, the log's too."""

from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise.exceptions import BaseORMException
from tortoise.fields import DatetimeField
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.transactions import in_transaction

from app import db, db_locks, migration_batches, times
from app.db_editors import PostgresEditor, SqliteEditor
from app.models import Reminder
from tests import factories as make
from tests.databases import Databases
from tests.models.world import all_models, make_world

migration = import_module("migrations.0013_times_in_milliseconds")
AT_ONCE = 100
#: More than two transactions take.
MANY = 2 * AT_ONCE + 45
MULTIPLIED = ("reminders", "audit_entries")
#: A share of before that began and ended in one millisecond.
SHORT = "2021-03-02 09:30:15.99910{}+00:00"

_NUMBERS = f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})"
_NEW_ID = {
    "postgres": "gen_random_uuid()",
    "sqlite": "printf('%08x-0000-4000-8000-%012x', n * 1315423911 % 4294967296, n)",
}
#: Whole seconds written in both ways, and what is finer than a millisecond.
_FINE = {
    "postgres": "{column} + interval '123456 microseconds'",
    "sqlite": "substr({column}, 1, 19) || CASE rowid % 3 WHEN 0 THEN '.123456' WHEN 1 THEN '.000000' ELSE '' END"
    " || '+00:00'",
}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration_batches, "AT_ONCE", AT_ONCE)


async def test_times_of_before_are_cut_and_nothing_else(own_database: str, databases: Databases) -> None:
    world = await make_world()
    await _make_rows_of_before()
    before = await _everything()
    assert await databases.finer_times(own_database) != []

    await _migrate_again()

    after = await _everything()
    short = [row for row in after["lead_shares"].values() if row["valid_from"].year == 2021]
    assert [row["valid_until"] - row["valid_from"] for row in short] == [timedelta(milliseconds=1)]
    for table, rows in before.items():
        expected = {id_: _cut(row) for id_, row in rows.items()}
        if table == "lead_shares":
            expected |= {row["id"]: row for row in short}
        assert after[table] == expected, table
    assert all(len(after[table]) > MANY for table in MULTIPLIED)
    with pytest.raises(BaseORMException, match="append-only"):
        await db.fetch("UPDATE audit_entries SET action = 'nothing'")
    await make.make_reminder(world.me)


#: Of somebody who keeps something of their own beside ours.
_THEIRS = (
    "CREATE TABLE their_visits (visited_at {time})",
    "CREATE TABLE their_log (id INTEGER PRIMARY KEY, at {time} NOT NULL)",
    "INSERT INTO their_visits VALUES ('2026-03-02 09:30:15.123456+00:00')",
    "INSERT INTO their_log VALUES (1, '2026-03-02 09:30:15.123456+00:00')",
)


async def test_tables_of_others_in_the_same_database_are_left_alone(
    own_database: str, databases: Databases
) -> None:
    await make_world()
    await _make_rows_of_before()
    time = "TIMESTAMPTZ" if db.dialect() == "postgres" else "TIMESTAMP"
    for statement in _THEIRS:
        await db.connection().execute_script(statement.format(time=time))

    await _migrate_again()

    assert sorted(await databases.finer_times(own_database)) == ["their_log.at", "their_visits.visited_at"]
    for table in ("their_log", "their_visits"):
        await db.connection().execute_script(f"DROP TABLE {table}")


def test_the_tables_are_those_that_there_were() -> None:
    state = State(models={}, apps=StateApps())
    folder = Path(str(migration.__file__)).parent
    for path in sorted(folder.glob("00*.py")):
        if path.stem < migration.__name__.rpartition(".")[2]:
            for operation in import_module(f"migrations.{path.stem}").Migration.operations:
                operation.state_forward("models", state)

    times_of = {
        model.table: tuple(
            sorted(name for name, each in model.fields.items() if isinstance(each, DatetimeField))
        )
        for model in state.models.values()
    }

    assert {table: names for table, names in times_of.items() if names} == migration.TIMES


class _PowerCut(Exception):
    pass


async def test_one_that_was_interrupted_goes_on(
    own_database: str, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_world()
    await _make_rows_of_before()
    change, calls = migration_batches._Walk._change, 0

    async def until_the_power_went(walk: Any, bounds: Any) -> int:
        nonlocal calls
        calls += walk._name == "reminders"
        if calls == 2:
            raise _PowerCut
        return await change(walk, bounds)

    with monkeypatch.context() as patch:
        patch.setattr(migration_batches._Walk, "_change", until_the_power_went)
        with pytest.raises(_PowerCut):
            await _cut_all()
    whole = [
        row["due_at"] == times.cut(row["due_at"]) for row in await Reminder.all().order_by("id").values()
    ]
    assert all(whole[:AT_ONCE]) and not all(whole[AT_ONCE:])

    await _cut_all()

    assert await databases.finer_times(own_database) == []


@pytest.mark.parametrize("engine", ["postgres"])
async def test_whoever_holds_a_row_keeps_nobody_else_waiting(
    own_database: str, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_world()
    await _make_rows_of_before()
    monkeypatch.setattr(db_locks, "TRIES", 1)
    monkeypatch.setattr(db_locks, "PAUSE_S", 0)
    ids = [row["id"] for row in await Reminder.all().order_by("id").values("id")]
    holder, other = await asyncpg.connect(own_database), await asyncpg.connect(own_database)

    async with holder.transaction():
        await holder.execute("UPDATE reminders SET title = title WHERE id = $1", ids[-1])
        with pytest.raises(db.MigrationBlocked, match="reminders"):
            await _cut_all()
        due_at = await other.fetchval(
            "UPDATE reminders SET title = title WHERE id = $1 RETURNING due_at", ids[0]
        )

    assert due_at == times.cut(due_at)
    await _cut_all()
    assert await databases.finer_times(own_database) == []
    await holder.close()
    await other.close()


def _cut(row: dict[str, Any]) -> dict[str, Any]:
    return {name: times.cut(each) if isinstance(each, datetime) else each for name, each in row.items()}


async def _migrate_again() -> None:
    """What the runner does of a migration that holds nothing else: later ones were applied already."""
    editor: Any = (SqliteEditor if db.dialect() == "sqlite" else PostgresEditor)(db.connection())
    state: Any = None
    assert not migration.Migration.atomic
    [operation] = migration.Migration.operations
    await operation.database_forward("models", state, state, editor)


async def _cut_all() -> None:
    """What the migration does, without finding out that nothing else is to be done."""
    for update in await migration.times_of_all_tables(db.connection()):
        await migration_batches.update_rows(db.connection(), update)


async def _everything() -> dict[str, dict[Any, dict[str, Any]]]:
    return {
        model._meta.db_table: {row["id"]: row for row in await model.all().values()} for model in all_models()
    }


async def _make_rows_of_before() -> None:
    """A row in every table, many in two, all with times as the release before wrote them."""
    updates = await migration.times_of_all_tables(db.connection())
    async with in_transaction() as transaction:
        triggers = await _without_triggers(transaction)
        for table in MULTIPLIED:
            await transaction.execute_script(_multiplied(table))
        for update in updates:
            fine = _FINE[db.dialect()]
            values = ", ".join(f'"{name}" = {fine.format(column=name)}' for name in update.values)
            await transaction.execute_script(f'UPDATE "{update.table}" SET {values}')
        await transaction.execute_script(
            f"""UPDATE lead_shares SET valid_from = '{SHORT.format(1)}', valid_until = '{SHORT.format(2)}'
            WHERE id IN (SELECT id FROM lead_shares ORDER BY id LIMIT 1)"""
        )
        for sql in triggers:
            await transaction.execute_query(sql)


def _multiplied(table: str) -> str:
    [model] = [each for each in all_models() if each._meta.db_table == table]
    columns = [column for column in model._meta.fields_db_projection.values() if column != "id"]
    return (
        f"INSERT INTO {table} (id, {', '.join(columns)}) {_NUMBERS} "
        f"SELECT {_NEW_ID[db.dialect()]}, {', '.join(columns)} "
        f"FROM (SELECT * FROM {table} LIMIT 1) one CROSS JOIN numbers"
    )


async def _without_triggers(transaction: Any) -> list[str]:
    """Nothing is asked within the transaction. What makes the triggers again."""
    if db.dialect() == "postgres":
        await transaction.execute_script("SET LOCAL session_replication_role = replica")
        return []
    rows = await transaction.execute_query_dict("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    for row in rows:
        await transaction.execute_query(f"DROP TRIGGER {row['name']}")
    return [row["sql"] for row in rows]
