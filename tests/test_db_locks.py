"""Migrating while the application writes: nobody waits long for a migration, and it ends (case 136 of the threat model)."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise.migrations.operations import AddIndex

from app import db, db_locks
from app.ids import uuid7
from tests.db_models.league import CHANGED, INDEXED, MODELS, ROOT, run_process

#: No one of the waits below is so long unless something hangs.
PATIENCE_S = 20
BY_JOINING = "players (joined_at, number)"
BY_NUMBER = "players (number) WHERE (number > 1)"
BY_MOTTO = "teams (motto)"

on_postgres = pytest.mark.parametrize("engine", ["postgres"])
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"])


@asynccontextmanager
async def _writing(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Somebody within a transaction that wrote to both tables."""
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("UPDATE teams SET score = score + 1")
    await connection.execute("UPDATE players SET is_captain = is_captain")
    try:
        yield connection
        await transaction.commit()
    finally:
        await connection.close()


async def _until(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():
            await asyncio.sleep(0.01)


async def _connect(url: str, migrations: str) -> None:
    await db.close()
    await db.connect(url, models=MODELS, migrations=migrations)


async def _valid_indexes() -> set[str]:
    rows = await db.fetch(
        "SELECT indrelid::regclass || substring(pg_get_indexdef(indexrelid) FROM ' \\(.*') AS made FROM pg_index "
        "WHERE indrelid IN ('players'::regclass, 'teams'::regclass) AND indisvalid"
    )
    return {row["made"] for row in rows} & {BY_JOINING, BY_NUMBER, BY_MOTTO}


def _written(folder: Path, body: str) -> str:
    """A package of migrations: the league's first, and one with this body."""
    package = folder / f"written_{uuid7().hex}"
    shutil.copytree(ROOT / "tests/db_models/broken", package)
    (package / "0002_break_midway.py").unlink()
    (package / "0002_next.py").write_text(
        "from tortoise import migrations\nfrom tortoise.migrations import operations as ops\n\n\n"
        f"class Migration(migrations.Migration):\n    dependencies = [('models', '0001_initial')]\n{body}\n"
    )
    return package.name


# Tables


@on_postgres
async def test_writers_go_on_while_a_migration_waits_for_a_table(league: str) -> None:
    await _connect(league, CHANGED)
    watcher = await asyncpg.connect(league)
    waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"

    async with _writing(league):
        migrating = asyncio.create_task(db.migrate())
        for _ in range(3):
            await _until(lambda: watcher.fetchval(waits))
            add = "INSERT INTO teams (id, name, city, motto, score) VALUES ($1, $2, 'Brno', 'x', 1)"
            await asyncio.wait_for(watcher.execute(add, uuid7(), str(uuid7())), PATIENCE_S)
        assert not migrating.done()

    assert await asyncio.wait_for(migrating, PATIENCE_S) == ["0002_change_everything"]
    assert len(await db.fetch("SELECT code FROM teams")) == 4
    await watcher.close()


@on_postgres
async def test_a_migration_that_never_gets_its_locks_says_so_and_leaves_everything(
    league: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db_locks, "TRIES", 2)
    monkeypatch.setattr(db_locks, "PAUSE_S", 0)
    await _connect(league, CHANGED)

    async with _writing(league):
        with pytest.raises(
            db.MigrationBlocked, match=r"0002_change_everything was tried 2 times .* pg_stat_activity"
        ):
            await db.migrate()

    assert await db.pending() == ["0002_change_everything"]
    assert await db.migrate() == ["0002_change_everything"]


@on_postgres
async def test_limits_of_the_applications_statements_do_not_hold_for_migrations(
    league: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = "ops.RunSQL('SELECT pg_sleep(0.3)')"
    name = _written(tmp_path, f"    operations = [{sleep}, {sleep}]")
    monkeypatch.syspath_prepend(tmp_path)
    [database] = (await db.fetch("SELECT current_database() AS name"))[0].values()
    for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        await db.fetch(f'ALTER DATABASE "{database}" SET {limit} = 100')
    await _connect(league, name)

    assert await db.migrate() == ["0002_next"]


@on_sqlite
async def test_another_process_that_writes_is_waited_for(
    league: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db_locks, "PAUSE_S", 0.05)
    await _connect(league, CHANGED)
    await db.fetch("PRAGMA busy_timeout = 20")
    writer = sqlite3.connect(league.removeprefix("sqlite://"), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE teams SET score = 8")

    tried = asyncio.Event()
    monkeypatch.setattr(db_locks._log, "warning", lambda *_: tried.set())
    migrating = asyncio.create_task(db.migrate())
    await asyncio.wait_for(tried.wait(), PATIENCE_S)
    writer.execute("COMMIT")

    assert await asyncio.wait_for(migrating, PATIENCE_S) == ["0002_change_everything"]
    assert await db.fetch("SELECT score FROM teams") == [{"score": 8}]
    writer.close()


# Indexes


@on_postgres
async def test_writers_go_on_while_an_index_is_made(league: str) -> None:
    await _connect(league, INDEXED)
    watcher = await asyncpg.connect(league)

    async with _writing(league) as writer:
        migrating = asyncio.create_task(db.migrate())
        await _until(lambda: _has_unfinished(watcher))
        team = await watcher.fetchval("SELECT id FROM teams")
        add = "INSERT INTO players (id, team_id, number, is_captain, joined_at) VALUES ($1, $2, $3, false, now())"
        for number, connection in enumerate((watcher, writer, watcher), 10):
            await asyncio.wait_for(connection.execute(add, uuid7(), team, number), PATIENCE_S)
        assert not migrating.done()

    assert await asyncio.wait_for(migrating, PATIENCE_S) == ["0002_indexes"]
    assert await _valid_indexes() == {BY_JOINING, BY_NUMBER}
    await watcher.close()


async def _has_unfinished(connection: "asyncpg.Connection[Any]") -> Any:
    return await connection.fetchval("SELECT 1 FROM pg_index WHERE NOT indisvalid")


@on_postgres
async def test_an_interrupted_index_is_made_again(league: str) -> None:
    await _connect(league, INDEXED)
    watcher = await asyncpg.connect(league)
    async with _writing(league):
        migrating = asyncio.create_task(db.migrate())
        await _until(lambda: _has_unfinished(watcher))
        migrating.cancel()
        await asyncio.wait([migrating])
    assert await _has_unfinished(watcher)

    assert await db.migrate() == ["0002_indexes"]

    assert await _valid_indexes() == {BY_JOINING, BY_NUMBER} and not await _has_unfinished(watcher)
    assert (await db.pending(), await db.migrate()) == ([], [])
    await watcher.close()


async def test_two_processes_make_the_same_indexes_one_after_the_other(league: str) -> None:
    await db.close()

    outputs = await asyncio.gather(*(run_process("index", league) for _ in range(2)))

    assert sorted(outputs) == ["", "0002_indexes"]
    await _connect(league, INDEXED)
    assert await db.pending() == []


@on_postgres
async def test_only_indexes_are_made_outside_of_a_transaction(
    league: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = _written(
        tmp_path, "    atomic = False\n    operations = [ops.RunSQL('UPDATE teams SET score = 0')]"
    )
    monkeypatch.syspath_prepend(tmp_path)
    await _connect(league, name)

    with pytest.raises(TypeError, match="belongs into a migration of its own: UPDATE teams"):
        await db.migrate()

    assert await db.fetch("SELECT score FROM teams") == [{"score": 7}]


@on_sqlite
@pytest.mark.parametrize("besides", ["    atomic = True", "    operations.append(ops.RunSQL('SELECT 1'))"])
async def test_what_goes_in_batches_is_alone_in_its_migration(
    league: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, besides: str
) -> None:
    batches = "from app.migration_batches import UpdateInBatches\n    atomic = False\n    operations = [UpdateInBatches(None)]"
    name = _written(tmp_path, f"    {batches}\n{besides}")
    monkeypatch.syspath_prepend(tmp_path)
    await _connect(league, name)

    with pytest.raises(TypeError, match="the only operation of its migration"):
        await db.migrate()


#: Made before anybody had an installation with rows in it.
FIRST_MIGRATIONS = "0005"


def test_no_migration_makes_an_index_of_a_standing_table_within_a_transaction() -> None:
    names = sorted(path.stem for path in (ROOT / "migrations").glob("0*.py"))
    later = [name for name in names if name[:4] > FIRST_MIGRATIONS]
    found = {name: import_module(f"migrations.{name}").Migration for name in later}

    blocking = [
        name
        for name, migration in found.items()
        if migration.atomic and any(isinstance(each, AddIndex) for each in migration.operations)
    ]

    assert later and blocking == []
