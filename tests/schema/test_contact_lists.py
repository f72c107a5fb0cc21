"""Lists of contacts: their order, filters, search and counts, each cut to what the viewer may see."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from app.engine.ids import global_id
from app.ids import uuid7
from app.models import Contact, Employee, Project
from app.policy import Role
from tests.factories import (
    NOON,
    make_activity,
    make_contact,
    make_division,
    make_email,
    make_employee,
    make_person,
    make_project,
    make_reminder,
)
from tests.graphql import as_employee, as_role, gid
from tests.schema.contact_cases import CREATE_BASIC, NAMES, UPDATE_BASIC, WHOLE, names

CZECH = ["Adam", "Cihla", "Čapek", "Dvořák", "Hora", "Chalupa", "Novak", "Novák", "Zima", "Žák"]


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def rep(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP])


async def add(project: Project, *all_names: str, **values: Any) -> list[Contact]:
    return [await make_contact(project, name=name, **values) for name in all_names]


async def test_names_come_in_czech_order(project: Project, rep: Employee) -> None:
    await add(project, *reversed(CZECH))

    up = await as_employee(rep).run(NAMES)
    down = await as_employee(rep).run(NAMES, orderBy=[{"name": "DESC"}])

    assert names(up) == CZECH and names(down) == CZECH[::-1]


async def test_a_contact_typed_in_takes_its_place_in_the_order(project: Project, rep: Employee) -> None:
    await add(project, "Hora", "Ibl")
    client = as_employee(rep)

    await client.run(CREATE_BASIC, input={"name": "Chalupa"})
    await client.run(UPDATE_BASIC, input={"id": await Contact.get(name="Ibl"), "name": "Černý"})

    assert names(await client.run(NAMES)) == ["Černý", "Hora", "Chalupa"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("novak", ["Novák a syn"]),
        ("NOVÁK", ["Novák a syn"]),
        ("syn novak", ["Novák a syn"]),
        ("27074358", ["Novák a syn"]),
        ("270 74 358", ["Novák a syn"]),
        ("usti nad", ["Novák a syn"]),
        ("info@novak", ["Novák a syn"]),
        ("777 123 456", ["Novák a syn"]),
        ("+420 777 123 456", ["Novák a syn"]),
        ("+420777123456", ["Novák a syn"]),
        ("CZ27074358", []),
        ("novak zima", []),
        ("100%", ["Sleva 100% jistá"]),
        ("%%", []),
        ("__", []),
        ("\\\\", []),
        ("' OR 1=1 --", []),
    ],
)
async def test_search_finds_what_was_typed_whatever_accents_case_and_blanks(
    project: Project, rep: Employee, words: str, found: list[str]
) -> None:
    client = as_employee(rep)
    whole = {
        "name": "Novák a syn",
        "ico": "27074358",
        "vatId": "CZ27074358",
        "email": "info@novak.cz",
        "phone": "777123456",
        "address": {"street": "Zimní", "city": "Ústí nad Labem"},
    }
    for sent in (whole, {"name": "Zima"}, {"name": "Sleva 100% jistá"}):
        created = await client.run(CREATE_BASIC, input=sent)
        assert created.faults("contactCreate") == []

    assert names(await client.run(NAMES, search=words)) == found


PILED_UP = pytest.param("a" + "\u0301\u0323" * 30_000, id="accents piled up")


@pytest.mark.parametrize("words", ["x", " x\t", "x" * 101, "a\x00b", "\u0301", PILED_UP])
async def test_a_search_too_short_too_long_or_broken_is_refused(rep: Employee, words: str) -> None:
    started = time.process_time()

    answer = await as_employee(rep).run(NAMES, search=words)

    # Accents piled up by the ten thousand took seconds to fold.
    assert answer.codes == ["BAD_USER_INPUT"] and time.process_time() - started < 0.5


BLANK = [None, "", " ", "\t\r\n", "\u00a0\u200b", "\U000e0041", " " * 500]


async def test_a_blank_search_is_no_search_and_its_list_is_the_same_one(
    project: Project, rep: Employee
) -> None:
    for name in ("Alfa", "Beta", "Gama"):
        await make_contact(project, name=name)
    client = as_employee(rep)
    document = """query ($search: String, $after: String) { contacts(first: 2, search: $search, after: $after) {
      totalCount nodes { name } pageInfo { endCursor } } }"""

    pages = [(await client.run(document, search=each)).data["contacts"] for each in BLANK]
    rest = await client.run(document, search="  ", after=pages[0]["pageInfo"]["endCursor"])

    assert pages == [pages[0]] * len(BLANK)
    assert (pages[0]["totalCount"], [each["name"] for each in pages[0]["nodes"]]) == (3, ["Alfa", "Beta"])
    assert [each["name"] for each in rest.data["contacts"]["nodes"]] == ["Gama"]


async def test_a_search_forgets_what_was_corrected(project: Project, rep: Employee) -> None:
    client = as_employee(rep)
    await client.run(CREATE_BASIC, input={"name": "Novák", "phone": "777123456"})

    await client.run(UPDATE_BASIC, input={"id": await Contact.get(), "name": "Zima", "phone": None})

    assert names(await client.run(NAMES, search="novak")) == []
    assert names(await client.run(NAMES, search="777123456")) == []
    assert names(await client.run(NAMES, search="zima")) == ["Zima"]


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"name": {"eq": "Alfa"}}, ["Alfa"]),
    ({"name": {"ne": "Alfa"}}, ["Beta", "Gama"]),
    ({"ico": {"eq": "27082440"}}, ["Alfa"]),
    ({"ico": {"isNull": True}}, ["Gama"]),
    ({"vatId": {"in": ["CZ27082440", "CZ699"]}}, ["Alfa"]),
    ({"status": {"in": ["CUSTOMER", "FORMER"]}}, ["Beta"]),
    ({"status": {"ne": "LEAD"}}, ["Beta"]),
    ({"city": {"ne": "Brno"}}, ["Beta", "Gama"]),
    ({"city": {"isNull": True}}, ["Gama"]),
    ({"postalCode": {"eq": "60200"}}, ["Alfa"]),
    ({"country": {"eq": "SK"}}, ["Beta"]),
    ({"email": {"eq": "a@alfa.cz"}}, ["Alfa"]),
    ({"phone": {"eq": "+420777123456"}}, ["Beta"]),
    ({"internalRating": {"gte": 3}}, ["Alfa"]),
    ({"internalRating": {"isNull": True}}, ["Gama"]),
    ({"priceLevel": {"eq": "B"}}, ["Beta"]),
    ({"createdAt": {"lt": "2026-03-02T13:00:00+01:00"}}, ["Alfa"]),
    ({"createdAt": {"lte": "2026-03-02T13:00:00+01:00"}}, ["Alfa", "Beta"]),
    ({"updatedAt": {"gt": "2026-03-02T12:00:00Z"}}, ["Beta", "Gama"]),
    ({"divisionId": {"isNull": True}}, ["Beta", "Gama"]),
    ({"ownerId": {"isNull": False}}, ["Alfa"]),
    ({"or": [{"name": {"eq": "Alfa"}}, {"city": {"isNull": True}}]}, ["Alfa", "Gama"]),
    ({"not": {"city": {"eq": "Brno"}}}, ["Beta", "Gama"]),
    ({"and": [{"not": {"name": {"eq": "Alfa"}}}, {"not": {"name": {"eq": "Gama"}}}]}, ["Beta"]),
]


async def filtered(project: Project) -> None:
    hour = timedelta(hours=1)
    division, owner = await make_division(project), await make_employee(project)
    alfa = {
        "ico": "27082440",
        "vat_id": "CZ27082440",
        "city": "Brno",
        "postal_code": "60200",
        "country": "CZ",
    }
    beta = {"ico": "00006947", "status": "CUSTOMER", "city": "Praha", "country": "SK", "price_level": "B"}
    await make_contact(
        project,
        name="Alfa",
        email="a@alfa.cz",
        internal_rating=4,
        created_at=NOON - hour,
        updated_at=NOON,
        division=division,
        owner=owner,
        **alfa,
    )
    await make_contact(
        project,
        name="Beta",
        phone="+420777123456",
        internal_rating=2,
        created_at=NOON,
        updated_at=NOON + hour,
        **beta,
    )
    await make_contact(project, name="Gama", created_at=NOON + hour)


async def test_every_filter_holds_what_it_says(project: Project, rep: Employee) -> None:
    await filtered(project)
    client, wrong = as_employee(rep), []

    for where, expected in FILTERS:
        answer = await client.run(NAMES, where=where)
        if names(answer) != expected or answer.data["contacts"]["totalCount"] != len(expected):
            wrong.append((where, answer.data))

    assert wrong == []


async def test_a_filter_by_a_foreign_id_finds_what_a_random_one_finds(
    project: Project, rep: Employee
) -> None:
    elsewhere = await make_project()
    division, owner = await make_division(elsewhere), await make_employee(elsewhere)
    await make_contact(elsewhere, division=division, owner=owner)
    mine = await make_contact(project, owner=rep)

    for where in (
        {"divisionId": {"eq": gid(division)}},
        {"ownerId": {"in": [gid(owner), global_id("Employee", uuid7())]}},
        {"divisionId": {"eq": "RGl2aXNpb246MDE5ZjAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw"}},
    ):
        answer = await as_employee(rep).run(NAMES, where=where)
        assert answer.errors == [] and answer.data["contacts"] == {"totalCount": 0, "nodes": []}
    refused = await as_employee(rep).run(NAMES, where={"ownerId": {"in": [gid(owner), gid(mine)]}})
    assert refused.codes == ["BAD_USER_INPUT"]
    found = await as_employee(rep).run(NAMES, where={"ownerId": {"eq": gid(rep)}})
    assert names(found) == [mine.name]


@pytest.mark.parametrize(
    "variables",
    [
        {"where": {"vatId": {"eq": "x"}}},
        {"where": {"internalRating": {"isNull": True}}},
        {"where": {"not": {"or": [{"and": [{"priceLevel": {"eq": "x"}}]}]}}},
    ],
    ids=str,
)
async def test_a_filter_by_what_one_may_not_read_is_refused(project: Project, variables: Any) -> None:
    await make_contact(project)

    answer = await as_role(Role.TELEPHONIST, project=project).run(NAMES, **variables)

    assert answer.codes == ["FORBIDDEN"] and answer.data is None
    assert answer.errors[0]["extensions"]["requiredPermission"] == "CONTACT_BILLING_READ"


async def test_a_contact_shows_all_that_hangs_on_it(project: Project, rep: Employee) -> None:
    division = await make_division(project)
    contact = await make_contact(project, name="Novák", division=division, owner=rep)
    await make_person(contact, name="Žák")
    await make_person(contact, name="Čapek")
    await make_activity(contact, rep, summary="Hovor")
    await make_reminder(rep, contact=contact, title="Zavolat")
    await make_email(project, contact=contact, author=rep, subject="Nabídka")

    answer = await as_employee(rep).run(WHOLE, id=contact)

    assert answer.errors == []
    assert answer.data["contact"] == {
        "name": "Novák",
        "division": {"id": gid(division)},
        "owner": {"id": gid(rep), "name": rep.name},
        "persons": [{"name": "Čapek"}, {"name": "Žák"}],
        "activities": {"totalCount": 1, "nodes": [{"summary": "Hovor", "author": {"id": gid(rep)}}]},
        "reminders": {"totalCount": 1, "nodes": [{"title": "Zavolat"}]},
        "emails": {"totalCount": 1, "nodes": [{"subject": "Nabídka"}]},
    }


async def test_each_contact_of_a_page_gets_its_own_relations(project: Project, rep: Employee) -> None:
    for number in range(3):
        contact = await make_contact(project, name=f"Firma {number}", owner=rep if number else None)
        for each in range(number):
            await make_person(contact, name=f"Osoba {number}{each}")
            await make_activity(
                contact, rep, summary=f"Hovor {number}{each}", occurred_at=NOON + timedelta(each)
            )
    document = """{ contacts { nodes { name owner { name } persons { name }
      activities(first: 1) { totalCount nodes { summary } pageInfo { hasNextPage } } lastSalesActivityAt } } }"""

    answer = await as_employee(rep).run(document)

    assert answer.errors == []
    shown = [
        (
            row["persons"],
            row["activities"]["totalCount"],
            row["activities"]["nodes"],
            row["lastSalesActivityAt"],
        )
        for row in answer.data["contacts"]["nodes"]
    ]
    assert shown == [
        ([], 0, [], None),
        ([{"name": "Osoba 10"}], 1, [{"summary": "Hovor 10"}], "2026-03-02T12:00:00.000Z"),
        (
            [{"name": "Osoba 20"}, {"name": "Osoba 21"}],
            2,
            [{"summary": "Hovor 21"}],
            "2026-03-03T12:00:00.000Z",
        ),
    ]


async def test_the_buttons_one_may_press_are_told(project: Project) -> None:
    contact = await make_contact(project)
    document = "query ($id: ID!) { contact(id: $id) { viewerCan { update delete } } }"

    async def can(role: Role, **values: Any) -> tuple[bool, bool]:
        answer = await as_role(role, project=project, **values).run(document, id=contact)
        return tuple(answer.data["contact"]["viewerCan"].values())

    assert await can(Role.TELEPHONIST) == (True, False)
    assert await can(Role.SERVICE_TECHNICIAN, can_delete_contacts=True) == (False, True)
    assert await can(Role.ADMIN) == (True, True)


async def test_parallel_readers_get_their_own_rows_only(project: Project, rep: Employee) -> None:
    other = await make_project()
    await add(project, "Naše")
    await add(other, "Jejich")
    ours, theirs = await as_employee(rep).sign_in(), await as_role(Role.ADMIN, project=other).sign_in()

    answers = await asyncio.gather(*[client.run(NAMES) for client in [ours, theirs] * 10])

    assert [names(answer) for answer in answers] == [["Naše"], ["Jejich"]] * 10
