"""What is read of reminders that may change hands."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID


class Held(NamedTuple):
    """A reminder, and whose it is."""

    id: UUID
    assignee_id: UUID
    project_id: UUID
    contact_id: UUID | None
    due_at: datetime | None = None
    snoozed_until: datetime | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(*(row[name] for name in cls._fields))
