"""What people type is read by the rules of the firm's country, else the project's, and never again after that."""

from typing import Any

import pytest

from app.models import AuditEntry, Contact, Division, Employee, Person, Project
from app.policy import Role
from tests.conftest import Clock
from tests.factories import make_account, make_contact, make_employee, make_project, make_proposal
from tests.graphql import as_account, as_employee, gid
from tests.schema.contact_cases import everything
from tests.schema.country_cases import (
    ACCEPT,
    ADD_DIVISION,
    ADD_PERSON,
    CREATE,
    CZECH,
    DIVISION,
    FOUND,
    KEPT_POLISH,
    MERGE,
    POLISH,
    PROJECT,
    PROPOSE,
    UPDATE,
    UPDATE_PERSON,
    part,
)


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def admin(project: Project) -> Employee:
    return await make_employee(project, [Role.ADMIN])


async def test_a_contact_is_read_by_its_own_country(admin: Employee) -> None:
    seat = {"postalCode": "00950", "country": "PL"}
    sent = {"name": "Orlen", **POLISH, "address": seat, "persons": [{"name": "Jan", "phone": "22 607 70 00"}]}

    contact = part(await as_employee(admin).run(CREATE, input=sent), "contactCreate", "contact")

    assert {name: contact[name] for name in KEPT_POLISH} == KEPT_POLISH
    assert contact["address"]["postalCode"] == "00-950" and contact["persons"][0]["phone"] == "+48226077000"


async def test_without_a_country_it_is_read_by_the_projects(clock: Clock) -> None:
    project = await make_project(country="PL")
    client = as_employee(await make_employee(project, [Role.ADMIN]))

    created = part(await client.run(CREATE, input={"name": "Orlen", **POLISH}), "contactCreate", "contact")
    there = await make_contact(project)
    sent = {"id": there, **POLISH, "address": {"postalCode": "00950"}}
    updated = part(await client.run(UPDATE, input=sent), "contactUpdate", "contact")

    assert {name: created[name] for name in KEPT_POLISH} == KEPT_POLISH
    assert {name: updated[name] for name in KEPT_POLISH} == KEPT_POLISH
    assert updated["address"]["postalCode"] == "00-950"


async def test_a_number_of_another_country_is_refused_and_never_a_czech_one(admin: Employee) -> None:
    before, client = await everything(), as_employee(admin)
    for wrong, country in [
        ({"phone": "030 901820"}, "CZ"),
        ({"phone": "0905 123 456"}, None),
        ({"phone": "123"}, "PL"),
        ({"ico": "177041"}, "PL"),
        ({"ico": "27082440"}, "DE"),
        ({"ico": "177041"}, "SK"),
        ({"bankAccount": "19-2000145399/0800"}, "PL"),
        ({"vatId": "2020317068"}, "SK"),
        ({"taxNumber": "SK2020317068"}, "SK"),
    ]:
        sent = {"name": "Cizí", **wrong, **({"address": {"country": country}} if country else {})}
        answer = await client.run(CREATE, input=sent)

        assert answer.faults("contactCreate") == [(f"input.{next(iter(wrong))}", "INVALID")]
        assert answer.data["contactCreate"]["errors"][0]["message"].endswith(".")
    assert await everything() == before


async def test_another_country_does_not_read_again_what_is_there(project: Project, admin: Employee) -> None:
    client = as_employee(admin)
    created = await client.run(CREATE, input={"name": "Brno", **CZECH, "persons": [{"name": "Jana"}]})
    contact = part(created, "contactCreate", "contact")
    row = await Contact.get()
    as_read = {name: contact[name] for name in contact if name not in ("persons", "version")}

    moved = await client.run(UPDATE, input={"id": row, "address": {"country": "DE"}})
    log = await AuditEntry.all().count()
    again = await client.run(UPDATE, input={**as_read, "address": {**as_read["address"], "country": "DE"}})

    kept = {**contact, "address": {**contact["address"], "country": "DE"}, "version": 2}
    assert part(moved, "contactUpdate", "contact") == part(again, "contactUpdate", "contact") == kept
    assert kept["ico"] == "00177041" and kept["address"]["postalCode"] == "60200"
    assert await AuditEntry.all().count() == log
    refused = await client.run(UPDATE, input={"id": row, "ico": "27082440", "address": {"postalCode": "1"}})
    assert refused.faults("contactUpdate") == [
        ("input.ico", "INVALID"),
        ("input.address.postalCode", "INVALID"),
    ]


async def test_a_person_has_the_phone_of_the_contacts_country(project: Project, admin: Employee) -> None:
    client = as_employee(admin)
    abroad, here = await make_contact(project, country="SK"), await make_contact(project)

    added = await client.run(ADD_PERSON, input={"contactId": abroad, "name": "Jana", "phone": "0905 123 456"})
    refused = await client.run(ADD_PERSON, input={"contactId": here, "name": "Jana", "phone": "0905 123 456"})
    person = await Person.get()
    await Contact.filter(id=abroad.id).update(country="PL")
    as_read = {"id": person, "name": "Jana", "phone": "+421905123456"}
    again = await client.run(UPDATE_PERSON, input=as_read)
    changed = await client.run(UPDATE_PERSON, input={"id": person, "phone": "601 234 567"})

    assert part(added, "personCreate", "person")["phone"] == "+421905123456"
    assert refused.faults("personCreate") == [("input.phone", "INVALID")]
    assert part(again, "personUpdate", "person")["version"] == 1
    assert part(changed, "personUpdate", "person")["phone"] == "+48601234567"


async def test_slovakia_has_a_place_for_each_of_its_three_numbers(clock: Clock) -> None:
    seat = {"postalCode": "811 01", "country": "SK"}
    numbers = {"ico": "35 763 469", "vatId": "SK 2020 273 893", "taxNumber": "2020 273 893"}
    kept = {
        "ico": "35763469",
        "registrationNumber": None,
        "registrationCountry": None,
        "vatId": "SK2020273893",
        "taxNumber": "2020273893",
    }
    answer = await as_account(await make_account(email_verified_at=None)).run(
        FOUND, input={"name": "Telekom", **numbers, "address": seat}
    )
    project = part(answer, "projectCreate", "project")
    assert {name: project[name] for name in kept} == kept and project["address"]["postalCode"] == "81101"
    client = as_employee(await Employee.get())

    contact = part(await client.run(CREATE, input={"name": "Telekom", **numbers}), "contactCreate", "contact")
    inherits = part(await client.run(ADD_DIVISION, input={"name": "B2B"}), "divisionCreate", "division")
    foreign = await client.run(
        ADD_DIVISION, input={"name": "Wien", "registrationNumber": "FN 1a", "address": {"country": "AT"}}
    )

    assert {name: contact[name] for name in kept} == kept
    assert inherits["baseData"] == kept
    assert part(foreign, "divisionCreate", "division")["baseData"] == {
        **dict.fromkeys(kept),
        "registrationNumber": "FN 1a",
        "registrationCountry": "AT",
    }


@pytest.mark.parametrize(("document", "name"), [(PROJECT, "projectUpdate"), (DIVISION, "divisionUpdate")])
async def test_base_data_that_moves_is_not_read_again(
    project: Project, admin: Employee, document: str, name: str
) -> None:
    values = {"ico": "00177041", "vat_id": "CZ27082440", "postal_code": "60200", "country": "CZ"}
    client, kind = as_employee(admin), name.removesuffix("Update")
    sent: dict[str, Any] = {"ico": "00177041", "vatId": "CZ27082440"}
    row: Project | Division = project
    if name == "divisionUpdate":
        row = await Division.create(
            project=project,
            name="B2B",
            sort_key="b2b",
            created_at=project.created_at,
            updated_at=project.created_at,
        )
        sent["id"] = row
    await type(row).filter(id=row.id).update(**values)

    moved = await client.run(document, input={**sent, "address": {"postalCode": "60200", "country": "PL"}})
    refused = await client.run(document, input={**sent, "ico": "27082440"})

    assert part(moved, name, kind) | {"ico": "00177041", "vatId": "CZ27082440", "version": 2} == part(
        moved, name, kind
    )
    assert refused.faults(name) == [("input.ico", "INVALID")]
    assert (await type(row).filter(id=row.id).values(*values))[0] == {**values, "country": "PL"}


async def test_a_registration_number_keeps_its_country(project: Project, admin: Employee) -> None:
    client, contact = as_employee(admin), await make_contact(project, country="DE")

    async def corrected(**sent: Any) -> tuple[Any, Any]:
        shown = part(await client.run(UPDATE, input={"id": contact, **sent}), "contactUpdate", "contact")
        return shown["registrationNumber"], shown["registrationCountry"]

    assert await corrected(registrationNumber="HRB 86891") == ("HRB 86891", "DE")
    assert await corrected(address={"country": "AT"}) == ("HRB 86891", "DE")
    assert await corrected(registrationNumber="HRB 86891", address={"country": "CH"}) == ("HRB 86891", "DE")
    assert await corrected(registrationCountry="FR") == ("HRB 86891", "FR")
    assert await corrected(registrationNumber="FN 1a") == ("FN 1a", "FR")
    assert await corrected(registrationNumber=None, registrationCountry="FR") == (None, None)


async def test_it_is_found_by_its_registration_number_and_not_by_its_tax_number(
    project: Project, admin: Employee
) -> None:
    sent = {
        "name": "Firma",
        "registrationNumber": "HRB 86891",
        "registrationCountry": "DE",
        "taxNumber": "8001011234",
    }
    part(await as_employee(admin).run(CREATE, input=sent), "contactCreate", "contact")
    seller = as_employee(await make_employee(project, [Role.TELEPHONIST]))
    document = "query ($text: String) { contacts(search: $text) { nodes { registrationNumber } } }"

    by_register, by_tax = [await seller.run(document, text=text) for text in ("hrb 86891", "8001011234")]
    hidden = await seller.run("{ contacts { nodes { taxNumber } } }")
    asked = await seller.run('{ contacts(where: {taxNumber: {eq: "8001011234"}}) { totalCount } }')
    written = await seller.run(UPDATE, input={"id": await Contact.get(), "taxNumber": "1"})
    log = "{ auditEntries { nodes { changes { field new } } } }"
    noted = (await as_employee(admin).run(log)).data["auditEntries"]["nodes"][0]["changes"]

    assert by_register.data["contacts"]["nodes"] == [{"registrationNumber": "HRB 86891"}]
    assert by_tax.data["contacts"]["nodes"] == []
    assert hidden.codes == ["FORBIDDEN"] and hidden.data["contacts"]["nodes"] == [{"taxNumber": None}]
    assert asked.codes == ["FORBIDDEN"] and "FORBIDDEN" in written.codes
    assert {"field": "taxNumber", "new": "8001011234"} in noted


async def test_what_is_reported_is_read_once_and_taken_as_it_is(project: Project, admin: Employee) -> None:
    client = as_employee(admin)
    sent = {"name": "Orlen", "registrationNumber": "KRS 1", "phone": "601 234 567", "country": "PL"}

    reported = part(await client.run(PROPOSE, input=sent), "contactPropose", "proposal")
    accepted = part(
        await client.run(ACCEPT, input={"id": reported["id"], "country": "DE"}),
        "contactProposalAccept",
        "contact",
    )
    czech = await make_proposal(admin, name="Brno", ico="00177041", phone="+420777123456", city="Brno")
    there = await make_contact(project, name="Wien", country="AT", phone=None)
    merged = part(
        await client.run(MERGE, input={"id": czech, "contactId": there}), "contactProposalMerge", "contact"
    )

    kept = {"registrationNumber": "KRS 1", "registrationCountry": "PL", "phone": "+48601234567"}
    assert {name: reported[name] for name in kept} == {name: accepted[name] for name in kept} == kept
    assert (reported["country"], accepted["address"]["country"]) == ("PL", "DE")
    assert (merged["ico"], merged["phone"], merged["address"]["country"]) == (
        "00177041",
        "+420777123456",
        "AT",
    )
    matches = "query ($id: ID!) { contactProposalMatches(id: $id) { contacts { id } } }"
    like = part(
        await client.run(PROPOSE, input={**sent, "name": "Jinak", "phone": None}),
        "contactPropose",
        "proposal",
    )
    found = await client.run(matches, id=like["id"])
    assert found.data["contactProposalMatches"]["contacts"] == [{"id": gid(await Contact.get(name="Orlen"))}]
