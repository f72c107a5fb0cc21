"""A mutation that takes a filter acts on everything if it is told to in so many words, and never by an emptied filter."""

import random
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, get_named_type

import app
from app.ids import uuid7
from app.models import Contact, Employee, LeadShare, LeadShareContact, Partner, Project
from app.policy import Role
from app.schema import build
from app.services import lead_shares
from tests.factories import make_contact, make_division, make_employee, make_project
from tests.graphql import as_employee, gid
from tests.schema.filter_cases import some_filter
from tests.schema.share_cases import ALL, CREATE, contacts, director, lent, names, partner, project, share_of

__all__ = ["contacts", "director", "partner", "project"]

NOBODY = {"nobody": None}
COUNT = "query ($where: ContactWhere) { contacts(where: $where) { totalCount } }"


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ({"where": {"not": {"ico": {"in": []}}}}, "where"),
        ({"where": {"not": {"or": []}}}, "where"),
        ({"where": {"not": {"not": {}}}}, "where"),
        ({"where": {"ownerId": {"ne": NOBODY}}}, "where"),
        ({"where": {"not": {"ownerId": {"eq": NOBODY}}}}, "where"),
        ({"where": {"createdAt": {"isNull": False}}}, "where"),
        ({"where": {"ico": {"isNull": True}}, "search": " "}, "where"),
        ({"where": {"status": {"eq": "LEAD"}}, "search": None}, "where"),
        ({"search": "brno"}, "search"),
    ],
    ids=str,
)
async def test_a_filter_that_leaves_out_none_is_refused(
    director: Employee, partner: Partner, contacts: list[Contact], sent: dict[str, Any], place: str
) -> None:
    """Contacts of others do not make it one that leaves out some."""
    await make_contact(await make_project(), name="Cizí", ico="27082440", city="Praha", status="CUSTOMER")
    await Contact.filter(id__in=[each.id for each in contacts]).update(search_text=" brno ")
    nobody = gid(Employee(id=uuid7()))
    given = {key: _with(value, nobody) for key, value in sent.items()}

    answer = await as_employee(director).run(CREATE, input=lent(partner, **given))

    assert answer.faults("leadShareCreate") == [(f"input.{place}", "REQUIRED")]
    [error] = answer.data["leadShareCreate"]["errors"]
    assert error["message"] == (
        "This filter leaves out none of the contacts that you see. Narrow it, or send `all: true` alone to take all."
    )
    assert await LeadShare.all().count() == 0


def _with(where: Any, nobody: str) -> Any:
    """With the id of nobody where it says so."""
    if where == NOBODY:
        return nobody
    return {key: _with(value, nobody) for key, value in where.items()} if isinstance(where, dict) else where


@pytest.mark.parametrize(
    "nothing",
    [
        {"where": {}},
        {"where": {"and": []}},
        {"where": {"or": [{"name": {"eq": "Alfa"}}, {}]}},
        {"where": {"name": {}}},
        {"where": {}, "search": ""},
    ],
    ids=str,
)
async def test_a_filter_that_asks_for_nothing_lends_nothing(
    director: Employee, partner: Partner, contacts: list[Contact], nothing: dict[str, Any]
) -> None:
    """A front end's form that nobody filled in must not lend every contact there is."""
    sent = {"partnerId": partner, "campaign": "Jaro", **nothing}

    answer = await as_employee(director).run(CREATE, input=sent)

    assert answer.faults("leadShareCreate") == [("input.where", "REQUIRED")]
    assert await LeadShare.all().count() == 0


@pytest.mark.parametrize("blank", ["", " ", "\t\u200b\U000e0041"])
async def test_a_blank_search_is_no_choice(
    director: Employee, partner: Partner, contacts: list[Contact], blank: str
) -> None:
    """A form sends its empty field of words with whatever else was chosen."""
    client = as_employee(director)
    ways: list[dict[str, Any]] = [
        {"contactIds": [gid(contacts[0])]},
        ALL,
        {"where": {"name": {"ne": "Beta"}}},
    ]

    shares = [await client.run(CREATE, input=lent(partner, **way, search=blank)) for way in ways]
    alone = await client.run(CREATE, input={"partnerId": partner, "campaign": "Jaro", "search": blank})

    found = [names(share_of(each, "leadShareCreate")["contacts"]) for each in shares]
    assert found == [["Alfa"], ["Alfa", "Beta", "Gama"], ["Alfa", "Gama"]]
    assert alone.faults("leadShareCreate") == [("input.contactIds", "REQUIRED")]
    [error] = alone.data["leadShareCreate"]["errors"]
    assert error["message"] == (
        "Say which contacts: name them in `contactIds`, give a filter (`where`, `search`), or send `all: true`."
    )


@pytest.mark.parametrize(
    ("sent", "place", "said"),
    [
        (
            ALL,
            "all",
            "`all` takes at most 2 contacts, and you see more. Give filters that take parts of them.",
        ),
        (
            {"where": {"name": {"ne": "Delta"}}},
            "where",
            "More than 2 contacts are like that. Narrow the filter, and do it several times.",
        ),
    ],
    ids=["all", "where"],
)
async def test_more_than_one_share_holds_is_refused_with_what_to_do(
    director: Employee,
    partner: Partner,
    contacts: list[Contact],
    monkeypatch: pytest.MonkeyPatch,
    sent: dict[str, Any],
    place: str,
    said: str,
) -> None:
    monkeypatch.setattr(lead_shares, "MOST_FROZEN", 2)

    answer = await as_employee(director).run(CREATE, input=lent(partner, **sent))

    [error] = answer.data["leadShareCreate"]["errors"]
    assert answer.faults("leadShareCreate") == [(f"input.{place}", "TOO_LONG")]
    assert error["message"] == said
    assert await LeadShare.all().count() == 0


async def test_whoever_reaches_one_division_must_say_all_for_that_division(
    project: Project, partner: Partner, contacts: list[Contact]
) -> None:
    """A condition that leaves out others' contacts alone leaves out none of theirs."""
    b2b = await make_division(project)
    await Contact.filter(id=contacts[0].id).update(division_id=b2b.id, city="Praha")
    await Contact.filter(id=contacts[1].id).update(division_id=(await make_division(project)).id)
    boss = as_employee(await make_employee(project, [Role.DIRECTOR], divisions=[b2b]))

    refused = await boss.run(CREATE, input=lent(partner, where={"name": {"ne": "Beta"}}))
    everything = await boss.run(CREATE, input=lent(partner, **ALL))
    some = await boss.run(CREATE, input=lent(partner, where={"city": {"eq": "Praha"}}))

    assert refused.faults("leadShareCreate") == [("input.where", "REQUIRED")]
    assert names(share_of(everything, "leadShareCreate")["contacts"]) == ["Alfa", "Gama"]
    assert names(share_of(some, "leadShareCreate")["contacts"]) == ["Alfa"]


async def test_all_of_nothing_is_told(director: Employee, partner: Partner) -> None:
    answer = await as_employee(director).run(CREATE, input=lent(partner, **ALL))

    assert answer.faults("leadShareCreate") == [("input.all", "INVALID")]


async def test_a_repeat_is_answered_though_its_filter_would_leave_out_none_now(
    director: Employee, partner: Partner, contacts: list[Contact]
) -> None:
    client = as_employee(director)
    sent = lent(partner, where={"name": {"ne": "Gama"}}, idempotencyKey="jednou")
    first = await client.run(CREATE, input=sent)
    await Contact.filter(name="Gama").update(name="Delta")

    again = await client.run(CREATE, input=sent)
    other = await client.run(CREATE, input=lent(partner, **ALL, idempotencyKey="jednou"))
    new = await client.run(CREATE, input={**sent, "idempotencyKey": "podruhé"})

    assert share_of(again, "leadShareCreate")["id"] == share_of(first, "leadShareCreate")["id"]
    assert other.codes == ["IDEMPOTENCY_MISMATCH"]
    assert new.faults("leadShareCreate") == [("input.where", "REQUIRED")]
    assert await LeadShareContact.all().count() == 2


@pytest.mark.parametrize("seed", range(2))
async def test_no_filter_whatever_it_is_lends_everything(
    director: Employee, partner: Partner, contacts: list[Contact], seed: int
) -> None:
    """Of a filter that finds some and leaves out some those are lent that it finds; of any other nothing."""
    await Contact.filter(name="Beta").update(ico="27082440", owner_id=director.id, status="CUSTOMER")
    client, dice = await as_employee(director).sign_in(), random.Random(seed)
    outcomes = set()
    for _ in range(60):
        where = some_filter(dice)
        found = (await client.run(COUNT, where=where)).data["contacts"]["totalCount"]

        answer = await client.run(CREATE, input=lent(partner, where=where))

        is_refused = answer.faults("leadShareCreate") != []
        assert is_refused == (found in (0, len(contacts))), where
        lent_ones = await LeadShareContact.filter(share__campaign="Jaro").count()
        assert lent_ones == (0 if is_refused else found), where
        await LeadShare.all().delete()
        outcomes.add((is_refused, found))
    assert {(True, 0), (True, 3), (False, 1), (False, 2)} <= outcomes


def test_every_mutation_with_a_filter_asks_in_the_one_place() -> None:
    """Its input has `all`, which nothing else looks at, and nothing else asks for the rows of a filter."""
    mutations = build()._schema.mutation_type
    assert mutations is not None
    inputs = {
        type_.name: type_
        for definition in mutations.fields.values()
        for argument in definition.args.values()
        if isinstance(type_ := get_named_type(argument.type), GraphQLInputObjectType)
    }

    with_filter = {name: type_ for name, type_ in inputs.items() if "where" in type_.fields}
    asking = [
        path.name
        for path in Path(app.__path__[0]).rglob("*.py")
        if "import matching_rows" in path.read_text(encoding="utf-8")
    ]

    assert "LeadShareCreateInput" in with_filter
    assert [name for name, type_ in with_filter.items() if "all" not in type_.fields] == []
    assert asking == ["bulk.py"]
