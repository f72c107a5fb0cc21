"""Reminders: what an employee must handle, due at a time.

Everybody handles their own; REMINDER_ASSIGN gives reminders to others and handles theirs. Whatever changes one locks its
assignee first, tells their feed what left the window, and works out when it opens next (see `popups`). One that is nobody's
is in the windows of all who can give it to somebody (see `unassigned`).
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from app import jobs
from app.errors import Conflict, FaultCode, Invalid, NotFound
from app.models import (
    Contact,
    Employee,
    EmployeeStatus,
    Reminder,
    ReminderClosedReason,
    ReminderKind,
    ReminderState,
    audit_notes,
)
from app.policy import Member, Permission
from app.services import contact_reminders, givers, popups, reminder_log, unassigned
from app.services.members import member_of
from app.services.versions import differing, require_version, sent_anew
from app.validation import LATEST, check, choice, line, moment, nullable, text, whole

LONGEST_SNOOZE_MINUTES = 43_200
NOTED = contact_reminders.NOTED
RULES = {
    "title": line(300),
    "note": nullable(text(5_000)),
    "kind": choice(ReminderKind),
    "due_at": moment(),
}


async def create(
    viewer: Member,
    *,
    now: datetime,
    contact_id: UUID | None = None,
    assignee_id: UUID | None = None,
    **sent: Any,
) -> Reminder:
    """A new reminder, the viewer's own unless it is given to another. Due in the past, it pops up at once."""
    viewer.require(Permission.REMINDER_OWN)
    assignee = await _colleague(viewer, assignee_id or viewer.employee_id)
    if contact_id is not None:
        await Contact.get_visible(viewer, contact_id, path=("contact_id",))
    given = {name: value for name, value in sent.items() if value is not None}
    clean = check(given, RULES, required=("title", "due_at"))
    await popups.lock(assignee.id)
    await _require_able(assignee.id, contact_id, path="assignee_id")
    reminder = await Reminder.create(
        project_id=viewer.project_id,
        assignee_id=assignee.id,
        contact_id=contact_id,
        created_by_id=viewer.employee_id,
        alert_at=clean["due_at"],
        created_at=now,
        updated_at=now,
        **clean,
    )
    jobs.note(reminder, audit_notes.made(reminder, *NOTED))
    await popups.refresh_window(assignee.id, now=now, alert_at=reminder.alert_at)
    return reminder


async def update(
    viewer: Member,
    *,
    now: datetime,
    id: UUID,
    expected_version: int | None = None,
    **sent: Any,
) -> Reminder:
    """Corrects an open reminder. Another due time takes the place of a snooze.

    What is sent as it stands already is no change, and no error of one that is resolved.
    """
    reminder = await _locked(viewer, id)
    typed = sent_anew(reminder, sent)
    texts = {name: value for name, value in typed.items() if name != "contact_id"}
    clean = check(texts, RULES, required=[name for name in ("title", "due_at", "kind") if name in texts])
    require_version(reminder, expected_version)
    if "contact_id" not in typed and not differing(reminder, clean):
        return reminder
    _require_open(reminder)
    if "contact_id" in typed:
        clean["contact_id"] = await _linked_contact(viewer, reminder, typed["contact_id"])
    if clean.get("due_at", reminder.due_at) != reminder.due_at:
        clean |= {"snoozed_until": None, "alert_at": clean["due_at"]}
    before, saw = reminder.alert_at, await _windows_of(reminder)
    await _save(reminder, clean, now=now)
    sees = await _windows_of(reminder)
    await _tell(saw - sees, reminder, ReminderClosedReason.GIVEN_AWAY, now=now)
    if before <= now < reminder.alert_at:
        await _tell(sees, reminder, ReminderClosedReason.CHANGED, now=now)
    if reminder.alert_at != before or saw != sees:
        await popups.refresh_windows(sees, now=now, alert_at=reminder.alert_at)
        await popups.refresh_windows(saw - sees, now=now)
    return reminder


async def reassign(viewer: Member, *, now: datetime, id: UUID, assignee_id: UUID) -> Reminder:
    """Gives an open reminder to another employee; needs REMINDER_ASSIGN. A snooze ends with whoever took it.

    Given to whom it has already, it stays as it is, resolved too.
    """
    viewer.require(Permission.REMINDER_ASSIGN)
    assignee = await _colleague(viewer, assignee_id)
    reminder = await _locked(viewer, id, also=assignee.id)
    if reminder.assignee_id == assignee.id:
        return reminder
    _require_open(reminder)
    await _require_able(assignee.id, reminder.contact_id, path="assignee_id")
    earlier = await _windows_of(reminder)
    await _tell(earlier, reminder, ReminderClosedReason.GIVEN_AWAY, now=now)
    given = {"assignee_id": assignee.id, "snoozed_until": None, "alert_at": reminder.due_at}
    await _save(reminder, given, now=now)
    await popups.refresh_windows(earlier - {assignee.id}, now=now)
    await popups.refresh_window(assignee.id, now=now, alert_at=reminder.alert_at)
    return reminder


async def snooze(viewer: Member, *, now: datetime, id: UUID, until: Mapping[str, Any]) -> Reminder:
    """Lets an open reminder rest: `{"minutes": 10}` from now, or `{"at": …}` in the future."""
    reminder = await _locked(viewer, id)
    clean = check({"until": until}, {"until": _snooze_rule(now)})
    _require_open(reminder)
    if reminder.assignee_id is None:
        sentence = (
            "This reminder is nobody's, so it cannot rest. Give it to somebody first (reminderReassign)."
        )
        raise Invalid.at("id", sentence, FaultCode.WRONG_STATE)
    at = clean["until"]
    if at == reminder.snoozed_until:  # it rests until then already
        return reminder
    await _save(reminder, {"snoozed_until": at, "alert_at": at}, now=now)
    await _leave(reminder, ReminderClosedReason.SNOOZED, now=now)
    return reminder


async def resolve(viewer: Member, *, now: datetime, id: UUID) -> Reminder:
    """It is done. Done twice it stays as it was the first time."""
    reminder = await _locked(viewer, id)
    if reminder.state is ReminderState.RESOLVED:
        return reminder
    done = {"state": ReminderState.RESOLVED, "resolved_at": now, "resolved_by_id": viewer.employee_id}
    await _save(reminder, done, now=now)
    await _leave(reminder, ReminderClosedReason.RESOLVED, now=now)
    return reminder


async def delete(viewer: Member, *, now: datetime, id: UUID) -> UUID:
    """Removes it for good, open or resolved."""
    reminder = await _locked(viewer, id)
    await Reminder.filter(id=reminder.id).delete()
    jobs.note(reminder, audit_notes.gone(reminder, *NOTED))
    if reminder.state is ReminderState.OPEN:
        await _leave(reminder, ReminderClosedReason.DELETED, now=now)
    return reminder.id


async def _locked(viewer: Member, id_: UUID, *, also: UUID | None = None) -> Reminder:
    """The reminder, locked, and before it the employee `also` and its assignee, or who gives it to others. Raises NotFound."""
    assignee_id = (await Reminder.get_visible(viewer, id_)).assignee_id
    able = await givers.ids([viewer.project_id]) if assignee_id is None else ()
    await popups.lock(assignee_id, also, *able)
    # Whatever others did while we waited for the lock is seen by this second look.
    reminder = await Reminder.visible_to(viewer).select_for_update(no_key=True).get_or_none(id=id_)
    if reminder is None:
        raise NotFound("There is no such reminder.")
    if reminder.assignee_id != assignee_id:
        raise Conflict("Somebody gave this reminder away at this moment. Try again.")
    return reminder


async def _colleague(viewer: Member, employee_id: UUID) -> Employee:
    """Whoever is to have a reminder: the viewer himself, or with REMINDER_ASSIGN another."""
    if employee_id != viewer.employee_id:
        viewer.require(Permission.REMINDER_ASSIGN)
    return await Employee.get_visible(viewer, employee_id, path=("assignee_id",))


async def _linked_contact(viewer: Member, reminder: Reminder, contact_id: UUID | None) -> UUID | None:
    """The contact that an update names, in reach of the viewer and of the assignee."""
    if contact_id is None:
        return None
    contact = await Contact.get_visible(viewer, contact_id, path=("contact_id",))
    if reminder.assignee_id is not None:
        await _require_able(reminder.assignee_id, contact_id, path="contact_id")
    return contact.id


async def _require_able(assignee_id: UUID, contact_id: UUID | None, *, path: str) -> None:
    """Nobody gets a reminder that he could not handle or see."""
    assignee = await Employee.get(id=assignee_id)
    if assignee.status is not EmployeeStatus.ACTIVE:
        sentence = f"{assignee.name} does not work here now. Choose an active employee."
        raise Invalid.at(path, sentence, FaultCode.WRONG_STATE)
    member = await member_of(assignee)
    if not member.may(Permission.REMINDER_OWN):
        sentence = f"{assignee.name} has no role, and so no reminders. Choose a colleague who has one."
        raise Invalid.at(path, sentence, FaultCode.NOT_ALLOWED)
    # Locked, after the assignee as everywhere: who moves it out of his sight at this moment takes this reminder too.
    if contact_id is not None and await Contact.find_visible(member, lock=True, id=contact_id) is None:
        sentence = f"{assignee.name} does not see this contact. Choose a colleague who does."
        raise Invalid.at(path, sentence, FaultCode.NOT_ALLOWED)


def _require_open(reminder: Reminder) -> None:
    if reminder.state is not ReminderState.OPEN:
        sentence = "This reminder is resolved. Make a new one instead."
        raise Invalid.at("id", sentence, FaultCode.WRONG_STATE)


def _snooze_rule(now: datetime) -> Any:
    rules = {
        "minutes": whole(1, LONGEST_SNOOZE_MINUTES),
        "at": moment(now + timedelta(milliseconds=1), LATEST),
    }

    def clean(until: Mapping[str, Any]) -> datetime:
        sent = check(until, rules)
        at: datetime = sent["at"] if "at" in sent else now + timedelta(minutes=sent["minutes"])
        return at

    return clean


async def _save(reminder: Reminder, values: Mapping[str, Any], *, now: datetime) -> None:
    """Writes what differs. The row is locked, so nobody else's change is lost."""
    changes = differing(reminder, values)
    if not changes:
        return
    jobs.note(reminder, audit_notes.differences(reminder, changes))
    await Reminder.filter(id=reminder.id).update(**changes, version=F("version") + 1, updated_at=now)
    reminder.update_from_dict({**changes, "version": reminder.version + 1, "updated_at": now})


async def _windows_of(reminder: Reminder) -> set[UUID]:
    """In whose windows it is when it is due: its assignee's, or those of all who can give it to somebody."""
    if reminder.assignee_id is not None:
        return {reminder.assignee_id}
    return set(await unassigned.shown_to(reminder.project_id, reminder.contact_id))


async def _tell(
    holders: Collection[UUID], reminder: Reminder, reason: ReminderClosedReason, *, now: datetime
) -> None:
    until = reminder.snoozed_until if reason is ReminderClosedReason.SNOOZED else None
    closed = {each: [reminder.id] for each in sorted(holders)}
    await reminder_log.tell_closed(closed, reason, now=now, snoozed_until=until)


async def _leave(reminder: Reminder, reason: ReminderClosedReason, *, now: datetime) -> None:
    """It leaves the windows that it is in, and they open next for what is left."""
    holders = await _windows_of(reminder)
    await _tell(holders, reminder, reason, now=now)
    await popups.refresh_windows(holders, now=now)
