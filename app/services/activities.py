"""Activities: what happened with a contact. Recording one changes nothing about the contact itself."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app import jobs
from app.errors import FaultCode, Invalid
from app.models import WRITE_PERMISSION, Activity, ActivityKind, Area, Contact, audit_notes
from app.policy import Member
from app.validation import EARLIEST, check, choice, line, moment, nullable, text

LONGEST_SUMMARY = 500
LONGEST_DETAIL = 20_000
#: The clock of the device may be so much ahead; what has happened by it happens now.
FURTHEST_AHEAD = timedelta(minutes=5)
#: What the audit log keeps of one: not its detail, and enough to tell later who may read the rest.
NOTED = ("kind", "area", "summary", "occurred_at", "author_id")
RULES = {
    "kind": choice(ActivityKind),
    "area": choice(Area),
    "summary": line(LONGEST_SUMMARY),
    "detail": nullable(text(LONGEST_DETAIL)),
}


async def record(viewer: Member, *, now: datetime, contact_id: UUID, **sent: Any) -> Activity:
    """Records what the viewer did. `sent`: kind, area, summary, and perhaps detail and occurred_at (else now).

    Raises Forbidden unless the viewer may record activity of this area.
    """
    await Contact.require_visible(viewer, contact_id, path=("contact_id",))
    rules = {**RULES, "occurred_at": nullable(lambda given: _happened(given, now))}
    clean = check(sent, rules, required=("kind", "area", "summary"))
    viewer.require(WRITE_PERMISSION[clean["area"]])
    occurred_at = clean.pop("occurred_at", None) or now
    activity = Activity.new(
        project_id=viewer.project_id,
        contact_id=contact_id,
        author_id=viewer.employee_id,
        occurred_at=occurred_at,
        created_at=now,
        **clean,
    )
    jobs.write(activity)
    jobs.note(activity, audit_notes.made(activity, *NOTED))
    return activity


def _happened(given: Any, now: datetime) -> datetime:
    """When it was, and not after now. Raises Invalid for what is still to come."""
    occurred_at: datetime = moment(EARLIEST)(given)
    if occurred_at > now + FURTHEST_AHEAD:
        sentence = f"{occurred_at:%Y-%m-%d %H:%M} UTC is still to come. Say when it happened, or make a reminder of it."
        raise Invalid.at((), sentence, FaultCode.OUT_OF_RANGE)
    return min(occurred_at, now)
