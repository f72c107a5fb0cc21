"""Who the tokens of sessions stand for: one statement reads the database's clock and all that makes a viewer.

It is the first statement of every mutation, inside its transaction.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from app import db
from app.errors import Unauthenticated
from app.models import EmployeeStatus
from app.policy import AccountViewer
from app.services import member_rows, members


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that may be used; `now` is the database's clock when it was read."""

    viewer: AccountViewer
    now: datetime
    last_used_at: datetime
    absolute_expires_at: datetime


async def viewer_of(hashed: str) -> tuple[AccountViewer, datetime]:
    """Who the token with this hash stands for, and the database's clock. Raises Unauthenticated."""
    row = (await alive([hashed])).get(hashed)
    if row is None:
        raise ended()
    return row.viewer, row.now


async def alive(hashes: Sequence[str]) -> dict[str, SessionRow]:
    """The sessions behind these token hashes, by hash. Left out: those unknown, expired or revoked, and those of
    employees who are not active or whose project waits for its deletion.
    """
    dialect = db.dialect()
    sent = json.dumps(hashes) if dialect == "sqlite" else hashes
    rows = await db.read(_STATEMENTS[dialect], [sent], timeout_s=db.LOOK_UP_S)
    found = ((row, db.clock_of(row["now"])) for row in rows)
    return {row["token_hash"]: _session_row(row, now) for row, now in found if _is_alive(row, now)}


def ended() -> Unauthenticated:
    """What a token that stands for nobody is answered."""
    return Unauthenticated("This session has ended. Sign in again.")


def _statement(dialect: db.Dialect, is_asked_for: str) -> str:
    return f"""
        SELECT {db.CLOCK[dialect]} AS now, s.token_hash, s.id, s.account_id, s.project_id, s.employee_id,
            s.last_used_at, s.expires_at, s.absolute_expires_at, e.status, p.deletion_requested_at,
            {member_rows.columns(dialect, "e")}
        FROM sessions s
        LEFT JOIN employees e ON e.id = s.employee_id
        LEFT JOIN projects p ON p.id = s.project_id
        WHERE {is_asked_for} AND s.revoked_at IS NULL"""  # noqa: S608


#: The columns that a viewer is made of.
_OF_VIEWER = ("id", "account_id", "project_id", "employee_id", *members.FACTS, "chosen_divisions")
_STATEMENTS: Mapping[db.Dialect, str] = {
    "postgres": _statement("postgres", "s.token_hash = ANY($1)"),
    "sqlite": _statement("sqlite", "s.token_hash IN (SELECT value FROM json_each($1))"),
}


def _is_alive(row: Mapping[str, Any], now: datetime) -> bool:
    """An account alone while its session lasts; an employee while he is active and his project goes on besides."""
    if min(db.as_datetime(row["expires_at"]), db.as_datetime(row["absolute_expires_at"])) <= now:
        return False
    if row["employee_id"] is None:
        return True
    return row["status"] == EmployeeStatus.ACTIVE and row["deletion_requested_at"] is None


def _session_row(row: Mapping[str, Any], now: datetime) -> SessionRow:
    viewer = _viewer(*[row[name] for name in _OF_VIEWER])
    return SessionRow(
        viewer, now, db.as_datetime(row["last_used_at"]), db.as_datetime(row["absolute_expires_at"])
    )


@lru_cache(maxsize=4_096)
def _viewer(*values: Any) -> AccountViewer:
    """Made once for a session whose row stays as it is."""
    row = dict(zip(_OF_VIEWER, values, strict=True))
    account_id, session_id = db.as_uuid(row["account_id"]), db.as_uuid(row["id"])
    if row["employee_id"] is None:
        return AccountViewer(account_id=account_id, session_id=session_id)
    return member_rows.member_of(
        row,
        employee_id=db.as_uuid(row["employee_id"]),
        project_id=db.as_uuid(row["project_id"]),
        account_id=account_id,
        session_id=session_id,
    )
