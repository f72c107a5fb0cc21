"""Opening windows: the claim of those that are due, what each shows, and when it opens next.

A batch of employees takes four statements, whatever its size, if none has much due. The first locks them; the second reads what waits for
them, and so sees all that was committed before the locks; the third takes the windows off the list, says when they open
next and takes the numbers of the feed; the fourth writes the events. Looking for reminders while claiming fell to 5,000
claims a second: people with nothing due stay at the head of the index.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from app import db, db_rows
from app.services import member_rows, popup_windows, popups, reminder_handover, reminder_log
from app.services.popup_windows import MOST_SHOWN, Window
from app.services.unassigned_windows import Arrivals

#: Employees whose windows one transaction opens. The first batches are small, so that the first windows need not wait
#: for the last of their second; a long queue is gone through in large ones.
FIRST_BATCH = 250
BATCH = 1_000
#: Moments closer together than this are waited for together.
STEP = timedelta(milliseconds=50)


class Fired(NamedTuple):
    """How many windows were claimed, and the moment of the last; None if there was none.

    `left`: the employees among them whose windows stay as they are, for want of room, or because somebody holds what
    must be changed. The first of these was due at `left_since`.
    """

    claimed: int
    last: datetime | None
    left: Sequence[str] = ()
    left_since: datetime | None = None


async def fire(
    *,
    now: datetime,
    employee_id: UUID | None = None,
    since: datetime | None = None,
    but: Collection[str] = (),
    most: int = BATCH,
) -> Fired:
    """Opens the windows that are due, the longest due first, or only this employee's.

    Any number of workers may do so at once, in a transaction each: whoever locks an employee opens their window. `since`
    leaves out those due before: what was claimed a moment ago lies dead at the head of the index, and passing it by
    would take longer with each batch. `but` leaves out these employees: many may be due at the same moment.
    """
    found = await _claim(now, employee_id, since, but, most)
    if not found:
        return Fired(0, None)
    taken = await popup_windows.look(found, now)
    taken, arrivals = await _give_hidden_away(taken, now)
    numbers = await _move_on(taken, now)
    opened = [each.popup(numbers[id_]) for id_, each in taken.items() if each.opens]
    await reminder_log.tell_popups(opened, now=now)
    await arrivals.refresh_windows(now)
    left = found.keys() - taken.keys()
    left_since = min((found[id_].moment for id_ in left), default=None)
    return Fired(len(found), max(each.moment for each in found.values()), list(left), left_since)


@dataclass(frozen=True, slots=True)
class Look:
    """The database's clock, and when a window opens next: now, if that is not after `now`."""

    now: datetime
    moment: datetime | None

    @property
    def is_due(self) -> bool:
        return self.moment is not None and self.moment <= self.now


async def look(*, within: timedelta, employee_id: UUID | None = None) -> Look:
    """When a window opens next, or this employee's, no further ahead than that. Locks nothing.

    Of moments in the same 50 ms it is the last, so that they are opened together.
    """
    whose, who = ("", []) if employee_id is None else ("AND id = $1", [employee_id])
    clock = db.CLOCK[db.dialect()]
    # A server that does not answer this is dead: to wait for it as long as for any statement would make windows late.
    [row] = await db.read(_FIRST.format(clock=clock, whose=whose), who, timeout_s=db.LOOK_UP_S)
    now, first = db.clock_of(row["now"]), row["first"] and db.as_datetime(row["first"])
    if first is None or first <= now or first > now + within:
        return Look(now, first if first is not None and first <= now else None)
    [row] = await db.read(_LAST, [first, first + STEP], timeout_s=db.LOOK_UP_S)
    return Look(now, db.as_datetime(row["last"] or first))


_FIRST = """
    SELECT {clock} AS now, (SELECT MIN(next_popup_at) FROM employees WHERE next_popup_at IS NOT NULL {whose}) AS first
"""
_LAST = "SELECT MAX(next_popup_at) AS last FROM employees WHERE next_popup_at BETWEEN $1 AND $2"


_CLAIM = """
    SELECT CAST(e.id AS text) AS id, CAST(e.project_id AS text) AS project_id, e.reminder_interval_minutes,
        e.next_popup_at, {columns}
    FROM employees e JOIN projects p ON p.id = e.project_id
    WHERE e.next_popup_at <= $1{whose} ORDER BY e.next_popup_at LIMIT {batch} {lock}
"""
# What somebody holds delays its own windows and no others. Events want the project's key: while it is purged, say, its
# windows have to wait. SQLite lets one transaction write at a time: there is nothing to lock, and nothing to skip.
_LOCK = {
    "postgres": "FOR NO KEY UPDATE OF e SKIP LOCKED FOR KEY SHARE OF p SKIP LOCKED",
    "sqlite": "",
}


async def _claim(
    now: datetime, employee_id: UUID | None, since: datetime | None, but: Collection[str], most: int
) -> dict[str, Window]:
    """By employee. The table lets only those be on the list who are at work and have an interval."""
    dialect = db.dialect()
    bounds = {
        "e.id = {}": employee_id,
        "e.next_popup_at >= {}": since,
        f"e.id NOT IN {db_rows.ids(dialect, '{}')}": db_rows.packed_ids(but) if but else None,
    }
    given = [(which, value) for which, value in bounds.items() if value is not None]
    sql = _CLAIM.format(
        columns=member_rows.columns(dialect, "e"),
        whose="".join(f" AND {which.format(f'${place}')}" for place, (which, _) in enumerate(given, 2)),
        batch=most,
        lock=_LOCK[dialect],
    )
    rows = await db.fetch(sql, [now, *(value for _, value in given)])
    return {row["id"]: Window(row["id"], row) for row in rows}


async def _give_hidden_away(
    claimed: Mapping[str, Window], now: datetime
) -> tuple[Mapping[str, Window], Arrivals]:
    """What one may no longer see is given away instead of shown. Leaves out those of whose somebody holds one.

    And what became nobody's by it, for the windows of those who are told.
    """
    held = [
        pair for each in claimed.values() if any(contact for _, contact in each.due) for pair in each.held()
    ]
    hidden, stuck, arrivals = await reminder_handover.take_free_hidden(held, now=now)
    for window in claimed.values() if hidden else ():
        kept = [each for each in window.due if UUID(each[0]) not in hidden]
        window.is_short = len(kept) < len(window.due) == MOST_SHOWN
        window.due = kept
    return {
        id_: each for id_, each in claimed.items() if UUID(id_) not in stuck
    } if stuck else claimed, arrivals


_MOVE_ON = """
    UPDATE employees SET last_popup_at = $1, next_popup_at = moved.at, feed_number = feed_number + moved.taken
    FROM {moved} WHERE employees.id = moved.id RETURNING CAST(employees.id AS text) AS id, employees.feed_number
"""


async def _move_on(claimed: Mapping[str, Window], now: datetime) -> dict[str, int]:
    """Takes the windows off the list, or says when they open next; tells the numbers of their events."""
    moved = []
    for id_, window in claimed.items():
        at = window.next_at(now)
        if at is not None and now < at and popups.is_near(at, now):
            popups.ring_worker(UUID(id_), at, now)
        moved.append({"id": id_, "at": at, "taken": int(window.opens)})
    source = db_rows.unpacked(db.dialect(), "$2", "moved", id="uuid", at="timestamptz", taken="bigint")
    rows = await db.fetch(_MOVE_ON.format(moved=source), [now, db_rows.packed(moved)])
    return {row["id"]: row["feed_number"] for row in rows}
