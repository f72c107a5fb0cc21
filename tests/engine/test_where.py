"""Filters: what and, or and not mean, nulls included, and where a filter ends."""

import itertools
import random
from collections.abc import Mapping
from typing import Any

import pytest

from app.engine.ids import global_id
from app.ids import uuid7
from app.models import Contact, ContactStatus
from app.policy import Role
from app.schema import build, execution
from app.schema.errors import code_of
from tests.factories import NOON, make_activity, make_contact, make_employee, make_project
from tests.graphql import Client, as_role

FIND = "query ($where: ContactWhere) { contacts(where: $where, first: 100) { totalCount nodes { name } } }"
CITIES, RATINGS = (None, "Brno", "Praha"), (None, 1, 3)
STATUSES = (ContactStatus.LEAD, ContactStatus.FORMER)
# Every combination once, so that each condition has something to find.
ROWS = [
    {"name": f"Firma {number:02}", "city": city, "internalRating": rating, "status": status}
    for number, (city, rating, status) in enumerate(itertools.product(CITIES, RATINGS, STATUSES))
]
CONDITIONS: list[dict[str, Any]] = [
    {"city": {"eq": "Brno"}},
    {"city": {"ne": "Brno"}},
    {"city": {"in": ["Brno", "Praha"]}},
    {"city": {"in": []}},
    {"city": {"isNull": True}},
    {"city": {"isNull": False}},
    {"city": {}},
    {"city": None},
    {"internalRating": {"lt": 3}},
    {"internalRating": {"gte": 1, "lte": 2}},
    {"internalRating": {"ne": 3, "isNull": False}},
    {"status": {"eq": "LEAD"}},
    {"status": {"ne": "LEAD"}},
    {"city": {"eq": "Praha"}, "status": {"in": ["FORMER"]}},
    {},
]


@pytest.fixture
async def reader() -> Client:
    project = await make_project()
    for row in ROWS:
        values = {name: value for name, value in row.items() if name != "internalRating"}
        await make_contact(project, internal_rating=row["internalRating"], **values)
    return await as_role(Role.DIRECTOR, project=project).sign_in()


def holds(where: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """What a filter means, said in Python: two truth values, and null is a value like others."""
    found = True
    for key, given in where.items():
        if given is None:
            continue
        match key:
            case "and":
                found &= all(holds(each, row) for each in given)
            case "or":
                found &= any(holds(each, row) for each in given)
            case "not":
                found &= not holds(given, row)
            case _:
                found &= all(_holds(operator, value, row[key]) for operator, value in given.items())
    return found


def _holds(operator: str, given: Any, value: Any) -> bool:
    match operator:
        case "isNull":
            return (value is None) is given
        case "ne":
            return bool(value != given)
        case "eq":
            return value is not None and bool(value == given)
        case "in":
            return value is not None and value in given
        case "lt":
            return value is not None and bool(value < given)
        case "lte":
            return value is not None and bool(value <= given)
        case "gte":
            return value is not None and bool(value >= given)
    raise AssertionError(operator)


def wheres() -> list[dict[str, Any]]:
    """Each condition alone and negated, then random trees of them."""
    chance = random.Random(3)

    def tree(depth: int) -> dict[str, Any]:
        if depth == 0 or chance.random() < 0.2:
            return chance.choice(CONDITIONS)
        match chance.randrange(4):
            case 0:
                return {"not": tree(depth - 1)}
            case 1:
                return {"and": [tree(depth - 1) for _ in range(chance.randrange(3))]}
            case 2:
                return {"or": [tree(depth - 1) for _ in range(chance.randrange(3))]}
            case _:
                return {
                    **chance.choice(CONDITIONS),
                    "or": [tree(depth - 1), tree(depth - 1)],
                    "not": tree(depth - 1),
                }

    return [
        *CONDITIONS,
        *({"not": each} for each in CONDITIONS),
        {"not": {"not": {"city": {"eq": "Brno"}}}},
        {"or": []},
        {"and": []},
        {"not": {"or": [{}]}},
        *(tree(4) for _ in range(40)),
    ]


async def test_a_filter_finds_what_it_says_nulls_included(reader: Client) -> None:
    wrong = []

    for where in wheres():
        answer = await reader.run(FIND, where=where)
        expected = [row["name"] for row in ROWS if holds(where, row)]
        shown = answer.data and [row["name"] for row in answer.data["contacts"]["nodes"]]
        if answer.errors or shown != expected or answer.data["contacts"]["totalCount"] != len(expected):
            wrong.append((where, answer))

    assert wrong == []


REFUSED: list[Any] = [
    {"city": {"eq": None}},
    {"city": {"in": ["x"] * 251}},
    {"city": {"eq": "x" * 101}},
    {"name": {"eq": "x" * 10_000}},
    {"city": {"eq": "nul\x00"}},
    {"city": {"in": ["\ud800"]}},
    {"city": {"like": "%"}},
    {"city": "Brno"},
    {"city": {"eq": 5}},
    {"city": {"eq": {"ne": "x"}}},
    {"city": {"in": [None]}},
    {"status": {"eq": "lead"}},
    {"internalRating": {"eq": 2**31 - 1}},
    {"internalRating": {"lt": -40_000}},
    {"internalRating": {"eq": 2**40}},
    {"internalRating": {"eq": 1.5}},
    {"createdAt": {"gt": "2026-03-01"}},
    {"createdAt": {"gt": "2026-03-01T10:00:00"}},
    {"createdAt": {"gt": "0001-01-01T00:00:00+23:59"}},
    {"createdAt": {"gt": 5}},
    {"projectId": {"eq": "x"}},
    {"searchText": {"eq": "x"}},
    {"or": [{"name": {"eq": "x"}}] * 101},
    {"and": [{"or": [{"name": {"eq": "x", "ne": "y"}}] * 10}] * 6},
    {"and": [{}] * 500},
    [],
    "x",
]


async def test_a_filter_that_is_none_or_too_large_is_refused(reader: Client) -> None:
    answers = [await reader.run(FIND, where=where) for where in REFUSED]

    wrong = [
        where
        for where, answer in zip(REFUSED, answers, strict=True)
        if set(answer.codes) != {"BAD_USER_INPUT"}
    ]
    assert wrong == []


@pytest.mark.parametrize("depth", [11, 100, 400, 2_000, 9_000])
async def test_a_filter_is_not_nested_without_end(reader: Client, depth: int) -> None:
    where: dict[str, Any] = {"name": {"eq": "x"}}
    for _ in range(depth):
        where = {"not": where}

    schema = build()
    document = schema.documents.read(FIND)
    answer = await execution.run(
        schema, document, document.operation(None), {"where": where}, await reader.context()
    )

    assert [code_of(error) for error in answer.errors] == ["BAD_USER_INPUT"]


ALLOWED: list[Any] = [
    {"createdAt": {"gt": "0001-01-01T00:00:00Z"}},
    {"createdAt": {"lt": "9999-12-31T23:59:59.999Z"}},
    {"name": {"in": ["x" * 200] * 250}},
    {"or": [{"name": {"in": ["x"] * 20}}] * 100},
    {"and": [{"or": [{"name": {"ne": "x"}}] * 10}] * 10},
    {"ownerId": {"in": [global_id("Employee", uuid7())] * 250}},
]


async def test_the_ends_of_what_is_allowed_are_answered(reader: Client) -> None:
    answers = [await reader.run(FIND, where=where) for where in ALLOWED]

    assert [answer.errors for answer in answers] == [[]] * len(ALLOWED)


async def test_the_literal_in_a_document_means_the_same_as_a_variable(reader: Client) -> None:
    document = """query ($city: String!, $ways: [ContactWhere!]) {
      a: contacts(where: {city: {eq: "Brno"}, not: {status: {eq: LEAD}}}) { totalCount }
      b: contacts(where: {city: {eq: $city}, or: [{status: {ne: LEAD}}]}) { totalCount }
      c: contacts(where: {and: $ways}) { totalCount }
      d: contacts(where: null) { totalCount }
    }"""

    answer = await reader.run(
        document, city="Brno", ways=[{"city": {"eq": "Brno"}}, {"status": {"eq": "FORMER"}}]
    )

    assert answer.errors == []
    assert {key: each["totalCount"] for key, each in answer.data.items()} == {"a": 3, "b": 3, "c": 3, "d": 18}


async def test_a_filter_below_rows_holds_for_each_parent() -> None:
    project = await make_project()
    author = await make_employee(project, [Role.SALES_REP])
    for name in ("A", "B"):
        contact = await make_contact(project, name=name)
        for kind in ("CALL", "NOTE", "NOTE"):
            await make_activity(contact, author, kind=kind, occurred_at=NOON)
    document = """{ contacts { nodes { activities(where: {not: {kind: {eq: CALL}}}) { totalCount nodes { kind } } } } }"""

    answer = await as_role(Role.DIRECTOR, project=project).run(document)

    assert [row["activities"] for row in answer.data["contacts"]["nodes"]] == [
        {"totalCount": 2, "nodes": [{"kind": "NOTE"}] * 2}
    ] * 2
    assert await Contact.all().count() == 2
