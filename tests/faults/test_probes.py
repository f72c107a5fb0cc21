"""Windows are late by when they were told of, not by when somebody began to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import orjson
import pytest

from app.models import Employee, Reminder
from tests.e2e.installation import until
from tests.factories import make_reminder_event
from tests.faults.people import make_people
from tests.faults.probes import Windows

LATE = timedelta(seconds=5)


@dataclass(frozen=True)
class Fresh:
    """As much of a stage as windows are made in and looked up."""

    url: str

    @asynccontextmanager
    async def sql(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        connection = await asyncpg.connect(self.url)
        try:
            yield connection
        finally:
            await connection.close()


@pytest.mark.parametrize("engine", ["postgres"])  # what the scenarios play on
async def test_a_window_whose_transaction_waited_is_late_by_that_too(own_database: str) -> None:
    here, people = Fresh(own_database), await make_people(1)
    windows = Windows(people)
    await windows.make(here)
    await until(lambda: windows.late(here))

    reminder = await Reminder.get(title="first")
    await make_reminder_event(
        await Employee.get(id=people[0].employee_id),
        reminder_ids=orjson.dumps([str(reminder.id)]).decode(),
        due_at=reminder.due_at,
        created_at=reminder.due_at,
        written_at=reminder.due_at + LATE,
    )

    first = (await windows.late(here))[0]
    assert first.late_s == LATE.total_seconds() and not first.is_well
