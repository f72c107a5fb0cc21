"""What workers do by themselves is in the audit log too: without an employee, under a name of its own."""

import pytest

from app.models import AuditEntry, Contact, Employee, LeadShare, Reminder
from app.workers import lead_shares, reminders
from tests.factories import LONG_AGO, NOON, make_division
from tests.graphql import bells, settings
from tests.schema.audit_cases import Firm, make_firm

__all__ = ["bells", "settings"]


@pytest.fixture
async def firm(database: str, settings: object, bells: object) -> Firm:
    return await make_firm()


async def entries() -> list[tuple[str, str, object, object, object]]:
    return [
        (entry.action, entry.subject, entry.project_id, entry.contact_id, entry.employee_id)
        for entry in await AuditEntry.all().order_by("subject")
    ]


async def test_a_window_that_opens_tells_of_the_reminders_that_it_takes_away(firm: Firm) -> None:
    await Employee.filter(id=firm.rep.id).update(next_popup_at=NOON, roles=["TELEPHONIST"])
    other = await make_division(firm.project)
    await Contact.filter(id=firm.contact.id).update(division_id=other.id)

    await reminders._open_due(reminders.LOOK_AHEAD)

    assert await entries() == [("popupOpen", "Reminder", firm.project.id, firm.contact.id, None)]
    entry = await AuditEntry.get()
    assert (entry.subject_id, entry.changes) == (firm.reminder.id, {"assignee_id": [str(firm.rep.id), None]})
    assert (entry.account_id, entry.client_ip, entry.division_id) == (None, "", other.id)


async def test_a_window_that_takes_nothing_away_leaves_no_entry(firm: Firm) -> None:
    await Employee.filter(id=firm.rep.id).update(next_popup_at=NOON)

    await reminders._open_due(reminders.LOOK_AHEAD)

    assert (await Employee.get(id=firm.rep.id)).last_popup_at is not None
    assert await entries() == []


async def test_a_share_that_ends_tells_of_itself_and_of_the_reminders_that_go(firm: Firm) -> None:
    share = await LeadShare.get()
    await LeadShare.filter(id=share.id).update(valid_from=LONG_AGO, valid_until=NOON)

    assert await lead_shares._close(share.id)

    assert await entries() == [
        ("leadShareEnd", "Contact", firm.project.id, firm.contact.id, None),
        ("leadShareEnd", "LeadShare", firm.project.id, None, None),
        ("leadShareEnd", "Reminder", firm.project.id, firm.contact.id, None),
    ]
    assert await Reminder.filter(assignee_id__isnull=True).count() == 1
    told = await AuditEntry.get(subject="Contact")
    assert told.changes == {"lead_share_id": [str(share.id), None]} and told.subject_id == firm.contact.id
    assert not await lead_shares._close(share.id)
    assert await AuditEntry.all().count() == 3
