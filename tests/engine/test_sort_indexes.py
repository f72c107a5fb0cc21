"""Every sort that the API offers is read in the order of an index: a new one without an index fails here.

Taken from the declarations, and looked at on PostgreSQL with tables of twenty thousand rows and more.
"""

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import pytest

from app import db
from app.engine.declare import TABLES, Column, Listing, Table
from app.engine.guards import SPEC, metadata_of
from app.engine.types import graphql_name
from app.models import Account, Employee
from app.schema import build
from tests.databases import Databases, Engine
from tests.engine.asking import ask
from tests.engine.large import ACCOUNT, BIG_PROJECT, EMPLOYEE, id_of
from tests.engine.large_rest import fill
from tests.engine.test_indexes import Plan, Planner, planner
from tests.graphql import Client

__all__ = ["planner"]

PAGE = 50
#: A page, what tells that there is another, and what a planner reads too far.
MOST_READ = 3 * PAGE


class Sort(NamedTuple):
    """A list of the API and an order that it offers."""

    field: str
    table: type[Table]
    order: str
    way: str

    def __str__(self) -> str:
        return f"{self.field} {self.order} {self.way}"


def _sorts() -> Iterator[Sort]:
    query = build()._schema.query_type
    assert query is not None
    for name, definition in query.fields.items():
        spec = metadata_of(definition).get(SPEC)
        if isinstance(spec, Listing):
            for order in _orders(TABLES[spec.to]):
                yield from (Sort(name, TABLES[spec.to], order, way) for way in ("ASC", "DESC"))


def _orders(table: type[Table]) -> list[str]:
    return [
        graphql_name(name) for name, spec in table.specs.items() if isinstance(spec, Column) and spec.sort
    ]


@pytest.fixture(scope="module")
async def large_url(databases: Databases) -> AsyncIterator[str]:
    url = await databases.filled("large_rest", fill)
    yield url
    await databases.drop(url)


@pytest.fixture
async def database(large_url: str) -> AsyncIterator[Engine]:
    await db.connect(large_url)
    yield "postgres"
    await db.close()


@pytest.fixture
async def director(database: Engine) -> Client:
    """Of the project with half of all rows."""
    account = await Account.get(id=id_of(ACCOUNT, 10 * BIG_PROJECT))
    return Client(account=account, employee=await Employee.get(id=id_of(EMPLOYEE, 10 * BIG_PROJECT)))


@pytest.mark.parametrize("sort", _sorts(), ids=str)
async def test_every_sort_is_read_in_the_order_of_an_index(
    director: Client, planner: Planner, sort: Sort
) -> None:
    document = f"""query ($after: String) {{ {sort.field}(first: {PAGE}, after: $after, orderBy: [{{{sort.order}: {sort.way}}}]) {{
      pageInfo {{ hasNextPage endCursor }} nodes {{ id }} }} }}"""
    first = await ask(director, document)
    page = first.data[sort.field]

    plans = [await planner.run(first)]
    if page["pageInfo"]["hasNextPage"]:
        plans.append(await planner.run(await ask(director, document, after=page["pageInfo"]["endCursor"])))

    table = sort.table.model._meta.db_table
    assert [_faults(plan, table) for plan in plans] == [[]] * len(plans)


def _faults(plan: Plan, table: str) -> list[str]:
    read = plan.read(table)
    whole = [f"{each} is read as a whole" for each in sorted(plan.read_whole)]
    return [*whole, f"{read} rows of {table} are read"] if whole or read > MOST_READ else []
