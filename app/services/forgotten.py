"""Open reminders that are nobody's and shown in nobody's window: whoever could give them to somebody has pop-ups off, or does
not see their contact."""

from app.models import Project, Reminder, ReminderState
from app.policy import Member
from app.services import givers, stranded


async def count_by_project() -> dict[str, int]:
    """How many there are in each project that has some, by the project's name; not of those that are to be deleted."""
    nobodys = Reminder.filter(
        assignee_id__isnull=True, state=ReminderState.OPEN, project__deletion_requested_at__isnull=True
    )
    project_ids = {row["project_id"] for row in await nobodys.distinct().values("project_id")}
    able: dict[object, list[Member]] = {}
    for each in await givers.at_work(project_ids, with_window=True):
        able.setdefault(each.project_id, []).append(each)
    found: dict[str, int] = {}
    for project_id in project_ids:
        # One predicate, whoever many they are.
        count = await stranded.unseen(project_id, givers.together(able.get(project_id, []))).count()
        if count:
            name = (await Project.get(id=project_id)).name
            found[name] = found.get(name, 0) + count
    return found
