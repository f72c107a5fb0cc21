"""Deleting a contact with all that hangs on it, in one transaction."""

from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from tortoise.queryset import QuerySet

from app import jobs
from app.errors import NotFound, RateLimited
from app.models import (
    Activity,
    AuditEntry,
    Contact,
    ContactProposal,
    LeadShareContact,
    Person,
    Project,
    Reminder,
    audit_notes,
    batches,
)
from app.policy import Member, Permission
from app.services import activities, contact_reminders, emails, givers, persons, reminder_handover

ACTION = "contactDelete"
DAY = timedelta(hours=24)


async def delete(viewer: Member, *, now: datetime, id: UUID) -> UUID:
    """Removes a contact with its persons, activities, reminders and shares; mail that waits is taken back.

    Needs the employee's own flag (admins have it). Raises RateLimited when he has deleted as many within 24 hours as
    the project's admin allows.
    """
    await Contact.get_visible(viewer, id)
    viewer.require(Permission.CONTACT_DELETE)
    # Whoever gives reminders to others too, though there may be none yet: one that is made before the contact is locked
    # would have them locked after it, and two who delete at once wait in a circle.
    able = await givers.ids([viewer.project_id])
    await reminder_handover.lock_windows(Reminder.filter(contact_id=id), viewer.employee_id, *able)
    await _require_below_limit(viewer, now=now)
    contact = await _locked_with_key(viewer, id)
    await contact_reminders.close_of_contact(id, now=now)
    await emails.cancel_for_contact(id, now=now)
    await _delete_all_of(contact)
    return id


async def _delete_all_of(contact: Contact) -> None:
    """With an entry of the audit log for each row that goes."""
    await _note_all(Activity.filter(contact_id=contact.id), "occurred_at", *activities.NOTED)
    await _note_all(Person.filter(contact_id=contact.id), "sort_key", *persons.FIELDS)
    await _note_all(ContactProposal.filter(contact_id=contact.id), "created_at", "name", "decision")
    jobs.note(contact, audit_notes.gone(contact, "name", "division_id", "owner_id"))
    await Activity.filter(contact_id=contact.id).delete()
    await Person.filter(contact_id=contact.id).delete()
    await LeadShareContact.filter(contact_id=contact.id).delete()
    await Contact.filter(id=contact.id).delete()


async def _note_all(rows: QuerySet[Any], by: str, *noted: str) -> None:
    """Only what the log keeps is read of them, a thousand at a time."""
    async for some in batches(rows, by, "project_id", "contact_id", *noted):
        for row in some:
            jobs.note(row, audit_notes.gone(row, *noted))
        await jobs.write_notes()


async def _locked_with_key(viewer: Member, contact_id: UUID) -> Contact:
    """The contact, locked so that nothing more can be hung on it. Raises NotFound if another was quicker."""
    contact = await Contact.visible_to(viewer).select_for_update().get_or_none(id=contact_id)
    if contact is None:
        raise NotFound("There is no such contact.")
    return contact


async def _require_below_limit(viewer: Member, *, now: datetime) -> None:
    """Whoever may not delete the project must not empty it either. The viewer is locked, so parallel requests count."""
    if viewer.may(Permission.PROJECT_DELETE):
        return
    limit = (await Project.get(id=viewer.project_id)).daily_delete_limit
    done = AuditEntry.filter(
        project_id=viewer.project_id,
        action=ACTION,
        employee_id=viewer.employee_id,
        subject=Contact.__name__,
        created_at__gt=now - DAY,
    )
    # The oldest of the last `limit` ones must be a day old before another is allowed.
    oldest = await done.order_by("-created_at").offset(max(limit, 1) - 1).limit(1).values("created_at")
    if limit and not oldest:
        return
    again_at = (oldest[0]["created_at"] if oldest else now) + DAY
    raise RateLimited(
        f"One employee may delete {limit} contacts within 24 hours. Ask an admin of the project, or wait.",
        retry_after_s=max(1, ceil((again_at - now).total_seconds())),
    )
