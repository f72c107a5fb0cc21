"""The engine behind the window that pops up: when it opens next, who opens it, what its feed is told.

`next_popup_at` of an employee says when their window opens next. With L the last time it opened and I their interval it
is the earliest of L + I, if a reminder that had come due by L is still open, and of the first `alert_at` after L; null if
nothing is open, the interval is null or they are not active. Open are their own, and those of nobody that they can give to
somebody (see `unassigned`). What comes late (due in the past, given by a colleague)
opens it at once. Only the database's clock counts: if it jumps ahead, what became late opens the window once; if it
jumps back, L is not passed again until it catches up, so nothing opens twice.

`popup_firing` opens the windows.

Whoever changes an employee's reminders locks the employee first and the reminders after, so that nobody waits in a
circle, and windows and numbers of the feed are worked out by one transaction at a time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tortoise.queryset import QuerySet

from app import db, db_rows, jobs
from app.config import settings
from app.jobs import Job
from app.models import EmployeeStatus, Reminder, ReminderState
from app.policy import Permission
from app.services import member_rows, unassigned

#: A moment nearer than this gets a job of its own at once; the sweep sees to those further off.
NEAR = timedelta(seconds=5)
#: Of windows that move together no more get a job: the sweep, which looks every other second, opens many at once.
MOST_RUNG = 100
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def open_of(employee_ids: Iterable[UUID]) -> QuerySet[Reminder]:
    """The open reminders of these employees."""
    return Reminder.filter(assignee_id__in=list(employee_ids), state=ReminderState.OPEN)


async def lock(*employee_ids: UUID | None) -> None:
    """These employees, until the transaction ends. In one order everywhere, so that nobody waits in a circle."""
    wanted = {each for each in employee_ids if each is not None}
    # SQLite lets one transaction write at a time: there is nothing to lock.
    if wanted and db.dialect() == "postgres":
        await db.fetch(_LOCK, [db_rows.packed_ids(wanted)])


async def lock_free(employee_ids: set[UUID]) -> set[UUID]:
    """Locks those of these that nobody holds, waiting for none; tells which."""
    if not employee_ids or db.dialect() == "sqlite":
        return employee_ids
    rows = await db.fetch(f"{_LOCK} SKIP LOCKED", [db_rows.packed_ids(employee_ids)])
    return {row["id"] for row in rows}


# Not the key: the foreign keys of rows that others insert at this moment need it.
_LOCK = f"""
    SELECT id FROM employees WHERE id IN {db_rows.ids("postgres", "$1")} ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608  Nothing of it comes from outside.


async def refresh_window(employee_id: UUID, *, now: datetime, alert_at: datetime | None = None) -> None:
    """Works out `next_popup_at` anew: after his reminders, interval, status or roles changed.

    `alert_at` is that of a reminder he has just got or whose time has just changed: if it lies in the past, the window
    opens at once.
    """
    await refresh_windows([employee_id], now=now, alert_at=alert_at)


async def refresh_windows(
    employee_ids: Iterable[UUID], *, now: datetime, alert_at: datetime | None = None
) -> None:
    """The same for many: three statements for each thousand of them."""
    near: list[tuple[datetime, UUID]] = []
    for some in db_rows.portions(sorted(set(employee_ids))):
        await lock(*some)
        moved = []
        for window in await _windows_of(some, now):
            moment = window.next_moment(now, alert_at)
            if moment != window.next:
                moved.append({"id": window.employee_id, "at": moment})
            if moment is not None and is_near(moment, now):
                near.append((moment, window.employee_id))
        await _move(moved)
    for moment, employee_id in sorted(near)[:MOST_RUNG]:
        ring_worker(employee_id, moment, now)


@dataclass(frozen=True, slots=True)
class _Window:
    """An employee's window, and what waits for it.

    `last` and `next`: when it opened, and opens as it stands. Of the open reminders: `ahead` is the first `alert_at`
    after `last`; `was_shown`, whether one had come due by `last`; `is_due`, whether one has by now.
    """

    employee_id: UUID
    can_open: bool
    minutes: int | None
    last: datetime | None
    next: datetime | None
    ahead: datetime | None
    was_shown: bool
    is_due: bool

    def with_unassigned(self, found: unassigned.Moments, last: datetime, now: datetime) -> "_Window":
        return replace(
            self,
            ahead=min(filter(None, [self.ahead, found.ahead]), default=None),
            was_shown=self.was_shown or (found.first is not None and found.first <= last),
            is_due=self.is_due or (found.first is not None and found.first <= now),
        )

    def next_moment(self, now: datetime, alert_at: datetime | None) -> datetime | None:
        if not self.can_open:
            return None
        moments = [self.ahead, alert_at]
        if self.last is not None and self.was_shown:
            moments.append(self.last + interval(self.minutes))
        # About to open, and still for something: no change puts it off.
        if self.next is not None and self.next <= now and self.is_due:
            moments.append(self.next)
        return min(filter(None, moments), default=None)


_EMPLOYEES = """
    SELECT e.id, e.project_id, e.status, e.reminder_interval_minutes, e.last_popup_at, e.next_popup_at, {columns},
        (SELECT MIN(alert_at) FROM reminders WHERE {open} AND alert_at > COALESCE(e.last_popup_at, $2)) AS ahead,
        EXISTS (SELECT 1 FROM reminders WHERE {open} AND alert_at <= e.last_popup_at) AS was_shown,
        EXISTS (SELECT 1 FROM reminders WHERE {open} AND alert_at <= $3) AS is_due,
        p.deletion_requested_at
    FROM employees e JOIN projects p ON p.id = e.project_id WHERE e.id IN {ids}
"""
_OPEN = "assignee_id = e.id AND state = 'OPEN'"


async def _windows_of(employee_ids: Iterable[UUID], now: datetime) -> list[_Window]:
    """Read after they were locked, so that all is seen that was committed before."""
    dialect = db.dialect()
    sql = _EMPLOYEES.format(
        columns=member_rows.columns(dialect, "e"), open=_OPEN, ids=db_rows.ids(dialect, "$1")
    )
    rows = await db.fetch(sql, [db_rows.packed_ids(employee_ids), LONG_AGO, now])
    windows = {
        each.employee_id: each
        for row in rows
        for each in [
            _Window(
                employee_id=db.as_uuid(row["id"]),
                can_open=_can_open(row),
                minutes=row["reminder_interval_minutes"],
                last=_moment(row["last_popup_at"]),
                next=_moment(row["next_popup_at"]),
                ahead=_moment(row["ahead"]),
                was_shown=bool(row["was_shown"]),
                is_due=bool(row["is_due"]),
            )
        ]
    }
    await _add_unassigned(windows, rows, now)
    return list(windows.values())


async def _add_unassigned(
    windows: dict[UUID, "_Window"], rows: Iterable[Mapping[str, Any]], now: datetime
) -> None:
    """What is nobody's waits for those who can give it to somebody."""
    givers = [
        (member_rows.viewer_of(row), windows[id_].last or LONG_AGO)
        for row in rows
        for id_ in [db.as_uuid(row["id"])]
        if windows[id_].can_open and member_rows.may(row, Permission.REMINDER_ASSIGN)
    ]
    for (viewer, last), found in zip(givers, await unassigned.moments(givers), strict=True):
        windows[viewer.employee_id] = windows[viewer.employee_id].with_unassigned(found, last, now)


def _can_open(row: Mapping[str, Any]) -> bool:
    is_at_work = row["status"] == EmployeeStatus.ACTIVE and row["reminder_interval_minutes"] is not None
    lives_on = row["deletion_requested_at"] is None
    return is_at_work and lives_on and member_rows.may(row, Permission.REMINDER_OWN)


def _moment(fetched: datetime | str | None) -> datetime | None:
    return None if fetched is None else db.as_datetime(fetched)


_MOVE = "UPDATE employees SET next_popup_at = moved.at FROM {moved} WHERE employees.id = moved.id"


async def _move(moved: list[dict[str, Any]]) -> None:
    """Says when these open next: `id` and `at`."""
    if moved:
        source = db_rows.unpacked(db.dialect(), "$1", "moved", id="uuid", at="timestamptz")
        await db.fetch(_MOVE.format(moved=source), [db_rows.packed(moved)])


def interval(minutes: int | None) -> timedelta:
    """The time between two pop-ups of an employee who has them, in whole milliseconds."""
    return timedelta(milliseconds=int((minutes or 0) * settings().reminder_minute_s * 1_000))


def ring_worker(employee_id: UUID, moment: datetime | None, now: datetime) -> None:
    """A job for a moment that is near; the timer of the workers sees to the others."""
    if moment is not None and is_near(moment, now):
        jobs.after_commit(Job.FIRE_POPUP, employee_id, at=moment if moment > now else None)


def is_near(moment: datetime, now: datetime) -> bool:
    """Does the moment come, or has it come, before the timer is sure to look?"""
    return moment - now <= NEAR
