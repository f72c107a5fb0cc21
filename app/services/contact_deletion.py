"""Deleting a contact with all that hangs on it, in one transaction."""

from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

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
    audit_notes,
)
from app.policy import Member, Permission
from app.services import activities, contacts, emails, persons, reminder_handover

ACTION = "contactDelete"
DAY = timedelta(hours=24)


async def delete(viewer: Member, *, now: datetime, id: UUID) -> UUID:
    """Removes a contact with its persons, activities, reminders and shares; mail that waits is taken back.

    Needs the employee's own flag (admins have it). Raises RateLimited when he has deleted as many within 24 hours as
    the project's admin allows.
    """
    await Contact.get_visible(viewer, id)
    viewer.require(Permission.CONTACT_DELETE)
    await contacts.lock_windows(id, viewer.employee_id)
    await _require_below_limit(viewer, now=now)
    contact = await _locked_with_key(viewer, id)
    await reminder_handover.close_of_contact(id, now=now)
    await emails.cancel_for_contact(id, now=now)
    await _delete_all_of(contact)
    return id


async def _delete_all_of(contact: Contact) -> None:
    """With an entry of the audit log for each row that goes."""
    for activity in await Activity.filter(contact_id=contact.id).order_by("id"):
        jobs.note(activity, audit_notes.gone(activity, *activities.NOTED))
    for person in await Person.filter(contact_id=contact.id).order_by("id"):
        persons.note_deletion(person)
    for proposal in await ContactProposal.filter(contact_id=contact.id).order_by("id"):
        jobs.note(proposal, audit_notes.gone(proposal, "name", "decision"))
    jobs.note(contact, audit_notes.gone(contact, "name", "division_id", "owner_id"))
    await Activity.filter(contact_id=contact.id).delete()
    await Person.filter(contact_id=contact.id).delete()
    await LeadShareContact.filter(contact_id=contact.id).delete()
    await Contact.filter(id=contact.id).delete()


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
    latest = [entry.created_at for entry in await done.order_by("-created_at").limit(max(limit, 1))]
    if len(latest) < limit:
        return
    # The oldest of the last `limit` ones must be a day old before another is allowed.
    again_at = min(latest, default=now) + DAY
    raise RateLimited(
        f"One employee may delete {limit} contacts within 24 hours. Ask an admin of the project, or wait.",
        retry_after_s=max(1, ceil((again_at - now).total_seconds())),
    )
