"""Root fields that show no rows of the engine's: what the naive interpreter knows of them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from app import db
from app.engine.ids import global_id
from app.models import ExternalRead, ExternalSearches, Project, ReminderState
from app.policy import AccountViewer, Member, Permission, Role
from app.services import project_deletion
from tests.differential.sight import Sight


async def _viewer(sight: Sight) -> Any:
    viewer = sight.viewer
    assert isinstance(viewer, AccountViewer)
    member = viewer if isinstance(viewer, Member) else None
    return {
        "id": global_id("Viewer", member.employee_id if member else viewer.account_id),
        "account": viewer.account_id,
        "employee": member.employee_id if member else None,
        "roles": [role for role in Role if member and role in member.roles],
        "permissions": [each for each in Permission if member and each in member.grants],
        "read_budget": await _read_budget(member) if member and member.is_metered else None,
    }


async def _read_budget(member: Member) -> dict[str, Any]:
    """What was read and searched within a day, counted row by row."""
    since = await db.now() - timedelta(hours=24)
    limit = (await Project.get(id=member.project_id)).external_read_limit
    reads = [row.read_at for row in await ExternalRead.filter(employee_id=member.employee_id)]
    days = [
        row for row in await ExternalSearches.filter(employee_id=member.employee_id) if row.began_at > since
    ]
    counted = [at for at in reads if at > since]
    ends = [at + timedelta(hours=24) for at in (*counted, *(row.began_at for row in days))]
    return {
        "contacts_left": max(0, limit - len(counted)),
        "searches_left": max(0, limit - sum(row.searches for row in days)),
        "resets_at": min(ends, default=None),
    }


async def _open_reminder_count(sight: Sight) -> Any:
    viewer = sight.viewer
    if not isinstance(viewer, Member):
        return None
    waiting = {viewer.employee_id, *([None] if viewer.may(Permission.REMINDER_ASSIGN) else [])}
    found = [row for row in sight.rows["Reminder"] if row.assignee_id in waiting]
    return len([row for row in found if row.state is ReminderState.OPEN])


async def _restorable_projects(sight: Sight) -> Any:
    """No rows of the engine's: the service is asked."""
    viewer = sight.viewer
    assert isinstance(viewer, AccountViewer)
    return [
        {
            "project_id": global_id("Project", row.id),
            "name": row.name,
            "deletion_requested_at": row.deletion_requested_at,
            "restorable_until": row.purge_after,
        }
        for row in await project_deletion.restorable(viewer, now=await db.now())
    ]


#: Root fields that show no rows of the engine's.
PLAIN_ROOTS: Mapping[str, Callable[[Sight], Awaitable[Any]]] = {
    "viewer": _viewer,
    "open_reminder_count": _open_reminder_count,
    "restorable_projects": _restorable_projects,
}
