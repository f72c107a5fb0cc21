"""Reminders that change hands or go because something else did: an employee left, a contact went or moved out of sight."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.expressions import F
from tortoise.queryset import QuerySet

from app import jobs
from app.models import Employee, Reminder, ReminderClosedReason, ReminderState, audit_notes
from app.policy import Member
from app.services import popups, reminder_log
from app.services.members import member_of

#: What the audit log keeps of one that begins or ends: not its note.
NOTED = ("title", "kind", "due_at", "assignee_id")


async def open_count(employee_id: UUID) -> int:
    """How many open reminders he has, whatever he may still see."""
    return await popups.open_of([employee_id]).count()


async def reassign_all(
    viewer: Member, *, from_employee_id: UUID, to_employee: Employee, now: datetime
) -> None:
    """Gives all his open reminders to one colleague; those whose contact that one may not see to nobody.

    `to_employee` must be active, and had through `get_visible`.
    """
    await popups.lock(from_employee_id, to_employee.id)
    open_ones = (
        await popups.open_of([from_employee_id]).order_by("alert_at").values("id", "contact_id", "alert_at")
    )
    if not open_ones:
        return
    ids = [row["id"] for row in open_ones]
    for reminder in await Reminder.filter(id__in=ids, project_id=viewer.project_id).order_by("id"):
        jobs.note(reminder, {"assignee_id": [from_employee_id, to_employee.id]})
    await Reminder.filter(id__in=ids, project_id=viewer.project_id).update(
        assignee_id=to_employee.id, version=F("version") + 1, updated_at=now
    )
    await reminder_log.tell_closed(from_employee_id, ids, ReminderClosedReason.GIVEN_AWAY, now=now)
    pairs = [(row["id"], row["contact_id"]) for row in open_ones]
    hidden = await popups.give_away_hidden(to_employee, pairs, now=now)
    kept = [row["alert_at"] for row in open_ones if row["id"] not in hidden]
    await popups.refresh_window(from_employee_id, now=now)
    await popups.refresh_window(to_employee.id, now=now, alert_at=min(kept, default=None))


async def close_of_contact(contact_id: UUID, *, now: datetime) -> None:
    """Deletes the contact's reminders before it is deleted itself: they leave every window at once."""
    held = await _lock_assignees(Reminder.filter(contact_id=contact_id))
    for reminder in await Reminder.filter(contact_id=contact_id).order_by("id"):
        jobs.note(reminder, audit_notes.gone(reminder, *NOTED))
    await Reminder.filter(contact_id=contact_id).delete()
    for employee_id, rows in held.items():
        ids = [row["id"] for row in rows]
        await reminder_log.tell_closed(employee_id, ids, ReminderClosedReason.DELETED, now=now)
        await popups.refresh_window(employee_id, now=now)


async def give_away_unseen(
    *,
    contact_id: UUID | None = None,
    employee_id: UUID | None = None,
    partner_id: UUID | None = None,
    now: datetime,
) -> None:
    """Takes reminders from those who may no longer see the contact.

    Concerned are reminders of this contact, of this employee, of the people of this partner: of all that are given. Call
    it after divisions, shares or roles changed. They are then without an assignee (see `popups.give_away_hidden`).
    """
    wanted = {"contact_id": contact_id, "assignee_id": employee_id, "assignee__partner_id": partner_id}
    given = {column: id_ for column, id_ in wanted.items() if id_ is not None}
    found = await _lock_assignees(Reminder.filter(contact_id__isnull=False, **given))
    held = [
        (await member_of(employee), [(row["id"], row["contact_id"]) for row in found[employee.id]])
        for employee in await Employee.filter(id__in=list(found)).order_by("id")
    ]
    taken = await popups.give_away_all_hidden(held, now=now)
    for (member, _), gone in zip(held, taken, strict=True):
        if gone:
            await popups.refresh_window(member.employee_id, now=now)


async def _lock_assignees(reminders: QuerySet[Reminder]) -> dict[UUID, list[dict[str, Any]]]:
    """The open ones among these by their assignee, each of whom is locked."""
    held = reminders.filter(state=ReminderState.OPEN, assignee_id__isnull=False)
    await popups.lock(*[row["assignee_id"] for row in await held.distinct().values("assignee_id")])
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in await held.order_by("alert_at", "id").values("id", "contact_id", "assignee_id"):
        found.setdefault(row["assignee_id"], []).append(row)
    return found
