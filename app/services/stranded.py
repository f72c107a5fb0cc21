"""Open reminders that are nobody's and whose contact nobody sees who could give them to somebody.

Everybody who gives reminders to others works with chosen divisions, and none has this one. They are the admins' then: an
admin can widen their own divisions. Their windows count them, and name none.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tortoise.queryset import QuerySet

from app.models import Reminder, ReminderState
from app.policy import Member, Permission
from app.services import givers

#: As `totalCount` of lists.
MOST_COUNTED = 10_000


class Stranded(NamedTuple):
    """Of a project's: how many are due, when the first of all came due or comes, and the first after a moment."""

    due: int = 0
    first: datetime | None = None
    ahead: datetime | None = None


async def for_admins(asked: Sequence[tuple[Member, datetime]]) -> Mapping[int, Stranded]:
    """By the place of each viewer whom they are told: how many are due by the moment beside them, and what comes after."""
    places = [place for place, (viewer, _) in enumerate(asked) if _is_told(viewer)]
    waiting = await in_projects(asked[place][0].project_id for place in places)
    found: dict[tuple[UUID, datetime], Stranded] = {}
    told: dict[int, Stranded] = {}
    for place in places:
        viewer, moment = asked[place]
        if (reminders := waiting.get(viewer.project_id)) is not None:
            key = viewer.project_id, moment
            if key not in found:
                found[key] = await _look(reminders, moment)
            told[place] = found[key]
    return told


def _is_told(viewer: Member) -> bool:
    """Of an admin who sees all contacts nothing is hidden, so nothing is stranded."""
    return viewer.may(Permission.ADMIN_GRANT) and viewer.division_ids is not None


async def in_projects(project_ids: Iterable[UUID]) -> dict[UUID, QuerySet[Reminder]]:
    """The stranded ones of each of these projects where there can be any."""
    wanted = set(project_ids)
    able: dict[UUID, list[Member]] = {}
    for each in await givers.at_work(wanted):
        able.setdefault(each.project_id, []).append(each)
    return {
        project_id: unseen(project_id, seer)
        for project_id, some in able.items()
        if (seer := givers.together(some)) is not None and seer.division_ids is not None
    }


def unseen(project_id: UUID, seer: Member | None) -> QuerySet[Reminder]:
    """The project's open ones of nobody whose contact this one does not see; all of them if there is no one."""
    nobodys = Reminder.filter(project_id=project_id, assignee_id__isnull=True, state=ReminderState.OPEN)
    return nobodys if seer is None else nobodys.filter(~Reminder.visible_q(seer))


async def count(project_id: UUID) -> int:
    """How many the project has, due or not, counted up to MOST_COUNTED."""
    found = await in_projects([project_id])
    return await found[project_id].limit(MOST_COUNTED).count() if found else 0


async def first(project_id: UUID) -> datetime | None:
    """When the first of them asks for attention."""
    found = await in_projects([project_id])
    return await _first(found[project_id]) if found else None


async def _look(reminders: QuerySet[Reminder], moment: datetime) -> Stranded:
    first = await _first(reminders)
    if first is None:
        return Stranded()
    due = await reminders.filter(alert_at__lte=moment).limit(MOST_COUNTED).count()
    return Stranded(due, first, await _first(reminders.filter(alert_at__gt=moment)))


async def _first(reminders: QuerySet[Reminder]) -> datetime | None:
    rows = await reminders.order_by("alert_at", "id").limit(1).values("alert_at")
    return rows[0]["alert_at"] if rows else None
