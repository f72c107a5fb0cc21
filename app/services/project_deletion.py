"""Deleting a project: an admin asks, with password and the project's name; 30 days of grace; then it is purged (`project_purging`).

Meanwhile nobody is signed in to it, no window opens and no invitation can be accepted; an admin may take it back.
"""

from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import F, Q, Subquery

from app import jobs
from app.errors import FaultCode, Invalid, NotFound
from app.models import Employee, EmployeeStatus, Project, audit_notes
from app.policy import AccountViewer, Member, Permission
from app.services import popups, sessions
from app.services.members import grants_of_employee

GRACE = timedelta(days=30)


def check_name(project: Project, name: str) -> None:
    """Raises Invalid at `name` unless it is the project's, to the letter."""
    if name != project.name:
        raise Invalid.at(
            "name", "This is not the project's name. Type it exactly as it is shown.", FaultCode.INVALID
        )


async def look_up(viewer: Member) -> Project:
    """The project that the viewer may delete."""
    viewer.require(Permission.PROJECT_DELETE)
    return await Project.get_visible(viewer, viewer.project_id)


async def request(viewer: Member, *, name: str, now: datetime) -> datetime:
    """Everybody is signed out at once; tells until when the project can be restored. Prove the password before."""
    viewer.require(Permission.PROJECT_DELETE)
    project = await Project.get_visible(viewer, viewer.project_id, lock=True)
    check_name(project, name)
    purge_after = now + GRACE
    await _write(project, now=now, deletion_requested_at=now, purge_after=purge_after)
    await Employee.filter(project_id=project.id, next_popup_at__isnull=False).update(next_popup_at=None)
    await _sign_everybody_out(project.id, now)
    return purge_after


async def restorable(viewer: AccountViewer, *, now: datetime) -> list[Project]:
    """The projects that wait to be purged and that the viewer may restore, those to be purged first in front."""
    waiting = Project.filter(Project.restorable_q(viewer), purge_after__gt=now).order_by("purge_after", "id")
    return [project for project in await waiting if await _may_restore(viewer, project)]


async def look_up_restorable(viewer: AccountViewer, project_id: UUID, *, now: datetime) -> Project:
    """The project, locked. Raises NotFound, at `project_id`, unless it waits to be purged and the viewer is an admin of it."""
    waiting = Project.filter(Project.restorable_q(viewer), id=project_id, purge_after__gt=now)
    project = await waiting.select_for_update(no_key=True).get_or_none()
    if project is None or not await _may_restore(viewer, project):
        raise NotFound("There is no such project.", input_path=("project_id",))
    return project


async def restore(viewer: AccountViewer, *, project_id: UUID, now: datetime) -> Project:
    """The project goes on; its people sign in again. Prove the password before. Raises as `look_up_restorable`."""
    project = await look_up_restorable(viewer, project_id, now=now)
    jobs.act_as(viewer.account_id, (await _employee(viewer, project)).id, project.id)
    await _write(project, now=now, deletion_requested_at=None, purge_after=None)
    at_work = Employee.filter(project_id=project_id, status=EmployeeStatus.ACTIVE)
    await popups.refresh_windows([row["id"] for row in await at_work.values("id")], now=now)
    return project


async def _may_restore(viewer: AccountViewer, project: Project) -> bool:
    return Permission.PROJECT_DELETE in grants_of_employee(await _employee(viewer, project))


async def _employee(viewer: AccountViewer, project: Project) -> Employee:
    """As whom the account works in the project."""
    return await Employee.get(Employee.of_account_q(viewer.account_id), project_id=project.id)


async def _write(project: Project, *, now: datetime, **values: datetime | None) -> None:
    jobs.note(project, audit_notes.differences(project, values))
    await Project.filter(id=project.id).update(**values, version=F("version") + 1, updated_at=now)
    project.update_from_dict({**values, "version": project.version + 1, "updated_at": now})


async def _sign_everybody_out(project_id: UUID, now: datetime) -> None:
    """Ends the sessions in this project; those elsewhere go on. Sockets close with them."""
    people = Employee.filter(project_id=project_id).values("id")
    # By the people, who have an index: a project has none among the sessions of all.
    for account_id in set(await sessions.end(Q(employee_id__in=Subquery(people)), now=now)):
        sessions.viewers_changed(account_id)
