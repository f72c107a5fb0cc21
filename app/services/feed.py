"""Reading an employee's feed: what his window was told, from any place on, and the cursors that name places.

A cursor is the number of an event, signed for one employee, so that nobody reads on from another's.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise.functions import Min
from tortoise.queryset import QuerySet

from app.models import Employee, Reminder, ReminderEvent, ReminderState
from app.policy import Member
from app.services.popup_firing import MOST_SHOWN

NUMBER_BYTES = 8
SIGNATURE_BYTES = 13
CURSOR_LENGTH = (NUMBER_BYTES + SIGNATURE_BYTES) // 3 * 4


class ReminderResetReason(StrEnum):
    """Why a feed cannot go on where a client left it."""

    CURSOR_TOO_OLD = "CURSOR_TOO_OLD"
    CURSOR_UNKNOWN = "CURSOR_UNKNOWN"


def cursor_of(key: bytes, employee_id: UUID, number: int) -> str:
    """The cursor of the event with this number in his feed; 0 is before the first."""
    raw = number.to_bytes(NUMBER_BYTES, "big")
    return urlsafe_b64encode(raw + _signature(key, employee_id, raw)).decode("ascii")


def number_of(key: bytes, employee_id: UUID, cursor: str) -> int | None:
    """The number that a cursor of his names; None for another's, and for what is no cursor."""
    if len(cursor) != CURSOR_LENGTH:
        return None
    try:
        raw = urlsafe_b64decode(cursor)
    except (NotBase64, ValueError):
        return None
    number, signature = raw[:NUMBER_BYTES], raw[NUMBER_BYTES:]
    is_his = hmac.compare_digest(signature, _signature(key, employee_id, number))
    return int.from_bytes(number, "big") if is_his else None


def _signature(key: bytes, employee_id: UUID, number: bytes) -> bytes:
    return hmac.digest(key, b"feed" + employee_id.bytes + number, "sha256")[:SIGNATURE_BYTES]


async def last_number(viewer: Member) -> int:
    """The number of the last event of his feed."""
    rows = await Employee.visible_to(viewer).filter(id=viewer.employee_id).values("feed_number")
    return int(rows[0]["feed_number"]) if rows else 0


async def why_not_from(viewer: Member, number: int | None) -> ReminderResetReason | None:
    """Why his feed cannot go on after this number; None if it can."""
    last = await last_number(viewer)
    # Numbers that were never given are from another life of this database, as before a restore.
    if number is None or number > last:
        return ReminderResetReason.CURSOR_UNKNOWN
    if number == last:
        return None
    rows = await ReminderEvent.visible_to(viewer).annotate(first=Min("number")).values("first")
    first = rows[0]["first"] if rows else None
    return ReminderResetReason.CURSOR_TOO_OLD if first is None or first > number + 1 else None


async def repeat_minutes(viewer: Member) -> int | None:
    """How often his window comes back; None if it is off."""
    rows = await Employee.visible_to(viewer).filter(id=viewer.employee_id).values("reminder_interval_minutes")
    minutes: int | None = rows[0]["reminder_interval_minutes"] if rows else None
    return minutes


async def due(viewer: Member, *, now: datetime) -> list[UUID]:
    """The ids of all reminders that wait for him now, the longest due first."""
    waiting = open_in_sight(viewer).filter(alert_at__lte=now).order_by("alert_at", "id").limit(MOST_SHOWN)
    return [row["id"] for row in await waiting.values("id")]


async def open_count(viewer: Member) -> int:
    """How many open reminders he has, due or not."""
    return await open_in_sight(viewer).count()


def open_in_sight(viewer: Member) -> QuerySet[Reminder]:
    """His own open reminders of which he may see the contact."""
    return Reminder.visible_to(viewer).filter(assignee_id=viewer.employee_id, state=ReminderState.OPEN)
