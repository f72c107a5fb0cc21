"""A PostgreSQL that is gone without a word: nobody waits for it for ever, and whoever comes after gets another connection."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app import db, db_connections, db_pool
from app.errors import DatabaseAway
from app.models import Contact
from app.policy import Role
from tests.databases import Databases
from tests.factories import make_contact, make_employee, make_project
from tests.faults.proxy import Proxy
from tests.graphql import Client, as_employee, bells, settings

__all__ = ["bells", "settings"]

UPDATE = "mutation ($input: ContactUpdateInput!) { contactUpdate(input: $input) { contact { name } errors { code } } }"
READ = "{ contacts { nodes { name } } }"
#: Far more than any limit of these tests, and far less than for ever.
LONG_S = 8

pytestmark = pytest.mark.usefixtures("settings", "bells")


@pytest.fixture
async def proxy(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """Between this process, which is connected, and its database. With short limits."""
    monkeypatch.setattr(db_connections, "SILENCE_S", 0.6)
    monkeypatch.setattr(db_connections, "CONNECT_S", 0.6)
    monkeypatch.setattr(db, "LOOK_UP_S", 0.3)
    url = await databases.fresh("postgres")
    folder = Path(parse_qs(urlsplit(url).query)["host"][0])
    async with Proxy.to(folder / ".s.PGSQL.5432") as between:
        name = urlsplit(url).path
        await db.connect(f"postgres://postgres@127.0.0.1:{between.port}{name}?sslmode=disable", pool_size=3)
        yield between
        between.heal()
        await db.close()
    await databases.drop(url)


async def make_client() -> tuple[Client, Contact]:
    project = await make_project()
    client = as_employee(await make_employee(project, [Role.ADMIN]))
    contact = await make_contact(project, name="Původní")
    await (await client.sign_in()).run(READ)
    return client, contact


async def fill_pool() -> None:
    """So that all connections are there."""
    await asyncio.gather(*(db.fetch("SELECT pg_sleep(0.01)") for _ in range(3)))


def lent() -> int:
    """How many connections are in use."""
    client: Any = db.connection()
    return len(client._pool._lent)


async def test_a_statement_whose_answer_never_comes_is_given_up(proxy: Proxy) -> None:
    proxy.silence()

    with pytest.raises(DatabaseAway):
        await asyncio.wait_for(db.fetch("SELECT 1"), LONG_S)


async def test_with_the_first_that_is_found_dead_the_idle_ones_go(proxy: Proxy) -> None:
    await fill_pool()
    proxy.silence()

    with pytest.raises(DatabaseAway):
        await asyncio.wait_for(db.fetch("SELECT 1"), LONG_S)

    assert await asyncio.wait_for(db.fetch("SELECT 1 AS one"), LONG_S) == [{"one": 1}]


async def test_a_look_up_finds_the_dead_sooner_than_a_statement_may_take(proxy: Proxy) -> None:
    client, _ = await make_client()
    await fill_pool()
    proxy.silence()

    with pytest.raises(DatabaseAway):
        await asyncio.wait_for(db.read("SELECT 1", timeout_s=db.LOOK_UP_S), db_connections.SILENCE_S)

    assert (await asyncio.wait_for(client.run(READ), LONG_S)).errors == []


async def test_a_mutation_in_a_silent_transaction_ends_and_the_next_one_is_whole(proxy: Proxy) -> None:
    client, contact = await make_client()
    proxy.silence()

    silent = await asyncio.wait_for(client.run(UPDATE, input={"id": contact, "name": "Verschollen"}), LONG_S)
    after = await asyncio.wait_for(client.run(UPDATE, input={"id": contact, "name": "Nové"}), LONG_S)

    assert silent.errors != []
    assert after.data["contactUpdate"] == {"contact": {"name": "Nové"}, "errors": []}


async def test_a_cancelled_transaction_does_not_wait_for_the_silent_to_confirm_it(proxy: Proxy) -> None:
    client, contact = await make_client()
    proxy.silence()
    task = asyncio.create_task(client.run(UPDATE, input={"id": contact, "name": "Verschollen"}))
    while not lent():  # then it is under way, and what it waits for does not come
        await asyncio.sleep(0)

    started = time.monotonic()
    task.cancel()
    await asyncio.wait([task], timeout=LONG_S)

    assert task.done()
    assert time.monotonic() - started < db_connections.SILENCE_S


async def test_a_database_that_cannot_be_reached_is_told_in_time(proxy: Proxy) -> None:
    proxy.silence(new_too=True)

    for _ in range(4):
        with pytest.raises(DatabaseAway):
            await asyncio.wait_for(db.fetch("SELECT 1"), LONG_S)
    proxy.heal()

    assert await asyncio.wait_for(db.fetch("SELECT 1 AS one"), LONG_S) == [{"one": 1}]


async def test_who_waits_for_a_connection_of_the_silent_gets_one_or_a_word(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db_pool, "ACQUIRE_S", 3)
    await fill_pool()
    proxy.silence()

    asked = [db.fetch("SELECT 1 AS one") for _ in range(20)]
    answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), LONG_S)

    assert {type(each) for each in answers} <= {DatabaseAway, list}
    assert answers.count([{"one": 1}]) >= 17  # all but those on the three that fell silent


async def test_goodbye_is_not_waited_for(proxy: Proxy) -> None:
    await fill_pool()
    proxy.silence()

    await asyncio.wait_for(db.close(), LONG_S)
