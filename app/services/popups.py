"""The engine behind the window that pops up: when it opens next, who opens it, what its feed is told.

`next_popup_at` of an employee says when his window opens next. With L the last time it opened and I his interval it is
the earliest of L + I, if a reminder that had come due by L is still open, and of the first `alert_at` after L; null if
nothing is open, the interval is null or he is not active. What comes late (due in the past, given by a colleague)
opens it at once. Only the database's clock counts: if it jumps ahead, what became late opens the window once; if it
jumps back, L is not passed again until it catches up, so nothing opens twice.

Whoever changes an employee's reminders locks the employee first and the reminders after, so that nobody waits in a
circle, and windows and numbers of the feed are worked out by one transaction at a time.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import F
from tortoise.functions import Min
from tortoise.queryset import QuerySet

from app import db, jobs
from app.config import settings
from app.jobs import Job
from app.models import Contact, Employee, EmployeeStatus, Reminder, ReminderClosedReason, ReminderState
from app.policy import Permission
from app.services import reminder_log
from app.services.members import grants_of_employee, member_of

#: Employees whose windows one transaction opens.
BATCH = 100
#: Reminders that one window shows, the longest due first; beyond that nobody reads, and nothing must grow for ever.
MOST_SHOWN = 500
#: A moment nearer than this gets a job of its own at once; the sweep sees to those further off.
NEAR = timedelta(seconds=5)
#: Moments closer together than this share a job.
STEP = timedelta(milliseconds=50)


def open_of(employee_ids: Iterable[UUID]) -> QuerySet[Reminder]:
    """The open reminders of these employees."""
    return Reminder.filter(assignee_id__in=list(employee_ids), state=ReminderState.OPEN)


async def lock(*employee_ids: UUID | None) -> dict[UUID, Employee]:
    """These employees, locked until the transaction ends. In one order everywhere, so that nobody waits in a circle."""
    wanted = {each for each in employee_ids if each is not None}
    if not wanted:
        return {}
    # Not the key: the foreign keys of rows that others insert at this moment need it.
    rows = await Employee.filter(id__in=list(wanted)).order_by("id").select_for_update(no_key=True)
    return {employee.id: employee for employee in rows}


async def refresh_window(employee_id: UUID, *, now: datetime, alert_at: datetime | None = None) -> None:
    """Works out `next_popup_at` anew: after his reminders, interval, status or roles changed.

    `alert_at` is that of a reminder he has just got or whose time has just changed: if it lies in the past, the window
    opens at once.
    """
    employee = (await lock(employee_id)).get(employee_id)
    if employee is None:
        return
    moment = await _next_moment(employee, now, alert_at)
    if moment != employee.next_popup_at:
        await Employee.filter(id=employee_id).update(next_popup_at=moment)
    _ring_worker(employee_id, moment, now)


async def _next_moment(employee: Employee, now: datetime, alert_at: datetime | None) -> datetime | None:
    if not _can_pop_up(employee):
        return None
    last, open_ones = employee.last_popup_at, open_of([employee.id])
    ahead = open_ones if last is None else open_ones.filter(alert_at__gt=last)
    moments = [row["alert_at"] for row in await ahead.order_by("alert_at").limit(1).values("alert_at")]
    if last is not None and await open_ones.filter(alert_at__lte=last).exists():
        moments.append(last + interval_of(employee))
    if alert_at is not None:
        moments.append(alert_at)
    if await _is_late(employee, now):
        moments.append(employee.next_popup_at)
    return min(moments, default=None)


async def _is_late(employee: Employee, now: datetime) -> bool:
    """Is the window about to open, and still for something? Then no change puts it off."""
    if employee.next_popup_at is None or employee.next_popup_at > now:
        return False
    return bool(await open_of([employee.id]).filter(alert_at__lte=now).exists())


def _can_pop_up(employee: Employee) -> bool:
    is_at_work = employee.status is EmployeeStatus.ACTIVE and employee.reminder_interval_minutes is not None
    return is_at_work and Permission.REMINDER_OWN in grants_of_employee(employee)


def interval_of(employee: Employee) -> timedelta:
    """The time between two pop-ups of an employee who has them."""
    return timedelta(seconds=(employee.reminder_interval_minutes or 0) * settings().reminder_minute_s)


def _ring_worker(employee_id: UUID, moment: datetime | None, now: datetime) -> None:
    if moment is not None and moment - now <= NEAR:
        jobs.after_commit(Job.FIRE_POPUP, employee_id, at=moment if moment > now else None)


async def fire(*, now: datetime, employee_id: UUID | None = None) -> int:
    """Opens the windows that are due, at most BATCH, or only this employee's; tells how many it claimed.

    Any number of workers may do so at once. Each claim is one conditional update, so a window opens once.
    """
    claimed = await _claim(now, employee_id)
    if not claimed:
        return 0
    due = await _due_in_sight(claimed, now)
    await reminder_log.tell_popups([each for each in claimed if each.id in due], due, now=now)
    await _move_on(claimed, due, now)
    return len(claimed)


_CLAIM = """
    WITH due AS MATERIALIZED (
        SELECT id FROM employees WHERE next_popup_at <= $1 {whose} ORDER BY next_popup_at LIMIT {batch} {lock}
    )
    UPDATE employees SET last_popup_at = $1, next_popup_at = NULL
    FROM due WHERE employees.id = due.id
    RETURNING employees.id
"""
# SQLite lets one transaction write at a time: there is nothing to skip.
_LOCK = {"postgres": "FOR NO KEY UPDATE SKIP LOCKED", "sqlite": ""}


async def _claim(now: datetime, employee_id: UUID | None) -> list[Employee]:
    """Takes the windows off the list before anybody looks at reminders: looking first fell to 5,000 claims a second."""
    whose = "" if employee_id is None else "AND id = $2"
    sql = _CLAIM.format(whose=whose, batch=BATCH, lock=_LOCK[db.dialect()])
    rows = await db.fetch(sql, [now, *([employee_id] if employee_id else [])])
    ids = [db.as_uuid(row["id"]) for row in rows]
    return await Employee.filter(id__in=ids).order_by("id") if ids else []


async def _move_on(claimed: Sequence[Employee], shown_to: Collection[UUID], now: datetime) -> None:
    """Says when each window opens next; one statement for all that open at the same moment."""
    ahead = await _first_ahead(claimed, now)
    opening: dict[datetime, list[UUID]] = {}
    for employee in claimed:
        repeat = now + interval_of(employee) if employee.id in shown_to else None
        moment = min(filter(None, (repeat, ahead.get(employee.id))), default=None)
        if moment is not None:
            opening.setdefault(moment, []).append(employee.id)
            _ring_worker(employee.id, moment, now)
    for moment, ids in opening.items():
        await Employee.filter(id__in=ids).update(next_popup_at=moment)


async def _due_in_sight(claimed: Sequence[Employee], now: datetime) -> Mapping[UUID, Sequence[UUID]]:
    """What is due for each, the longest due first. What one may no longer see is given away on the way."""
    rows = (
        await open_of(employee.id for employee in claimed)
        .filter(alert_at__lte=now)
        .order_by("alert_at", "id")
        .values_list("assignee_id", "id", "contact_id")
    )
    by_assignee: dict[UUID, list[tuple[UUID, UUID | None]]] = {}
    for assignee_id, id_, contact_id in rows:
        by_assignee.setdefault(assignee_id, []).append((id_, contact_id))
    found: dict[UUID, list[UUID]] = {}
    for employee in claimed:
        own = by_assignee.get(employee.id, [])
        hidden = await give_away_hidden(employee, own, now=now)
        if _can_pop_up(employee) and (shown := [id_ for id_, _ in own if id_ not in hidden]):
            found[employee.id] = shown[:MOST_SHOWN]
    return found


async def give_away_hidden(
    employee: Employee, reminders: Sequence[tuple[UUID, UUID | None]], *, now: datetime
) -> set[UUID]:
    """Takes from him those of his `(reminder, contact)` whose contact he may not see; tells which.

    They are then shown, without an assignee, to whoever gives reminders to others.
    """
    wanted = {contact_id for _, contact_id in reminders if contact_id is not None}
    if not wanted:
        return set()
    seen = (
        await Contact.visible_to(await member_of(employee))
        .filter(id__in=list(wanted))
        .values_list("id", flat=True)
    )
    gone = wanted.difference(seen)
    hidden = [id_ for id_, contact_id in reminders if contact_id in gone]
    if hidden:
        await Reminder.filter(id__in=hidden).update(
            assignee_id=None, version=F("version") + 1, updated_at=now
        )
        await reminder_log.tell_closed(employee.id, hidden, ReminderClosedReason.GIVEN_AWAY, now=now)
    return set(hidden)


async def _first_ahead(claimed: Sequence[Employee], now: datetime) -> dict[UUID, datetime]:
    """For each who can have a window, the first time after now at which a reminder of his comes due."""
    able = [employee.id for employee in claimed if _can_pop_up(employee)]
    if not able:
        return {}
    rows = open_of(able).filter(alert_at__gt=now).annotate(first=Min("alert_at")).group_by("assignee_id")
    return {
        row["assignee_id"]: db.as_datetime(row["first"]) for row in await rows.values("assignee_id", "first")
    }


async def moments_ahead(
    *, now: datetime, within: timedelta, employee_id: UUID | None = None
) -> list[datetime]:
    """When windows open within this time; of moments in the same 50 ms only the last."""
    opening = Employee.filter(next_popup_at__gt=now, next_popup_at__lte=now + within)
    if employee_id is not None:
        opening = opening.filter(id=employee_id)
    rows = await opening.distinct().order_by("next_popup_at").values("next_popup_at")
    steps: list[list[datetime]] = []
    for moment in (row["next_popup_at"] for row in rows):
        if not steps or moment - steps[-1][0] > STEP:
            steps.append([])
        steps[-1].append(moment)
    return [step[-1] for step in steps]
