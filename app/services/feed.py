"""The cursors that name places in an employee's feed, and whether it can go on from one.

A cursor is the number of an event, signed for one employee, so that nobody reads on from another's.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from enum import StrEnum
from uuid import UUID

from app.services.feed_states import FeedState

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


def why_not_from(number: int | None, state: FeedState) -> ReminderResetReason | None:
    """Why a feed cannot go on after this number; None if it can."""
    # Numbers that were never given are from another life of this database, as before a restore.
    if number is None or number > state.last_number:
        return ReminderResetReason.CURSOR_UNKNOWN
    if number == state.last_number:
        return None
    first = state.first_number
    return ReminderResetReason.CURSOR_TOO_OLD if first is None or first > number + 1 else None
