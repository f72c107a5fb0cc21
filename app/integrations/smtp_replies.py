"""What became of a recipient, and what is told of it: what a mail server's replies and faults mean."""

import ssl
from dataclasses import dataclass
from enum import StrEnum

from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
)

MAX_RESPONSE = 200

# What is told of a failed connection: fixed texts, so that a foreign server (or a port that is none) says nothing
# through us.
NOT_REACHED = "The mail server could not be reached."
TOO_SLOW = "The mail server did not answer in time."
HUNG_UP = "The mail server closed the connection."
NO_TLS = "The mail server did not offer a trusted encrypted connection."
NOT_LET_IN = "The mail server refused the user name or password."
NO_SERVICE = "The mail server is not accepting mail now."
UNCERTAIN = "The connection was lost while the mail server was confirming. It may have been delivered."
NOT_ENDED = "It was not handed over, for that could not be written down first. It is tried again."
BAD_ADDRESS = "Mail cannot be sent to an address of this form."


class Outcome(StrEnum):
    """Of one recipient. After TEMPORARY try again; after UNKNOWN perhaps, with the same Message-ID."""

    SENT = "SENT"
    TEMPORARY = "TEMPORARY"
    PERMANENT = "PERMANENT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """`code` is the server's reply, None if there was none; `text` is one bounded line, safe to show and store."""

    address: str
    outcome: Outcome
    code: int | None
    text: str


class RefusedError(SMTPException):
    """We go no further; the message is what is told."""


def refusal(code: int) -> Outcome:
    """Of a reply that is not the hoped-for one. What is no sensible reply is tried again."""
    return Outcome.PERMANENT if 500 <= code < 600 else Outcome.TEMPORARY


def told(fault: SMTPException) -> str:
    """What is said of an attempt that ended so."""
    if isinstance(fault, RefusedError):
        return fault.message
    if isinstance(fault.__cause__, ssl.SSLError):
        return NO_TLS
    if isinstance(fault, SMTPAuthenticationError):
        return NOT_LET_IN
    if isinstance(fault, SMTPServerDisconnected):
        return HUNG_UP
    if isinstance(fault, SMTPResponseException):
        return NO_SERVICE
    return NOT_REACHED


def bounded_line(text: str) -> str:
    """A reply on one line. It comes from outside: it may hold anything."""
    visible = "".join(character if character.isprintable() else " " for character in text[: 4 * MAX_RESPONSE])
    return " ".join(visible.split())[:MAX_RESPONSE]
