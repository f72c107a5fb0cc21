"""How many different contacts people of outside firms are shown within 24 hours: counted, and refused above a limit.

A contact counts from the last time that it was shown, once however often, so looking at it again takes no room. The
project says how many there may be (`external_read_limit`).
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

import structlog
from tortoise.queryset import QuerySet

from app import db, db_rows, jobs
from app.errors import RateLimited
from app.ids import uuid7
from app.models import AuditEntry, ExternalRead, Project
from app.policy import Member

ACTION = "externalReadLimit"
DAY = timedelta(hours=24)
#: A refusal leaves an entry for the director, and those of the hour after it do not.
TOLD_AGAIN_AFTER = timedelta(hours=1)

log = structlog.get_logger(__name__)


async def lock(viewer: Member) -> datetime:
    """Parallel answers to one employee are counted one after another. Tells the database's clock."""
    for_update = "FOR NO KEY UPDATE" if db.dialect() == "postgres" else ""
    sql = f"SELECT {db.CLOCK[db.dialect()]} AS now FROM employees WHERE id = $1 {for_update}"  # noqa: S608
    [row] = await db.fetch(sql, [viewer.employee_id])
    return db.clock_of(row["now"])


async def count(
    viewer: Member, contact_ids: Collection[UUID], *, now: datetime, is_done: bool = False
) -> None:
    """Counts what an answer shows, once `lock` is held.

    Raises RateLimited, and counts nothing, if that is too much; unless it `is_done`: then it is only counted.
    """
    if not is_done:
        others = await _shown(viewer, now).exclude(contact_id__in=list(contact_ids)).count()
        limit = await limit_of(viewer)
        if others + len(contact_ids) > limit:
            raise await _refusal(viewer, limit, contact_ids, now=now)
    await _write(viewer, contact_ids, now=now)


async def tell(viewer: Member, *, searches: int, now: datetime) -> None:
    """Leaves an entry for whoever reads the audit log, at most one an hour, once `lock` is held."""
    recent = AuditEntry.filter(
        project_id=viewer.project_id,
        action=ACTION,
        employee_id=viewer.employee_id,
        created_at__gt=now - TOLD_AGAIN_AFTER,
    )
    if await recent.exists():
        return
    limit, read = await limit_of(viewer), await _shown(viewer, now).count()
    changes = {"limit": [None, limit], "read": [None, read], "searches": [None, searches]}
    jobs.note("Employee", viewer.employee_id, changes, project_id=viewer.project_id)
    log.warning(
        "external_read_limit", employee_id=str(viewer.employee_id), limit=limit, read=read, searches=searches
    )


def _shown(viewer: Member, now: datetime) -> QuerySet[ExternalRead]:
    return ExternalRead.filter(employee_id=viewer.employee_id, read_at__gt=now - DAY)


async def shown_today(viewer: Member, *, now: datetime) -> tuple[int, datetime | None]:
    """How many contacts count now, and when the first of them was shown last."""
    shown = _shown(viewer, now)
    first = await shown.order_by("read_at").limit(1).values("read_at")
    return await shown.count(), first[0]["read_at"] if first else None


async def limit_of(viewer: Member) -> int:
    """How many contacts the project lets him be shown, and how many searches make, within 24 hours."""
    return (await Project.get(id=viewer.project_id)).external_read_limit


async def _refusal(
    viewer: Member, limit: int, contact_ids: Collection[UUID], *, now: datetime
) -> RateLimited:
    """Says how much there is, how much was used, and when enough of it is free again."""
    rows = await _shown(viewer, now).order_by("read_at").values("contact_id", "read_at")
    asked = set(contact_ids)
    others = [row["read_at"] for row in rows if row["contact_id"] not in asked]
    too_many = max(1, len(others) + len(asked) - limit)
    free_at = (others[min(too_many, len(others)) - 1] if others else now) + DAY
    more = len(asked) - (len(rows) - len(others))
    return RateLimited(
        f"You may be shown {limit:,} different contacts within 24 hours, and have been shown {len(rows):,}; "
        f"this asks for {more or 1:,} more. Ask for fewer, or wait until {free_at:%-d %b %Y %H:%M} UTC.",
        retry_after_s=max(1, ceil((free_at - now).total_seconds())),
    )


async def _write(viewer: Member, contact_ids: Collection[UUID], *, now: datetime) -> None:
    """One row for each contact, new or again. One that was deleted meanwhile is left out."""
    rows = [
        {
            "id": uuid7(),
            "project_id": viewer.project_id,
            "employee_id": viewer.employee_id,
            "contact_id": each,
            "read_at": now,
        }
        for each in contact_ids
    ]
    dialect = db.dialect()
    shown = db_rows.unpacked(
        dialect,
        "$1",
        "shown",
        id="uuid",
        project_id="uuid",
        employee_id="uuid",
        contact_id="uuid",
        read_at="timestamptz",
    )
    still_there = "FOR KEY SHARE OF contacts" if dialect == "postgres" else ""
    await db.fetch(_COUNTED.format(shown=shown, still_there=still_there), [db_rows.packed(rows)])


_COUNTED = """
    INSERT INTO external_reads (id, project_id, employee_id, contact_id, read_at)
    SELECT shown.id, shown.project_id, shown.employee_id, shown.contact_id, shown.read_at
    FROM {shown} JOIN contacts ON contacts.id = shown.contact_id AND contacts.project_id = shown.project_id
    WHERE TRUE {still_there}
    ON CONFLICT (employee_id, contact_id) DO UPDATE SET read_at = excluded.read_at
"""
