"""Reminders of a contact that is deleted, or moves to another division."""

from datetime import datetime
from uuid import UUID

from tortoise.queryset import QuerySet

from app import jobs
from app.models import Contact, Reminder, ReminderClosedReason, ReminderState, audit_notes, value_batches
from app.services import givers, popups, reminder_handover, reminder_log, unassigned
from app.services.held_reminders import Held
from app.services.unassigned_windows import waits_for

#: What the audit log keeps of a reminder that begins or ends: not its note.
NOTED = ("title", "kind", "due_at", "assignee_id")


async def close_of_contact(contact_id: UUID, *, now: datetime) -> None:
    """Deletes the contact's reminders before it is deleted itself: they leave every window at once."""
    reminders = Reminder.filter(contact_id=contact_id)
    holders = await reminder_handover.lock_windows(reminders)
    shown, projects = await shown_unassigned(contact_id), set[UUID]()
    async for some in value_batches(reminders, "due_at", "state", *Held._fields, *NOTED):
        for row in some:
            place = {"project_id": row["project_id"], "contact_id": contact_id}
            jobs.note("Reminder", row["id"], audit_notes.gone(row, *NOTED), **place)
        left = [row for row in some if row["state"] is ReminderState.OPEN]
        closed = reminder_handover.by_holder(Held.of(row) for row in left if row["assignee_id"])
        nobodys = [row["id"] for row in left if row["assignee_id"] is None]
        projects |= {row["project_id"] for row in left if row["assignee_id"] is None}
        for giver in shown or () if nobodys else ():
            closed.setdefault(giver, []).extend(nobodys)
        await reminder_log.tell_closed(closed, ReminderClosedReason.DELETED, now=now)
        await jobs.write_notes()
    await reminders.delete()
    await popups.refresh_windows(holders | await givers.ids(projects), now=now)


async def shown_unassigned(contact_id: UUID) -> set[UUID] | None:
    """In whose windows those of this contact are that are nobody's; None if there is none."""
    found = await _nobodys(contact_id).limit(1).values("project_id")
    return set(await unassigned.shown_to(found[0]["project_id"], contact_id)) if found else None


async def contact_moved(contact: Contact, saw: set[UUID] | None, *, now: datetime) -> None:
    """Call it after its division changed; `saw`: what `shown_unassigned` told before.

    What is nobody's leaves the windows of those who saw it and do so no more, and comes into those of others who do now.
    """
    if saw is not None:
        able = await givers.at_work([contact.project_id])
        told = {each.employee_id for each in await waits_for(able, contact.id)}
        async for some in value_batches(_nobodys(contact.id), "due_at"):
            ids = [row["id"] for row in some]
            closed = dict.fromkeys(saw - told, ids)
            await reminder_log.tell_closed(closed, ReminderClosedReason.GIVEN_AWAY, now=now)
        [first] = await _nobodys(contact.id).order_by("alert_at", "id").limit(1).values("alert_at")
        await popups.refresh_windows({each.employee_id for each in able} - (told - saw), now=now)
        await popups.refresh_windows(told - saw, now=now, alert_at=first["alert_at"])
    await reminder_handover.give_away_unseen(contact_id=contact.id, now=now)


def _nobodys(contact_id: UUID) -> QuerySet[Reminder]:
    return Reminder.filter(contact_id=contact_id, assignee_id__isnull=True, state=ReminderState.OPEN)
