"""Writing the log that each employee's feed is read from.

Numbers are taken under a lock on the employee's row in the transaction that appends, so that none commits behind a
later one; a plain sequence would let late commits slip behind a reader.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson

from app import db, db_rows, jobs
from app.config import settings
from app.ids import uuid7
from app.models import ReminderClosedReason, ReminderEvent, ReminderEventKind
from app.models.base import insert_many

CHANNEL = "feed:"


@dataclass(frozen=True, slots=True)
class Popup:
    """A window that opens with these reminders; ids as texts. `number` was taken under the lock on the employee.

    `due_at` is when it was to open: by the first reminder in it, by the interval, or by the end of a snooze.
    """

    employee_id: str
    project_id: str
    number: int
    reminder_ids: Sequence[str]
    repeat_minutes: int
    due_at: datetime
    unassigned_ids: Sequence[str] = ()
    more_unassigned: int = 0


async def tell_popups(popups: Sequence[Popup], *, now: datetime) -> None:
    """Tells each one's feed that his window opens."""
    if not popups:
        return
    rows = [
        {
            "id": uuid7(),
            "project_id": each.project_id,
            "employee_id": each.employee_id,
            "number": each.number,
            "reminder_ids": orjson.dumps(each.reminder_ids).decode(),
            "repeat_minutes": each.repeat_minutes,
            "due_at": each.due_at,
            "unassigned_ids": orjson.dumps(each.unassigned_ids).decode() if each.unassigned_ids else None,
            "more_unassigned": each.more_unassigned or None,
        }
        for each in popups
    ]
    told = db_rows.unpacked(db.dialect(), "$2", "told", **_TOLD)
    sql = _TELL.format(told=told, clock=db.CLOCK[db.dialect()])
    await db.fetch(sql, [now, db_rows.packed(rows)])
    for each in popups:
        jobs.ring(f"{CHANNEL}{each.employee_id}")


_TOLD: Mapping[str, db_rows.Type] = {
    "id": "uuid",
    "project_id": "uuid",
    "employee_id": "uuid",
    "number": "bigint",
    "reminder_ids": "text",
    "repeat_minutes": "bigint",
    "due_at": "timestamptz",
    "unassigned_ids": "text",
    "more_unassigned": "bigint",
}
# Its clock is later than `now`, which is of the beginning of the transaction.
_TELL = """
    INSERT INTO reminder_events
        (id, project_id, employee_id, number, kind, reminder_ids, repeat_minutes, due_at, unassigned_ids,
        more_unassigned, created_at, written_at)
    SELECT id, project_id, employee_id, number, 'POPUP', reminder_ids, repeat_minutes, due_at, unassigned_ids,
        more_unassigned, $1, {clock}
    FROM {told}
"""


async def tell_closed(
    closed: Mapping[UUID, Sequence[UUID]],
    reason: ReminderClosedReason,
    *,
    now: datetime,
    snoozed_until: datetime | None = None,
) -> None:
    """Tells each employee's feed that these reminders leave the window, on every device."""
    if not closed:
        return
    last = await _take_numbers({employee_id: len(ids) for employee_id, ids in closed.items()})
    await insert_many(
        ReminderEvent,
        (
            {
                "id": uuid7(),
                "project_id": last[employee_id].project_id,
                "employee_id": employee_id,
                "number": number,
                "reminder_id": reminder_id,
            }
            for employee_id, ids in closed.items()
            for number, reminder_id in enumerate(ids, last[employee_id].number - len(ids) + 1)
        ),
        kind=ReminderEventKind.CLOSED,
        closed_reason=reason,
        snoozed_until=snoozed_until,
        reminder_ids="[]",
        created_at=now,
    )
    for employee_id in closed:
        jobs.ring(f"{CHANNEL}{employee_id}")


class _Taken(NamedTuple):
    project_id: UUID
    number: int


_TAKE = """
    UPDATE employees SET feed_number = feed_number + taken.count FROM {taken} WHERE employees.id = taken.id
    RETURNING employees.id, project_id, feed_number
"""


async def _take_numbers(counts: Mapping[UUID, int]) -> dict[UUID, _Taken]:
    """Takes the next so many numbers of each one's feed: the last of them. Locks the employees."""
    taken = db_rows.unpacked(db.dialect(), "$1", "taken", id="uuid", count="bigint")
    rows = await db.fetch(
        _TAKE.format(taken=taken),
        [db_rows.packed({"id": id_, "count": count} for id_, count in counts.items())],
    )
    return {db.as_uuid(row["id"]): _Taken(db.as_uuid(row["project_id"]), row["feed_number"]) for row in rows}


async def forget_old(*, now: datetime, limit: int = 1_000) -> int:
    """Deletes events that were kept long enough for clients to fetch them, at most `limit`; tells how many."""
    kept_since = now - timedelta(days=settings().reminder_log_days)
    some = ReminderEvent.filter(created_at__lt=kept_since).order_by("created_at").limit(limit)
    # What somebody holds stays. Not `values`: Tortoise would lock nothing.
    ids = [event.id for event in await some.select_for_update(skip_locked=True).only("id")]
    return await ReminderEvent.filter(id__in=ids).delete() if ids else 0
