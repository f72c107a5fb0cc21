"""The people at contacts."""

import asyncio
from typing import Any

import pytest

from app.models import Contact, Employee, Person, Project
from app.policy import Role
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_lead_share,
    make_partner,
    make_person,
    make_project,
)
from tests.graphql import (
    SentJob,
    as_employee,
    as_role,
    code_of_id,
    gid,
)
from tests.schema.contact_cases import (
    ADD_PERSON,
    DELETE_PERSON,
    LONG,
    NOT_ON_ONE_LINE,
    UPDATE_PERSON,
    everything,
    names,
)

LIST = "query ($search: String) { persons(search: $search) { nodes { name } } }"


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def rep(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP])


@pytest.fixture
async def contact(project: Project) -> Contact:
    return await make_contact(project)


async def test_a_person_is_added_corrected_and_removed(rep: Employee, contact: Contact) -> None:
    client = as_employee(rep)
    sent = {"name": " Jana  Nová ", "position": "účetní", "email": "jana@Novak.cz", "phone": "601 234 567"}

    added = await client.run(ADD_PERSON, input={"contactId": contact, **sent})
    person = added.data["personCreate"]["person"]
    assert added.faults("personCreate") == []
    assert person == {
        "id": person["id"],
        "name": "Jana  Nová",
        "position": "účetní",
        "email": "jana@novak.cz",
        "phone": "+420601234567",
        "version": 1,
        "contact": {"id": gid(contact)},
    }

    changes = {"id": person["id"], "name": "Jana Malá", "phone": None, "expectedVersion": 1}
    changed = await client.run(UPDATE_PERSON, input=changes)
    assert changed.faults("personUpdate") == []
    assert changed.data["personUpdate"]["person"] == {
        "id": person["id"],
        "name": "Jana Malá",
        "position": "účetní",
        "email": "jana@novak.cz",
        "phone": None,
        "version": 2,
    }

    removed = await client.run(DELETE_PERSON, input={"id": person["id"]})
    assert removed.faults("personDelete") == []
    assert removed.data["personDelete"]["deletedPersonId"] == person["id"]
    assert await Person.all().count() == 0


async def test_the_contact_itself_does_not_change(rep: Employee, contact: Contact) -> None:
    before = await Contact.all().values()

    await as_employee(rep).run(ADD_PERSON, input={"contactId": contact, "name": "Jana"})

    assert await Contact.all().values() == before


async def test_people_are_found_by_name_position_and_number(rep: Employee, contact: Contact) -> None:
    client = as_employee(rep)
    for name, position in (("Žaneta Čapková", "účetní"), ("Cyril Dub", None), ("Jan Chyba", "ředitel")):
        await client.run(ADD_PERSON, input={"contactId": contact, "name": name, "position": position})
    await make_person(await make_contact(await make_project()), name="Žaneta Cizí")

    assert names(await client.run(LIST), "persons") == ["Cyril Dub", "Jan Chyba", "Žaneta Čapková"]
    assert names(await client.run(LIST, search="zaneta capkova"), "persons") == ["Žaneta Čapková"]
    assert names(await client.run(LIST, search="reditel"), "persons") == ["Jan Chyba"]


@pytest.mark.parametrize(
    "roles", [[], [Role.EXTERNAL_TELEPHONIST], [Role.SERVICE_TECHNICIAN], [Role.INVOICER]], ids=str
)
async def test_only_whoever_may_write_contacts_writes_their_people(
    project: Project, contact: Contact, roles: list[Role], sent_jobs: list[SentJob]
) -> None:
    person, client = await make_person(contact), as_role(*roles, project=project)
    before = await everything()

    answers = [
        await client.run(ADD_PERSON, input={"contactId": contact, "name": "Jana"}),
        await client.run(UPDATE_PERSON, input={"id": person, "name": "Jana"}),
        await client.run(DELETE_PERSON, input={"id": person}),
    ]

    assert [answer.codes for answer in answers] == [["FORBIDDEN"]] * 3
    assert await everything() == before and sent_jobs == []


async def test_people_follow_their_contact(project: Project) -> None:
    mine, other = await make_division(project), await make_division(project)
    for division, name in ((mine, "Můj"), (other, "Cizí"), (None, "Všem")):
        await make_person(await make_contact(project, division=division), name=name)
    chooser = as_employee(await make_employee(project, [Role.SALES_REP], divisions=[mine]))
    hidden = await Person.get(name="Cizí")

    listed = await chooser.run(LIST)
    updated = await chooser.run(UPDATE_PERSON, input={"id": hidden, "name": "Můj"})
    removed = await chooser.run(DELETE_PERSON, input={"id": hidden})

    assert names(listed, "persons") == ["Můj", "Všem"]
    assert updated.codes == removed.codes == ["NOT_FOUND"]


async def test_an_external_sees_the_people_of_what_is_shared(project: Project, contact: Contact) -> None:
    partner, hidden = await make_partner(project), await make_contact(project)
    await make_lead_share(project, partner, [contact])
    shown, unseen = await make_person(contact, name="Jana"), await make_person(hidden, name="Jana Tajná")
    client = as_role(Role.EXTERNAL_TELEPHONIST, project=project, partner=partner)

    listed = await client.run(LIST, search="jana")
    by_id = await client.run("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[shown, unseen])

    assert names(listed, "persons") == ["Jana"]
    assert by_id.data == {"nodes": [{"id": gid(shown)}, None]}


async def test_a_contact_has_at_most_two_hundred(rep: Employee, contact: Contact) -> None:
    await Person.bulk_create([_person(contact, number) for number in range(199)])
    client = await as_employee(rep).sign_in()

    answers = await asyncio.gather(
        *[client.run(ADD_PERSON, input={"contactId": contact, "name": f"Navíc {n}"}) for n in range(3)]
    )

    told = sorted(answer.faults("personCreate") for answer in answers)
    assert told == [[], [("input.contactId", "OUT_OF_RANGE")], [("input.contactId", "OUT_OF_RANGE")]]
    assert await Person.filter(contact_id=contact.id).count() == 200


def _person(contact: Contact, number: int) -> Person:
    return Person(
        project_id=contact.project_id,
        contact_id=contact.id,
        name=f"Osoba {number}",
        sort_key=f"{number}",
        search_text="",
        created_at=contact.created_at,
        updated_at=contact.created_at,
    )


async def test_a_repeated_key_adds_one_person(rep: Employee, contact: Contact) -> None:
    sent = {"contactId": contact, "name": "Jana", "idempotencyKey": "1"}

    first, second = [await as_employee(rep).run(ADD_PERSON, input=sent) for _ in range(2)]

    assert first.faults("personCreate") == [] and first.data == second.data
    assert await Person.all().count() == 1


WRONG: list[tuple[str, Any, str]] = [
    ("name", "", "REQUIRED"),
    ("name", LONG, "TOO_LONG"),
    ("position", LONG, "TOO_LONG"),
    ("email", "jana", "INVALID"),
    ("email", "jana@x.cz\r\nBcc: b@x.cz", "INVALID"),
    ("phone", "123", "INVALID"),
    *[
        (field, value, "INVALID")
        for field in ("name", "position", "email", "phone")
        for value in NOT_ON_ONE_LINE
    ],
]


@pytest.mark.parametrize("mutation", ["personCreate", "personUpdate"])
async def test_what_was_typed_wrong_is_told_with_its_place(
    rep: Employee, contact: Contact, mutation: str
) -> None:
    person, client = await make_person(contact, version=2), as_employee(rep)
    base = {"contactId": contact, "name": "Jana"} if mutation == "personCreate" else {"id": person}
    document = ADD_PERSON if mutation == "personCreate" else UPDATE_PERSON
    before = await everything()

    told = [await client.run(document, input={**base, field: value}) for field, value, _ in WRONG]

    assert [answer.faults(mutation) for answer in told] == [
        [(f"input.{field}", code)] for field, _, code in WRONG
    ]
    assert await everything() == before


async def test_a_name_cannot_be_cleared_nor_an_old_version_overwritten(
    rep: Employee, contact: Contact
) -> None:
    person = await make_person(contact, version=2)
    before = await everything()

    cleared = await as_employee(rep).run(UPDATE_PERSON, input={"id": person, "name": None})
    stale = await as_employee(rep).run(
        UPDATE_PERSON, input={"id": person, "name": "Jana", "expectedVersion": 1}
    )

    assert cleared.faults("personUpdate") == [("input.name", "REQUIRED")]
    assert stale.faults("personUpdate") == [("input.expectedVersion", "STALE_VERSION")]
    assert await everything() == before


async def test_ids_that_name_nothing_are_not_found(rep: Employee, project: Project, contact: Contact) -> None:
    elsewhere = await make_contact(await make_project())
    foreign, gone = await make_person(elsewhere), await make_person(contact)
    await gone.delete()
    before = await everything()

    for each in (foreign, gid(gone), contact, "", "%%%", "\x00", LONG):
        for document in (UPDATE_PERSON, DELETE_PERSON):
            answer = await as_employee(rep).run(document, input={"id": each})
            assert answer.codes == [code_of_id(each, "Person")]
            assert answer.errors[0]["extensions"]["inputPath"] == ["input", "id"]
    for each in (elsewhere, foreign, "x"):
        answer = await as_employee(rep).run(ADD_PERSON, input={"contactId": each, "name": "Jana"})
        assert answer.codes == [code_of_id(each, "Contact")]
        assert answer.errors[0]["extensions"]["inputPath"] == ["input", "contactId"]
    assert await everything() == before


@pytest.mark.parametrize(
    "sent",
    [
        None,
        {},
        {"name": "Jana"},
        {"contactId": "x"},
        {"contactId": "x", "name": None},
        {"contactId": "x", "name": 5},
    ]
    + [{"contactId": "x", "name": "Jana", field: "x"} for field in ("id", "projectId", "version")],
    ids=str,
)
async def test_a_malformed_request_is_a_coded_error(rep: Employee, sent: Any) -> None:
    answer = await as_employee(rep).run(ADD_PERSON, input=sent)

    assert set(answer.codes) == {"BAD_USER_INPUT"} and await Person.all().count() == 0
