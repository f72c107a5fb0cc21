"""Sweeps while somebody holds a row of theirs and does not let go: that row waits, and all others go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest

from app import db
from app.models import Employee, Project, Reminder, ReminderEvent, Table
from app.policy import Role
from app.workers import reminders
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_project,
    make_reminder,
)
from tests.graphql import bells, settings

__all__ = ["bells", "settings"]

PATIENCE_S = 30

# SQLite has no locks of rows.
pytestmark = [
    pytest.mark.usefixtures("own_database", "settings", "bells"),
    pytest.mark.parametrize("engine", ["postgres"]),
]


@asynccontextmanager
async def held(url: str, *rows: Table) -> AsyncIterator[None]:
    """These rows are somebody else's inside the block, as if they were about to delete them."""
    holder = await asyncpg.connect(url)
    try:
        async with holder.transaction():
            for row in rows:
                table = row._meta.db_table
                await holder.fetch(f"SELECT 1 FROM {table} WHERE id = $1 FOR UPDATE", row.id)
            yield
    finally:
        await holder.close()


async def make_due(project: Project) -> tuple[Employee, Reminder]:
    """An employee whose window opens now, with one reminder in it and one that they may not see any more."""
    ours, theirs = await make_division(project), await make_division(project)
    now = await db.now()
    employee = await make_employee(
        project, [Role.SALES_REP], divisions=[ours], reminder_interval_minutes=60, next_popup_at=now
    )
    await make_reminder(employee, due_at=now, contact=await make_contact(project, division=ours))
    hidden = await make_contact(project, division=theirs)
    return employee, await make_reminder(employee, due_at=now, contact=hidden)


async def has_opened(employee: Employee) -> bool:
    return await ReminderEvent.filter(employee_id=employee.id, kind="POPUP").exists()


@pytest.mark.parametrize("what", ["employee", "project", "reminder"])
async def test_what_is_held_delays_its_own_window_and_no_other(own_database: str, what: str) -> None:
    project = await make_project()
    employee, hidden = await make_due(project)
    others = [await make_due(await make_project()) for _ in range(3)]
    rows: dict[str, Table] = {"employee": employee, "project": project, "reminder": hidden}

    async with held(own_database, rows[what]):
        look = await asyncio.wait_for(reminders._open_due(timedelta(seconds=2)), PATIENCE_S)
        assert [await has_opened(each) for each, _ in others] == [True] * 3
        assert not await has_opened(employee)
        assert (await Reminder.get(id=hidden.id)).assignee_id == employee.id, (
            "nothing of it is done by halves"
        )
    assert look.moment is not None and not look.is_due, "it is looked for again after a pause"
    await reminders._open_due(timedelta(seconds=2))

    assert await has_opened(employee)
    assert (await Reminder.get(id=hidden.id)).assignee_id is None
    assert await ReminderEvent.filter(kind="POPUP").count() == 4
