"""Walking through a list page by page: each row exactly once, forwards and backwards, whatever the order."""

import itertools
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from app.models import Contact, ContactStatus, Project
from app.policy import Role
from app.text import sort_key
from tests.factories import NOON, make_activity, make_contact, make_employee, make_project
from tests.graphql import Client, as_role

ROWS = 60
PAGE = """query ($first: Int, $after: String, $last: Int, $before: String, $where: ContactWhere, $orderBy: [ContactOrderBy!]) {
  contacts(first: $first, after: $after, last: $last, before: $before, where: $where, orderBy: $orderBy) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { id name ico city status createdAt updatedAt } }
  }
}"""
SINGLE = [
    {field: way}
    for field in ("name", "ico", "city", "status", "createdAt", "updatedAt")
    for way in ("ASC", "DESC")
]
ORDERS: list[list[dict[str, str]]] = [
    [],
    *[[step] for step in SINGLE],
    [{"city": "ASC"}, {"ico": "DESC"}],
    [{"city": "DESC"}, {"status": "ASC"}, {"ico": "ASC"}],
    [{"updatedAt": "DESC"}, {"city": "DESC"}, {"name": "ASC"}],
    [{"ico": "ASC"}, {"ico": "DESC"}, {"city": "ASC"}],
]


@pytest.fixture
async def reader() -> Client:
    """Whoever sees sixty contacts of which 30 % have no city or IČO, and the rest few different ones."""
    project = await make_project()
    await Contact.bulk_create(contacts_of(project, random.Random(7)))
    await make_contact(await make_project(), city="Brno")
    return await as_role(Role.DIRECTOR, project=project).sign_in()


def contacts_of(project: Project, chance: random.Random) -> list[Contact]:
    def sparse(values: Sequence[str]) -> str | None:
        return None if chance.random() < 0.3 else chance.choice(values)

    def one(number: int) -> Contact:
        name = chance.choice(["Čáp", "Chrt", "Had", f"Jelen {number}"])
        moment = NOON + timedelta(milliseconds=chance.randrange(4))
        return Contact(
            project_id=project.id,
            name=name,
            sort_key=sort_key(name),
            search_text="",
            city=sparse(["Brno", "Žďár", "praha"]),
            ico=sparse(["00006947", "27082440"]),
            status=chance.choice(list(ContactStatus)),
            created_at=moment,
            updated_at=NOON,
        )

    return [one(number) for number in range(ROWS)]


async def page(client: Client, **variables: Any) -> Any:
    answer = await client.run(PAGE, **variables)
    assert answer.errors == [], answer.errors
    return answer.data["contacts"]


async def walk(client: Client, size: int, *, backwards: bool = False, **variables: Any) -> list[list[str]]:
    """The ids of all pages, in the order of the list. Fails if a page claims a wrong neighbourhood."""
    pages: list[list[str]] = []
    cursor: str | None = None
    while True:
        here = {"last": size, "before": cursor} if backwards else {"first": size, "after": cursor}
        found = await page(client, **here, **variables)
        pages.append([edge["node"]["id"] for edge in found["edges"]])
        info, cursors = found["pageInfo"], [edge["cursor"] for edge in found["edges"]]
        assert (info["startCursor"], info["endCursor"]) == (cursors[0], cursors[-1])
        came_from, goes_on = (
            ("hasNextPage", "hasPreviousPage") if backwards else ("hasPreviousPage", "hasNextPage")
        )
        assert info[came_from] is (len(pages) > 1)
        if not info[goes_on]:
            return pages[::-1] if backwards else pages
        cursor = info["startCursor"] if backwards else info["endCursor"]
        assert len(pages) <= ROWS


def is_sorted(rows: Sequence[Any], order: Sequence[dict[str, str]]) -> bool:
    """By what the answer shows: nulls count as the largest, names as their sort keys."""
    steps = {field: way for step in reversed(order) for field, way in step.items()} or {"name": "ASC"}

    def key(row: Any, field: str) -> tuple[bool, str]:
        value = row[field]
        return (value is None, sort_key(value) if field == "name" and value else value or "")

    def follows(first: Any, second: Any) -> bool:
        for field, way in reversed(steps.items()):
            one, other = key(first, field), key(second, field)
            if one != other:
                return (one < other) is (way == "ASC")
        return True

    return all(follows(first, second) for first, second in itertools.pairwise(rows))


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_a_walk_meets_each_row_once_in_order_both_ways(
    reader: Client, order: list[dict[str, str]]
) -> None:
    whole = await page(reader, first=100, orderBy=order)
    ids = [edge["node"]["id"] for edge in whole["edges"]]

    forwards = await walk(reader, 7, orderBy=order)
    backwards = await walk(reader, 7, backwards=True, orderBy=order)

    assert len(ids) == len(set(ids)) == ROWS == whole["totalCount"]
    if not any("city" in step for step in order):  # the city's own order is the database's
        assert is_sorted([edge["node"] for edge in whole["edges"]], order)
    assert [each for one in forwards for each in one] == ids
    assert [each for one in backwards for each in one] == ids
    assert [len(one) for one in forwards] == [7] * 8 + [4]
    assert [len(one) for one in backwards] == [4] + [7] * 8


@pytest.mark.parametrize("size", [1, 2, 59, 60, 61])
async def test_the_size_of_the_page_changes_nothing(reader: Client, size: int) -> None:
    order = [{"city": "DESC"}]
    ids = [edge["node"]["id"] for edge in (await page(reader, first=100, orderBy=order))["edges"]]

    for backwards in (False, True):
        pages = await walk(reader, size, backwards=backwards, orderBy=order)
        assert [each for one in pages for each in one] == ids


async def test_nulls_come_last_going_up_and_first_going_down(reader: Client) -> None:
    up = await page(reader, first=100, orderBy=[{"city": "ASC"}])
    down = await page(reader, first=100, orderBy=[{"city": "DESC"}])

    cities = [edge["node"]["city"] for edge in up["edges"]]
    nulls = cities.count(None)
    assert 10 < nulls < 30 and cities[-nulls:] == [None] * nulls
    assert [edge["node"]["id"] for edge in down["edges"]] == [edge["node"]["id"] for edge in up["edges"]][
        ::-1
    ]


async def test_a_filtered_walk_meets_what_the_filter_holds(reader: Client) -> None:
    where = {"or": [{"city": {"isNull": True}}, {"city": {"eq": "Brno"}}]}

    pages = await walk(reader, 5, where=where, orderBy=[{"city": "ASC"}])

    found = await page(reader, first=100, where=where)
    assert sorted(each for one in pages for each in one) == sorted(
        edge["node"]["id"] for edge in found["edges"]
    )
    assert {edge["node"]["city"] for edge in found["edges"]} == {None, "Brno"}


async def test_a_page_between_two_cursors(reader: Client) -> None:
    edges = (await page(reader, first=100, orderBy=[{"city": "ASC"}]))["edges"]
    between = {"after": edges[9]["cursor"], "before": edges[15]["cursor"], "orderBy": [{"city": "ASC"}]}

    from_the_start = await page(reader, first=100, **between)
    from_the_end = await page(reader, last=3, **between)

    inner = [edge["node"]["id"] for edge in edges[10:15]]
    assert [edge["node"]["id"] for edge in from_the_start["edges"]] == inner
    assert [edge["node"]["id"] for edge in from_the_end["edges"]] == inner[-3:]
    assert from_the_end["pageInfo"]["hasPreviousPage"] is True


async def test_a_page_beyond_the_end_is_empty(reader: Client) -> None:
    last = (await page(reader, last=1))["edges"][0]["cursor"]

    found = await page(reader, first=10, after=last)

    assert found["edges"] == [] and found["totalCount"] == ROWS
    assert found["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": True,
        "startCursor": None,
        "endCursor": None,
    }


async def test_a_row_that_was_deleted_does_not_break_the_walk(reader: Client) -> None:
    first = await page(reader, first=5)
    here = first["edges"][-1]
    await Contact.filter(name=here["node"]["name"]).delete()

    second = await page(reader, first=100, after=here["cursor"])

    assert len({edge["node"]["id"] for edge in second["edges"]}) == len(second["edges"]) > 0
    assert here["node"]["id"] not in {edge["node"]["id"] for edge in second["edges"]}


@pytest.mark.parametrize(
    "variables",
    [
        {"first": 0},
        {"first": -1},
        {"first": 101},
        {"first": 2**31 - 1},
        {"last": 0},
        {"last": 101},
        {"first": 5, "last": 5},
        {"first": 2**40},
        {"first": 1.5},
        {"first": "5"},
    ],
    ids=str,
)
async def test_an_impossible_page_is_refused(reader: Client, variables: Any) -> None:
    answer = await reader.run(PAGE, **variables)

    assert answer.codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    "variables", [{}, {"first": None, "after": None, "orderBy": None, "where": None}], ids=str
)
async def test_a_page_has_25_rows_if_nothing_is_said(reader: Client, variables: Any) -> None:
    assert len((await page(reader, **variables))["edges"]) == 25


@pytest.mark.parametrize(
    "order", [[{}], [{"name": None}], [{"name": "ASC", "city": "ASC"}], [{"vatId": "ASC"}], [None]]
)
async def test_an_order_that_is_none_is_refused(reader: Client, order: Any) -> None:
    answer = await reader.run(PAGE, orderBy=order)

    assert answer.codes == ["BAD_USER_INPUT"]


class TestBelowRows:
    """Connections below the rows of a page: one page for each of many parents at once."""

    DOCUMENT = """query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: [ActivityOrderBy!]) {
      contacts { nodes { name activities(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
        totalCount nodes { summary } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }"""

    @pytest.fixture
    async def client(self) -> Client:
        """Contacts with 0, 1, 2 … 5 activities, two at a time in the same moment."""
        project = await make_project()
        author = await make_employee(project, [Role.SALES_REP])
        for many in range(6):
            contact = await make_contact(project, name=f"Firma {many}")
            for number in range(many):
                at = NOON + timedelta(days=number // 2)
                await make_activity(contact, author, summary=f"{many}.{number}", occurred_at=at)
        return await as_role(Role.DIRECTOR, project=project).sign_in()

    async def below(self, client: Client, **variables: Any) -> list[Any]:
        answer = await client.run(self.DOCUMENT, **variables)
        assert answer.errors == [], answer.errors
        return [row["activities"] for row in answer.data["contacts"]["nodes"]]

    async def test_each_parent_has_its_own_page_and_count(self, client: Client) -> None:
        shown = await self.below(client, first=2, orderBy=[{"occurredAt": "ASC"}])

        assert [[row["summary"] for row in each["nodes"]] for each in shown] == [
            [],
            ["1.0"],
            ["2.0", "2.1"],
            ["3.0", "3.1"],
            ["4.0", "4.1"],
            ["5.0", "5.1"],
        ]
        assert [each["totalCount"] for each in shown] == [0, 1, 2, 3, 4, 5]
        assert [each["pageInfo"]["hasNextPage"] for each in shown] == [False] * 3 + [True] * 3
        assert [each["pageInfo"]["hasPreviousPage"] for each in shown] == [False] * 6

    async def test_pages_from_the_end(self, client: Client) -> None:
        shown = await self.below(client, last=2, orderBy=[{"occurredAt": "ASC"}])

        assert [[row["summary"] for row in each["nodes"]] for each in shown] == [
            [],
            ["1.0"],
            ["2.0", "2.1"],
            ["3.1", "3.2"],
            ["4.2", "4.3"],
            ["5.3", "5.4"],
        ]
        assert [each["pageInfo"]["hasPreviousPage"] for each in shown] == [False] * 3 + [True] * 3

    @pytest.mark.parametrize("backwards", [False, True])
    async def test_a_walk_below_one_parent_meets_each_row_once(self, client: Client, backwards: bool) -> None:
        met: list[str] = []
        cursor: str | None = None
        while True:
            here = {"last": 1, "before": cursor} if backwards else {"first": 1, "after": cursor}
            found = (await self.below(client, **here))[5]
            met += [row["summary"] for row in found["nodes"]]
            if not found["pageInfo"]["hasPreviousPage" if backwards else "hasNextPage"]:
                break
            cursor = found["pageInfo"]["startCursor" if backwards else "endCursor"]

        in_order = ["5.4", "5.3", "5.2", "5.1", "5.0"]
        assert met == (in_order[::-1] if backwards else in_order)
