"""Rights to fields and rows cut what changed, without a trace.

`changes_of` is asked as a viewer that no role makes: whoever reads the log has all these rights today.
"""

from dataclasses import replace
from typing import Any

import pytest

from app.engine.ids import global_id
from app.ids import uuid7
from app.models import Activity, AuditEntry, Employee, Project
from app.policy import Permission, Reach, Role
from app.schema import audit_changes
from tests import factories as make
from tests.factories import make_audit_entry, make_contact, make_division, make_employee, make_project
from tests.graphql import as_employee, as_role
from tests.schema.contact_cases import CREATE, RECORD
from tests.schema.reminder_cases import CREATE as REMIND
from tests.schema.test_audit import BILLED
from tests.schema.test_emails import SEND


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def director(project: Project) -> Employee:
    return await make_employee(project, [Role.DIRECTOR])


async def shown(viewer: Employee, *missing: Permission, own: tuple[Permission, ...] = ()) -> Any:
    member = await make.viewer_of(viewer)
    kept = {each: reach for each, reach in member.grants.items() if each not in missing}
    cut = replace(member, grants={**kept, **dict.fromkeys(own, Reach.OWN)})
    rows = await AuditEntry.visible_to(cut).order_by("created_at", "id")
    records = [{each: getattr(row, each) for each in audit_changes.NEEDS} for row in rows]
    return [
        {each.field: (each.old, each.new) for each in found}
        for found in await audit_changes.changes_of(records, cut)
    ]


async def test_without_the_right_to_billing_data_they_never_changed(director: Employee) -> None:
    await as_employee(director).run(CREATE, input=BILLED)

    assert await shown(director, Permission.CONTACT_BILLING_READ) == [
        {"name": (None, "Alfa"), "address.city": (None, "Praha")}
    ]


async def test_whom_a_mail_went_to_is_read_by_whoever_may_read_the_mail(
    project: Project, director: Employee
) -> None:
    """Of mail in an area of which they read their own alone, those of a colleague's are not shown."""
    contact = await make_contact(project)
    sent = {
        "contactId": contact,
        "to": ["a@example.cz", "b@example.cz"],
        "subject": "S",
        "text": "T",
        "area": "SALES",
    }
    answer = await as_employee(director).run(SEND, input=sent)
    assert answer.faults("emailSend") == []

    reader, colleague = director, await make_employee(project, [Role.DIRECTOR])
    [read] = await shown(reader)
    [own] = await shown(reader, own=(Permission.EMAIL_READ,))

    assert read["recipients"] == own["recipients"] == (None, '["a@example.cz","b@example.cz"]')
    assert await shown(reader, Permission.EMAIL_READ) == [{}]
    assert await shown(colleague, own=(Permission.EMAIL_READ,)) == [{}]
    assert await shown(colleague, Permission.ACTIVITY_SALES_READ) == [{}]


async def test_without_the_right_to_the_type_nothing_is_shown(director: Employee) -> None:
    await make_audit_entry(
        await director.project,
        subject="Email",
        subject_id=uuid7(),
        changes={"subject": [None, "Nabídka"], "purpose": [None, "BUSINESS"]},
    )

    assert await shown(director, Permission.EMAIL_READ) == [{}]


@pytest.mark.parametrize("is_gone", [False, True])
async def test_an_activity_is_shown_by_the_right_to_its_area(
    project: Project, director: Employee, is_gone: bool
) -> None:
    contact = await make_contact(project)
    for area in ("SALES", "BILLING"):
        answer = await as_employee(director).run(
            RECORD, input={"contactId": contact, "kind": "CALL", "area": area, "summary": area}
        )
        assert answer.faults("activityRecord") == []
    if is_gone:
        await Activity.all().delete()
    colleague = await make_employee(project, [Role.DIRECTOR])

    summaries = [each.get("summary") for each in await shown(colleague, Permission.ACTIVITY_BILLING_READ)]
    assert summaries == [(None, "SALES"), None]
    own = await shown(colleague, Permission.ACTIVITY_BILLING_READ, own=(Permission.ACTIVITY_SALES_READ,))
    assert own == [{}, {}]
    author = await shown(director, Permission.ACTIVITY_BILLING_READ, own=(Permission.ACTIVITY_SALES_READ,))
    assert [each.get("summary") for each in author] == [(None, "SALES"), None]


async def test_of_a_gone_activity_whose_area_was_not_noted_nothing_is_shown(
    project: Project, director: Employee
) -> None:
    await make_audit_entry(
        project, subject="Activity", subject_id=uuid7(), changes={"summary": [None, "Tajné"]}
    )

    assert await shown(director, Permission.ACTIVITY_BILLING_READ) == [{}]
    assert await shown(director) == [{"summary": (None, "Tajné")}]


async def test_a_reminder_of_another_is_for_whoever_gives_reminders(
    project: Project, director: Employee
) -> None:
    answer = await as_role(Role.TELEPHONIST, project=project).run(
        REMIND, input={"title": "Zavolat", "dueAt": "2030-01-01T08:00:00Z"}
    )
    assert answer.faults("reminderCreate") == []

    assert (await shown(director, Permission.REMINDER_ASSIGN)) == [{}]
    assert (await shown(director))[0]["title"] == (None, "Zavolat")


async def test_a_column_that_the_api_does_not_show_is_not_shown_here(
    project: Project, director: Employee
) -> None:
    contact = await make_contact(project)
    await make_audit_entry(
        project,
        subject="Contact",
        subject_id=contact.id,
        changes={"search_text": ["a", "b"], "secret": ["a", "b"], "name": ["A", "B"]},
    )
    await make_audit_entry(project, subject="Session", subject_id=uuid7(), changes={"token_hash": ["a", "b"]})

    assert await shown(director) == [{"name": ("A", "B")}, {}]


async def test_the_id_of_a_row_out_of_reach_is_not_told(project: Project) -> None:
    b2b, b2c = await make_division(project), await make_division(project)
    chosen = await make_employee(project, [Role.DIRECTOR], divisions=[b2b])
    mine, theirs = await make_contact(project, division=b2b), await make_contact(project, division=b2c)
    reminder = await make.make_reminder(chosen, contact=mine)
    await make_audit_entry(
        project,
        subject="Reminder",
        subject_id=reminder.id,
        contact_id=mine.id,
        changes={"contact_id": [theirs.id, mine.id], "title": ["A", "B"]},
    )

    assert await shown(chosen) == [{"contactId": (None, global_id("Contact", mine.id)), "title": ("A", "B")}]
