"""What a mail's row says of how often it came, against how often it did.

Nobody refuses a mail here, and nobody withdraws one: each comes once, unless its row says that nobody knows.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from app.models import EmailState, RecipientState
from app.services.email_leases import MOST_CRASHES


class Arrival(StrEnum):
    """LOST and DOUBLED break the promise; what is TOLD does not: the row says that it may be so."""

    ONCE = "ONCE"
    LOST = "LOST"
    DOUBLED = "DOUBLED"
    TOLD_MISSING = "TOLD_MISSING"
    TOLD_DOUBLED = "TOLD_DOUBLED"


def judge(mail: Mapping[str, Any], came: int) -> Arrival:
    """`mail` is a row of emails, with the states of its recipients as `recipients`."""
    if not came:
        return Arrival.TOLD_MISSING if says_may_be_missing(mail) else Arrival.LOST
    if came > most_arrivals(mail):
        return Arrival.DOUBLED
    return Arrival.ONCE if came == 1 else Arrival.TOLD_DOUBLED


def says_may_be_missing(mail: Mapping[str, Any]) -> bool:
    """It is decided, nobody is said to have it, and either an attempt was uncertain or each ended abnormally.

    FAILED, CANCELLED and PARTIAL would be honest, but nothing that happens here is a reason for them.
    """
    is_unknown = mail["state"] == EmailState.UNKNOWN and RecipientState.SENT not in mail["recipients"]
    return is_unknown and (mail["uncertain_attempts"] > 0 or mail["crashes"] >= MOST_CRASHES)


def most_arrivals(mail: Mapping[str, Any]) -> int:
    """The attempts that may have delivered it, and the one that did."""
    told: int = mail["uncertain_attempts"]
    return told + (RecipientState.SENT in mail["recipients"])
