"""Contacts and what hangs on them, as each of the firm's people may see and change them."""

from typing import Any

import pytest

from app.engine.ids import global_id, local_id
from app.ids import uuid7
from app.models import Activity, Contact, Employee, Partner, Person, Project, Reminder
from tests.e2e.client import Client
from tests.e2e.firm import ADDRESS, Firm
from tests.factories import FAR_AWAY, make_activity, make_contact, make_lead_share, make_person, make_reminder
from tests.graphql import gid

SHARED, HIDDEN = 30, 10
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
LISTS = """{
  contacts(first: 100) { totalCount nodes { id } }
  persons(first: 100) { totalCount nodes { contactId } }
  activities(first: 100) { totalCount nodes { contactId } }
  reminders(first: 100) { totalCount nodes { contactId } }
}"""
HIDDEN_NAME = "Novák tajný"


async def test_a_contact_gathers_people_activities_reminders_and_mail(firm: Firm) -> None:
    person = firm.holder_of("SALES_REP")
    client = person.client
    made = await client.do("CreateContact", **NOVOTNY, divisionId=firm.divisions["B2B"], ownerId=person.id)
    contact = made["contact"]
    added = (await client.do("AddPerson", contactId=contact["id"], name="Bára", phone="602 000 001"))[
        "person"
    ]
    await client.do("UpdatePerson", id=added["id"], name="Bára Nová")
    gone = (await client.do("AddPerson", contactId=contact["id"], name="Dočasný"))["person"]
    await client.do("DeletePerson", id=gone["id"])
    changed = await client.do("UpdateContact", id=contact["id"], phone="602 111 222", expectedVersion=1)
    recorded = await client.do(
        "Record", contactId=contact["id"], kind="CALL", area="SALES", summary="Chce nabídku"
    )
    await client.do("Remind", title="Poslat nabídku", dueAt="2099-01-01T08:00:00Z", contactId=contact["id"])
    await client.do("Send", contactId=contact["id"], subject="Nabídka", text="Zde je.")

    whole = await client.ask("ContactWhole", id=contact["id"])

    assert contact == {
        "id": contact["id"],
        "name": "Novotný a syn",
        "ico": "27082440",
        "vatId": "CZ27082440",
        "version": 1,
    }
    assert changed["contact"]["version"] == 2
    assert recorded["activity"]["author"] == {"id": person.id, "name": person.name}
    assert (whole["phone"], whole["vatId"], whole["email"]) == (
        "+420602111222",
        "CZ27082440",
        "novotny@example.cz",
    )
    assert whole["division"]["name"] == "B2B" and whole["owner"]["name"] == person.name
    assert [each["name"] for each in whole["persons"]] == ["Bára Nová", "Čeněk"]
    assert [each["summary"] for each in whole["activities"]["nodes"]] == ["Chce nabídku"]
    assert [each["title"] for each in whole["reminders"]["nodes"]] == ["Poslat nabídku"]
    assert [each["subject"] for each in whole["emails"]["nodes"]] == ["Nabídka"]


async def test_names_are_found_without_accents_and_listed_the_czech_way(firm: Firm) -> None:
    names = ["Cáchová Nováková", "Čapek a Novák", "Chalupa a Novák", "Ibl a Novák"]
    for name in reversed(names):
        await firm.add_contact(name, address={"city": "Řazov"})

    found = await firm.admin.ask("Search")
    page = await firm.admin.ask("Page", first=3, where={"city": {"eq": "Řazov"}}, orderBy=[{"name": "ASC"}])
    rest = await firm.admin.ask(
        "Page",
        first=3,
        after=page["pageInfo"]["endCursor"],
        where={"city": {"eq": "Řazov"}},
        orderBy=[{"name": "ASC"}],
    )

    assert {node["name"] for node in found["nodes"]} >= set(names)
    assert page["totalCount"] == 4
    assert [edge["node"]["name"] for edge in page["edges"] + rest["edges"]] == names


async def test_a_telephonist_is_refused_billing_data_and_sees_the_rest(firm: Firm) -> None:
    contact = await firm.add_contact("Plátce", vatId="CZ45274649", email="platce@example.cz")

    answer = await firm.holder_of("TELEPHONIST").client.run("ContactWhole", id=contact)

    assert answer.status == 200
    assert (answer.data["contact"]["name"], answer.data["contact"]["vatId"]) == ("Plátce", None)
    (error,) = answer.errors
    assert error["path"] == ["contact", "vatId"]
    told = {name: error["extensions"][name] for name in ("code", "coordinate", "requiredPermission")}
    assert told == {
        "code": "FORBIDDEN",
        "coordinate": "Contact.vatId",
        "requiredPermission": "CONTACT_BILLING_READ",
    }


@pytest.mark.parametrize("may_delete", [False, True])
async def test_contacts_are_deleted_by_whoever_has_the_flag(firm: Firm, may_delete: bool) -> None:
    name = "Marie Mazací" if may_delete else "Norbert Nemazací"
    person = await firm.hire(name, "COMPLAINTS", canDeleteContacts=may_delete)
    contact = await firm.add_contact(f"Smazat: {name}", persons=[{"name": "Kdosi"}])
    await person.client.do("Remind", title="Zeptat se", dueAt="2099-01-01T08:00:00Z", contactId=contact)
    before = await left_of(firm, contact)

    answer = await person.client.run("DeleteContact", input={"id": contact})

    after = await left_of(firm, contact)
    assert before == {"Contact": 1, "Person": 1, "Reminder": 1}
    if may_delete:
        assert answer.faults("contactDelete") == []
        assert answer.data["contactDelete"]["deletedContactId"] == contact
        assert after == {"Contact": 0, "Person": 0, "Reminder": 0}
    else:
        assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])
        assert after == before


async def test_the_external_one_sees_the_shared_contacts_and_nothing_else(firm: Firm) -> None:
    shared, hidden = await share(firm)
    client = firm.holder_of("EXTERNAL_TELEPHONIST").client

    page = await client.ask("Page", first=100)
    found = await client.ask("Search")
    lists = (await client.query(LISTS)).data

    assert page["totalCount"] == SHARED
    assert {edge["node"]["id"] for edge in page["edges"]} == {gid(contact) for contact in shared}
    assert {edge["node"]["viewerCan"]["delete"] for edge in page["edges"]} == {False}
    assert [node["name"] for node in found["nodes"]] == ["Novák sdílený"]
    assert (lists["contacts"]["totalCount"], lists["persons"]["totalCount"]) == (SHARED, 1)
    for rows in ("persons", "activities", "reminders"):
        assert {node["contactId"] for node in lists[rows]["nodes"]} == {gid(shared[0])}
    for row in hidden:
        assert (await client.query(NODE, id=gid(row))).data == {"node": None}
    assert await told_of(client, gid(hidden[0])) == await told_of(client, global_id("Contact", uuid7()))


async def test_the_external_one_learns_nothing_of_the_firm(firm: Firm) -> None:
    person = firm.holder_of("EXTERNAL_TELEPHONIST")

    employees = await person.client.ask("Employees", first=50)
    project = await person.client.run("Project")

    assert [edge["node"]["name"] for edge in employees["edges"]] == [person.name]
    assert project.data["project"]["email"] is None and ADDRESS not in str(project.data)
    assert set(project.codes) == {"FORBIDDEN"}


async def told_of(client: Client, contact: str) -> Any:
    """What one learns about a contact by asking for it, and by writing to it."""
    read = await client.run("ContactWhole", id=contact)
    activity = {"contactId": contact, "kind": "CALL", "area": "SALES", "summary": "Nikdo to nezvedl"}
    written = await client.run("Record", input=activity)
    assert (read.data, written.codes) == ({"contact": None}, ["NOT_FOUND"])
    return [
        (error["message"], error["path"], error["extensions"] | {"requestId": ""})
        for error in read.errors + written.errors
    ]


async def share(firm: Firm) -> tuple[list[Contact], list[Any]]:
    """The contacts that the partner was lent, and rows of a contact that it was not.

    Made in the database, as nothing in the API shares contacts yet.
    """
    async with firm.divize.rows():
        project = await Project.get(id=local_id("Project", firm.project_id))
        names = ["Novák sdílený", *(f"Sdílený {number:02}" for number in range(1, SHARED))]
        shared = [await make_contact(project, name=name) for name in names]
        others = [await make_contact(project, name=f"{HIDDEN_NAME} {each}") for each in range(HIDDEN)]
        partner = await Partner.get(id=local_id("Partner", firm.partner_id))
        await make_lead_share(project, partner, shared)
        external = await Employee.get(id=local_id("Employee", firm.holder_of("EXTERNAL_TELEPHONIST").id))
        await hang_on(shared[0], external)
        return shared, [others[0], *await hang_on(others[0], external)]


async def hang_on(contact: Contact, employee: Employee) -> list[Person | Activity | Reminder]:
    """A person, an activity and a reminder of the employee's at the contact."""
    return [
        await make_person(contact),
        await make_activity(contact, employee),
        await make_reminder(employee, contact=contact, due_at=FAR_AWAY),
    ]


async def left_of(firm: Firm, contact: str) -> dict[str, int]:
    """Rows of the contact, by their kind."""
    id_ = local_id("Contact", contact)
    async with firm.divize.rows():
        return {
            "Contact": await Contact.filter(id=id_).count(),
            "Person": await Person.filter(contact_id=id_).count(),
            "Reminder": await Reminder.filter(contact_id=id_).count(),
        }


NOVOTNY = {
    "name": "Novotný a syn",
    "ico": "27082440",
    "vatId": "CZ27082440",
    "email": "novotny@example.cz",
    "address": {"street": "Dlouhá 1", "city": "Brno"},
    "persons": [{"name": "Čeněk", "position": "Jednatel"}],
}
