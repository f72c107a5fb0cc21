"""The engine behind the window that pops up: when it opens next, who opens it, what its feed is told.

`next_popup_at` of an employee says when his window opens next. With L the last time it opened and I his interval it is
the earliest of L + I, if a reminder that had come due by L is still open, and of the first `alert_at` after L; null if
nothing is open, the interval is null or he is not active. What comes late (due in the past, given by a colleague)
opens it at once. Only the database's clock counts: if it jumps ahead, what became late opens the window once; if it
jumps back, L is not passed again until it catches up, so nothing opens twice.

`popup_firing` opens the windows.

Whoever changes an employee's reminders locks the employee first and the reminders after, so that nobody waits in a
circle, and windows and numbers of the feed are worked out by one transaction at a time.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import F
from tortoise.queryset import QuerySet

from app import jobs
from app.config import settings
from app.jobs import Job
from app.models import Contact, Employee, EmployeeStatus, Reminder, ReminderClosedReason, ReminderState
from app.policy import Member, Permission
from app.services import reminder_log
from app.services.members import grants_of_employee, member_of
from app.services.sight import in_sight

#: A moment nearer than this gets a job of its own at once; the sweep sees to those further off.
NEAR = timedelta(seconds=5)


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
    ring_worker(employee_id, moment, now)


async def _next_moment(employee: Employee, now: datetime, alert_at: datetime | None) -> datetime | None:
    if not _can_pop_up(employee):
        return None
    last, open_ones = employee.last_popup_at, open_of([employee.id])
    ahead = open_ones if last is None else open_ones.filter(alert_at__gt=last)
    moments = [row["alert_at"] for row in await ahead.order_by("alert_at").limit(1).values("alert_at")]
    if last is not None and await open_ones.filter(alert_at__lte=last).exists():
        moments.append(last + interval(employee.reminder_interval_minutes))
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


def interval(minutes: int | None) -> timedelta:
    """The time between two pop-ups of an employee who has them."""
    return timedelta(seconds=(minutes or 0) * settings().reminder_minute_s)


def ring_worker(employee_id: UUID, moment: datetime | None, now: datetime) -> None:
    """A job for a moment that is near; the timer of the workers sees to the others."""
    if moment is not None and is_near(moment, now):
        jobs.after_commit(Job.FIRE_POPUP, employee_id, at=moment if moment > now else None)


def is_near(moment: datetime, now: datetime) -> bool:
    """Does the moment come, or has it come, before the timer is sure to look?"""
    return moment - now <= NEAR


async def give_away_hidden(
    employee: Employee, reminders: Sequence[tuple[UUID, UUID | None]], *, now: datetime
) -> set[UUID]:
    """Takes from him those of his `(reminder, contact)` whose contact he may not see; tells which.

    They are then shown, without an assignee, to whoever gives reminders to others.
    """
    if all(contact_id is None for _, contact_id in reminders):
        return set()
    (hidden,) = await give_away_all_hidden([(await member_of(employee), reminders)], now=now)
    return hidden


async def give_away_all_hidden(
    held: Sequence[tuple[Member, Sequence[tuple[UUID, UUID | None]]]], *, now: datetime
) -> list[set[UUID]]:
    """The same for many employees, who must be locked: which were taken from each."""
    asked = [
        (viewer, contact_id)
        for viewer, reminders in held
        for contact_id in {contact_id for _, contact_id in reminders if contact_id is not None}
    ]
    seen = await in_sight(Contact.visible_to, asked) if asked else []
    hidden = {
        (viewer.employee_id, contact_id)
        for (viewer, contact_id), is_seen in zip(asked, seen, strict=True)
        if not is_seen
    }
    taken = []
    for viewer, reminders in held:
        gone = {id_: contact for id_, contact in reminders if (viewer.employee_id, contact) in hidden}
        await _give_away(viewer, gone, now)
        taken.append(set(gone))
    return taken


async def _give_away(viewer: Member, reminders: Mapping[UUID, UUID | None], now: datetime) -> None:
    """Takes these from him: the reminders, each with its contact."""
    if not reminders:
        return
    given = Reminder.filter(id__in=list(reminders))
    await given.update(assignee_id=None, version=F("version") + 1, updated_at=now)
    changes = {"assignee_id": [viewer.employee_id, None]}
    for id_, contact_id in reminders.items():
        jobs.note("Reminder", id_, changes, project_id=viewer.project_id, contact_id=contact_id)
    await reminder_log.tell_closed(
        viewer.employee_id, list(reminders), ReminderClosedReason.GIVEN_AWAY, now=now
    )
