"""What the people of a partner see of the project: who is locked before it changes, and what follows when it shrinks."""

from datetime import datetime
from uuid import UUID

from tortoise.expressions import Subquery

from app.models import Employee, Partner, Reminder, ReminderState
from app.services import givers, popups, reminder_handover, sessions


async def lock(partner_id: UUID) -> None:
    """What is lent to one partner changes in one transaction at a time.

    Locks its people, because they may lose reminders, and then itself: always before shares, and shares before contacts,
    so that nobody waits in a circle.
    """
    await _lock_people(partner_id)
    await Partner.filter(id=partner_id).select_for_update(no_key=True)
    # Whoever came to it meanwhile: nobody comes any more while it is locked.
    await _lock_people(partner_id)


async def _lock_people(partner_id: UUID) -> None:
    """With those in whose windows their reminders are if they lose them."""
    people = await Employee.filter(partner_id=partner_id).values("id", "project_id")
    held = Reminder.filter(
        assignee_id__in=Subquery(Employee.filter(partner_id=partner_id).values("id")),
        state=ReminderState.OPEN,
    )
    projects = {row["project_id"] for row in people} if await held.exists() else set()
    await popups.lock(*[row["id"] for row in people], *await givers.ids(projects))


async def shrank(partner_id: UUID, *, now: datetime) -> None:
    """Call it after its people may see less: reminders go from whom no longer sees the contact, open sockets look again."""
    await reminder_handover.give_away_unseen(partner_id=partner_id, now=now)
    await sessions.viewers_of_partner_changed(partner_id)
