"""People with windows, and looks at what they were told."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app import jobs
from app.jobs import QueuedJob, unit_of_work
from app.models import Employee, ReminderEvent
from app.policy import Role
from app.services import popup_firing, popups
from tests.factories import make_employee, make_project

MINUTE = timedelta(minutes=1)


@pytest.fixture
def sent() -> Iterator[list[Any]]:
    """Jobs `(name, ids, at)` and bells (their channels) in the order in which they were rung."""
    found: list[Any] = []

    async def send(queued: Sequence[QueuedJob]) -> None:
        found.extend(queued)

    async def ring(channels: Sequence[str]) -> None:
        found.extend(channels)

    jobs.bind(send, ring)
    yield found
    jobs.bind(None, None)


async def make_worker(**values: Any) -> Employee:
    """An employee whose window comes back every 10 minutes, unless `values` say otherwise."""
    project = values.pop("project", None) or await make_project()
    roles = values.pop("roles", [Role.SALES_REP])
    return await make_employee(project, roles, **{"reminder_interval_minutes": 10, **values})


async def refresh(employee: Employee, alert_at: datetime | None = None) -> datetime | None:
    async with unit_of_work() as work:
        await popups.refresh_window(employee.id, now=work.now, alert_at=alert_at)
    return await next_popup_of(employee)


async def fire(employee: Employee | None = None) -> int:
    async with unit_of_work() as work:
        return (await popup_firing.fire(now=work.now, employee_id=employee.id if employee else None)).claimed


async def next_popup_of(employee: Employee) -> datetime | None:
    return (await Employee.get(id=employee.id)).next_popup_at


async def log_of(employee: Employee) -> list[tuple[int, Any, Any]]:
    """`(number, kind or reason, reminders)` of each event."""
    events = await ReminderEvent.filter(employee_id=employee.id).order_by("number")
    return [
        (
            event.number,
            event.closed_reason or event.kind,
            event.reminder_id or list(map(UUID, event.reminder_ids)),
        )
        for event in events
    ]
