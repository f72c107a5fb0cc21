"""Purging a deleted project whose grace is over: in many short transactions, so that millions of rows stop nobody.

`purge_began_at` says that it began. From then on nobody can restore the project, however far the purge has come and
whatever the clock says; a worker that finds it begun goes on, until the project's own row is the last that goes. Of the
audit log stays what was done, when and by whom, without what the records said and where people sat.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from app import db, jobs
from app.models import PURGE_ORDER, Project, Table, audit_notes
from app.services import audit_retention

#: The project's tables, in the order in which they are emptied.
TABLES: Sequence[type[Table]] = tuple(PURGE_ORDER)

entries_of = audit_retention.entries_of

EVER = datetime(2000, 1, 1, tzinfo=UTC)


async def due(*, now: datetime) -> list[UUID]:
    """The projects whose grace is over or whose purge has begun, the longest over first."""
    # Among the few that are to be deleted at all, which an index finds.
    waiting = Project.filter(
        Q(purge_after__gte=EVER) & (Q(purge_after__lte=now) | Q(purge_began_at__isnull=False))
    )
    return [row["id"] for row in await waiting.order_by("purge_after", "id").values("id")]


async def begin(project_id: UUID, *, now: datetime) -> bool:
    """From now on there is no way back. False if the project is not due, or no longer there."""
    await Project.filter(id=project_id, purge_after__lte=now, purge_began_at=None).update(purge_began_at=now)
    return await _locked(project_id) is not None


async def delete_rows(project_id: UUID, table: type[Table], *, limit: int) -> int:
    """Deletes at most so many of its rows in this table; tells how many went. The tables before it must be empty."""
    if await _locked(project_id) is None:
        return 0
    if db.dialect() == "postgres":
        # Of a project that has most of a table PostgreSQL would read that from its start, past all that is dead already.
        await db.fetch("SET LOCAL enable_seqscan = off")
    some = _rows_of_project(project_id, table).limit(limit).values("id")
    return await table.filter(id__in=Subquery(some)).delete()


async def forget(project_id: UUID, entry_ids: Sequence[UUID]) -> None:
    """Empties these entries of the audit log, after all tables."""
    if await _locked(project_id) is not None:
        await audit_retention.forget(entry_ids)


async def finish(project_id: UUID) -> bool:
    """Deletes the project's own row, the last of all. False if another worker did."""
    project = await _locked(project_id)
    if project is None:
        return False
    await Project.filter(id=project_id).delete()
    jobs.note(project, audit_notes.gone(project, "name"))
    return True


async def _locked(project_id: UUID) -> Project | None:
    """The project, if it is being purged. Workers that purge the same one take turns: none finds a table half empty."""
    return await Project.filter(id=project_id, purge_began_at__isnull=False).select_for_update().get_or_none()


def _rows_of_project(project_id: UUID, table: type[Table]) -> QuerySet[Table]:
    through = PURGE_ORDER[table]
    if through is None:
        return table.filter(project_id=project_id)
    column, parent = through
    return table.filter(**{f"{column}__in": Subquery(parent.filter(project_id=project_id).values("id"))})
