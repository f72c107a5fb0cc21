"""What the audit log lets go of: old entries, and what the entries of a purged project say. No other road leads there."""

from datetime import datetime, timedelta
from uuid import UUID

from app import db
from app.config import settings

_PURGE = {
    "postgres": "SELECT audit_purge($1, $2) AS gone",
    "sqlite": """
        DELETE FROM audit_entries WHERE id IN (
            SELECT id FROM audit_entries WHERE created_at < $1 ORDER BY created_at LIMIT $2
        ) RETURNING id
    """,
}


_FORGET = {
    "postgres": "SELECT audit_forget($1)",
    "sqlite": "UPDATE audit_entries SET changes = '{}', client_ip = '' WHERE project_id = $1",
}


async def forget_project(project_id: UUID) -> None:
    """Of a project whose row is gone: who did what, and when, stays; what the records said and where people sat goes.

    The database itself refuses while the project is there.
    """
    await db.fetch(_FORGET[db.dialect()], [project_id])


async def forget_old(*, now: datetime, limit: int = 1_000) -> int:
    """Removes at most `limit` entries older than AUDIT_KEEP_DAYS, the oldest first; tells how many went.

    The database itself refuses whatever is younger than 30 days by its
    own clock.
    """
    before = now - timedelta(days=settings().audit_keep_days)
    rows = await db.fetch(_PURGE[db.dialect()], [before, limit])
    return int(rows[0]["gone"]) if db.dialect() == "postgres" else len(rows)
