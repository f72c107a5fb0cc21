"""Cursors: each belongs to one sort, filter, search, kind of row and project; whatever else is sent as one is refused."""

import json
from typing import Any

import pytest

from app.models import Project
from app.policy import Role
from tests.factories import make_contact, make_division, make_employee, make_person, make_project
from tests.graphql import Client, as_employee, as_role

PAGE = """query ($after: String, $before: String, $where: ContactWhere, $orderBy: [ContactOrderBy!], $search: String) {
  contacts(first: 1, after: $after, before: $before, where: $where, orderBy: $orderBy, search: $search) {
    nodes { name } pageInfo { endCursor } } }"""
PERSONS = "query ($after: String) { persons(first: 1, after: $after) { nodes { name } } }"


@pytest.fixture
async def project() -> Project:
    project = await make_project()
    for number in range(3):
        contact = await make_contact(
            project, name=f"Firma {number}", city="Brno" if number else None, ico="27082440"
        )
        await make_person(contact)
    return project


@pytest.fixture
async def reader(project: Project) -> Client:
    return await as_role(Role.DIRECTOR, project=project).sign_in()


async def cursor(client: Client, **variables: Any) -> str:
    answer = await client.run(PAGE, **variables)
    assert answer.errors == []
    found: str = answer.data["contacts"]["pageInfo"]["endCursor"]
    return found


def parts(given: str) -> list[Any]:
    found: list[Any] = json.loads(bytes.fromhex(given))
    return found


def forged(*values: Any) -> str:
    return json.dumps(values).encode().hex()


async def test_a_cursor_continues_the_list_it_came_from(reader: Client) -> None:
    here = {"where": {"ico": {"eq": "27082440"}}, "search": "firma", "orderBy": [{"city": "DESC"}]}

    answer = await reader.run(PAGE, after=await cursor(reader, **here), **here)

    assert answer.errors == [] and len(answer.data["contacts"]["nodes"]) == 1


@pytest.mark.parametrize(
    ("made", "used"),
    [
        ({}, {"orderBy": [{"city": "ASC"}]}),
        ({"orderBy": [{"city": "ASC"}]}, {"orderBy": [{"city": "DESC"}]}),
        ({"orderBy": [{"city": "ASC"}]}, {"orderBy": [{"city": "ASC"}, {"name": "ASC"}]}),
        ({}, {"where": {"ico": {"eq": "27082440"}}}),
        ({"where": {"ico": {"eq": "27082440"}}}, {"where": {"ico": {"ne": "27082440"}}}),
        ({}, {"search": "firma"}),
        ({"search": "firma"}, {"search": "firm"}),
    ],
    ids=str,
)
async def test_a_cursor_of_another_sort_filter_or_search_is_refused(
    reader: Client, made: Any, used: Any
) -> None:
    answer = await reader.run(PAGE, after=await cursor(reader, **made), **used)

    assert answer.codes == ["BAD_USER_INPUT"] and "cursor" in answer.errors[0]["message"]


async def test_a_cursor_of_another_project_is_refused(reader: Client) -> None:
    other = as_role(Role.DIRECTOR, project=await make_project())

    answer = await other.run(PAGE, after=await cursor(reader))

    assert answer.codes == ["BAD_USER_INPUT"]


async def test_a_cursor_of_another_kind_of_row_is_refused(reader: Client) -> None:
    answer = await reader.run(PERSONS, after=await cursor(reader))

    assert answer.codes == ["BAD_USER_INPUT"]


async def test_a_colleagues_cursor_shows_only_what_one_sees_oneself(reader: Client, project: Project) -> None:
    """Nothing in a cursor is secret: visibility applies to every page anew."""
    division = await make_division(project)
    await make_contact(project, name="Firma 1b", division=division)
    chooser = as_employee(await make_employee(project, [Role.SALES_REP], divisions=[]))
    first = await cursor(reader)
    second = await cursor(reader, after=first)

    answer = await chooser.run(PAGE, after=second)

    assert answer.data["contacts"]["nodes"] == [{"name": "Firma 2"}]


BROKEN = [
    "",
    " ",
    "zz",
    "abc",
    "7b7d",
    "6e756c6c",
    "5b5d",
    forged(),
    forged("x"),
    forged(None, "a", "b"),
    forged({}, "a", "b"),
    forged(["x"], "a", "b"),
    "é" * 40,
    "\x00",
    "5b" * 20_000,
    "9" * 100_000,
]


@pytest.mark.parametrize("way", ["after", "before"])
async def test_what_is_no_cursor_is_refused(reader: Client, way: str) -> None:
    answers = [await reader.run(PAGE, **{way: given}) for given in BROKEN]

    assert [answer.codes for answer in answers] == [["BAD_USER_INPUT"]] * len(BROKEN)


VALUES: list[Any] = [
    5,
    1.5,
    True,
    [],
    ["a"],
    {"a": 1},
    "",
    "a\x00b",
    "\ud800",
    "2026-13-01",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    float("nan"),
    10**400,
    "x" * 100_000,
]


@pytest.mark.parametrize("order", ["name", "city", "status", "createdAt"])
async def test_a_place_that_no_row_can_have_never_reaches_the_database(reader: Client, order: str) -> None:
    """The tag of a real cursor with other values behind it: refused or an answer, never an error of ours."""
    here = {"orderBy": [{order: "ASC"}]}
    tag, *values = parts(await cursor(reader, **here))
    wrong: list[Any] = []

    for place in range(len(values)):
        for value in VALUES:
            changed = [*values[:place], value, *values[place + 1 :]]
            answer = await reader.run(PAGE, after=forged(tag, *changed), **here)
            if answer.codes not in ([], ["BAD_USER_INPUT"]):
                wrong.append((place, repr(value)[:30], answer.codes))
    for changed in (values[:-1], [*values, "x"], [None] * len(values)):
        answer = await reader.run(PAGE, after=forged(tag, *changed), **here)
        if answer.codes not in ([], ["BAD_USER_INPUT"]):
            wrong.append((changed, answer.codes))

    assert wrong == []
