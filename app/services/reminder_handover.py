"""Reminders that change hands or go because something else did: an employee left, a contact went or moved out of sight.

However many they are, they are gone through a thousand at a time, in a few statements each.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from tortoise.expressions import Subquery
from tortoise.queryset import QuerySet

from app import db, db_rows, jobs
from app.models import (
    Contact,
    Employee,
    Reminder,
    ReminderClosedReason,
    ReminderState,
    audit_notes,
    value_batches,
)
from app.policy import Member
from app.services import member_rows, popups, reminder_log
from app.services.members import member_of
from app.services.sight import in_sight

#: What the audit log keeps of one that begins or ends: not its note.
NOTED = ("title", "kind", "due_at", "assignee_id")


async def open_count(employee_id: UUID) -> int:
    """How many open reminders he has, whatever he may still see."""
    return await popups.open_of([employee_id]).count()


class Held(NamedTuple):
    """A reminder, and whose it is."""

    id: UUID
    assignee_id: UUID
    project_id: UUID
    contact_id: UUID | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(*(row[name] for name in cls._fields))


async def reassign_all(
    viewer: Member, *, from_employee_id: UUID, to_employee: Employee, now: datetime
) -> None:
    """Gives all his open reminders to one colleague; those whose contact that one may not see to nobody.

    `to_employee` must be active, and had through `get_visible`.
    """
    await popups.lock(from_employee_id, to_employee.id)
    reminders = popups.open_of([from_employee_id]).filter(project_id=viewer.project_id)
    heir = await member_of(to_employee)
    earliest: datetime | None = None
    async for some in value_batches(reminders, "alert_at", *Held._fields):
        held = [Held.of(row) for row in some]
        hidden = await _hidden([(heir, each) for each in held])
        await _give({each: None if each.id in hidden else heir.employee_id for each in held}, now)
        earliest = earliest or next((row["alert_at"] for row in some if row["id"] not in hidden), None)
    await popups.refresh_window(from_employee_id, now=now)
    await popups.refresh_window(to_employee.id, now=now, alert_at=earliest)


async def close_of_contact(contact_id: UUID, *, now: datetime) -> None:
    """Deletes the contact's reminders before it is deleted itself: they leave every window at once."""
    reminders = Reminder.filter(contact_id=contact_id)
    holders = await _lock_holders(reminders)
    async for some in value_batches(reminders, "due_at", "state", *Held._fields, *NOTED):
        for row in some:
            place = {"project_id": row["project_id"], "contact_id": contact_id}
            jobs.note("Reminder", row["id"], audit_notes.gone(row, *NOTED), **place)
        left = [Held.of(row) for row in some if row["assignee_id"] and row["state"] is ReminderState.OPEN]
        await reminder_log.tell_closed(_by_holder(left), ReminderClosedReason.DELETED, now=now)
        await jobs.write_notes()
    await reminders.delete()
    await popups.refresh_windows(holders, now=now)


async def give_away_unseen(
    *,
    contact_id: UUID | None = None,
    employee_id: UUID | None = None,
    partner_id: UUID | None = None,
    now: datetime,
) -> None:
    """Takes reminders from those who may no longer see the contact.

    Concerned are reminders of this contact, of this employee, of the people of this partner: of all that are given. Call
    it after divisions, shares or roles changed. They are then without an assignee, shown to whoever gives reminders to
    others.
    """
    reminders = Reminder.filter(contact_id__isnull=False)
    if contact_id is not None:
        reminders = reminders.filter(contact_id=contact_id)
    if employee_id is not None:
        reminders = reminders.filter(assignee_id=employee_id)
    if partner_id is not None:
        people = Employee.filter(partner_id=partner_id).values("id")
        reminders = reminders.filter(assignee_id__in=Subquery(people))
    await _lock_holders(reminders)
    bereft: set[UUID] = set()
    async for some in value_batches(_waiting(reminders), "alert_at", *Held._fields):
        held = [Held.of(row) for row in some]
        viewers = await _viewers({each.assignee_id for each in held})
        taken = await take_hidden([(viewers[each.assignee_id], each) for each in held], now=now)
        bereft |= {each.assignee_id for each in held if each.id in taken}
    await popups.refresh_windows(bereft, now=now)


async def take_hidden(held: Sequence[tuple[Member, Held]], *, now: datetime) -> set[UUID]:
    """Takes from these employees, who must be locked, those of their reminders whose contact they may not see: their ids.

    They are then without an assignee.
    """
    hidden = await _hidden(held)
    await _give({each: None for _, each in held if each.id in hidden}, now)
    return hidden


async def take_free_hidden(
    held: Sequence[tuple[Member, Held]], *, now: datetime
) -> tuple[set[UUID], set[UUID]]:
    """The same, but waits for nobody: what is taken, and the employees of whose reminders somebody else holds one.

    Of the latter nothing is taken.
    """
    hidden = await _hidden(held)
    free = await _lock_free(hidden)
    stuck = {each.assignee_id for _, each in held if each.id in hidden - free}
    taken = {each: None for _, each in held if each.id in hidden and each.assignee_id not in stuck}
    await _give(taken, now)
    return {each.id for each in taken}, stuck


_FREE = f"""
    SELECT id FROM reminders WHERE id IN {db_rows.ids("postgres", "$1")} FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608  Nothing of it comes from outside.


async def _lock_free(reminder_ids: set[UUID]) -> set[UUID]:
    """Locks those of these reminders that nobody holds, and tells which."""
    # SQLite lets one transaction write at a time: nobody holds any.
    if not reminder_ids or db.dialect() == "sqlite":
        return reminder_ids
    return {row["id"] for row in await db.fetch(_FREE, [db_rows.packed_ids(reminder_ids)])}


async def _hidden(asked: Sequence[tuple[Member, Held]]) -> set[UUID]:
    """The ids of those whose contact the viewer beside them may not see."""
    viewers = {(viewer.employee_id, each.contact_id): viewer for viewer, each in asked}
    pairs = [(viewer, contact_id) for (_, contact_id), viewer in viewers.items() if contact_id is not None]
    seen = await in_sight(Contact.visible_to, pairs) if pairs else []
    unseen = {
        (viewer.employee_id, contact_id)
        for (viewer, contact_id), is_seen in zip(pairs, seen, strict=True)
        if not is_seen
    }
    return {each.id for viewer, each in asked if (viewer.employee_id, each.contact_id) in unseen}


_GIVE = """
    UPDATE reminders SET assignee_id = given.to_id, version = version + 1, updated_at = $1
    FROM {given} WHERE reminders.id = given.id
"""


async def _give(given: Mapping[Held, UUID | None], now: datetime) -> None:
    """Each to this colleague or to nobody: with its entry of the audit log, and out of the window it was in."""
    if not given:
        return
    source = db_rows.unpacked(db.dialect(), "$2", "given", id="uuid", to_id="uuid")
    rows = [{"id": each.id, "to_id": to_id} for each, to_id in given.items()]
    await db.fetch(_GIVE.format(given=source), [now, db_rows.packed(rows)])
    for each, to_id in given.items():
        changes = {"assignee_id": [each.assignee_id, to_id]}
        jobs.note("Reminder", each.id, changes, project_id=each.project_id, contact_id=each.contact_id)
    await reminder_log.tell_closed(_by_holder(given), ReminderClosedReason.GIVEN_AWAY, now=now)
    await jobs.write_notes()


def _by_holder(held: Iterable[Held]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    for each in held:
        found.setdefault(each.assignee_id, []).append(each.id)
    return found


def _waiting(reminders: QuerySet[Reminder]) -> QuerySet[Reminder]:
    return reminders.filter(state=ReminderState.OPEN, assignee_id__isnull=False)


async def _lock_holders(reminders: QuerySet[Reminder]) -> set[UUID]:
    """Whoever has open ones among these, each locked."""
    found = await _waiting(reminders).distinct().values("assignee_id")
    holders = {row["assignee_id"] for row in found}
    await popups.lock(*holders)
    return holders


_VIEWERS = "SELECT e.id, e.project_id, {columns} FROM employees e WHERE e.id IN {ids}"


async def _viewers(employee_ids: Iterable[UUID]) -> dict[UUID, Member]:
    """These employees as viewers, for what is done in their names."""
    dialect = db.dialect()
    sql = _VIEWERS.format(columns=member_rows.columns(dialect, "e"), ids=db_rows.ids(dialect, "$1"))
    rows = await db.fetch(sql, [db_rows.packed_ids(employee_ids)])
    return {
        id_: member_rows.member_of(
            row,
            employee_id=id_,
            project_id=db.as_uuid(row["project_id"]),
            account_id=id_,
            session_id=id_,
        )
        for row in rows
        for id_ in [db.as_uuid(row["id"])]
    }
