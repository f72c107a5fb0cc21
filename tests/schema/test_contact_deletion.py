"""Deleting a contact with all that hangs on it, and who may."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.models import (
    Activity,
    AuditEntry,
    Contact,
    Email,
    EmailState,
    Employee,
    LeadShareContact,
    Person,
    Project,
    Reminder,
    ReminderEvent,
)
from app.policy import Role
from tests.conftest import Clock
from tests.factories import (
    make_activity,
    make_audit_entry,
    make_contact,
    make_email,
    make_employee,
    make_lead_share,
    make_partner,
    make_person,
    make_project,
    make_reminder,
)
from tests.graphql import SentJob, as_employee, as_role, gid
from tests.schema.contact_cases import ADD_PERSON, DELETE, ONE, RECORD, UPDATE_BASIC, everything


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project(daily_delete_limit=3)


@pytest.fixture
async def deleter(project: Project) -> Employee:
    """A sales representative with the flag."""
    return await make_employee(
        project, [Role.SALES_REP], can_delete_contacts=True, reminder_interval_minutes=10
    )


async def test_all_that_hangs_on_it_goes_with_it(project: Project, deleter: Employee) -> None:
    contact, other = await make_contact(project, name="Novák"), await make_contact(project, name="Zůstane")
    for each in (contact, other):
        await make_person(each)
        await make_activity(each, deleter)
        await make_reminder(deleter, contact=each)
        await make_lead_share(project, await make_partner(project), [each])

    answer = await as_employee(deleter).run(DELETE, input={"id": contact})

    assert answer.faults("contactDelete") == []
    assert answer.data["contactDelete"]["deletedContactId"] == gid(contact)
    assert [row.id for row in await Contact.all()] == [other.id]
    for model in (Person, Activity, Reminder, LeadShareContact):
        assert [row.contact_id for row in await model.all()] == [other.id]
    read = await as_employee(deleter).run(ONE, id=gid(contact))
    assert read.data == {"contact": None, "node": None} and read.errors == []


async def test_its_reminders_leave_every_window(project: Project, deleter: Employee) -> None:
    contact, colleague = await make_contact(project), await make_employee(project, [Role.TELEPHONIST])
    mine, theirs = (
        await make_reminder(deleter, contact=contact),
        await make_reminder(colleague, contact=contact),
    )

    await as_employee(deleter).run(DELETE, input={"id": contact})

    told = {
        event.employee_id: (event.reminder_id, event.closed_reason) for event in await ReminderEvent.all()
    }
    assert told == {deleter.id: (mine.id, "DELETED"), colleague.id: (theirs.id, "DELETED")}
    assert (await Employee.get(id=deleter.id)).next_popup_at is None


async def test_mail_that_waits_is_taken_back_and_sent_mail_emptied(
    project: Project, deleter: Employee
) -> None:
    contact = await make_contact(project)
    waiting = await make_email(project, contact=contact, author=deleter, text="Dobrý den")
    sent = await make_email(project, contact=contact, author=deleter, text="Dobrý den", state=EmailState.SENT)

    answer = await as_employee(deleter).run(DELETE, input={"id": contact})

    assert answer.faults("contactDelete") == []
    rows: Any = {row.id: (row.state, row.contact_id, row.text) for row in await Email.all()}
    assert rows == {
        waiting.id: (EmailState.CANCELLED, None, None),
        sent.id: (EmailState.SENT, None, None),
    }


async def test_the_audit_log_says_who_deleted_what(project: Project, deleter: Employee) -> None:
    contact = await make_contact(project, name="Novák")

    await as_employee(deleter).run(DELETE, input={"id": contact})

    (entry,) = await AuditEntry.filter(action="contactDelete")
    assert (entry.employee_id, entry.subject, entry.subject_id) == (deleter.id, "Contact", contact.id)
    assert entry.changes == {"name": ["Novák", None]}


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_without_the_flag_no_role_but_the_admin_deletes(
    project: Project, role: Role, sent_jobs: list[SentJob], rings: list[str]
) -> None:
    contact = await make_contact(project)
    await make_reminder(await make_employee(project, [Role.SALES_REP]), contact=contact)
    client = await as_role(role, project=project).sign_in()
    before = await everything()

    answer = await client.run(DELETE, input={"id": contact})

    assert answer.codes == ["FORBIDDEN"] and answer.data is None
    assert answer.errors[0]["extensions"]["requiredPermission"] == "CONTACT_DELETE"
    assert await everything() == before and sent_jobs == [] and rings == []


async def test_an_external_never_deletes_whatever_his_roles_and_flags(project: Project) -> None:
    partner, contact = await make_partner(project), await make_contact(project)
    await make_lead_share(project, partner, [contact])
    client = as_role(*Role, project=project, partner=partner, can_delete_contacts=True)
    before = await everything()

    answer = await client.run(DELETE, input={"id": contact})

    assert answer.codes == ["FORBIDDEN"]
    assert await everything() == before


async def test_an_admin_needs_no_flag_and_has_no_limit(project: Project) -> None:
    client = as_role(Role.ADMIN, project=project)

    answers = [await client.run(DELETE, input={"id": await make_contact(project)}) for _ in range(5)]

    assert [answer.faults("contactDelete") for answer in answers] == [[]] * 5


class TestDailyLimit:
    """So many contacts within 24 hours by one employee who is no admin, as the project says: here 3."""

    async def test_one_more_is_refused_and_nothing_changes(self, project: Project, deleter: Employee) -> None:
        client, kept = as_employee(deleter), await make_contact(project)
        for _ in range(3):
            allowed = await client.run(DELETE, input={"id": await make_contact(project)})
            assert allowed.faults("contactDelete") == []
        before = await everything()

        answer = await client.run(DELETE, input={"id": kept})

        assert answer.codes == ["RATE_LIMITED"]
        assert answer.errors[0]["extensions"]["retryAfterSeconds"] == 86_400
        assert await everything() == before

    async def test_the_window_slides(self, project: Project, deleter: Employee, clock: Clock) -> None:
        for hours in (30, 23, 22, 1):
            at = clock.at - timedelta(hours=hours)
            await make_audit_entry(
                project, action="contactDelete", subject="Contact", employee_id=deleter.id, created_at=at
            )
        contact, client = await make_contact(project), as_employee(deleter)

        early = await client.run(DELETE, input={"id": contact})
        clock.advance(timedelta(hours=1))
        late = await client.run(DELETE, input={"id": contact})

        assert early.codes == ["RATE_LIMITED"]
        assert early.errors[0]["extensions"]["retryAfterSeconds"] == 3_600
        assert late.faults("contactDelete") == []

    async def test_colleagues_and_other_projects_do_not_count(
        self, project: Project, deleter: Employee, clock: Clock
    ) -> None:
        colleague = await make_employee(project, [Role.DIRECTOR])
        for employee_id, action in ((colleague.id, "contactDelete"), (deleter.id, "contactCreate")):
            for _ in range(3):
                await make_audit_entry(
                    project, action=action, subject="Contact", employee_id=employee_id, created_at=clock.at
                )

        answer = await as_employee(deleter).run(DELETE, input={"id": await make_contact(project)})

        assert answer.faults("contactDelete") == []

    async def test_none_means_none(self, clock: Clock) -> None:
        strict = await make_project(daily_delete_limit=0)
        client = as_role(Role.DIRECTOR, project=strict, can_delete_contacts=True)

        answer = await client.run(DELETE, input={"id": await make_contact(strict)})

        assert answer.codes == ["RATE_LIMITED"] and await Contact.all().count() == 1

    async def test_parallel_requests_do_not_slip_through(self, project: Project, deleter: Employee) -> None:
        client = await as_employee(deleter).sign_in()
        contacts = [await make_contact(project) for _ in range(8)]

        answers = await asyncio.gather(*[client.run(DELETE, input={"id": each}) for each in contacts])

        assert sorted(answer.codes != [] for answer in answers) == [False] * 3 + [True] * 5
        assert {code for answer in answers for code in answer.codes} == {"RATE_LIMITED"}
        assert await Contact.all().count() == 5


async def test_of_two_deletions_at_once_one_wins(project: Project, deleter: Employee) -> None:
    contact = await make_contact(project)
    await make_reminder(deleter, contact=contact)
    clients = [await as_employee(deleter).sign_in(), await as_role(Role.ADMIN, project=project).sign_in()]

    answers = await asyncio.gather(*[client.run(DELETE, input={"id": contact}) for client in clients * 2])

    assert sorted(answer.codes for answer in answers) == [[], ["NOT_FOUND"], ["NOT_FOUND"], ["NOT_FOUND"]]
    assert await AuditEntry.filter(action="contactDelete", subject="Contact").count() == 1


async def test_nothing_is_left_over_when_others_work_on_it_at_that_moment(
    project: Project, deleter: Employee
) -> None:
    contact, writer = await make_contact(project), await as_role(Role.SALES_REP, project=project).sign_in()
    remind = "mutation ($input: ReminderCreateInput!) { reminderCreate(input: $input) { errors { code } } }"
    due = "2026-03-03T08:00:00Z"

    answers = await asyncio.gather(
        writer.run(RECORD, input={"contactId": contact, "kind": "CALL", "area": "SALES", "summary": "Hovor"}),
        writer.run(ADD_PERSON, input={"contactId": contact, "name": "Jan"}),
        (await as_employee(deleter).sign_in()).run(DELETE, input={"id": contact}),
        writer.run(UPDATE_BASIC, input={"id": contact, "name": "Nový"}),
        writer.run(remind, input={"contactId": contact, "title": "Zavolat", "dueAt": due}),
        writer.run(RECORD, input={"contactId": contact, "kind": "NOTE", "area": "SALES", "summary": "Nic"}),
    )

    assert answers[2].faults("contactDelete") == []
    assert {code for answer in answers for code in answer.codes} <= {"NOT_FOUND", "CONFLICT"}
    for model in (Contact, Person, Activity, Reminder):
        assert await model.all().count() == 0
