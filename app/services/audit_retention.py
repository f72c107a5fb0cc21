"""What the audit log lets go of: old entries, and what the entries of a purged project say. No other road leads there."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app import db, db_rows
from app.config import settings
from app.models import AuditEntry, value_batches

_PURGE = {
    "postgres": "SELECT audit_purge($1, $2) AS gone",
    "sqlite": """
        DELETE FROM audit_entries WHERE id IN (
            SELECT id FROM audit_entries WHERE created_at < $1 ORDER BY created_at LIMIT $2
        ) RETURNING id
    """,
}


async def entries_of(project_id: UUID) -> AsyncIterator[list[UUID]]:
    """The ids of its entries, a thousand at a time, the oldest first."""
    async for some in value_batches(AuditEntry.filter(project_id=project_id), "created_at"):
        yield [row["id"] for row in some]


_FORGET = {
    "postgres": f"SELECT audit_forget(ARRAY{db_rows.ids('postgres', '$1')})",
    "sqlite": f"""
        UPDATE audit_entries SET changes = '{{}}', client_ip = ''
        WHERE id IN {db_rows.ids("sqlite", "$1")} AND (changes <> '{{}}' OR client_ip <> '')
    """,  # noqa: S608
}


async def forget(entry_ids: Sequence[UUID]) -> None:
    """Of a project that is purged: who did what, and when, stays; what the records said and where people sat goes.

    The database itself refuses unless the project is gone, or its purge has come so far that nobody works there.
    """
    await db.fetch(_FORGET[db.dialect()], [db_rows.packed_ids(entry_ids)])


async def forget_old(*, now: datetime, limit: int = 1_000) -> int:
    """Removes at most `limit` entries older than AUDIT_KEEP_DAYS, the oldest first; tells how many went.

    The database itself refuses whatever is younger than 30 days by its
    own clock.
    """
    before = now - timedelta(days=settings().audit_keep_days)
    rows = await db.fetch(_PURGE[db.dialect()], [before, limit])
    return int(rows[0]["gone"]) if db.dialect() == "postgres" else len(rows)
