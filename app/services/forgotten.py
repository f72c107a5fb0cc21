"""Open reminders that are nobody's and in nobody's window: whoever could give them to somebody has pop-ups off."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from uuid import UUID

from app.models import Project, Reminder, ReminderState
from app.models.base import NOBODY
from app.policy import Member
from app.services import unassigned


async def count_by_project() -> dict[str, int]:
    """How many there are in each project that has some, by the project's name."""
    nobodys = Reminder.filter(assignee_id__isnull=True, state=ReminderState.OPEN)
    project_ids = {row["project_id"] for row in await nobodys.distinct().values("project_id")}
    able = await unassigned.givers(project_ids, with_window=True)
    found: dict[str, int] = {}
    for project_id in project_ids:
        count = await _count(project_id, [each for each in able if each.project_id == project_id])
        if count:
            name = (await Project.get(id=project_id)).name
            found[name] = found.get(name, 0) + count
    return found


async def _count(project_id: UUID, givers: Sequence[Member]) -> int:
    nobodys = Reminder.filter(project_id=project_id, assignee_id__isnull=True, state=ReminderState.OPEN)
    shown = nobodys.filter(reduce(or_, map(Reminder.visible_q, givers), NOBODY))
    return await nobodys.count() - await shown.count()
