"""What is new in feeds, read for many employees at once: at nine o'clock a thousand windows open in one second.

A batch takes one statement for the events, and one for each shape of viewer for the reminders of its pop-ups that are
still open and in sight. Who has few of these does not wait for those who have many.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any
from uuid import UUID

import orjson

from app import db, db_rows
from app.coalesce import Coalescer
from app.models import Reminder, ReminderClosedReason, ReminderEventKind
from app.policy import Member, Permission
from app.services import unassigned
from app.services.feed_states import count_due, count_unassigned, open_in_sight
from app.services.popup_windows import MOST_SHOWN
from app.services.sight import RowsOf, in_sight

#: Events of one feed that are read at once, and characters of the ids in them: those of some 500 reminders. The last
#: event may exceed it.
PAGE = 100
WEIGHT = 20_000
#: Reminders that one statement is asked about, and how many somebody may have to be asked about with the others.
ASKED_AT_ONCE = 10_000
FEW = 50
#: After this time what was read is read again: rights and reminders change while a slow client takes it in.
GOOD_FOR_S = 1.0


@dataclass(frozen=True, slots=True)
class News:
    """An event as the viewer may see it. A pop-up names those of its reminders that are still theirs, open and in sight.

    `more_due`: of one that had no room for all that were due, how many others are due now. `unassigned_ids`: those of nobody
    that they can still give to somebody; `more_unassigned`: of one that did not name all of them, how many others are due now.
    """

    number: int
    kind: ReminderEventKind
    reminder_ids: Sequence[UUID]
    repeat_minutes: int | None
    reminder_id: UUID | None
    closed_reason: ReminderClosedReason | None
    snoozed_until: datetime | None
    more_due: int
    unassigned_ids: Sequence[UUID]
    more_unassigned: int


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
    read_at = time.monotonic()
    rows = await _rows_after((viewer, number))
    named = [_ids(row["reminder_ids"]) for row in rows]
    shown = await _still_shown(viewer, named, open_in_sight)
    nobodys = await _still_shown(viewer, [_ids(row["unassigned_ids"]) for row in rows], unassigned.in_reach)
    due = await count_due(viewer) if any(len(ids) >= MOST_SHOWN for ids in named) else 0
    nobodys_due = await count_unassigned(viewer) if any(row["more_unassigned"] for row in rows) else 0
    news = [
        _news(
            row,
            still,
            due - len(still) if len(ids) >= MOST_SHOWN else 0,
            unassigned_ids,
            nobodys_due - len(unassigned_ids) if row["more_unassigned"] else 0,
        )
        for row, ids, still, unassigned_ids in zip(rows, named, shown, nobodys, strict=True)
    ]
    weight = sum(len(row["reminder_ids"]) + len(row["unassigned_ids"] or "") for row in rows)
    server_time = db.clock_of(rows[0]["now"]) if rows else None
    return Page(news, server_time, read_at, is_last=len(news) < PAGE and weight < WEIGHT)


async def clock() -> datetime:
    """The database's clock, for all who ask in the same moment."""
    return await _clock(None)


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


async def _all_rows_after(asked: Sequence[tuple[Member, int]]) -> list[list[Mapping[str, Any]]]:
    wanted = [
        {"place": place, "employee_id": viewer.employee_id, "project_id": viewer.project_id, "after": number}
        for place, (viewer, number) in enumerate(asked)
        if viewer.may(Permission.REMINDER_OWN)
    ]
    found: list[list[Mapping[str, Any]]] = [[] for _ in asked]
    if not wanted:
        return found
    dialect = db.dialect()
    source = db_rows.unpacked(
        dialect, "$1", "asked", place="bigint", employee_id="uuid", project_id="uuid", after="bigint"
    )
    pages = _PAGES[dialect].format(asked=source, page=_PAGE.format(most=PAGE, weight=WEIGHT))
    sql = _EVENTS.format(clock=db.CLOCK[dialect], pages=pages)
    for row in await db.fetch(sql, [db_rows.packed(wanted)]):
        found[row["place"]].append(row)
    return found


Asked = tuple[RowsOf[Reminder], Member, tuple[UUID, ...]]


async def _still_shown(
    viewer: Member, named: Sequence[Sequence[UUID]], rows_of: RowsOf[Reminder]
) -> list[list[UUID]]:
    """For each event those of its reminders that are still among these rows of the viewer, in the same order."""
    asked = (rows_of, viewer, tuple(chain.from_iterable(named)))
    weight = _weight(asked)
    ask_all = _seen_of_few if weight <= FEW else _seen_of_many
    seen = iter(await ask_all(asked) if weight else ())
    return [[id_ for id_ in ids if next(seen)] for ids in named]


async def _all_seen(asked: Sequence[Asked]) -> list[list[bool]]:
    answers: list[list[bool]] = [[] for _ in asked]
    for rows_of in {each for each, _, _ in asked}:
        places = [place for place, each in enumerate(asked) if each[0] is rows_of]
        seen = iter(
            await in_sight(rows_of, [(asked[place][1], id_) for place in places for id_ in asked[place][2]])
        )
        for place in places:
            answers[place] = list(islice(seen, _weight(asked[place])))
    return answers


def _weight(asked: Asked) -> int:
    return len(asked[2])


def _ids(written: str | None) -> list[UUID]:
    return [UUID(each) for each in orjson.loads(written or "[]")]


def _news(
    row: Mapping[str, Any],
    reminder_ids: Sequence[UUID],
    more_due: int,
    unassigned_ids: Sequence[UUID],
    more_unassigned: int,
) -> News:
    return News(
        row["number"],
        ReminderEventKind(row["kind"]),
        reminder_ids,
        row["repeat_minutes"],
        db.as_uuid(row["reminder_id"]) if row["reminder_id"] else None,
        ReminderClosedReason(row["closed_reason"]) if row["closed_reason"] else None,
        db.as_datetime(row["snoozed_until"]) if row["snoozed_until"] else None,
        max(0, more_due),
        unassigned_ids,
        max(0, more_unassigned),
    )


async def _clocks(asked: Sequence[None]) -> list[datetime]:
    return [await db.now()] * len(asked)


_rows_after = Coalescer(_all_rows_after)
_seen_of_few = Coalescer(_all_seen, most=ASKED_AT_ONCE, weigh=_weight)
_seen_of_many = Coalescer(_all_seen, most=ASKED_AT_ONCE, weigh=_weight)
_clock = Coalescer(_clocks)
