"""What is new in feeds, read for many employees at once: at nine o'clock a thousand windows open in one second.

A batch takes one statement for the events, and one for each shape of viewer for the reminders of its pop-ups that are
still open and in sight.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app import db, db_rows
from app.coalesce import Coalescer
from app.models import Reminder, ReminderClosedReason, ReminderEventKind
from app.policy import Member, Permission
from app.services import unassigned
from app.services.feed_states import open_in_sight
from app.services.sight import RowsOf, in_sight

#: Events of one feed that are read at once, and characters of the ids in them: those of some 500 reminders. The last
#: event may exceed it.
PAGE = 100
WEIGHT = 20_000
#: Reminders that one statement is asked about.
ASKED_AT_ONCE = 10_000
#: After this time what was read is read again: rights and reminders change while a slow client takes it in.
GOOD_FOR_S = 1.0


@dataclass(frozen=True, slots=True)
class News:
    """An event as the viewer may see it. A pop-up names those of its reminders that are still theirs, open and in sight.

    And those of nobody that they can still give to somebody; `more_unassigned`: how many more were due then.
    """

    number: int
    kind: ReminderEventKind
    reminder_ids: Sequence[UUID]
    repeat_minutes: int | None
    reminder_id: UUID | None
    closed_reason: ReminderClosedReason | None
    snoozed_until: datetime | None
    unassigned_ids: Sequence[UUID] = ()
    more_unassigned: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """The next events of a feed, in order, and the database's clock when they were read, if there are any."""

    news: Sequence[News]
    server_time: datetime | None
    read_at: float
    #: Was there nothing more when it was read? For what came since, the bell has rung.
    is_last: bool

    @property
    def is_stale(self) -> bool:
        return time.monotonic() - self.read_at >= GOOD_FOR_S


async def page_after(viewer: Member, number: int) -> Page:
    """What follows this number in the viewer's feed, at most PAGE events and WEIGHT of ids. Empty if they may have no reminders any more."""
    return await _page_after((viewer, number))


async def clock() -> datetime:
    """The database's clock, for all who ask in the same moment."""
    return await _clock(None)


async def _pages_after(asked: Sequence[tuple[Member, int]]) -> list[Page]:
    read_at = time.monotonic()
    rows = await _rows_after(asked)
    told = [(asked[row["place"]][0], row) for row in rows]
    shown = await _still_shown(told, "reminder_ids", open_in_sight)
    nobodys = await _still_shown(told, "unassigned_ids", unassigned.in_reach)
    news: list[list[News]] = [[] for _ in asked]
    weights = [0] * len(asked)
    for row, reminder_ids, unassigned_ids in zip(rows, shown, nobodys, strict=True):
        news[row["place"]].append(_news(row, reminder_ids, unassigned_ids))
        weights[row["place"]] += len(row["reminder_ids"]) + len(row["unassigned_ids"] or "")
    server_time = db.clock_of(rows[0]["now"]) if rows else None
    return [
        Page(each, server_time, read_at, is_last=len(each) < PAGE and weight < WEIGHT)
        for each, weight in zip(news, weights, strict=True)
    ]


# As `ReminderEvent.visible_q` says: one's own, for REMINDER_OWN.
_PAGE = """
    SELECT * FROM (
        SELECT next.*, SUM(length) OVER (ORDER BY number) - length AS weight_before FROM (
            SELECT *, LENGTH(reminder_ids) + LENGTH(COALESCE(unassigned_ids, '')) AS length FROM reminder_events
            WHERE employee_id = asked.employee_id AND project_id = asked.project_id AND number > asked.after
            ORDER BY number LIMIT {most}
        ) next
    ) weighed WHERE weight_before < {weight}
"""
_PAGES: Mapping[db.Dialect, str] = {
    "postgres": "{asked} CROSS JOIN LATERAL ({page}) e",
    "sqlite": "{asked} JOIN reminder_events e ON e.id IN (SELECT id FROM ({page}))",
}
_EVENTS = """
    SELECT {clock} AS now, asked.place, e.number, e.kind, e.reminder_ids, e.reminder_id, e.closed_reason,
        e.snoozed_until, e.repeat_minutes, e.unassigned_ids, e.more_unassigned
    FROM {pages} ORDER BY asked.place, e.number
"""


async def _rows_after(asked: Sequence[tuple[Member, int]]) -> Sequence[Mapping[str, Any]]:
    wanted = [
        {"place": place, "employee_id": viewer.employee_id, "project_id": viewer.project_id, "after": number}
        for place, (viewer, number) in enumerate(asked)
        if viewer.may(Permission.REMINDER_OWN)
    ]
    if not wanted:
        return []
    dialect = db.dialect()
    source = db_rows.unpacked(
        dialect, "$1", "asked", place="bigint", employee_id="uuid", project_id="uuid", after="bigint"
    )
    pages = _PAGES[dialect].format(asked=source, page=_PAGE.format(most=PAGE, weight=WEIGHT))
    sql = _EVENTS.format(clock=db.CLOCK[dialect], pages=pages)
    return await db.fetch(sql, [db_rows.packed(wanted)])


async def _still_shown(
    events: Sequence[tuple[Member, Mapping[str, Any]]], column: str, rows_of: RowsOf[Reminder]
) -> list[list[UUID]]:
    """For each event those of its reminders in this column that are still among the viewer's rows, in the same order."""
    named = [[UUID(each) for each in orjson.loads(row[column] or "[]")] for _, row in events]
    asked = [(viewer, id_) for (viewer, _), ids in zip(events, named, strict=True) for id_ in ids]
    answers: list[bool] = []
    for some in db_rows.portions(asked, ASKED_AT_ONCE):
        answers += await in_sight(rows_of, some)
    seen = iter(answers)
    return [[id_ for id_ in ids if next(seen)] for ids in named]


def _news(row: Mapping[str, Any], reminder_ids: Sequence[UUID], unassigned_ids: Sequence[UUID]) -> News:
    return News(
        row["number"],
        ReminderEventKind(row["kind"]),
        reminder_ids,
        row["repeat_minutes"],
        db.as_uuid(row["reminder_id"]) if row["reminder_id"] else None,
        ReminderClosedReason(row["closed_reason"]) if row["closed_reason"] else None,
        db.as_datetime(row["snoozed_until"]) if row["snoozed_until"] else None,
        unassigned_ids,
        row["more_unassigned"] or 0,
    )


async def _clocks(asked: Sequence[None]) -> list[datetime]:
    return [await db.now()] * len(asked)


_page_after = Coalescer(_pages_after)
_clock = Coalescer(_clocks)
