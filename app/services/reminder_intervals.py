"""How often an employee's window comes back: what they get where nobody says so, and what they may choose themselves.

None is off, and only whoever manages employees, or sets the project's default, decides so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app import db
from app.errors import FaultCode, Invalid
from app.models import Project
from app.validation import nullable, whole

NAME = "reminder_interval_minutes"
#: Of a project: what a new employee has, and the longest that employees choose for themselves.
DEFAULT, LONGEST = "default_reminder_interval_minutes", "reminder_interval_max_minutes"
LONGEST_MINUTES = 1_440
#: Of an interval that somebody decides upon.
MINUTES = whole(1, LONGEST_MINUTES)
INTERVAL = nullable(MINUTES)


async def default_of(project_id: UUID) -> int | None:
    """What a new employee of the project has if nobody says a word about it."""
    return (await Project.get(id=project_id)).default_reminder_interval_minutes


async def require_choosable(project_id: UUID, minutes: int | None) -> None:
    """Raises Invalid unless employees of the project may choose this for themselves: never off, and not too rarely."""
    longest = (await Project.get(id=project_id)).reminder_interval_max_minutes
    if minutes is None:
        sentence = f"Nobody turns off their own window. Enter 1 to {longest:,} minutes, or ask who manages employees."
        raise Invalid.at(NAME, sentence, FaultCode.NOT_ALLOWED)
    if minutes > longest:
        sentence = f"{minutes:,} is out of range. Enter a number from 1 to {longest:,}, or ask who manages employees."
        raise Invalid.at(NAME, sentence, FaultCode.OUT_OF_RANGE)


def require_default_within(project: Project, changes: Mapping[str, Any]) -> None:
    """Raises Invalid (OUT_OF_RANGE) if employees could not choose the default that these changes leave: it is too long."""
    default, longest = (changes.get(name, getattr(project, name)) for name in (DEFAULT, LONGEST))
    if changes.keys() & {DEFAULT, LONGEST} and default is not None and default > longest:
        sentence = (
            f"The default of {default:,} minutes is longer than the {longest:,} that employees may choose themselves. "
            "Shorten the one, or lengthen the other."
        )
        raise Invalid.at(DEFAULT if DEFAULT in changes else LONGEST, sentence, FaultCode.OUT_OF_RANGE)


@dataclass(frozen=True, slots=True)
class Windowless:
    """An employee at work who has reminders due, and no window that would tell so."""

    email: str
    project: str
    due_count: int


async def windowless(*, now: datetime, most: int) -> Sequence[Windowless]:
    """Who they are in all projects, those with most due first. For the operator alone: no viewer's rights are asked."""
    rows = await db.fetch(_WINDOWLESS, [now, most])
    return [Windowless(row["email"], row["project"], row["due_count"]) for row in rows]


_WINDOWLESS = """
    SELECT e.email, p.name AS project, COUNT(*) AS due_count
    FROM employees e
        JOIN projects p ON p.id = e.project_id AND p.deletion_requested_at IS NULL
        JOIN reminders r ON r.assignee_id = e.id AND r.state = 'OPEN' AND r.alert_at <= $1
    WHERE e.status = 'ACTIVE' AND e.reminder_interval_minutes IS NULL
    GROUP BY e.id, e.email, p.name
    ORDER BY due_count DESC, e.email, e.id LIMIT $2
"""
