"""At a hundred thousand contacts, half of them in one project: what PostgreSQL does with the engine's own statements."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app import db
from app.engine.ids import global_id
from app.models import Account, Employee
from tests.databases import Databases, Engine
from tests.engine.asking import Asked, ask
from tests.engine.large import ACCOUNT, CONTACT, EMPLOYEE, fill, id_of
from tests.graphql import Client

REFERENCE = (Path(__file__).parent.parent / "documents/reference.graphql").read_text()
SEARCH = """query ($search: String!) { contacts(first: 50, search: $search) { pageInfo { hasNextPage endCursor }
  edges { cursor node { id name } } } }"""
PAGE = 50

BY_NAME = "contacts (project_id, sort_key, id)"
BY_TRIGRAM = "contacts (search_text gin_trgm_ops)"
OF_CONTACT = "activities (contact_id, occurred_at, id)"
DUE_OF_CONTACT = "reminders (contact_id, due_at, id)"


@pytest.fixture(scope="module")
async def large_url(databases: Databases) -> AsyncIterator[str]:
    url = await databases.filled("large", fill)
    yield url
    await databases.drop(url)


@pytest.fixture
async def database(large_url: str) -> AsyncIterator[Engine]:
    await db.connect(large_url)
    yield "postgres"
    await db.close()


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
async def planner(request: pytest.FixtureRequest, large_url: str) -> AsyncIterator["Planner"]:
    """PostgreSQL plans a prepared statement for its values at first, and once for all later if that looks as good."""
    settings = {"timezone": "UTC", "jit": "off", "plan_cache_mode": request.param}
    connection = await asyncpg.connect(large_url, server_settings=settings)
    yield Planner(connection, await _indexes(connection))
    await connection.close()


async def _indexes(connection: "asyncpg.Connection[Any]") -> dict[str, str]:
    """What each is over, by name: `contacts (project_id, sort_key, id)`."""
    rows = await connection.fetch("SELECT indexname, tablename, indexdef FROM pg_indexes")
    return {row["indexname"]: f"{row['tablename']} ({row['indexdef'].partition(' (')[2]}" for row in rows}


@dataclass(frozen=True)
class Plan:
    """How a statement was run: its nodes, each with the rows that came out of it."""

    nodes: list[dict[str, Any]]
    indexes: frozenset[str]

    def read(self, table: str) -> int:
        """The most rows that were read of a table in one go, those that a filter threw away counted."""
        of_table = [node for node in self.nodes if node.get("Relation Name") == table]
        return max(int(node["Actual Rows"]) + int(node.get("Rows Removed by Filter", 0)) for node in of_table)

    @property
    def read_whole(self) -> set[str]:
        return {node["Relation Name"] for node in self.nodes if node["Node Type"] == "Seq Scan"}

    @property
    def sorted(self) -> int:
        """The most rows that came into a sort."""
        sorts = [node for node in self.nodes if node["Node Type"] in ("Sort", "Incremental Sort")]
        return max((int(below["Actual Rows"]) for node in sorts for below in node["Plans"]), default=0)


@dataclass(frozen=True)
class Planner:
    connection: "asyncpg.Connection[Any]"
    indexes: dict[str, str]

    async def run(self, asked: Asked) -> Plan:
        """Runs the one statement of an answer again, with its values."""
        assert asked.answer.errors == []
        (statement,) = asked.statements
        await self.connection.execute(f"PREPARE again AS {statement.sql}")
        values = ", ".join(map(_literal, statement.parameters))
        execute = f"EXECUTE again({values})" if values else "EXECUTE again"
        found = await self.connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {execute}")
        await self.connection.execute("DEALLOCATE again")
        nodes = list(_nodes(json.loads(found)[0]["Plan"]))
        names = {node["Index Name"] for node in nodes if "Index Name" in node}
        return Plan(nodes, frozenset(self.indexes[name] for name in names))


def _literal(value: Any) -> str:
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(_literal, value))}]"
    return "'" + str(value).replace("'", "''") + "'"


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


@pytest.fixture(params=[1, 7], ids=["of half of all contacts", "of five hundred contacts"])
async def director(request: pytest.FixtureRequest, database: Engine) -> Client:
    """Of the project with half of all contacts, or of one with 500."""
    number = 10 * request.param
    account = await Account.get(id=id_of(ACCOUNT, number))
    return Client(account=account, employee=await Employee.get(id=id_of(EMPLOYEE, number)))


async def page(director: Client, query: str) -> Asked:
    """The second one."""
    first = await ask(director, REFERENCE, operation="Q2")
    after = first.data["contacts"]["pageInfo"]["endCursor"]
    asked = await ask(director, REFERENCE, operation=query, after=after)
    assert len(asked.data["contacts"]["edges"]) == PAGE
    return asked


async def test_one_contact_is_found_by_its_key(director: Client, planner: Planner) -> None:
    asked = await ask(director, REFERENCE, operation="Q1", id=global_id("Contact", id_of(CONTACT, 50_000)))

    plan = await planner.run(asked)

    assert plan.indexes <= {"contacts (id)", "contacts (project_id, id)"} and len(plan.indexes) == 1
    assert plan.read("contacts") <= 1


async def test_a_page_is_read_in_the_order_of_an_index_and_no_further(
    director: Client, planner: Planner
) -> None:
    plan = await planner.run(await page(director, "Q2"))

    assert plan.indexes == {BY_NAME}
    assert plan.read("contacts") == PAGE + 1 and plan.sorted <= PAGE + 1


async def test_what_hangs_on_a_page_is_read_by_indexes_and_no_further(
    director: Client, planner: Planner
) -> None:
    plan = await planner.run(await page(director, "Q3"))

    assert {BY_NAME, OF_CONTACT, DUE_OF_CONTACT} <= plan.indexes
    assert plan.read_whole == set() and plan.sorted <= PAGE + 1
    most = {each: plan.read(each) for each in ("contacts", "activities", "employees", "divisions")}
    assert most == {"contacts": PAGE + 1, "activities": 2, "employees": 1, "divisions": 1}
    assert plan.read("reminders") == 1


@pytest.mark.parametrize("words", ["601350000", "nic takoveho", "50000@example"])
async def test_rare_words_are_found_by_their_trigrams(director: Client, planner: Planner, words: str) -> None:
    plan = await planner.run(await ask(director, SEARCH, search=words))

    assert BY_TRIGRAM in plan.indexes and plan.read_whole == set()
    assert plan.read("contacts") <= PAGE and plan.sorted <= PAGE


@pytest.mark.parametrize("words", ["stavby", "Novák", "a.s. brno"])
async def test_common_words_are_found_by_an_index_too(director: Client, planner: Planner, words: str) -> None:
    plan = await planner.run(await ask(director, SEARCH, search=words))

    assert plan.indexes & {BY_TRIGRAM, BY_NAME} and plan.read_whole == set()


@pytest.mark.parametrize("words", ["no", "a 1", "no vy"])
async def test_short_words_have_no_trigrams_and_are_looked_for_in_the_order_of_the_list(
    director: Client, planner: Planner, words: str
) -> None:
    """Planned for all values, the trigrams of every project would be read for them: 200 ms instead of one."""
    plan = await planner.run(await ask(director, SEARCH, search=words))

    assert BY_TRIGRAM not in plan.indexes and plan.read_whole == set()


async def test_matches_are_counted_by_an_index(director: Client, planner: Planner) -> None:
    document = "query ($search: String!) { contacts(search: $search) { totalCount } }"

    plan = await planner.run(await ask(director, document, search="novak stavby"))

    assert BY_TRIGRAM in plan.indexes and plan.read_whole == set()


async def test_colleagues_are_few_and_searched_one_after_another(director: Client, planner: Planner) -> None:
    """So they have no trigrams: those of one project are a few, whatever the others have."""
    document = "query ($search: String!) { employees(search: $search) { nodes { name } } }"

    plan = await planner.run(await ask(director, document, search="osoba"))

    assert plan.indexes == {"employees (project_id, sort_key, id)"} and plan.read("employees") == 10


async def test_what_is_due_to_each_colleague_is_counted_by_an_index(
    director: Client, planner: Planner
) -> None:
    document = """{ employees(where: {reminderIntervalMinutes: {isNull: true}, dueReminderCount: {gt: 0}}) {
      nodes { dueReminderCount } } }"""

    plan = await planner.run(await ask(director, document))

    assert plan.read_whole == set() and plan.read("employees") == 10
