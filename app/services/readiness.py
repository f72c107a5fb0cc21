"""Whether the database takes writes: a replica, a full disk and a file that became read-only answer every read."""

from app import db
from app.ids import uuid7

_PROCESS = uuid7()
_WRITE = """
    INSERT INTO write_checks (id, written_at) VALUES ($1, $2)
    ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at
"""


async def check_writes() -> None:
    """Writes a row of this process's own, and commits: only then it is on the disk. Raises the database's errors."""
    await db.fetch(_WRITE, [_PROCESS, await db.now()])
