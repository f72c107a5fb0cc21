"""How often people of outside firms search the contacts within 24 hours: counted before, and refused above a limit.

A list that shows no row tells nevertheless whether there is one that fits: whoever asks often enough reads a telephone
number digit by digit. So it is the asking that counts, whatever is found. As many as contacts: `external_read_limit`.
"""

from datetime import datetime
from math import ceil

from app import db, db_rows
from app.errors import RateLimited
from app.ids import uuid7
from app.policy import Member
from app.services.read_budget import DAY, limit_of


async def count(viewer: Member, number: int, *, now: datetime) -> None:
    """Counts so many searches more, once `read_budget.lock` is held. The day begins with the first of them.

    Raises RateLimited if that is too much: the transaction must not be kept then.
    """
    limit = await limit_of(viewer)
    made, began_at = await _write(viewer, number, now=now)
    if made <= limit:
        return
    free_at = began_at + DAY
    raise RateLimited(
        f"You may search contacts and persons {limit:,} times within 24 hours, and have done so {made - number:,} times; "
        f"this asks for {number:,} more. Ask for fewer, or wait until {free_at:%-d %b %Y %H:%M} UTC.",
        retry_after_s=max(1, ceil((free_at - now).total_seconds())),
    )


async def _write(viewer: Member, number: int, *, now: datetime) -> tuple[int, datetime]:
    """How many there are with these, and since when."""
    row = {
        "id": uuid7(),
        "project_id": viewer.project_id,
        "employee_id": viewer.employee_id,
        "began_at": now,
        "searches": number,
    }
    made = db_rows.unpacked(
        db.dialect(),
        "$1",
        "made",
        id="uuid",
        project_id="uuid",
        employee_id="uuid",
        began_at="timestamptz",
        searches="bigint",
    )
    [counted] = await db.fetch(_COUNTED.format(made=made), [db_rows.packed([row]), now - DAY])
    return counted["searches"], db.as_datetime(counted["began_at"])


_COUNTED = """
    INSERT INTO external_searches (id, project_id, employee_id, began_at, searches)
    SELECT made.id, made.project_id, made.employee_id, made.began_at, made.searches FROM {made} WHERE TRUE
    ON CONFLICT (employee_id, project_id) DO UPDATE SET
        searches = excluded.searches
            + CASE WHEN external_searches.began_at > $2 THEN external_searches.searches ELSE 0 END,
        began_at = CASE WHEN external_searches.began_at > $2 THEN external_searches.began_at ELSE excluded.began_at END
    RETURNING searches, began_at
"""
