"""What the drivers' errors mean."""

import sqlite3
from typing import Any

import asyncpg
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError


def is_race(error: BaseException) -> bool:
    """Whether another transaction was quicker: a unique key or a link that it took, a deadlock, a conflict of writes.

    A check that does not hold is no race: it is a mistake of ours.
    """
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        return str(cause).startswith(("UNIQUE constraint", "FOREIGN KEY constraint"))
    return isinstance(
        cause,
        asyncpg.UniqueViolationError
        | asyncpg.ForeignKeyViolationError
        | asyncpg.DeadlockDetectedError
        | asyncpg.SerializationError,
    )


def is_locked(error: BaseException) -> bool:
    """Whether another transaction held what this one needed, for longer than anybody waits for it."""
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        return str(cause).startswith("database is locked")
    return isinstance(cause, asyncpg.LockNotAvailableError)


def _cause(error: BaseException) -> Any:
    """The driver's own error."""
    is_wrapped = isinstance(error, IntegrityError | OperationalError | TransactionManagementError)
    return error.args[0] if is_wrapped and error.args else error
