"""Old entries of the audit log go: the only road on which any does."""

from datetime import datetime, timedelta

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


async def forget_old(*, now: datetime, limit: int = 1_000) -> int:
    """Removes at most `limit` entries older than AUDIT_KEEP_DAYS, the oldest first; tells how many went.

    Of a project that was purged they stay as long. The database itself refuses whatever is younger than 30 days by its
    own clock.
    """
    before = now - timedelta(days=settings().audit_keep_days)
    rows = await db.fetch(_PURGE[db.dialect()], [before, limit])
    return int(rows[0]["gone"]) if db.dialect() == "postgres" else len(rows)
