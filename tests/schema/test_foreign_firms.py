"""A firm that says it is foreign is read as one, whatever it says it with, and its register is never a Czech one."""

from typing import Any

import pytest

from app.models import Contact, Division, Employee, Project
from app.policy import Role
from tests.conftest import Clock
from tests.factories import (
    make_account,
    make_contact,
    make_division,
    make_employee,
    make_project,
    make_proposal,
)
from tests.graphql import Client, as_account, as_employee
from tests.schema.contact_cases import everything
from tests.schema.country_cases import (
    ACCEPT,
    ADD_DIVISION,
    ADD_PERSON,
    CREATE,
    DIVISION,
    FOUND,
    MERGE,
    PROJECT,
    PROPOSE,
    UPDATE,
    UPDATE_PERSON,
    part,
)

#: What tells that a firm is Polish, by its fields and by its columns.
TOLD: list[tuple[dict[str, Any], dict[str, str]]] = [
    (
        {"registrationNumber": "KRS 1", "registrationCountry": "PL"},
        {"registration_number": "KRS 1", "registration_country": "PL"},
    ),
    ({"vatId": "PL 774-000-14-54"}, {"vat_id": "PL7740001454"}),
]


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def admin(project: Project) -> Employee:
    return await make_employee(project, [Role.ADMIN])


@pytest.fixture
def client(admin: Employee) -> Client:
    return as_employee(admin)


@pytest.mark.parametrize(("told", "columns"), TOLD)
async def test_a_phone_is_of_the_country_that_the_firm_tells(
    project: Project, admin: Employee, client: Client, told: dict[str, Any], columns: dict[str, str]
) -> None:
    phone, person = "601 234 567", {"name": "Jan", "phone": "601 234 567"}

    created = part(
        await client.run(CREATE, input={"name": "Orlen", **told, "phone": phone, "persons": [person]}),
        "contactCreate",
        "contact",
    )
    there = await make_contact(project, phone=None, country="CZ", **columns)
    moved = await client.run(UPDATE, input={"id": there, "address": None, "phone": phone})
    added = await client.run(ADD_PERSON, input={"contactId": there, **person})
    added_phone = part(added, "personCreate", "person")
    changed = await client.run(UPDATE_PERSON, input={"id": added_phone["id"], "phone": "601 234 568"})
    elsewhere = await client.run(UPDATE, input={"id": there, "address": {"country": "US"}, "phone": phone})

    assert created["phone"] == created["persons"][0]["phone"] == "+48601234567"
    assert part(moved, "contactUpdate", "contact")["phone"] == "+48601234567"
    assert added_phone["phone"] == "+48601234567"
    assert part(changed, "personUpdate", "person")["phone"] == "+48601234568"
    assert elsewhere.faults("contactUpdate") == [("input.phone", "INVALID")]
    assert (await Contact.get(id=there.id)).phone == "+48601234567"


@pytest.mark.parametrize(("told", "columns"), TOLD)
async def test_base_data_is_of_the_country_that_the_firm_tells(
    project: Project, client: Client, told: dict[str, Any], columns: dict[str, str]
) -> None:
    """And those of whom nothing is told are of their project's."""
    division, seat = await make_division(project, **columns), {"address": {"postalCode": "00950"}}

    founded = await as_account(await make_account(email_verified_at=None)).run(
        FOUND, input={"name": "Orlen", **told, **seat}
    )
    made = await client.run(ADD_DIVISION, input={"name": "B2B", **told, **seat})
    changed = await client.run(DIVISION, input={"id": division, **seat})
    moved = await client.run(PROJECT, input={**told, **seat})
    contact = await client.run(CREATE, input={"name": "Jan", "phone": "601 234 567"})

    assert part(founded, "projectCreate", "project")["address"]["postalCode"] == "00-950"
    assert made.faults("divisionCreate") == changed.faults("divisionUpdate") == []
    assert await Division.filter(postal_code="00-950").count() == 2
    assert part(moved, "projectUpdate", "project")["address"]["postalCode"] == "00-950"
    assert part(contact, "contactCreate", "contact")["phone"] == "+48601234567"


async def test_a_report_is_of_the_country_of_its_register(client: Client) -> None:
    sent = {"name": "Orlen", "registrationNumber": "KRS 1", "registrationCountry": "PL"}
    reported = part(
        await client.run(PROPOSE, input={**sent, "phone": "601 234 567"}), "contactPropose", "proposal"
    )

    corrected = {"id": reported["id"], "phone": "601 234 568", "registrationCountry": None}
    accepted = part(await client.run(ACCEPT, input=corrected), "contactProposalAccept", "contact")

    assert (reported["phone"], accepted["phone"]) == ("+48601234567", "+48601234568")
    assert (accepted["registrationNumber"], accepted["registrationCountry"]) == ("KRS 1", "PL")


async def test_a_foreign_register_is_never_said_to_be_the_projects(project: Project, client: Client) -> None:
    number = {"registrationNumber": "HRB 86891"}
    waiting = await make_proposal(await Employee.get(), registration_number=None)
    there, before = await make_contact(project), await everything()
    division = await make_division(project)
    cases: list[tuple[str, dict[str, Any]]] = [
        (CREATE, {"name": "Cizí"}),
        (CREATE, {"name": "Cizí", "address": {"country": "SK"}}),
        (UPDATE, {"id": there}),
        (PROPOSE, {"name": "Cizí"}),
        (ACCEPT, {"id": waiting}),
        (ADD_DIVISION, {"name": "Cizí"}),
        (DIVISION, {"id": division}),
        (PROJECT, {}),
        (FOUND, {"name": "Cizí"}),
    ]
    for document, sent in cases:
        answer = await client.run(document, input={**sent, **number})

        (name,) = answer.data
        assert answer.faults(name) == [("input.registrationCountry", "REQUIRED")]
        assert "Of which country" in answer.data[name]["errors"][0]["message"]
    assert await everything() == before

    told = await client.run(CREATE, input={"name": "Cizí", **number, "vatId": "DE136695976"})
    assert part(told, "contactCreate", "contact")["registrationCountry"] == "DE"


async def test_a_number_that_stays_keeps_its_country(project: Project, client: Client) -> None:
    kept = {"registration_number": "KRS 1", "registration_country": "PL"}
    contact = await make_contact(project, **kept)

    for blank in (None, "", " "):
        for number in ({}, {"registrationNumber": "KRS 1"}, {"registrationNumber": " KRS 1 "}):
            sent = {"id": contact, **number, "registrationCountry": blank}
            assert part(await client.run(UPDATE, input=sent), "contactUpdate", "contact")["version"] == 1
    another = {"id": contact, "registrationNumber": "FN 1a", "registrationCountry": ""}
    refused = await client.run(UPDATE, input=another)
    known = await client.run(UPDATE, input={**another, "address": {"country": "AT"}})

    assert refused.faults("contactUpdate") == [("input.registrationCountry", "REQUIRED")]
    assert part(known, "contactUpdate", "contact")["registrationCountry"] == "AT"


async def test_a_country_without_a_number_is_left_out(project: Project, client: Client) -> None:
    """A form may have chosen it before anybody typed a number."""
    waiting, there = await make_proposal(await Employee.get()), await make_contact(project)
    cases: list[tuple[str, dict[str, Any]]] = [
        (CREATE, {"name": "Jan"}),
        (ACCEPT, {"id": waiting}),
        (UPDATE, {"id": there}),
    ]
    for document, sent in cases:
        answer = await client.run(
            document,
            input={**sent, "registrationNumber": "", "registrationCountry": "DE", "phone": "777 123 456"},
        )
        (name,) = answer.data
        shown = part(answer, name, "contact")
        assert (shown["registrationNumber"], shown["registrationCountry"]) == (None, None)
        assert shown["phone"] == "+420777123456"


@pytest.mark.parametrize("part_of_it", [{"street": "Dlouhá 1"}, {"postal_code": "60200"}, {"country": "CZ"}])
async def test_two_seats_are_never_mixed(
    project: Project, admin: Employee, client: Client, part_of_it: dict[str, str]
) -> None:
    proposal = await make_proposal(admin, city="Warszawa", country="PL", phone="+48601234567")
    contact = await make_contact(project, city=None, phone=None, **part_of_it)

    answer = await client.run(MERGE, input={"id": proposal, "contactId": contact})

    merged, row = part(answer, "contactProposalMerge", "contact"), await Contact.get(id=contact.id)
    assert merged["phone"] == "+48601234567" and merged["address"]["city"] is None
    assert {name: getattr(row, name) for name in ("street", "postal_code", "country")} == {
        **dict.fromkeys(("street", "postal_code", "country")),
        **part_of_it,
    }


async def test_a_contact_without_an_address_gets_the_reported_one(
    project: Project, admin: Employee, client: Client
) -> None:
    proposal, contact = await make_proposal(admin, city="Warszawa", country="PL"), await make_contact(project)

    answer = await client.run(MERGE, input={"id": proposal, "contactId": contact})

    address = part(answer, "contactProposalMerge", "contact")["address"]
    assert (address["city"], address["country"]) == ("Warszawa", "PL")


async def test_the_tax_number_of_base_data_needs_the_billing_rights(
    project: Project, admin: Employee
) -> None:
    """A sole trader's may be their birth number."""
    await Project.all().update(tax_number="8001011234")
    inherits, own = await make_division(project), await make_division(project, tax_number="8002021234")
    document = """query ($inherits: ID!, $own: ID!) {
      project { taxNumber }
      inherits: division(id: $inherits) { baseData { taxNumber } }
      own: division(id: $own) { taxNumber baseData { taxNumber } } }"""
    ids = {"inherits": inherits, "own": own}

    seen = await as_employee(await make_employee(project, [Role.SALES_REP])).run(document, **ids)
    hidden = await as_employee(await make_employee(project, [Role.TELEPHONIST])).run(document, **ids)

    def shown(of_project: str | None, of_division: str | None) -> dict[str, Any]:
        base = {"taxNumber": of_division}
        return {
            "project": {"taxNumber": of_project},
            "inherits": {"baseData": {"taxNumber": of_project}},
            "own": {**base, "baseData": base},
        }

    assert (seen.codes, seen.data) == ([], shown("8001011234", "8002021234"))
    assert (set(hidden.codes), hidden.data) == ({"FORBIDDEN"}, shown(None, None))
