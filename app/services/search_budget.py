"""How often people of outside firms search the contacts within 24 hours: counted before, and refused above a limit.

A list that shows no row tells nevertheless whether there is one that fits: whoever asks often enough reads a telephone
number digit by digit. So it is the asking that counts, whatever is found. As many as contacts: `external_read_limit`.
Whoever asks the same again within the hour learns nothing new, page after page: that is not counted again.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from math import ceil

from app import db, db_rows
from app.errors import RateLimited
from app.ids import uuid7
from app.models import ExternalSearches
from app.policy import Member
from app.services.read_budget import DAY, limit_of

#: So long the same question counts once.
ASKED_ONCE_WITHIN = timedelta(hours=1)


async def count(viewer: Member, questions: Collection[str], *, now: datetime) -> None:
    """Counts searches, once `read_budget.lock` is held. The day begins with the first of them.

    `questions`: hashes of what they ask. Raises RateLimited if that is too much: the transaction must not be kept then.
    """
    number = await _remember(viewer, questions, now=now)
    if not number:
        return
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


async def made_today(viewer: Member, *, now: datetime) -> tuple[int, datetime | None]:
    """How many count now, and since when."""
    row = await ExternalSearches.get_or_none(employee_id=viewer.employee_id, began_at__gt=now - DAY)
    return (row.searches, row.began_at) if row is not None else (0, None)


async def _remember(viewer: Member, questions: Collection[str], *, now: datetime) -> int:
    """Writes down what was not asked within the hour; tells how many of the questions that are."""
    rows = [
        {
            "id": uuid7(),
            "project_id": viewer.project_id,
            "employee_id": viewer.employee_id,
            "question_hash": each,
            "asked_at": now,
        }
        for each in questions
    ]
    asked = db_rows.unpacked(
        db.dialect(),
        "$1",
        "asked",
        id="uuid",
        project_id="uuid",
        employee_id="uuid",
        question_hash="text",
        asked_at="timestamptz",
    )
    return len(await db.fetch(_ASKED.format(asked=asked), [db_rows.packed(rows), now - ASKED_ONCE_WITHIN]))


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


_ASKED = """
    INSERT INTO external_questions (id, project_id, employee_id, question_hash, asked_at)
    SELECT asked.id, asked.project_id, asked.employee_id, asked.question_hash, asked.asked_at FROM {asked} WHERE TRUE
    ON CONFLICT (employee_id, question_hash) DO UPDATE SET asked_at = excluded.asked_at
        WHERE external_questions.asked_at <= $2
    RETURNING id
"""
_COUNTED = """
    INSERT INTO external_searches (id, project_id, employee_id, began_at, searches)
    SELECT made.id, made.project_id, made.employee_id, made.began_at, made.searches FROM {made} WHERE TRUE
    ON CONFLICT (employee_id, project_id) DO UPDATE SET
        searches = excluded.searches
            + CASE WHEN external_searches.began_at > $2 THEN external_searches.searches ELSE 0 END,
        began_at = CASE WHEN external_searches.began_at > $2 THEN external_searches.began_at ELSE excluded.began_at END
    RETURNING searches, began_at
"""
