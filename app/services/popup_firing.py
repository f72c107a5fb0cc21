"""Opening windows: the claim of those that are due, what each shows, and when it opens next.

A batch of employees takes four statements, whatever its size. The first locks them; the second reads what waits for
them, and so sees all that was committed before the locks; the third takes the windows off the list, says when they open
next and takes the numbers of the feed; the fourth writes the events. Looking for reminders while claiming fell to 5,000
claims a second: people with nothing due stay at the head of the index.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from app import db, db_rows
from app.policy import Member, Permission
from app.services import member_rows, popups, reminder_handover, reminder_log
from app.services.reminder_handover import Held
from app.services.reminder_log import Popup

#: Employees whose windows one transaction opens. The first batches are small, so that the first windows need not wait
#: for the last of their second; a long queue is gone through in large ones.
FIRST_BATCH = 250
BATCH = 1_000
#: Reminders that one window shows, the longest due first. The others come up when these are handled, window by window.
MOST_SHOWN = 500
#: So many are looked for at first. Windows with more due are counted before they are read: of those a transaction opens,
#: the longest due first, as many as show so many reminders together. So what it holds in memory does not grow with what
#: people leave undone, and how many it opens hangs on how much they show, not on how many people have more than a few.
FEW = 20
MOST_IN_FULL = 10_000
#: So many are counted at once, and claimed once it is known that all of them are full: there may be room for a few only.
FULL_AT_ONCE = 100
#: Moments closer together than this are waited for together.
STEP = timedelta(milliseconds=50)


@dataclass(slots=True)
class Window:
    """A claimed one; ids are texts, of which nothing is made but other texts.

    `due`: what it shows, `(reminder, contact)`, the longest due first; `ahead`: when the first of the others comes due.
    `is_short`: of more than it shows some were taken, and others may have their place.
    """

    employee_id: str
    row: Mapping[str, Any]
    due: Sequence[tuple[str, str]] = ()
    ahead: datetime | None = None
    is_short: bool = False

    @property
    def moment(self) -> datetime:
        return db.as_datetime(self.row["next_popup_at"])

    @property
    def repeat_minutes(self) -> int:
        minutes: int = self.row["reminder_interval_minutes"]
        return minutes

    @property
    def viewer(self) -> Member:
        id_ = UUID(self.employee_id)
        return member_rows.member_of(
            self.row, employee_id=id_, project_id=UUID(self.row["project_id"]), account_id=id_, session_id=id_
        )

    def held(self) -> list[tuple[Member, Held]]:
        viewer = self.viewer
        return [
            (
                viewer,
                Held(UUID(id_), viewer.employee_id, viewer.project_id, UUID(contact) if contact else None),
            )
            for id_, contact in self.due
        ]

    @property
    def opens(self) -> bool:
        return bool(self.due) and not self.is_short

    def next_at(self, now: datetime) -> datetime | None:
        if self.is_short:
            return now  # looked at once more, before it opens
        if not self.due:
            return self.ahead
        repeat = now + popups.interval(self.repeat_minutes)
        return repeat if self.ahead is None else min(repeat, self.ahead)

    def popup(self, number: int) -> Popup:
        shown = [id_ for id_, _ in self.due]
        return Popup(
            self.employee_id, self.row["project_id"], number, shown, self.repeat_minutes, self.moment
        )


class Fired(NamedTuple):
    """How many windows were claimed, and the moment of the last; None if there was none.

    `left`: the employees among them whose windows stay as they are, for want of room. The first of these was due at
    `left_since`.
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
    taken = await _look(found, now)
    await _give_hidden_away(taken, now)
    numbers = await _move_on(taken, now)
    opened = [each.popup(numbers[id_]) for id_, each in taken.items() if each.opens]
    await reminder_log.tell_popups(opened, now=now)
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
    [row] = await db.fetch(_FIRST.format(clock=clock, whose=whose), who)
    now, first = db.clock_of(row["now"]), row["first"] and db.as_datetime(row["first"])
    if first is None or first <= now or first > now + within:
        return Look(now, first if first is not None and first <= now else None)
    [row] = await db.fetch(_LAST, [first, first + STEP])
    return Look(now, db.as_datetime(row["last"] or first))


_FIRST = """
    SELECT {clock} AS now, (SELECT MIN(next_popup_at) FROM employees WHERE next_popup_at IS NOT NULL {whose}) AS first
"""
_LAST = "SELECT MAX(next_popup_at) AS last FROM employees WHERE next_popup_at BETWEEN $1 AND $2"


_CLAIM = """
    SELECT CAST(e.id AS text) AS id, CAST(e.project_id AS text) AS project_id, e.reminder_interval_minutes,
        e.next_popup_at, {columns}
    FROM employees e WHERE e.next_popup_at <= $1{whose} ORDER BY e.next_popup_at LIMIT {batch} {lock}
"""
# SQLite lets one transaction write at a time: there is nothing to lock, and nothing to skip.
_LOCK = {"postgres": "FOR NO KEY UPDATE SKIP LOCKED", "sqlite": ""}


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


_LOOK = """
    SELECT CAST(asked.id AS text) AS id, (
        SELECT {concat}(CAST(shown.id AS text) || ' ' || COALESCE(CAST(shown.contact_id AS text), ''), ',') FROM (
            SELECT id, contact_id FROM reminders
            WHERE assignee_id = asked.id AND state = 'OPEN' AND alert_at <= $1 ORDER BY alert_at, id LIMIT {most}
        ) shown
    ) AS due, (
        SELECT MIN(alert_at) FROM reminders WHERE assignee_id = asked.id AND state = 'OPEN' AND alert_at > $1
    ) AS ahead
    FROM {asked}
"""
_CONCAT = {"postgres": "string_agg", "sqlite": "group_concat"}


async def _look(claimed: Mapping[str, Window], now: datetime) -> Mapping[str, Window]:
    """Reads what waits for each who may have a window. Leaves out those with much due for whom there is no room now."""
    if db.dialect() == "postgres":
        # It does not know who has much due: the first few by the index, never all of somebody's, sorted.
        await db.fetch("SET LOCAL enable_bitmapscan = off")
    able = [each for each in claimed.values() if member_rows.may(each.row, Permission.REMINDER_OWN)]
    await _read_due(able, now, FEW + 1)
    full = [each for each in able if len(each.due) > FEW]
    fitting = await _fitting(full, now)
    await _read_due(fitting, now, MOST_SHOWN)
    left_out = {each.employee_id for each in full[len(fitting) :]}
    return {id_: each for id_, each in claimed.items() if id_ not in left_out}


_COUNT = """
    SELECT CAST(asked.id AS text) AS id, (
        SELECT COUNT(*) FROM (
            SELECT 1 FROM reminders
            WHERE assignee_id = asked.id AND state = 'OPEN' AND alert_at <= $1 LIMIT {most}
        ) shown
    ) AS shown
    FROM {asked}
"""


async def _fitting(full: Sequence[Window], now: datetime) -> Sequence[Window]:
    """The first of these, as many as there is room for; never none."""
    asked = db_rows.unpacked(db.dialect(), "$2", "asked", id="uuid")
    sql = _COUNT.format(asked=asked, most=MOST_SHOWN)
    taken = together = 0
    for some in db_rows.portions(full, FULL_AT_ONCE):
        rows = await db.fetch(sql, [now, db_rows.packed({"id": each.employee_id} for each in some)])
        shown = {row["id"]: row["shown"] for row in rows}
        for each in some:
            together += shown[each.employee_id]
            if together > MOST_IN_FULL:
                return full[:taken]
            taken += 1
    return full


async def _read_due(windows: Sequence[Window], now: datetime, most: int) -> None:
    if not windows:
        return
    by_id = {each.employee_id: each for each in windows}
    dialect = db.dialect()
    asked = db_rows.unpacked(dialect, "$2", "asked", id="uuid")
    sql = _LOOK.format(concat=_CONCAT[dialect], asked=asked, most=most)
    for row in await db.fetch(sql, [now, db_rows.packed({"id": id_} for id_ in by_id)]):
        window = by_id[row["id"]]
        if row["due"]:
            window.due = [
                (id_, contact) for id_, _, contact in (each.partition(" ") for each in row["due"].split(","))
            ]
        if row["ahead"]:
            window.ahead = db.as_datetime(row["ahead"])


async def _give_hidden_away(claimed: Mapping[str, Window], now: datetime) -> None:
    """What one may no longer see is given away instead of shown."""
    held = [
        pair for each in claimed.values() if any(contact for _, contact in each.due) for pair in each.held()
    ]
    hidden = await reminder_handover.take_hidden(held, now=now)
    for window in claimed.values() if hidden else ():
        kept = [each for each in window.due if UUID(each[0]) not in hidden]
        window.is_short = len(kept) < len(window.due) == MOST_SHOWN
        window.due = kept


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
