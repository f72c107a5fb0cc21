import asyncio
import re
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

from app import db
from app.errors import DatabaseAway, Locked
from tests.db_models.league import CREATED, JOINED_AT, MODELS, run_process
from tests.db_models.models import Player
from tests.db_models.process import TRANSACTIONS


@pytest.mark.parametrize(
    "url",
    [
        "mysql://root@localhost/crm",
        "sqlite://relative.db",
        "sqlite:////no/such/folder/a.db",
        "postgres://a/b?x=1",
    ],
)
async def test_a_wrong_url_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match=r"mysql|relative\.db|folder|x"):
        await db.connect(url)


async def test_a_process_has_one_database(league: str) -> None:
    with pytest.raises(RuntimeError, match="Already connected"):
        await db.connect(league)


async def test_the_clock_is_the_database_s_and_in_utc(league: str) -> None:
    before = datetime.now(UTC)
    async with in_transaction():
        first = await db.now()
        await asyncio.sleep(0.002)
        second = await db.now()

    assert first.tzinfo is UTC and first < second
    assert before - timedelta(milliseconds=1) <= first and second <= datetime.now(UTC)


async def test_raw_sql_is_the_same_on_both_engines(league: str) -> None:
    team = await db.fetch("SELECT id FROM teams")
    in_prague = JOINED_AT.astimezone(timezone(timedelta(hours=1)))

    rows = await db.fetch(
        "SELECT joined_at, /* a team's */ team_id, '$1' AS text FROM players WHERE number = $2 AND joined_at <= $1 AND team_id = $3",
        [in_prague, 2, db.as_uuid(team[0]["id"])],
    )

    assert [(db.as_datetime(r["joined_at"]), r["team_id"], r["text"]) for r in rows] == [
        (JOINED_AT, team[0]["id"], "$1")
    ]
    assert await db.fetch("UPDATE players SET number = 9 WHERE number = $1 RETURNING number", [2]) == [
        {"number": 9}
    ]
    assert await Player.filter(joined_at=in_prague).count() == 2


async def test_writing_processes_wait_for_each_other(blank_url: str) -> None:
    await db.connect(blank_url, models=MODELS, migrations=CREATED)
    await db.fetch("CREATE TABLE counters (id INT PRIMARY KEY, number INT NOT NULL)")
    await db.fetch("INSERT INTO counters VALUES (1, 0)")
    await db.fetch("CREATE TABLE writers (id INT)")

    await asyncio.gather(run_process("write", blank_url), run_process("write", blank_url))

    assert await db.fetch("SELECT number FROM counters") == [{"number": 2 * TRANSACTIONS}]


async def test_a_cancelled_transaction_leaves_nothing_behind(league: str) -> None:
    await db.close()
    await db.connect(league, models=MODELS, pool_size=1)

    async def rename() -> None:
        async with in_transaction():
            await db.fetch("UPDATE teams SET city = 'Praha'")
            await asyncio.Event().wait()

    for delay in (0, 0.0001, 0.0003, 0.001, 0.01):
        task = asyncio.create_task(rename())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async with in_transaction():
        assert await db.fetch("SELECT city FROM teams") == [{"city": "Brno"}]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=False)
async def test_a_transaction_that_cannot_begin_does_not_block_the_next(
    league: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await db.fetch("PRAGMA busy_timeout=1")
    other = sqlite3.connect(league.removeprefix("sqlite://"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Locked):
        async with in_transaction():
            raise AssertionError("two writers at once")
    other.close()

    async with in_transaction():
        assert len(await db.fetch("SELECT 1 FROM teams")) == 1


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_only_its_owner_may_read_the_file(league: str) -> None:
    path = Path(league.removeprefix("sqlite://"))
    files = list(path.parent.glob(f"{path.name}*"))

    assert len(files) >= 3 and {file.stat().st_mode & 0o077 for file in files} == {0}


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_connection_goes_back_to_the_pool_without_a_query(league: str) -> None:
    await db.close()
    await db.connect(league, models=MODELS, pool_size=1)
    sent: list[str] = []
    async with db.connection().acquire_connection() as connection:
        connection.add_query_logger(lambda record: sent.append(record.query))

    await db.fetch("SELECT 1")
    async with in_transaction():
        await db.fetch("SELECT 2")

    await asyncio.sleep(0)  # asyncpg tells of a query in the loop's next turn
    assert sent == ["SELECT 1", "BEGIN;", "SELECT 2", "COMMIT;"]


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_transaction_begins_with_its_first_statement_that_is_not_only_read(league: str) -> None:
    await db.close()
    await db.connect(league, models=MODELS, pool_size=1)
    sent: list[str] = []
    async with db.connection().acquire_connection() as connection:
        connection.add_query_logger(lambda record: sent.append(record.query))

    async with in_transaction():
        await db.read("SELECT 1")
    async with in_transaction():
        await db.read("SELECT 2")
        await db.write_last("UPDATE teams SET city = 'Praha'")
    async with in_transaction():
        await db.read("SELECT 3")
        await db.fetch("UPDATE teams SET city = 'Plzeň'")
        await db.read("SELECT 4")
        await db.write_last("UPDATE teams SET city = 'Olomouc'")

    await asyncio.sleep(0)
    alone = ["SELECT 1", "SELECT 2", "UPDATE teams SET city = 'Praha'"]
    begun = ["UPDATE teams SET city = 'Plzeň'", "SELECT 4", "UPDATE teams SET city = 'Olomouc'"]
    assert sent == [*alone, "SELECT 3", "BEGIN;", *begun, "COMMIT;"]
    assert await db.fetch("SELECT city FROM teams") == [{"city": "Olomouc"}]


async def transact(*statements: tuple[Any, str]) -> None:
    async with in_transaction():
        for run, sql in statements:
            await run(sql)


@pytest.mark.parametrize("last", [db.write_last, db.fetch])
@pytest.mark.parametrize("first", [db.read, db.fetch])
async def test_nothing_is_left_of_a_transaction_that_failed(league: str, first: Any, last: Any) -> None:
    begun, renamed = (first, "SELECT 1"), (db.fetch, "UPDATE teams SET city = 'Praha'")

    with pytest.raises(OperationalError):
        await transact(begun, renamed, (last, "UPDATE nowhere SET city = 'Praha'"))
    with pytest.raises(OperationalError):
        await transact(begun, (last, "UPDATE teams SET city = no_such_function()"))

    assert await db.fetch("SELECT city FROM teams") == [{"city": "Brno"}]


async def fail_after_an_inner_transaction() -> None:
    async with in_transaction():
        await db.read("SELECT 1")
        async with in_transaction():
            await db.fetch("UPDATE teams SET city = 'Praha'")
        raise RuntimeError


async def test_an_inner_transaction_is_undone_with_the_outer_one(league: str) -> None:
    with pytest.raises(RuntimeError):
        await fail_after_an_inner_transaction()

    assert await db.fetch("SELECT city FROM teams") == [{"city": "Brno"}]


@pytest.mark.parametrize("engine", ["postgres"])
async def test_each_statement_sees_what_was_committed_before_it(league: str) -> None:
    assert await db.fetch("SHOW transaction_isolation") == [{"transaction_isolation": "read committed"}]


@pytest.mark.parametrize("engine", ["postgres"])
async def test_what_was_left_open_is_rolled_back_before_the_next_one_gets_the_connection(league: str) -> None:
    await db.close()
    await db.connect(league, models=MODELS, pool_size=1)
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    async with db.connection().acquire_connection() as connection:
        await connection.execute("BEGIN; UPDATE teams SET city = 'Praha'")

    assert await db.fetch("SELECT city FROM teams") == [{"city": "Brno"}]


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_connection_that_was_lost_is_replaced(league: str) -> None:
    await db.close()
    await db.connect(league, models=MODELS, pool_size=1)

    for _ in range(3):
        with pytest.raises(DatabaseAway):
            await transact((db.fetch, "SELECT pg_terminate_backend(pg_backend_pid())"))

        async with in_transaction():
            assert await db.fetch("SELECT 1 AS one") == [{"one": 1}]


@pytest.mark.parametrize("engine", ["postgres"])
async def test_whoever_waits_for_a_connection_gets_it_when_it_comes_back(league: str) -> None:
    await db.close()
    await db.connect(league, models=MODELS, pool_size=2)

    async def work(number: int) -> int:
        async with in_transaction():
            await db.fetch("UPDATE teams SET city = 'Praha'")
            return int((await db.fetch("SELECT $1::int AS number", [number]))[0]["number"])

    assert await asyncio.gather(*map(work, range(50))) == list(range(50))


#: What a pooled connection would carry over to whoever gets it next.
OUTLIVES_A_TRANSACTION = re.compile(
    r"SET SESSION|SET TIME ZONE|set_config\(|pg_(try_)?advisory_lock\(|\bLISTEN\b [a-z]|CREATE TEMP|WITH HOLD"
)


def test_no_code_leaves_a_state_in_a_pooled_connection() -> None:
    sources = Path(db.__file__).parent.rglob("*.py")
    setting = {each.name for each in sources if OUTLIVES_A_TRANSACTION.search(each.read_text())}

    assert setting == {"db_locks.py"}, "Only who migrates may, on a connection apart."
