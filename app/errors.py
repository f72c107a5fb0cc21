"""The few kinds of error. Each has a stable code; messages are read by people.

`Invalid` is what the person in front of the screen can mend: it becomes `errors: [UserError!]!` in a mutation's
payload. Everything else derives from `CodedError` and becomes a top-level GraphQL error with `extensions.code`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FaultCode(StrEnum):
    """What is wrong with a value that a person typed."""

    REQUIRED = "REQUIRED"
    INVALID = "INVALID"
    TOO_LONG = "TOO_LONG"
    TOO_SHORT = "TOO_SHORT"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    TAKEN = "TAKEN"
    WRONG_PASSWORD = "WRONG_PASSWORD"  # noqa: S105
    WRONG_CREDENTIALS = "WRONG_CREDENTIALS"
    EXPIRED = "EXPIRED"
    STALE_VERSION = "STALE_VERSION"
    OPEN_REMINDERS = "OPEN_REMINDERS"
    LAST_ADMIN = "LAST_ADMIN"
    NOT_ALLOWED = "NOT_ALLOWED"
    NO_SENDER = "NO_SENDER"
    WRONG_STATE = "WRONG_STATE"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend. `path` leads into the input, in Python names: `("emails", "0")`."""

    message: str
    code: FaultCode = FaultCode.INVALID
    path: tuple[str, ...] = ()


class DivizeError(Exception):
    """Whatever Divize itself raises on purpose."""


class Invalid(DivizeError):
    """Values a person typed and can correct; nothing was written."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.message for fault in self.faults))

    @classmethod
    def at(cls, path: str | Sequence[str], message: str, code: FaultCode = FaultCode.INVALID) -> "Invalid":
        """One fault at `path` (a field's Python name, or the way to a nested one)."""
        steps = (path,) if isinstance(path, str) else tuple(path)
        return cls([Fault(message, code, steps)])


class CodedError(DivizeError):
    """A top-level error. `code` is one of the closed list that clients may switch on."""

    code = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str, **extensions: Any) -> None:
        self.extensions = extensions
        super().__init__(message)


class BadRequest(CodedError):
    code = "BAD_REQUEST"


class BadUserInput(CodedError):
    """A value that no person typed: a malformed cursor, a page of 101, a bad checksum in a query's argument."""

    code = "BAD_USER_INPUT"


class CostExceeded(CodedError):
    """It asks for more at once than is answered."""

    code = "COST_EXCEEDED"


class Unauthenticated(CodedError):
    code = "UNAUTHENTICATED"


class Forbidden(CodedError):
    code = "FORBIDDEN"


class NotFound(CodedError):
    """Absent or out of reach: the two are not told apart. `input_path` says which id it was, in Python names."""

    code = "NOT_FOUND"

    def __init__(self, message: str = "Not found.", *, input_path: Sequence[str] = ("id",)) -> None:
        self.input_path = tuple(input_path)
        super().__init__(message)


class Conflict(CodedError):
    code = "CONFLICT"


class RateLimited(CodedError):
    """Too often. `retry_after_s`: whole seconds after which another try makes sense."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message, retryAfterSeconds=retry_after_s)


class IdempotencyMismatch(CodedError):
    code = "IDEMPOTENCY_MISMATCH"


class ServiceUnavailable(CodedError):
    """A system outside (a register) does not answer."""

    code = "SERVICE_UNAVAILABLE"


class Unanswered(CodedError):
    """The database did not do what it was asked, through no fault of the request: later it may well."""

    RETRY_AFTER_S = 2

    def __init__(self, message: str) -> None:
        super().__init__(message, retryAfterSeconds=self.RETRY_AFTER_S)


class DatabaseAway(Unanswered, ServiceUnavailable):
    """The database cannot be asked, or cannot write, at this moment. It was told in the log where it began."""


class Timeout(CodedError):
    code = "TIMEOUT"


class StatementTimeout(Unanswered, Timeout):
    """A statement took longer than any may."""


class Locked(Unanswered, Conflict):
    """Somebody else held what was needed for longer than anybody waits."""


class Overloaded(CodedError):
    code = "OVERLOADED"


class Exhausted(Unanswered, Overloaded):
    """All of this process's connections to the database are in use, and none came back in time."""
