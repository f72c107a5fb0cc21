"""What was out of reach while it was there does not come to light when it is deleted."""

from typing import Any

import pytest

from app.engine.ids import global_id
from app.models import Contact, Project
from app.policy import Role
from tests.factories import make_contact, make_division, make_employee, make_project
from tests.graphql import Client, as_employee
from tests.schema.contact_cases import DELETE
from tests.schema.proposal_cases import ACCEPT, PROPOSE
from tests.schema.reminder_cases import CREATE, DUE, UPDATE
from tests.schema.reminder_cases import DELETE as FORGET

LOG = "{ auditEntries(first: 100) { nodes { subject changes { field old new } } } }"


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def admin(project: Project) -> Client:
    return as_employee(await make_employee(project, [Role.ADMIN]))


@pytest.fixture
async def director(project: Project) -> Client:
    """Works with a division of his own alone."""
    own = await make_division(project)
    return as_employee(await make_employee(project, [Role.DIRECTOR], divisions=[own]))


@pytest.fixture
async def elsewhere(project: Project) -> Contact:
    """A contact in a division that the director does not work with."""
    return await make_contact(project, division=await make_division(project))


async def told_of(client: Client, subject: str) -> list[Any]:
    answer = await client.run(LOG)
    assert answer.errors == []
    found = [each["changes"] for each in answer.data["auditEntries"]["nodes"] if each["subject"] == subject]
    return [change for changes in found for change in changes if change["field"] in ("title", "name")]


async def remind(client: Client, **sent: Any) -> Any:
    answer = await client.run(CREATE, input={"title": "Tajná schůzka", "dueAt": DUE, **sent})
    assert answer.faults("reminderCreate") == []
    return answer.data["reminderCreate"]["reminder"]["id"]


async def test_a_reminder_that_came_to_a_contact_elsewhere_goes_with_it_untold(
    admin: Client, director: Client, elsewhere: Contact
) -> None:
    reminder = await remind(admin)
    assert (await admin.run(UPDATE, input={"id": reminder, "contactId": elsewhere})).errors == []
    assert await told_of(director, "Reminder") == []

    assert (await admin.run(DELETE, input={"id": elsewhere})).errors == []

    assert await told_of(director, "Reminder") == []
    assert len(await told_of(admin, "Reminder")) == 2


async def test_a_report_that_became_a_contact_elsewhere_goes_with_it_untold(
    admin: Client, director: Client, elsewhere: Contact
) -> None:
    answer = await admin.run(PROPOSE, input={"name": "Tajná firma"})
    proposal = answer.data["contactPropose"]["proposal"]["id"]
    division_id = elsewhere.division_id
    assert division_id is not None
    answer = await admin.run(ACCEPT, input={"id": proposal, "divisionId": global_id("Division", division_id)})
    made = answer.data["contactProposalAccept"]["proposal"]["contact"]["id"]
    assert await told_of(director, "ContactProposal") == []

    assert (await admin.run(DELETE, input={"id": made})).errors == []

    assert await told_of(director, "ContactProposal") == []
    told = [(change["old"], change["new"]) for change in await told_of(admin, "ContactProposal")]
    assert told == [("Tajná firma", None), (None, "Tajná firma")]


async def test_a_reminder_of_no_contact_is_told_of_after_it_is_deleted(
    admin: Client, director: Client
) -> None:
    reminder = await remind(admin)

    assert (await admin.run(FORGET, input={"id": reminder})).errors == []

    assert len(await told_of(director, "Reminder")) == 2
