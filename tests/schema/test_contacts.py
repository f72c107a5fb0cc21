"""Adding, correcting and reading contacts."""

from pathlib import Path
from typing import Any

import pytest

from app.models import AuditEntry, Contact, Employee, Person, Project
from app.policy import Role
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_partner,
    make_project,
)
from tests.graphql import SentJob, as_account, as_employee, as_role, gid, make_account_with_password
from tests.schema.contact_cases import (
    CREATE,
    CREATE_BASIC,
    ONE,
    UPDATE,
    UPDATE_BASIC,
    everything,
)

FIRST_RUN = Path(__file__).parent.parent / "documents" / "first-run.graphql"
WHOLE = {
    "name": "  Pekárna Šťastný, s. r. o. ",
    "ico": "27082440",
    "vatId": "cz 270 82 440",
    "email": "info@Pekarna.CZ",
    "phone": "777 123 456",
    "web": "www.pekarna.cz",
    "address": {"street": "Dlouhá 1", "city": "Brno", "postalCode": "602 00", "country": "cz"},
    "status": "PROSPECT",
    "persons": [
        {
            "name": "Žaneta Nová",
            "position": "účetní",
            "email": "zaneta@pekarna.cz",
            "phone": "+420 601 234 567",
        },
        {"name": "Cyril Malý"},
    ],
    "bankAccount": "19-2000145399/0800",
    "creditLimit": {"amount": "1500.5"},
    "priceLevel": "B",
    "internalRating": 4,
}


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def rep(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP])


async def test_a_contact_is_added_with_all_that_is_known(project: Project, rep: Employee) -> None:
    division, owner = await make_division(project), await make_employee(project, [Role.TELEPHONIST])

    answer = await as_employee(rep).run(CREATE, input={**WHOLE, "divisionId": division, "ownerId": owner})

    assert answer.faults("contactCreate") == []
    contact = answer.data["contactCreate"]["contact"]
    row = await Contact.get(project_id=project.id)
    assert contact == {
        "id": gid(row),
        "name": "Pekárna Šťastný, s. r. o.",
        "ico": "27082440",
        "vatId": "CZ27082440",
        "status": "PROSPECT",
        "email": "info@pekarna.cz",
        "phone": "+420777123456",
        "web": "https://www.pekarna.cz",
        "address": {"street": "Dlouhá 1", "city": "Brno", "postalCode": "60200", "country": "CZ"},
        "version": 1,
        "createdAt": "2026-03-02T09:00:00.000Z",
        "updatedAt": "2026-03-02T09:00:00.000Z",
        "division": {"id": gid(division)},
        "owner": {"id": gid(owner)},
        "createdBy": {"id": gid(rep)},
        "persons": [
            {"name": "Cyril Malý", "position": None, "email": None, "phone": None},
            {
                "name": "Žaneta Nová",
                "position": "účetní",
                "email": "zaneta@pekarna.cz",
                "phone": "+420601234567",
            },
        ],
        "bankAccount": "19-2000145399/0800",
        "creditLimit": {"amount": "1500.50", "currency": "CZK"},
        "priceLevel": "B",
        "internalRating": 4,
        "viewerCan": {"update": True, "delete": False},
    }


async def test_a_name_is_enough(rep: Employee) -> None:
    answer = await as_employee(rep).run(CREATE, input={"name": "Novák", "ico": "", "address": None})

    contact = answer.data["contactCreate"]["contact"]
    assert answer.faults("contactCreate") == []
    assert (contact["status"], contact["address"], contact["persons"]) == ("LEAD", None, [])
    assert contact["ico"] is contact["creditLimit"] is contact["owner"] is contact["division"] is None


async def test_what_was_done_is_in_the_audit_log(rep: Employee) -> None:
    created = await as_employee(rep).run(CREATE, input={"name": "Novák", "persons": [{"name": "Jan"}]})
    contact = await Contact.get(name="Novák")
    updated = await as_employee(rep).run(UPDATE, input={"id": contact, "phone": "777 123 456"})

    assert created.faults("contactCreate") == updated.faults("contactUpdate") == []
    entries = await AuditEntry.filter(employee_id=rep.id).order_by("id")
    assert [(each.action, each.subject, each.changes.get("phone")) for each in entries] == [
        ("contactCreate", "Contact", None),
        ("contactCreate", "Person", None),
        ("contactUpdate", "Contact", [None, "+420777123456"]),
    ]


@pytest.mark.parametrize(
    "role", [Role.TELEPHONIST, Role.SALES_REP, Role.COMPLAINTS, Role.DIRECTOR, Role.ADMIN]
)
async def test_whoever_may_write_contacts_adds_one(role: Role) -> None:
    answer = await as_role(role).run(CREATE_BASIC, input={"name": "Novák"})

    assert answer.faults("contactCreate") == []
    assert answer.data["contactCreate"]["contact"]["name"] == "Novák"


@pytest.mark.parametrize(
    "roles", [[], [Role.EXTERNAL_TELEPHONIST], [Role.SERVICE_TECHNICIAN], [Role.INVOICER]], ids=str
)
async def test_nobody_else_adds_or_corrects_one(
    project: Project, roles: list[Role], sent_jobs: list[SentJob], rings: list[str]
) -> None:
    contact, client = await make_contact(project), as_role(*roles, project=project)
    before = await everything()

    created = await client.run(CREATE_BASIC, input={"name": "Novák"})
    updated = await client.run(UPDATE_BASIC, input={"id": contact, "name": "Novák"})

    assert created.codes == updated.codes == ["FORBIDDEN"]
    assert created.errors[0]["extensions"]["requiredPermission"] == "CONTACT_WRITE"
    assert await everything() == before and sent_jobs == [] and rings == []


async def test_an_external_with_every_role_adds_and_corrects_none(project: Project) -> None:
    partner, contact = await make_partner(project), await make_contact(project)
    client = as_role(*Role, project=project, partner=partner, can_delete_contacts=True)
    before = await everything()

    created = await client.run(CREATE_BASIC, input={"name": "Novák", "email": contact.email})
    updated = await client.run(UPDATE_BASIC, input={"id": contact, "ownerId": None})

    assert created.codes == updated.codes == ["FORBIDDEN"]
    assert await everything() == before


async def test_without_a_project_one_is_told_to_enter_one() -> None:
    answer = await as_account(await make_account_with_password()).run(CREATE_BASIC, input={"name": "Novák"})

    assert answer.codes == ["FORBIDDEN"] and "Enter a project" in answer.errors[0]["message"]


BILLING: dict[str, Any] = {
    "vatId": "CZ27082440",
    "bankAccount": "2000145399/0800",
    "creditLimit": {"amount": "1"},
    "priceLevel": "A",
    "internalRating": 5,
}


@pytest.mark.parametrize("field", BILLING)
async def test_billing_data_need_their_own_right(project: Project, field: str) -> None:
    contact, client = await make_contact(project, price_level="B"), as_role(Role.TELEPHONIST, project=project)
    before = await everything()

    created = await client.run(CREATE_BASIC, input={"name": "Novák", field: BILLING[field]})
    updated = await client.run(UPDATE_BASIC, input={"id": contact, field: BILLING[field]})
    cleared = await client.run(UPDATE_BASIC, input={"id": contact, field: None})

    assert created.codes == updated.codes == cleared.codes == ["FORBIDDEN"]
    assert updated.errors[0]["extensions"]["requiredPermission"] == "CONTACT_BILLING_WRITE"
    assert updated.errors[0]["extensions"]["coordinate"] == f"ContactUpdateInput.{field}"
    assert await everything() == before


async def test_a_telephonist_corrects_a_number_and_leaves_what_he_cannot_see(project: Project) -> None:
    contact = await make_contact(
        project, vat_id="CZ27082440", credit_limit_minor=5_000, price_level="A", internal_rating=2
    )

    answer = await as_role(Role.TELEPHONIST, project=project).run(
        UPDATE_BASIC, input={"id": contact, "phone": "+420 777 123 456"}
    )

    assert answer.faults("contactUpdate") == []
    assert answer.data["contactUpdate"]["contact"]["phone"] == "+420777123456"
    row = await Contact.get(id=contact.id)
    assert (row.vat_id, row.credit_limit_minor, row.price_level, row.internal_rating) == (
        "CZ27082440",
        5_000,
        "A",
        2,
    )


async def test_billing_data_read_back_only_to_whom_they_are_open(project: Project) -> None:
    """COMPLAINTS reads billing data and writes contacts, but sets no billing data."""
    contact = await make_contact(project, vat_id="CZ27082440")
    document = "query ($id: ID!) { contact(id: $id) { vatId creditLimit { amount } } }"

    seen = await as_role(Role.COMPLAINTS, project=project).run(document, id=contact)
    hidden = await as_role(Role.TELEPHONIST, project=project).run(document, id=contact)

    assert seen.data == {"contact": {"vatId": "CZ27082440", "creditLimit": None}} and seen.errors == []
    assert hidden.data == {"contact": {"vatId": None, "creditLimit": None}}
    assert [each["extensions"]["coordinate"] for each in hidden.errors] == [
        "Contact.vatId",
        "Contact.creditLimit",
    ]


async def test_an_update_changes_what_was_sent_and_nothing_else(
    clock: Clock, rep: Employee, project: Project
) -> None:
    contact = await make_contact(
        project, name="Starý", ico="27082440", street="Dlouhá 1", city="Brno", version=3
    )

    answer = await as_employee(rep).run(
        UPDATE,
        input={
            "id": contact,
            "name": "Nový",
            "ico": None,
            "address": {"city": "Praha"},
            "expectedVersion": 3,
        },
    )

    changed = answer.data["contactUpdate"]["contact"]
    assert answer.faults("contactUpdate") == []
    assert changed["name"] == "Nový" and changed["ico"] is None and changed["version"] == 4
    assert changed["address"] == {"street": "Dlouhá 1", "city": "Praha", "postalCode": None, "country": None}
    assert changed["updatedAt"] == "2026-03-02T09:00:00.000Z" != changed["createdAt"]
    row = await Contact.get(id=contact.id)
    assert row.search_text == "novy praha" and row.sort_key < "o" and row.sort_key.startswith("novy")


async def test_null_clears_a_whole_address(rep: Employee, project: Project) -> None:
    contact = await make_contact(project, street="Dlouhá 1", city="Brno", postal_code="60200", country="CZ")

    answer = await as_employee(rep).run(UPDATE, input={"id": contact, "address": None})

    assert answer.data["contactUpdate"]["contact"]["address"] is None


async def test_the_published_documents_do_what_they_say(project: Project) -> None:
    """Section 6 of the first run, as written."""
    client = await as_role(Role.ADMIN, project=project).sign_in()
    document = FIRST_RUN.read_text(encoding="utf-8")

    async def play(operation: str, **variables: Any) -> Any:
        answer = await client.run(document, operation, **variables)
        assert answer.errors == [], answer.errors
        (found,) = answer.data.values()
        assert not found.get("errors")
        return found

    created = (await play("CreateContact", input=WHOLE))["contact"]
    assert (created["vatId"], created["version"]) == ("CZ27082440", 1)
    this = {"id": created["id"]}
    updated = await play("UpdateContact", input={**this, "phone": "601234567", "expectedVersion": 1})
    assert updated["contact"]["phone"] == "+420601234567" and updated["contact"]["version"] == 2
    recorded = await play(
        "Record", input={"contactId": this["id"], "kind": "CALL", "area": "SALES", "summary": "Volal jsem"}
    )
    added = await play("AddPerson", input={"contactId": this["id"], "name": "Jana"})
    await play("UpdatePerson", input={"id": added["person"]["id"], "phone": "777 123 456"})
    await play("DeletePerson", input={"id": added["person"]["id"]})

    whole = await play("ContactWhole", **this)
    assert [each["name"] for each in whole["persons"]] == ["Cyril Malý", "Žaneta Nová"]
    assert whole["activities"]["nodes"][0]["id"] == recorded["activity"]["id"]
    assert whole["reminders"] == whole["emails"] == {"nodes": []}
    assert (await play("Search"))["nodes"] == []
    page = await play("Page", first=1, where={"status": {"eq": "PROSPECT"}}, orderBy=[{"name": "DESC"}])
    assert page["totalCount"] == 1 and page["edges"][0]["node"]["city"] == "Brno"
    assert (await play("DeleteContact", input=this))["deletedContactId"] == this["id"]


async def test_a_contact_out_of_reach_is_like_one_that_is_not_there(rep: Employee, project: Project) -> None:
    hidden = await make_division(project)
    client = as_employee(await make_employee(project, [Role.SALES_REP], divisions=[]))
    gone = await make_contact(project)
    unknown, out_of_scope = gid(gone), await make_contact(project, division=hidden)
    foreign = await make_contact(await make_project())
    await gone.delete()
    before = await everything()

    for each in (unknown, foreign, out_of_scope):
        read = await client.run(ONE, id=each)
        written = await client.run(UPDATE, input={"id": each, "name": "Můj"})
        assert read.data == {"contact": None, "node": None} and read.errors == []
        assert written.codes == ["NOT_FOUND"]
        assert written.errors[0]["path"] == ["contactUpdate"]
        assert written.errors[0]["extensions"]["inputPath"] == ["input", "id"]
        assert written.errors[0]["message"] == "There is no such contact."
    assert await everything() == before


async def test_no_person_is_written_when_the_contact_is_refused(rep: Employee) -> None:
    answer = await as_employee(rep).run(
        CREATE, input={"name": "Novák", "persons": [{"name": "Jan"}, {"name": "", "email": "jan"}]}
    )

    assert answer.faults("contactCreate") == [
        ("input.persons.1.name", "REQUIRED"),
        ("input.persons.1.email", "INVALID"),
    ]
    assert await Contact.all().count() == 0 and await Person.all().count() == 0
