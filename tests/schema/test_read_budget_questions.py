"""What is no search, when two are the same, and what is left: of what people of outside firms read and search."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from app.engine.searches import normalised
from app.engine.where import walk
from app.models import Contact, Employee, ExternalQuestion, ExternalSearches, Project
from app.policy import Role
from app.schema import contacts as contacts_table
from app.services import housekeeping
from tests.conftest import Clock
from tests.factories import make_employee, make_external_question
from tests.graphql import Client, as_account, as_employee, make_account_with_password
from tests.schema.filter_cases import some_filter
from tests.schema.read_budget_cases import (
    LIMIT,
    PAGE,
    client,
    contacts,
    external,
    look_at,
    partner,
    project,
)

__all__ = ["client", "contacts", "external", "partner", "project"]

LIST = """query ($where: ContactWhere, $search: String, $orderBy: [ContactOrderBy!], $first: Int, $after: String) {
  contacts(where: $where, search: $search, orderBy: $orderBy, first: $first, after: $after) { totalCount }
}"""
LEFT = "{ viewer { readBudget { contactsLeft searchesLeft resetsAt } } }"
BRNO, NOBODY = {"city": {"eq": "Brno"}}, {"name": {"eq": "nobody"}}


async def used() -> int:
    row = await ExternalSearches.get_or_none()
    return row.searches if row is not None else 0


async def asked(client: Client, **given: Any) -> int:
    """How many searches that took."""
    before = await used()
    answer = await client.run(LIST, **given)
    assert answer.errors == [], answer.errors
    return await used() - before


async def left(client: Client) -> Any:
    answer = await client.run(LEFT)
    assert answer.errors == []
    return answer.data["viewer"]["readBudget"]


@pytest.mark.parametrize(
    "nothing",
    [
        {},
        {"where": None, "search": None},
        {"where": {}},
        {"where": {"and": []}},
        {"where": {"and": [{}, {"and": [{"name": {}}]}], "or": None}},
        {"where": {"not": None, "name": None}},
        {"where": {"not": {"or": []}}},
        {"where": {"not": {"not": {}}}},
        {"where": {"not": {"ico": {"in": []}}}},
        {"where": {"or": [{"name": {"eq": "Kontakt 1"}}, {}]}},
        {"where": {"name": {"isNull": None}}},
        {"where": {}, "orderBy": [{"createdAt": "DESC"}], "after": None},
    ],
    ids=str,
)
async def test_what_leaves_nothing_out_is_no_search(
    client: Client, contacts: Sequence[Contact], nothing: dict[str, Any]
) -> None:
    """An ordinary list with an empty form above it must not lock a call centre out."""
    for _ in range(LIMIT + 1):
        answer = await client.run(LIST, **nothing)
        assert answer.errors == [] and answer.data["contacts"]["totalCount"] == len(contacts)

    assert await used() == 0 and await ExternalQuestion.all().count() == 0


@pytest.mark.parametrize("blank", ["", "  ", " \t "])
async def test_a_blank_search_is_no_search(client: Client, blank: str) -> None:
    """Whatever it is answered."""
    for _ in range(LIMIT + 1):
        assert "RATE_LIMITED" not in (await client.run(LIST, search=blank)).codes

    assert await used() == 0


@pytest.mark.parametrize(
    "refused", [{"search": "x"}, {"where": {"name": {"eq": None}}}, {"where": {"name": {"eq": "x" * 300}}}]
)
async def test_what_cannot_be_asked_tells_nothing_and_counts_nothing(
    client: Client, refused: dict[str, Any]
) -> None:
    answer = await client.run(LIST, **refused)

    assert answer.codes == ["BAD_USER_INPUT"] and await used() == 0


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ({"search": "brno  Praha"}, {"search": "PRAHA brno"}),
        ({"search": "brno"}, {"search": " Brno ", "where": {}, "first": 3}),
        ({"where": BRNO}, {"where": {"and": [BRNO, BRNO, {}]}, "search": None}),
        ({"where": {"or": [BRNO, NOBODY]}}, {"where": {"or": [NOBODY, {"or": [BRNO]}, {"or": []}]}}),
        ({"where": {"name": {"in": ["a", "b"]}}}, {"where": {"name": {"in": ["b", "a", "b"]}}}),
        ({"where": BRNO}, {"where": BRNO, "orderBy": []}),
    ],
)
async def test_the_same_question_is_counted_once(
    client: Client, one: dict[str, Any], same: dict[str, Any]
) -> None:
    assert [await asked(client, **each) for each in (one, same, one)] == [1, 0, 0]


async def test_other_questions_are_counted_each(client: Client, project: Project) -> None:
    await Project.filter(id=project.id).update(external_read_limit=100)
    questions: list[dict[str, Any]] = [
        {"where": BRNO},
        {"where": {"not": BRNO}},
        {"where": {"city": {"ne": "Brno"}}},
        {"where": {"city": {"in": ["Brno"]}}},
        {"where": {"name": {"eq": "Brno"}}},
        {"where": {"and": [BRNO, NOBODY]}},
        {"where": {"or": [BRNO, NOBODY]}},
        {"where": BRNO, "search": "brno"},
        {"search": "brno"},
        {"where": BRNO, "orderBy": [{"createdAt": "DESC"}]},
        {"where": {"or": []}},
    ]

    assert [await asked(client, **each) for each in questions] == [1] * len(questions)
    persons = "{ persons(where: {name: {eq: %s}}) { totalCount } }"
    for number in range(2):
        assert (await client.run(persons % f'"{number}"')).errors == []
    assert await used() == len(questions) + 2


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_order_of_its_parts_a_filter_is_the_same_question(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(300):
        where = some_filter(dice)
        assert question_of(_shuffled(where, dice)) == question_of(where), where


def question_of(where: dict[str, Any]) -> Any:
    values: list[Any] = []
    shape = walk(contacts_table.Contact, where, values)
    rest = iter(values)
    found = normalised(shape, rest)
    assert list(rest) == []
    return found


def _shuffled(where: Any, dice: random.Random) -> Any:
    if isinstance(where, dict):
        turned = [(key, _shuffled(value, dice)) for key, value in where.items()]
        return dict(dice.sample(turned, len(turned)))
    if isinstance(where, list):
        return [_shuffled(each, dice) for each in dice.sample(where, len(where))] + where[:1]
    return where


async def test_what_always_holds_and_what_never_does_is_told_apart_from_what_depends_on_rows(
    contacts: Sequence[Contact], project: Project
) -> None:
    client = await as_employee(await make_employee(project, [Role.ADMIN])).sign_in()
    dice, told = random.Random(0), set()
    for _ in range(40):
        where = some_filter(dice)
        found = question_of(where)
        answer = await client.run(LIST, where=where)
        assert answer.errors == [], (where, answer.errors)
        number = answer.data["contacts"]["totalCount"]
        assert not isinstance(found, bool) or number == (len(contacts) if found else 0), where
        told.add(found if isinstance(found, bool) else None)
    assert told == {True, False, None}


async def test_it_is_counted_again_after_an_hour(client: Client, clock: Clock) -> None:
    took = [await asked(client, where=BRNO)]
    for minutes in (59, 1, 30, 30):
        clock.advance(timedelta(minutes=minutes))
        took.append(await asked(client, where=BRNO))

    assert took == [1, 0, 1, 0, 1]
    assert await ExternalQuestion.all().count() == 1


async def test_what_was_asked_may_be_asked_again_when_nothing_is_left(client: Client) -> None:
    for city in ("Brno", "Praha", "Plzeň"):
        await asked(client, where={"city": {"eq": city}})

    refused = await client.run(LIST, where={"city": {"eq": "Zlín"}})
    assert refused.codes == ["RATE_LIMITED"]
    assert await asked(client, where=BRNO) == 0
    await Project.all().update(external_read_limit=LIMIT + 1)
    assert await asked(client, where={"city": {"eq": "Zlín"}}) == 1  # a refusal is not remembered


async def test_paging_through_is_one_question_where_rows_are_shown(client: Client, project: Project) -> None:
    await Project.filter(id=project.id).update(external_read_limit=100)
    document = PAGE.replace("$after: String", "$after: String, $search: String").replace(
        "after: $after)", "after: $after, search: $search)"
    )
    document = document.replace("nodes { name }", "nodes { name } pageInfo { endCursor hasNextPage }")
    seen, after = 0, None
    while True:
        page = (await client.run(document, first=2, after=after, search="kontakt")).data["contacts"]
        seen, after = seen + len(page["nodes"]), page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert seen == 6 and await used() == 1
    # What lies behind a place that anybody can think up is a question of its own where it shows no row.
    assert [await asked(client, search="kontakt", after=after) for _ in range(2)] == [1, 0]


async def test_two_people_ask_each_for_themselves_and_nobody_can_read_it(
    client: Client, project: Project, external: Employee
) -> None:
    colleague = await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner_id=external.partner_id)

    await client.run(LIST, search="kontakt")
    await as_employee(colleague).run(LIST, search="kontakt")

    kept = await ExternalQuestion.all().order_by("employee_id")
    assert {each.employee_id for each in kept} == {external.id, colleague.id}
    assert len({each.question_hash for each in kept}) == 2
    assert all(len(each.question_hash) == 64 for each in kept)


async def test_what_is_left_is_shown(client: Client, contacts: list[Contact], clock: Clock) -> None:
    whole = await left(client)
    await look_at(client, contacts[:1])
    clock.advance(timedelta(hours=1))
    await asked(client, where=BRNO)
    used_some = await left(client)
    clock.advance(timedelta(hours=23))
    later = await left(client)
    for city in ("Praha", "Plzeň"):
        await asked(client, where={"city": {"eq": city}})
    await Project.all().update(external_read_limit=1)

    assert whole == {"contactsLeft": LIMIT, "searchesLeft": LIMIT, "resetsAt": None}
    assert used_some == {
        "contactsLeft": LIMIT - 1,
        "searchesLeft": LIMIT - 1,
        "resetsAt": "2026-03-03T09:00:00.000Z",
    }
    assert later == {
        "contactsLeft": LIMIT,
        "searchesLeft": LIMIT - 1,
        "resetsAt": "2026-03-03T10:00:00.000Z",
    }
    assert await left(client) == {
        "contactsLeft": 1,
        "searchesLeft": 0,
        "resetsAt": "2026-03-03T10:00:00.000Z",
    }


async def test_whoever_is_not_counted_has_no_budget(project: Project) -> None:
    inside = as_employee(await make_employee(project, [Role.ADMIN]))

    assert await left(inside) is None
    assert await left(as_account(await make_account_with_password())) is None


async def test_what_was_asked_long_ago_is_cleared_away(external: Employee, clock: Clock) -> None:
    for minutes in (59, 61, 90):
        await make_external_question(external, asked_at=clock.at - timedelta(minutes=minutes))

    assert await housekeeping.forget_served(ExternalQuestion, now=clock.at) == 2
    assert await ExternalQuestion.all().count() == 1
