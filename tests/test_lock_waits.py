"""Waiting for what somebody else holds, who does not let go."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from urllib.parse import urlsplit

import asyncpg
import pytest
from tortoise.transactions import in_transaction

from app import db, db_connections, db_engines, db_locks
from app.errors import Timeout
from app.models import AuditEntry, Contact
from app.policy import Role
from tests.factories import make_contact, make_employee, make_project
from tests.graphql import Client, as_employee, bells, settings

__all__ = ["bells", "settings"]

UPDATE = "mutation ($input: ContactUpdateInput!) { contactUpdate(input: $input) { contact { name } errors { code } } }"
READ = "{ contacts { nodes { name } } }"

pytestmark = pytest.mark.usefixtures("settings", "bells")


@pytest.fixture
async def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Of a database to which this process is connected, with short limits."""
    monkeypatch.setattr(db_connections, "LIMITS", {**db_connections.LIMITS, "lock_timeout": "300ms"})
    monkeypatch.setattr(db_engines, "LIMITS", db_connections.LIMITS)
    monkeypatch.setattr(db_engines, "BUSY_TIMEOUT_MS", 300)
    await db.connect(database_url, pool_size=4)
    yield database_url
    await db.close()


@asynccontextmanager
async def held(url: str, contact: Contact) -> AsyncIterator[None]:
    """The contact's row (on SQLite, the right to write at all) is somebody else's inside the block."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(urlsplit(url).path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
        return
    holder = await asyncpg.connect(url)
    try:
        async with holder.transaction():
            await holder.execute("UPDATE contacts SET name = name WHERE id = $1", contact.id)
            yield
    finally:
        await holder.close()


async def make_client() -> tuple[Client, Contact]:
    project = await make_project()
    client = as_employee(await make_employee(project, [Role.ADMIN]))
    return await client.sign_in(), await make_contact(project, name="Původní")


async def test_who_waits_too_long_for_a_lock_is_told_so_and_nothing_is_written(url: str) -> None:
    client, contact = await make_client()

    async with held(url, contact):
        answer = await client.run(UPDATE, input={"id": contact, "name": "Nové"})

    assert answer.codes == ["CONFLICT"]
    assert "has not finished" in answer.errors[0]["message"]
    assert (await Contact.get(id=contact.id)).name == "Původní"
    assert await AuditEntry.all().count() == 0


@pytest.mark.parametrize("engine", ["postgres"])
async def test_those_who_wait_for_a_lock_leave_connections_to_the_others(url: str) -> None:
    client, contact = await make_client()

    async with held(url, contact):
        waiting = [
            asyncio.create_task(client.run(UPDATE, input={"id": contact, "name": str(number)}))
            for number in range(8)
        ]
        await asyncio.sleep(0)
        for _ in range(5):
            assert (await client.run(READ)).errors == []
        assert not all(each.done() for each in waiting)

    codes = [code for answer in await asyncio.gather(*waiting) for code in answer.codes]
    assert set(codes) <= {"CONFLICT"}


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_statement_that_takes_too_long_is_given_up_with_a_word(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db_engines, "LIMITS", {**db_connections.LIMITS, "statement_timeout": "100ms"})
    await db.connect(database_url)
    try:
        with pytest.raises(Timeout, match="Ask for less"):
            await db.fetch("SELECT pg_sleep(60)")
        assert await db.fetch("SELECT 1 AS one") == [{"one": 1}]
    finally:
        await db.close()


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_statement_of_a_migration_may_take_its_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db_connections, "SILENCE_S", 0.2)
    monkeypatch.setattr(db_engines, "LIMITS", {**db_connections.LIMITS, "statement_timeout": "100ms"})
    await db.connect(database_url, pool_size=1)
    try:
        async with in_transaction() as transaction:
            await db_locks.limit_waiting(transaction)
            await db.fetch("SELECT pg_sleep(0.5)")
        with pytest.raises(Timeout):
            await db.fetch("SELECT pg_sleep(60)")
    finally:
        await db.close()


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_query_before_a_locked_table_is_told_so(url: str) -> None:
    """A migration that takes long, say: it was an INTERNAL_SERVER_ERROR with a traceback for each request."""
    client, _ = await make_client()
    holder = await asyncpg.connect(url)
    async with holder.transaction():
        await holder.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")
        answer = await client.run(READ)
    await holder.close()

    assert answer.codes == ["CONFLICT"]
    assert (await client.run(READ)).errors == []
