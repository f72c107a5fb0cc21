"""Windows of those who give reminders to others, when something becomes nobody's or one of them sees less."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app import db_rows
from app.models import (
    Contact,
    Employee,
    EmployeeStatus,
    ReminderClosedReason,
    ReminderEvent,
    ReminderEventKind,
)
from app.policy import Member, Permission
from app.services import givers, popups, reminder_log, stranded, unassigned
from app.services.held_reminders import Held
from app.services.members import member_of


async def waits_for(able: Sequence[Member], contact_id: UUID | None) -> list[Member]:
    """Whose windows tell of one of this contact, or of none: of these who give reminders those who see it, else the admins."""
    seen = await unassigned.seers(able, contact_id)
    return seen or [each for each in able if each.may(Permission.ADMIN_GRANT)]


class _First(NamedTuple):
    """Of those with contacts of one division: when the first is due, and one contact, as all are seen by the same people."""

    due_at: datetime
    contact_id: UUID | None


@dataclass(slots=True)
class Arrivals:
    """What one act made nobody's: the first of each division, by project."""

    _first: dict[tuple[UUID, UUID | None], _First] = field(default_factory=dict)

    async def add(self, arrived: Sequence[Held]) -> None:
        divisions = await _divisions_of({each.contact_id for each in arrived if each.contact_id is not None})
        for each in arrived:
            assert each.due_at is not None
            key = each.project_id, divisions.get(each.contact_id) if each.contact_id else None
            found = _First(each.due_at, each.contact_id)
            self._first[key] = min(self._first.get(key, found), found, key=lambda first: first.due_at)

    async def refresh_windows(self, now: datetime) -> None:
        """They come to whoever is told of them: what is due opens the window at once, whenever it opened last."""
        projects = {project_id for project_id, _ in self._first}
        alerts = await self._alerts(await givers.at_work(projects))
        at: dict[datetime | None, set[UUID]] = {}
        for each in await givers.ids(projects):
            at.setdefault(alerts.get(each), set()).add(each)
        for alert_at, some in at.items():
            await popups.refresh_windows(some, now=now, alert_at=alert_at)

    async def _alerts(self, able: Iterable[Member]) -> dict[UUID, datetime]:
        """When the first is due that each of these is told of."""
        by_project: dict[UUID, list[Member]] = {}
        for each in able:
            by_project.setdefault(each.project_id, []).append(each)
        alerts: dict[UUID, datetime] = {}
        for (project_id, _), first in self._first.items():
            for each in await waits_for(by_project.get(project_id, []), first.contact_id):
                alerts[each.employee_id] = min(alerts.get(each.employee_id, first.due_at), first.due_at)
        return alerts


async def _divisions_of(contact_ids: set[UUID]) -> Mapping[UUID, UUID | None]:
    found: dict[UUID, UUID | None] = {}
    for some in db_rows.portions(contact_ids):
        rows = await Contact.filter(id__in=some).values("id", "division_id")
        found |= {row["id"]: row["division_id"] for row in rows}
    return found


@dataclass(frozen=True, slots=True)
class Showing:
    """What the window of somebody who gives reminders may show of those that are nobody's, and how many nobody sees."""

    reminder_ids: Sequence[UUID]
    stranded: int


async def showing(employee: Employee, now: datetime) -> Showing | None:
    """Before their rights, divisions or status change. None for somebody who gives no reminders now."""
    if employee.status is not EmployeeStatus.ACTIVE:
        return None
    viewer = await member_of(employee)
    if not viewer.may(Permission.REMINDER_ASSIGN):
        return None
    popup = ReminderEvent.filter(employee_id=employee.id, kind=ReminderEventKind.POPUP).order_by("-number")
    last = await popup.first()
    [look] = await unassigned.looks([viewer], now)
    named = {*look.shown, *(UUID(each) for each in (last.unassigned_ids if last else None) or ())}
    return Showing(await _in_reach(viewer, named), await stranded.count(employee.project_id))


async def shrank(employee: Employee, shown: Showing | None, *, now: datetime) -> None:
    """After it: what they can give to nobody any more leaves their window, and what nobody sees now comes into the admins'."""
    if shown is None:
        return
    kept: Sequence[UUID] = ()
    if employee.status is EmployeeStatus.ACTIVE:
        kept = await _in_reach(await member_of(employee), shown.reminder_ids)
    lost = sorted(set(shown.reminder_ids) - set(kept))
    closed = {employee.id: lost} if lost else {}
    await reminder_log.tell_closed(closed, ReminderClosedReason.GIVEN_AWAY, now=now)
    if await stranded.count(employee.project_id) > shown.stranded:
        able = await givers.at_work([employee.project_id])
        admins = [each.employee_id for each in able if each.may(Permission.ADMIN_GRANT)]
        first = await stranded.first(employee.project_id)
        await popups.refresh_windows(admins, now=now, alert_at=first)


async def _in_reach(viewer: Member, reminder_ids: Iterable[UUID]) -> list[UUID]:
    rows = await unassigned.in_reach(viewer).filter(id__in=list(reminder_ids)).values("id")
    return [row["id"] for row in rows]
