"""No open reminder is forgotten: somebody at work has it, or whoever can give it to somebody is shown it."""

from collections.abc import Iterator

from tests.proof.invariants import oracle
from tests.proof.invariants.hands import reaches
from tests.proof.invariants.picture import Picture, Row, differences
from tests.proof.invariants.play import Change


def every_open_reminder_is_in_a_window(change: Change) -> Iterator[str]:
    """Or, if all who could be shown it have pop-ups off, an admin's count has it: there always is one.

    While a project waits to be deleted nobody works there; one that is restored is as it was.
    """
    now = change.after
    for reminder in now["reminders"].values():
        project = now["projects"][reminder["project_id"]]
        if reminder["state"] != "OPEN" or project["deletion_requested_at"] is not None:
            continue
        if reminder["assignee_id"] is not None:
            assignee = now["employees"][reminder["assignee_id"]]
            if "REMINDER_OWN" not in _rights_at_work(assignee) or not _sees(now, assignee, reminder):
                yield f"{_named(reminder)} is with {assignee['name']}, who may not have it"
            continue
        for giver in _told(now, reminder):
            if giver["reminder_interval_minutes"] is not None and giver["next_popup_at"] is None:
                yield f"{_named(reminder)} is nobody's, and the window of {giver['name']} does not open for it"


def a_snooze_ends_with_whose_it_was(change: Change) -> Iterator[str]:
    for each in differences(change.before, change.after):
        after = each.after
        if each.table != "reminders" or each.before is None or after is None or len(change.acts) > 1:
            continue
        if "assignee_id" in each.columns and after["snoozed_until"] is not None:
            yield f"{_named(after)} changed hands, and rests until {after['snoozed_until']}"


def _told(picture: Picture, reminder: Row) -> list[Row]:
    """Whose windows tell of one that is nobody's: who can give it to somebody, else the admins."""
    own = [each for each in picture["employees"].values() if each["project_id"] == reminder["project_id"]]
    able = [each for each in own if "REMINDER_ASSIGN" in _rights_at_work(each)]
    seeing = [each for each in able if _sees(picture, each, reminder)]
    return seeing or [each for each in able if "ADMIN_GRANT" in _rights_at_work(each)]


def _rights_at_work(employee: Row) -> oracle.Rights:
    return oracle.rights(employee) if employee["status"] == "ACTIVE" else oracle.OUTSIDER


def _sees(picture: Picture, employee: Row, reminder: Row) -> bool:
    contact = picture["contacts"].get(reminder["contact_id"] or "")
    return contact is None or reaches(picture, employee, contact)


def _named(reminder: Row) -> str:
    return f"the reminder {reminder['id']}"


RULES = (every_open_reminder_is_in_a_window, a_snooze_ends_with_whose_it_was)
