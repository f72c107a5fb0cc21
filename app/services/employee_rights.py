"""Who may change whom, and give whom what: the rules that keep people from helping themselves to rights."""

from collections.abc import Collection, Iterable
from uuid import UUID

from app.errors import FaultCode, Forbidden, Invalid, Unauthenticated
from app.models import Employee, EmployeeStatus, Project
from app.policy import Member, Permission, Role, Viewer, grants_of, is_external
from app.services import givers, popups, unassigned
from app.services.members import grants_of_employee, member_of

#: What nobody changes of himself, except an admin.
RIGHTS = frozenset(
    {
        "roles",
        "division_scope",
        "division_ids",
        "partner_id",
        "can_delete_contacts",
        "can_send_bulk_email",
    }
)


async def lock(viewer: Member, employee_id: UUID, *also: UUID) -> tuple[Member, Employee]:
    """The viewer as he is now, and the employee; changes of employees in one project happen one after another.

    The viewer was read before the lock: somebody may have taken his rights meanwhile. Raises NotFound for the
    employee, Forbidden or Unauthenticated for a viewer who may no longer manage employees.
    """
    await Project.get_visible(viewer, viewer.project_id, lock=True)
    # Of which some may become nobody's, or what is nobody's be told to others.
    if await popups.open_of([employee_id]).exists() or await unassigned.is_any(viewer.project_id):
        also = (*also, *await givers.ids([viewer.project_id]))
    await popups.lock(employee_id, viewer.employee_id, *also)
    viewer = await member_of(await _at_work(viewer))
    employee = await Employee.get_visible(viewer, employee_id)
    require_may_change(viewer, employee)
    return viewer, employee


async def lock_own(viewer: Member) -> Employee:
    """The viewer's own row. Raises Unauthenticated if somebody ended their work here meanwhile."""
    await popups.lock(viewer.employee_id)
    return await _at_work(viewer)


async def _at_work(viewer: Member) -> Employee:
    """The viewer's own row, which is locked."""
    own = await Employee.get(id=viewer.employee_id)
    if own.status is not EmployeeStatus.ACTIVE:
        raise Unauthenticated("This session has ended. Sign in again.")
    return own


def may_change(viewer: Viewer, roles: Iterable[Role]) -> bool:
    """Whether the viewer may change somebody with these roles."""
    may_manage = viewer.may(Permission.EMPLOYEE_MANAGE)
    return may_manage and (viewer.may(Permission.ADMIN_GRANT) or not makes_admin(roles))


def require_may_change(viewer: Member, employee: Employee) -> None:
    """Raises Forbidden unless the viewer manages employees and, if this one is an admin, admins too."""
    viewer.require(Permission.EMPLOYEE_MANAGE)
    if makes_admin(employee.roles):
        viewer.require(Permission.ADMIN_GRANT)


def require_not_himself(viewer: Member, employee: Employee, changed: Collection[str]) -> None:
    """Raises Forbidden if he changes what nobody changes of himself, except an admin."""
    himself = employee.id == viewer.employee_id
    if himself and RIGHTS & set(changed) and not viewer.may(Permission.ADMIN_GRANT):
        raise Forbidden(
            "Nobody changes his own roles, flags, divisions or partner. Ask a colleague who manages employees."
        )


def require_grantable(viewer: Member, roles: Iterable[Role], partner_id: UUID | None) -> None:
    """Raises Forbidden if these roles bring more than the viewer has himself; flags are not looked at."""
    held = tuple(roles)
    if makes_admin(held):
        viewer.require(Permission.ADMIN_GRANT)
    wanted = grants_of(held, external=is_external(held, partner_id))
    beyond = [right.name for right, reach in wanted.items() if (viewer.reach(right) or 0) < reach]
    if beyond:
        raise Forbidden(f"Nobody gives more than he has. You do not have: {', '.join(beyond)}.")


async def require_another_admin(employee: Employee, *, path: str) -> None:
    """Call it under `lock`, before this one ceases to be an admin at work. Raises Invalid (LAST_ADMIN) at `path`."""
    others = Employee.active_admins(employee.project_id).exclude(id=employee.id)
    if not any(runs_project(each) for each in await others):
        sentence = f"{employee.name} is the only admin. Make somebody else an admin first."
        raise Invalid.at(path, sentence, FaultCode.LAST_ADMIN)


def makes_admin(roles: Iterable[Role]) -> bool:
    """Whether these roles are an admin's, though an external's rights are cut."""
    return Permission.ADMIN_GRANT in grants_of(roles)


def runs_project(employee: Employee) -> bool:
    """Whether he is an admin at work: one whom no ceiling of externals cuts."""
    is_at_work = employee.status is EmployeeStatus.ACTIVE
    return is_at_work and Permission.ADMIN_GRANT in grants_of_employee(employee)
