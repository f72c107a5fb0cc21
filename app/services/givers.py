"""Who gives reminders to others, and so is shown those that are nobody's."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from app import db, db_rows
from app.models import EmployeeStatus
from app.policy import Member, Permission, roles_with
from app.services import member_rows

_GIVERS = """
    SELECT e.id, e.project_id, {columns} FROM employees e
        JOIN projects p ON p.id = e.project_id AND p.deletion_requested_at IS NULL
    WHERE e.project_id IN {ids} AND ({roles}){which}
"""
_AT_WORK = f" AND e.status = '{EmployeeStatus.ACTIVE.value}'"
_NOT_GONE = f" AND e.status <> '{EmployeeStatus.DEACTIVATED.value}'"
_WITH_WINDOW = f"{_AT_WORK} AND e.reminder_interval_minutes IS NOT NULL"


async def at_work(project_ids: Collection[UUID], *, with_window: bool = False) -> list[Member]:
    """Who is at work in these projects and gives reminders to others: those with a window alone, or all.

    In a project that is to be deleted nobody is at work.
    """
    return await _read(project_ids, _WITH_WINDOW if with_window else _AT_WORK)


async def ids(project_ids: Iterable[UUID]) -> set[UUID]:
    """Their ids, for whoever locks them with those whose reminders may become nobody's.

    With those who are invited: who accepts at this moment waits for the lock, and so finds what became nobody's meanwhile.
    Others come to it through somebody who manages employees, who gives reminders too and so waits.
    """
    return {each.employee_id for each in await _read(set(project_ids), _NOT_GONE)}


def together(some: Sequence[Member]) -> Member | None:
    """Somebody who sees what any of these sees, all of one project; None if there are none.

    They are all of the firm itself: what one of them sees of its contacts hangs on their divisions alone.
    """
    if not some:
        return None
    chosen = [each.division_ids for each in some if each.division_ids is not None]
    sees_all = len(chosen) < len(some)
    return replace(some[0], division_ids=None if sees_all else frozenset().union(*chosen))


async def _read(project_ids: Collection[UUID], which: str) -> list[Member]:
    if not project_ids:
        return []
    dialect = db.dialect()
    sql = _GIVERS.format(
        columns=member_rows.columns(dialect, "e"),
        ids=db_rows.ids(dialect, "$1"),
        # Leaves out most of a large firm; whether they really may is asked of the policy.
        roles=" OR ".join(f"e.roles LIKE '%{role}%'" for role in roles_with(Permission.REMINDER_ASSIGN)),
        which=which,
    )
    rows = await db.fetch(sql, [db_rows.packed_ids(project_ids)])
    return [member_rows.viewer_of(row) for row in rows if member_rows.may(row, Permission.REMINDER_ASSIGN)]
