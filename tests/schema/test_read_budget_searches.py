"""How often people of outside firms search what they may see within a day, and what happens above that."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import count

import pytest

from app.models import AuditEntry, Contact, Employee, ExternalSearches, Project
from app.policy import Member, Role
from app.services import housekeeping
from tests.conftest import Clock
from tests.engine.asking import Asked, ask
from tests.factories import make_employee, make_external_searches
from tests.graphql import Answer, Client, as_employee
from tests.schema.read_budget_cases import (
    LIMIT,
    client,
    contacts,
    counted,
    external,
    look_at,
    partner,
    project,
)

__all__ = ["client", "contacts", "external", "partner", "project"]

SEARCH = "query ($words: String) { contacts(search: $words) { totalCount } }"
NUMBER, OTHER, THIRD = (
    f'contacts(search: "{words}") {{ totalCount }}' for words in ("Kontakt", "kon", "tak")
)
_NEW = count(1_000)


async def search(client: Client, words: str | None = None) -> Answer:
    """For words that nobody asked for before, unless they are given."""
    return await client.run(SEARCH, words=words or f"Kontakt {next(_NEW)}")


async def used() -> int:
    """Of the only employee who searched."""
    row = await ExternalSearches.get_or_none()
    return row.searches if row is not None else 0


def said(answer: Answer) -> list[object]:
    """Its errors but for the number of the request."""
    return [{**each, "extensions": {**each["extensions"], "requestId": None}} for each in answer.errors]


def reads_contacts(asked: Asked) -> bool:
    """The audit's own statement looks up where its entry belongs."""
    return any("contacts" in sql and "INSERT INTO" not in sql for sql, _ in asked.statements)


async def use_up(client: Client) -> None:
    for _ in range(LIMIT):
        assert (await search(client)).data["contacts"]["totalCount"] == 0


async def test_so_many_searches_are_made_and_no_more(client: Client) -> None:
    await use_up(client)

    refused = await search(client)

    assert refused.data is None and refused.codes == ["RATE_LIMITED"]
    assert refused.errors[0]["message"] == (
        "You may search contacts and persons 3 times within 24 hours, and have done so 3 times; this asks for 1 more. "
        "Ask for fewer, or wait until 3 Mar 2026 09:00 UTC."
    )
    assert refused.errors[0]["extensions"]["retryAfterSeconds"] == 24 * 3600
    assert await used() == LIMIT


@pytest.mark.parametrize("only_core", [False, True])
async def test_a_refusal_reads_no_contact_and_is_the_same_whether_there_is_one(
    client: Client, only_core: bool
) -> None:
    made = await ask(client, SEARCH, only_core=only_core, words="Kontakt")
    await ExternalSearches.all().delete()
    await use_up(client)

    asked = [
        await ask(client, SEARCH, only_core=only_core, words=words)
        for words in ("Kontakt 1", "nobody at all")
    ]

    assert reads_contacts(made)
    there, absent = (each.answer for each in asked)
    assert there.codes == ["RATE_LIMITED"] and there.data is absent.data is None
    assert said(there) == said(absent)
    assert [reads_contacts(each) for each in asked] == [False, False]


async def test_what_finds_nothing_counts_as_what_finds(client: Client) -> None:
    for words in ("Kontakt 1", "nobody at all"):
        await search(client, words)

    assert await used() == 2


@pytest.mark.parametrize(
    ("selection", "searches"),
    [
        (f"a: {NUMBER} b: {NUMBER}", 1),
        (f"a: {NUMBER} b: {OTHER}", 2),
        (f"{NUMBER} {NUMBER} ... on Query {{ {NUMBER} }}", 1),
        ('contacts(search: "605") { nodes { id } }', 1),
        ('contacts(search: "605") { pageInfo { hasNextPage } }', 1),
        ('contacts(where: {phone: {eq: "605"}}) { totalCount }', 1),
        ('persons(where: {phone: {eq: "605"}}) { totalCount }', 1),
        (
            'contacts(where: {name: {eq: "x"}}) { totalCount } persons(where: {name: {eq: "x"}}) { totalCount }',
            2,
        ),
        ('contacts(search: "605") @skip(if: true) { totalCount }', 0),
        ("contacts { totalCount nodes { id } } persons { totalCount }", 0),
        ("contacts(first: 1, orderBy: [{createdAt: DESC}]) { nodes { id } }", 0),
        ("activities(where: {}) { totalCount } reminders(where: {}) { totalCount }", 0),
        ("leadShares { nodes { contacts(where: {}) { totalCount } } }", 0),
    ],
)
async def test_each_list_with_a_condition_counts_once(
    client: Client, project: Project, selection: str, searches: int
) -> None:
    await Project.filter(id=project.id).update(external_read_limit=100)

    answer = await client.run(f"{{ __typename {selection} }}")

    assert answer.codes in ([], ["FORBIDDEN"]) and await used() == searches


@pytest.mark.parametrize(
    ("selection", "searches"),
    [("totalCount", 1), ("edges { cursor }", 1), ("nodes { id }", 0), ("edges { ... { node { id } } }", 0)],
)
async def test_a_place_to_go_on_from_counts_where_no_rows_are_shown(
    client: Client, project: Project, selection: str, searches: int
) -> None:
    await Project.filter(id=project.id).update(external_read_limit=100)
    first = await client.run("{ contacts(first: 1) { pageInfo { endCursor } } }")
    after = first.data["contacts"]["pageInfo"]["endCursor"]

    answer = await client.run(
        f"query ($after: String) {{ contacts(after: $after) {{ {selection} }} }}", after=after
    )

    assert answer.errors == [] and await used() == searches


async def test_an_operation_that_asks_too_much_is_refused_whole_and_takes_no_room(client: Client) -> None:
    await search(client)
    three = f"{{ a: {NUMBER} b: {OTHER} c: {THIRD} }}"

    refused = await client.run(three)

    assert refused.data is None and refused.codes == ["RATE_LIMITED"]
    assert "have done so 1 times; this asks for 3 more" in refused.errors[0]["message"]
    assert await used() == 1


async def test_parallel_searches_do_not_slip_over_it_together(client: Client) -> None:
    answers = await asyncio.gather(*(search(client) for _ in range(2 * LIMIT)))

    assert sorted(answer.codes for answer in answers) == [[]] * LIMIT + [["RATE_LIMITED"]] * LIMIT
    assert await used() == LIMIT


async def test_the_day_begins_with_the_first_search(client: Client, clock: Clock) -> None:
    await search(client)
    clock.advance(timedelta(hours=23))
    await search(client)
    await search(client)
    refused = await search(client)
    clock.advance(timedelta(hours=1))

    assert refused.errors[0]["extensions"]["retryAfterSeconds"] == 3600
    await use_up(client)
    assert (await search(client)).errors[0]["extensions"]["retryAfterSeconds"] == 24 * 3600


async def test_each_employee_searches_for_himself(client: Client, external: Employee) -> None:
    colleague = await make_employee(
        await Project.get(), [Role.EXTERNAL_TELEPHONIST], partner_id=external.partner_id
    )
    await use_up(client)

    await use_up(as_employee(colleague))


@pytest.mark.parametrize("role", [Role.SALES_REP, Role.TELEPHONIST, Role.ADMIN])
async def test_people_of_the_firm_search_as_they_like(
    project: Project, contacts: Sequence[Contact], role: Role
) -> None:
    inside = as_employee(await make_employee(project, [role]))

    answers = [await search(inside) for _ in range(LIMIT + 2)]

    assert all(answer.errors == [] for answer in answers) and await used() == 0


async def test_a_refusal_is_told_to_the_director_once_an_hour(
    client: Client, external: Employee, clock: Clock
) -> None:
    await use_up(client)
    for _ in range(3):
        await search(client)
    first = await AuditEntry.all()
    clock.advance(timedelta(minutes=61))
    await search(client)

    (entry,) = first
    assert (entry.action, entry.subject, entry.subject_id) == ("externalReadLimit", "Employee", external.id)
    assert (entry.employee_id, entry.project_id) == (external.id, external.project_id)
    assert entry.changes == {"limit": [None, LIMIT], "read": [None, 0], "searches": [None, LIMIT]}
    assert await AuditEntry.all().count() == 2


async def test_contacts_may_be_looked_at_when_no_search_is_left(
    client: Client, contacts: list[Contact]
) -> None:
    await use_up(client)

    assert (await look_at(client, contacts[:3])).errors == []


@pytest.mark.parametrize("only_core", [False, True])
async def test_a_page_of_which_only_its_ends_are_told_counts_its_rows(
    client: Client, only_core: bool
) -> None:
    document = "{ contacts(first: 2) { pageInfo { hasNextPage } } }"

    asked = await ask(client, document, only_core=only_core)

    assert asked.data == {"contacts": {"pageInfo": {"hasNextPage": True}}}
    assert len(await counted()) == 2


async def test_a_list_below_a_row_counts_as_one_at_the_root(
    project: Project, contacts: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is open to externals today: here somebody of the firm is metered."""
    director = await as_employee(await make_employee(project, [Role.DIRECTOR])).sign_in()
    monkeypatch.setattr(Member, "is_metered", property(lambda _: True))
    nested = "query ($phone: String) { leadShares { nodes { contacts(where: {phone: {eq: $phone}}) { totalCount } } } }"

    for number in range(LIMIT):
        assert (await director.run(nested, phone=f"60{number}")).errors == []

    assert (await director.run(nested, phone="605")).codes == ["RATE_LIMITED"]


async def test_what_counts_no_more_is_cleared_away(external: Employee, clock: Clock) -> None:
    await make_external_searches(external, began_at=clock.at - timedelta(hours=25))

    assert await housekeeping.forget_served(ExternalSearches, now=clock.at) == 1
    assert await used() == 0
