"""F. Deleting contacts and projects: who may, what goes, and what happens when others are at it in the same moment."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from app.integrations.pubsub import Hub
from app.models import (
    Activity,
    AuditEntry,
    Contact,
    Email,
    EmailState,
    Employee,
    Person,
    Project,
    Reminder,
    ReminderState,
)
from app.policy import Role
from tests.factories import (
    make_activity,
    make_contact,
    make_email,
    make_employee,
    make_lead_share,
    make_partner,
    make_person,
    make_project,
    make_proposal,
    make_reminder,
)
from tests.graphql import PASSWORD, Client, as_employee, as_role, gid, make_account_with_password
from tests.models.test_crossings import crossings
from tests.schema.contact_cases import ADD_PERSON, DELETE, RECORD, UPDATE_BASIC
from tests.schema.feed_cases import brief, feed, hub, next_event, until_live
from tests.schema.proposal_cases import MERGE
from tests.schema.share_cases import ADD
from tests.schema.test_project_deletion import DELETE as DELETE_PROJECT
from tests.schema.test_refusals import dump

__all__ = ["hub"]

CALL = {"kind": "CALL", "area": "SALES", "summary": "Volal"}


@pytest.fixture
async def project(inside: None) -> Project:
    return await make_project(name="Pekárna Šťastný")


async def deleter(project: Project, *roles: Role) -> Client:
    return as_employee(
        await make_employee(
            project, roles or [Role.SALES_REP], can_delete_contacts=True, reminder_interval_minutes=10
        )
    )


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_case_69_without_his_own_flag_no_role_but_the_admin_deletes(
    project: Project, role: Role
) -> None:
    contact = await make_contact(project)
    client = await as_role(role, project=project).sign_in()
    before = await dump()

    answer = await client.run(DELETE, input={"id": contact})

    assert answer.codes == ["FORBIDDEN"] and await dump() == before


async def test_case_69_an_external_with_every_role_and_the_flag_deletes_nothing(project: Project) -> None:
    contact, partner = await make_contact(project), await make_partner(project)
    await make_lead_share(project, partner, [contact])
    client = await as_role(*Role, project=project, partner=partner, can_delete_contacts=True).sign_in()
    before = await dump()

    answer = await client.run(DELETE, input={"id": contact})

    assert answer.codes == ["FORBIDDEN"] and await dump() == before


async def test_case_69_taking_a_report_into_a_contact_deletes_neither(project: Project) -> None:
    contact = await make_contact(project)
    proposal = await make_proposal(await make_employee(project, [Role.TELEPHONIST]))
    client = as_role(Role.SALES_REP, project=project)

    answer = await client.run(MERGE, input={"id": proposal, "contactId": contact})

    assert answer.faults("contactProposalMerge") == []
    assert await Contact.all().count() == 1 and await proposal.filter(id=proposal.id).count() == 1


async def test_case_70_and_71_all_that_hangs_on_it_goes_in_one_transaction_and_every_window_is_told(
    project: Project, hub: Hub
) -> None:
    client = await deleter(project)
    await client.sign_in()
    me, contact = client.employee, await make_contact(project)
    assert me is not None
    await make_person(contact)
    await make_activity(contact, me)
    reminder = await make_reminder(me, contact=contact)
    waiting = await make_email(project, contact=contact, author=me, state=EmailState.QUEUED)
    sending = await make_email(project, contact=contact, author=me, state=EmailState.SENDING)

    async with feed(hub, client) as events:
        await until_live(events)
        answer = await client.run(DELETE, input={"id": contact})
        told = await next_event(events)

    assert answer.faults("contactDelete") == []
    assert brief(told) == ("closed", "DELETED", gid(reminder))
    left = [await model.all().count() for model in (Contact, Person, Activity, Reminder)]
    assert left == [0, 0, 0, 0]
    states: dict[UUID, Any] = {
        email.id: (email.state, email.contact_id, email.text) for email in await Email.all()
    }
    assert states[waiting.id] == (EmailState.CANCELLED, None, None)
    assert states[sending.id][0] is EmailState.SENDING
    entry = await AuditEntry.get(action="contactDelete", subject="Contact", subject_id=contact.id)
    assert entry.employee_id == me.id


async def _delete(client: Client, contact: Contact) -> Any:
    return await client.run(DELETE, input={"id": contact})


async def _update(client: Client, contact: Contact) -> Any:
    return await client.run(UPDATE_BASIC, input={"id": contact, "name": "Jiný"})


async def _record(client: Client, contact: Contact) -> Any:
    return await client.run(RECORD, input={"contactId": contact, **CALL})


async def _add_person(client: Client, contact: Contact) -> Any:
    return await client.run(ADD_PERSON, input={"contactId": contact, "name": "Jan"})


async def _lend(client: Client, contact: Contact) -> Any:
    director = await make_employee(await contact.project, [Role.DIRECTOR])
    partner = await make_partner(await contact.project)
    share = await make_lead_share(await contact.project, partner, created_by=director)
    return await as_employee(director).run(ADD, input={"id": share, "contactIds": [contact]})


@pytest.mark.parametrize(
    "other", [_delete, _update, _record, _add_person, _lend], ids=lambda each: each.__name__.strip("_")
)
async def test_case_72_whoever_is_at_the_same_contact_either_wins_or_finds_it_gone(
    project: Project, other: Any
) -> None:
    client = await (await deleter(project)).sign_in()

    for _ in range(5):
        contact = await make_contact(project)
        deleted, did = await asyncio.gather(_delete(client, contact), other(client, contact))

        codes = {*deleted.codes, *did.codes}
        assert codes <= {"NOT_FOUND", "CONFLICT"}, (deleted, did)
        if "CONFLICT" not in deleted.codes:
            assert not await Contact.filter(id=contact.id).exists()
            for model in (Person, Activity, Reminder):
                assert not await model.filter(contact_id=contact.id).exists()
    assert await crossings() == {}


async def test_case_71_a_reminder_made_meanwhile_is_gone_with_the_contact_or_refused(
    project: Project,
) -> None:
    client = await (await deleter(project)).sign_in()
    create = """mutation ($i: ReminderCreateInput!) { reminderCreate(input: $i) {
      reminder { id } errors { code } } }"""
    contact = await make_contact(project)
    due = {"title": "Zavolat", "dueAt": "2026-03-02T12:00:00Z", "contactId": contact}

    deleted, made = await asyncio.gather(_delete(client, contact), client.run(create, i=due))

    assert {*deleted.codes, *made.codes} <= {"NOT_FOUND", "CONFLICT"}
    if deleted.codes == []:
        assert not await Reminder.filter(contact_id=contact.id, state=ReminderState.OPEN).exists()


async def _admin(project: Project, **values: Any) -> Client:
    account = await make_account_with_password()
    return as_employee(await make_employee(project, [Role.ADMIN], account=account, **values))


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_case_73_only_an_admin_deletes_the_project(project: Project, role: Role) -> None:
    account = await make_account_with_password()
    employee: Employee = await make_employee(project, [role], account=account)
    client = await as_employee(employee).sign_in()
    before = await dump()

    answer = await client.run(DELETE_PROJECT, input={"password": PASSWORD, "name": project.name})

    assert answer.codes == ["FORBIDDEN"] and await dump() == before


@pytest.mark.parametrize(
    ("proofs", "fault"),
    [({"password": "jiné heslo, dost dlouhé"}, "input.password"), ({"name": "Pekárna"}, "input.name")],
    ids=["password", "name"],
)
async def test_case_73_an_admin_needs_his_password_and_the_name(
    project: Project, proofs: dict[str, str], fault: str
) -> None:
    client = await _admin(project)

    answer = await client.run(DELETE_PROJECT, input={"password": PASSWORD, "name": project.name, **proofs})

    assert [path for path, _ in answer.faults("projectDelete")] == [fault]
    assert (await Project.get(id=project.id)).deletion_requested_at is None


async def test_case_73_the_admin_of_another_deletes_his_own_and_a_replay_finds_no_session(
    project: Project,
) -> None:
    other = await make_project(name=project.name)
    stranger = await _admin(other)
    proofs = {"password": PASSWORD, "name": project.name}

    first = await stranger.run(DELETE_PROJECT, input=proofs)
    replay = await stranger.run(DELETE_PROJECT, input=proofs)

    assert first.faults("projectDelete") == [] and first.data["projectDelete"]["restorableUntil"]
    assert replay.codes == ["UNAUTHENTICATED"]
    assert (await Project.get(id=project.id)).deletion_requested_at is None
    assert (await Project.get(id=other.id)).deletion_requested_at is not None
    assert await AuditEntry.filter(action="projectDelete", project_id=other.id).exists()
