"""Reminders that change hands or go because something else did: an employee left, a contact went out of sight.

However many they are, they are gone through a thousand at a time, in a few statements each.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
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
    value_batches,
)
from app.policy import Member
from app.services import givers, member_rows, popups, reminder_log
from app.services.held_reminders import Held
from app.services.members import member_of
from app.services.sight import in_sight
from app.services.unassigned_windows import Arrivals


async def open_count(employee_id: UUID) -> int:
    """How many open reminders the employee has, whatever they may still see."""
    return await popups.open_of([employee_id]).count()


async def hidden_count(employee_id: UUID, viewer: Member) -> int:
    """How many open reminders the employee has whose contact they would not see as this viewer."""
    about = popups.open_of([employee_id]).filter(contact_id__isnull=False)
    return await about.count() - await about.filter(Reminder.visible_q(viewer)).count()


async def reassign_all(
    viewer: Member, *, from_employee_id: UUID, to_employee: Employee, now: datetime
) -> None:
    """Gives all open reminders of an employee to one colleague; those whose contact that one may not see to nobody.

    `to_employee` must be active, and had through `get_visible`.
    """
    await popups.lock(from_employee_id, to_employee.id)
    reminders = popups.open_of([from_employee_id]).filter(project_id=viewer.project_id)
    given, heir = Given(), await member_of(to_employee)
    async for some in value_batches(reminders, "alert_at", *Held._fields):
        await given.add(await _leave([Held.of(row) for row in some], heir, now))
    await given.refresh_windows(to_employee, now)


async def give_away_unseen(
    *,
    contact_id: UUID | None = None,
    employee_id: UUID | None = None,
    partner_id: UUID | None = None,
    heir: Employee | None = None,
    now: datetime,
) -> None:
    """Takes reminders from those who may no longer see the contact.

    Concerned are reminders of this contact, of this employee, of the people of this partner: of all that are given. Call
    it after divisions, shares or roles changed. The `heir`, if there is one, gets what they may see of it. The rest is
    without an assignee, shown to whoever gives reminders to others.
    """
    reminders = Reminder.filter(contact_id__isnull=False)
    if contact_id is not None:
        reminders = reminders.filter(contact_id=contact_id)
    if employee_id is not None:
        reminders = reminders.filter(assignee_id=employee_id)
    if partner_id is not None:
        people = Employee.filter(partner_id=partner_id).values("id")
        reminders = reminders.filter(assignee_id__in=Subquery(people))
    await lock_windows(reminders, *([heir.id] if heir else []))
    given, viewer = Given(), await member_of(heir) if heir else None
    async for some in value_batches(_waiting(reminders), "alert_at", *Held._fields):
        held = [Held.of(row) for row in some]
        viewers = await _viewers({each.assignee_id for each in held})
        hidden = await _hidden([(viewers[each.assignee_id], each) for each in held])
        await given.add(await _leave([each for each in held if each.id in hidden], viewer, now))
    await given.refresh_windows(heir, now)


@dataclass(slots=True)
class Given:
    """What became of many: who lost some, what is nobody's now, and when the first is due that the heir got."""

    bereft: set[UUID] = field(default_factory=set)
    arrivals: Arrivals = field(default_factory=Arrivals)
    earliest: datetime | None = None

    async def add(self, given: Mapping[Held, UUID | None]) -> None:
        inherited = [each.due_at for each, to_id in given.items() if to_id is not None]
        self.bereft |= {each.assignee_id for each in given}
        self.earliest = min(filter(None, [self.earliest, *inherited]), default=None)
        await self.arrivals.add([each for each, to_id in given.items() if to_id is None])

    async def refresh_windows(self, heir: Employee | None, now: datetime) -> None:
        await popups.refresh_windows(self.bereft, now=now)
        await self.arrivals.refresh_windows(now)
        if heir is not None:
            await popups.refresh_window(heir.id, now=now, alert_at=self.earliest)


async def _leave(taken: Sequence[Held], heir: Member | None, now: datetime) -> dict[Held, UUID | None]:
    """Gives them to the heir, and those whose contact that one may not see to nobody; tells which to whom."""
    given: dict[Held, UUID | None] = dict.fromkeys(taken)
    if heir is not None:
        hidden = await _hidden([(heir, each) for each in taken])
        given = {each: None if each.id in hidden else heir.employee_id for each in taken}
    await _give(given, now)
    return given


async def lock_windows(reminders: QuerySet[Reminder], *also: UUID) -> set[UUID]:
    """Locks whoever has open ones among these, and tells who; if there are any, whoever gives what is nobody's to others.

    And the employees `also`. All at once, and before any contact, partner or share: so nobody waits in a circle.
    """
    opened = reminders.filter(state=ReminderState.OPEN)
    found = await opened.distinct().values("assignee_id", "project_id")
    holders = {row["assignee_id"] for row in found if row["assignee_id"] is not None}
    await popups.lock(*also, *holders, *await givers.ids(row["project_id"] for row in found))
    return holders


class Taken(NamedTuple):
    """What was taken from whom may not see it; `stuck`: the employees of whom nothing is, as somebody holds some of it.

    `arrivals`: for the windows of those who are told of it now, each locked.
    """

    reminder_ids: Collection[UUID]
    stuck: Collection[UUID]
    arrivals: Arrivals


async def take_free_hidden(held: Sequence[tuple[Member, Held]], *, now: datetime) -> Taken:
    """Takes from these employees, who must be locked, those of their reminders whose contact they may not see.

    They are then without an assignee. It waits for nobody.
    """
    hidden = await _read(await _hidden(held))
    free = await _lock_free({each.id for each in hidden})
    busy = await _projects_of_busy({each.project_id for each in hidden})
    stuck = {each.assignee_id for each in hidden if each.id not in free or each.project_id in busy}
    taken: dict[Held, UUID | None] = {each: None for each in hidden if each.assignee_id not in stuck}
    await _give(taken, now)
    arrivals = Arrivals()
    await arrivals.add(list(taken))
    return Taken({each.id for each in taken}, stuck, arrivals)


async def _projects_of_busy(project_ids: set[UUID]) -> set[UUID]:
    """Locks whoever gives reminders to others in these; tells in which of them somebody holds one."""
    busy = set()
    for project_id in sorted(project_ids):
        able = await givers.ids([project_id])
        if await popups.lock_free(able) != able:
            busy.add(project_id)
    return busy


async def _read(reminder_ids: Iterable[UUID]) -> list[Held]:
    found: list[Held] = []
    for some in db_rows.portions(reminder_ids):
        found += [Held.of(row) for row in await Reminder.filter(id__in=some).values(*Held._fields)]
    return found


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
    UPDATE reminders SET assignee_id = given.to_id, snoozed_until = NULL, alert_at = due_at, version = version + 1,
        updated_at = $1
    FROM {given} WHERE reminders.id = given.id
"""


async def _give(given: Mapping[Held, UUID | None], now: datetime) -> None:
    """Each to this colleague or to nobody: with its entry of the audit log, and out of the window it was in.

    A snooze ends: it was the choice of the one who took it.
    """
    if not given:
        return
    source = db_rows.unpacked(db.dialect(), "$2", "given", id="uuid", to_id="uuid")
    rows = [{"id": each.id, "to_id": to_id} for each, to_id in given.items()]
    await db.fetch(_GIVE.format(given=source), [now, db_rows.packed(rows)])
    for each, to_id in given.items():
        changes: dict[str, Any] = {"assignee_id": [each.assignee_id, to_id]}
        if each.snoozed_until is not None:
            changes["snoozed_until"] = [each.snoozed_until, None]
        jobs.note("Reminder", each.id, changes, project_id=each.project_id, contact_id=each.contact_id)
    await reminder_log.tell_closed(by_holder(given), ReminderClosedReason.GIVEN_AWAY, now=now)
    await jobs.write_notes()


def by_holder(held: Iterable[Held]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    for each in held:
        found.setdefault(each.assignee_id, []).append(each.id)
    return found


def _waiting(reminders: QuerySet[Reminder]) -> QuerySet[Reminder]:
    return reminders.filter(state=ReminderState.OPEN, assignee_id__isnull=False)


_VIEWERS = "SELECT e.id, e.project_id, {columns} FROM employees e WHERE e.id IN {ids}"


async def _viewers(employee_ids: Iterable[UUID]) -> dict[UUID, Member]:
    """These employees as viewers, for what is done in their names."""
    dialect = db.dialect()
    sql = _VIEWERS.format(columns=member_rows.columns(dialect, "e"), ids=db_rows.ids(dialect, "$1"))
    rows = await db.fetch(sql, [db_rows.packed_ids(employee_ids)])
    return {viewer.employee_id: viewer for viewer in map(member_rows.viewer_of, rows)}
