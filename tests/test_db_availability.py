"""What of a database's errors says that it is away, and what becomes of it."""

import asyncio
import errno
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg
import pytest
from asyncpg.exceptions import InternalClientError
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError
from tortoise.transactions import in_transaction

from app import db, db_availability
from app.db_availability import ASKING, SENTENCE, SENTENCE_OF_COMMIT, Round
from app.errors import DatabaseAway, Exhausted
from tests.db_models.league import MODELS

AWAY: list[Exception] = [
    ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
    FileNotFoundError(errno.ENOENT, "no socket"),
    TimeoutError("connecting"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.InterfaceError("connection is closed"),
    InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CrashShutdownError("terminating connection"),
    asyncpg.DiskFullError("could not extend file"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.InvalidCatalogNameError('database "divize" does not exist'),
    asyncpg.InvalidPasswordError("password authentication failed"),
    TransactionManagementError(asyncpg.ReadOnlySQLTransactionError("read-only")),
    OperationalError(sqlite3.OperationalError("unable to open database file")),
    OperationalError(sqlite3.OperationalError("disk I/O error")),
    OperationalError(sqlite3.OperationalError("database or disk is full")),
    OperationalError(sqlite3.OperationalError("attempt to write a readonly database")),
    DatabaseAway(SENTENCE),
]
PRESENT: list[Exception] = [
    asyncpg.UniqueViolationError("duplicate key"),
    asyncpg.DeadlockDetectedError("deadlock"),
    asyncpg.QueryCanceledError("statement timeout"),
    asyncpg.LockNotAvailableError("lock timeout"),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    asyncpg.UndefinedTableError("no such table"),
    OperationalError(sqlite3.OperationalError("database is locked")),
    TransactionManagementError(sqlite3.OperationalError("database is locked")),
    OperationalError(sqlite3.OperationalError("no such table: teams")),
    IntegrityError(sqlite3.IntegrityError("UNIQUE constraint failed")),
    TransactionManagementError("Transaction already finalised"),
    ValueError("away"),
]


@pytest.fixture(autouse=True)
def round_(monkeypatch: pytest.MonkeyPatch) -> Round:
    """One of the test's own."""
    round_ = Round()
    monkeypatch.setattr(db_availability, "ROUND", round_)
    return round_


@pytest.mark.parametrize("error", AWAY, ids=repr)
def test_a_database_that_cannot_be_asked_is_away(error: Exception) -> None:
    assert db.is_away(error) and not db.is_race(error)


@pytest.mark.parametrize("error", PRESENT, ids=repr)
def test_a_database_that_refuses_a_statement_is_not_away(error: Exception) -> None:
    assert not db.is_away(error)


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_connection_that_breaks_before_the_commit_says_nothing_of_it(league: str) -> None:
    with pytest.raises(DatabaseAway) as refusal:
        await _transact(_write, lambda: db.fetch("SELECT pg_terminate_backend(pg_backend_pid())"))

    assert str(refusal.value) == SENTENCE
    assert refusal.value.extensions == {"retryAfterSeconds": DatabaseAway.RETRY_AFTER_S}


@pytest.mark.parametrize("engine", ["postgres"])
async def test_of_a_commit_that_is_not_answered_nobody_claims_that_nothing_was_written(league: str) -> None:
    with pytest.raises(DatabaseAway) as refusal:
        await _transact(_write, lambda: _cut_off(league))

    assert str(refusal.value) == SENTENCE_OF_COMMIT


@pytest.mark.parametrize("engine", ["postgres"])
async def test_nor_of_a_write_that_is_a_transaction_by_itself(league: str) -> None:
    with pytest.raises(DatabaseAway) as refusal:
        await _transact(
            lambda: db.read("SELECT 1"),
            lambda: _cut_off(league),
            lambda: db.write_last("UPDATE teams SET city = 'Brno'"),
        )

    assert str(refusal.value) == SENTENCE_OF_COMMIT


async def test_an_error_of_the_block_is_nobody_else_s(league: str, round_: Round) -> None:
    with pytest.raises(ConnectionRefusedError):
        async with in_transaction():
            raise ConnectionRefusedError("the mail server's")

    assert round_.began_at is None


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_full_disk_refuses_what_is_written_and_undoes_it(league: str) -> None:
    pages = (await db.fetch("PRAGMA page_count"))[0]["page_count"]
    await db.fetch(f"PRAGMA max_page_count={pages}")

    with pytest.raises(DatabaseAway) as refusal:
        async with in_transaction():
            await db.fetch("UPDATE teams SET city = 'Praha', motto = $1", ["Slavia" * 100_000])

    assert str(refusal.value) == SENTENCE
    assert db_availability.reason_of(refusal.value).endswith("database or disk is full")
    assert [row["city"] for row in await db.fetch("SELECT city FROM teams")] == ["Brno"]


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_database_that_cannot_be_opened_is_away(tmp_path: Any, engine: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DatabaseAway):
        await db.connect(f"sqlite://{tmp_path / 'folder'}", models=MODELS)


async def _transact(*steps: Callable[[], Awaitable[Any]]) -> None:
    async with in_transaction():
        for step in steps:
            await step()


async def _write() -> None:
    await db.fetch("UPDATE teams SET city = 'Praha'")


async def _cut_off(url: str) -> None:
    """Ends the other connections to this database, and waits until they have noticed."""
    other = await asyncpg.connect(url)
    try:
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await other.close()


@pytest.mark.parametrize("engine", ["postgres"])
async def test_what_is_no_primary_any_more_is_not_lent_again(league: str) -> None:
    await db.close()
    await db.connect(league, models=MODELS, pool_size=3)
    await db.fetch("SELECT set_config('default_transaction_read_only', 'on', false)")

    with pytest.raises(DatabaseAway):
        await db.fetch("UPDATE teams SET city = 'Praha'")

    await db.fetch("UPDATE teams SET city = 'Praha'")


@pytest.mark.parametrize("is_away", [False, True])
def test_a_crowd_before_a_database_that_is_away_is_told_that(round_: Round, is_away: bool) -> None:
    round_.began_at = 1.0 if is_away else None

    with pytest.raises(DatabaseAway if is_away else Exhausted), ASKING:
        raise Exhausted("None was free in time.")


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_commit_that_the_server_made_a_rollback_is_no_success(league: str) -> None:
    """A statement failed, somebody went on, and PostgreSQL answers COMMIT with ROLLBACK and no error."""

    async def go_on_after_an_error() -> None:
        async with in_transaction():
            await db.fetch("UPDATE teams SET city = 'Praha'")
            with suppress(OperationalError):
                await db.fetch("SELECT no_such_column FROM teams")

    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        await go_on_after_an_error()

    assert [row["city"] for row in await db.fetch("SELECT city FROM teams")] == ["Brno"]


@pytest.mark.parametrize("engine", ["postgres"])
async def test_many_who_are_the_first_open_one_pool(league: str) -> None:
    await db.close()
    await db.connect(league, models=MODELS, pool_size=3)
    client: Any = db.connection()
    await client._pool.close()
    client._pool = None  # as in a process that started while the database was away

    await asyncio.gather(*(db.read("SELECT 1") for _ in range(30)))

    (counted,) = await db.fetch(
        "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    assert counted["n"] <= 3
