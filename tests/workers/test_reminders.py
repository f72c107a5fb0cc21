"""Windows open at their moments, once, whatever happens to the workers."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from app import db
from app.models import Employee, Project, ReminderEvent
from app.policy import Role
from app.services import popup_firing
from app.workers import reminders
from tests.factories import make_employee, make_project, make_reminder, make_reminder_event
from tests.graphql import bells, rings, sent_jobs, settings

__all__ = ["bells", "rings", "sent_jobs", "settings"]

PATIENCE_S = 30


@pytest.fixture(autouse=True)
def _surroundings(settings: object, bells: object) -> None:
    """Configured, and nothing leaves."""


async def make_due(at: datetime, project: Project | None = None) -> Employee:
    """An employee whose window opens at this moment, for the first time."""
    project = project or await make_project()
    employee = await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=60, next_popup_at=at)
    await make_reminder(employee, due_at=at)
    return employee


async def opened_at(employee: Employee) -> list[datetime]:
    events = await ReminderEvent.filter(employee_id=employee.id).order_by("number")
    return [event.created_at for event in events]


@pytest.mark.usefixtures("database")
async def test_the_job_opens_the_window_that_is_due_and_rings(rings: list[str]) -> None:
    now = await db.now()
    employee, other = await make_due(now), await make_due(now)

    await reminders.fire_popup({}, str(employee.id))

    assert len(await opened_at(employee)) == 1 and await opened_at(other) == []
    assert rings == [f"feed:{employee.id}"]


@pytest.mark.usefixtures("database")
async def test_a_job_that_comes_a_little_early_waits_for_its_moment() -> None:
    moment = await db.now() + timedelta(seconds=0.2)
    employee = await make_due(moment)

    await reminders.fire_popup({}, str(employee.id))

    [opened] = await opened_at(employee)
    assert moment <= opened < moment + timedelta(seconds=2)


@pytest.mark.usefixtures("database")
async def test_a_job_for_nobody_or_too_early_does_nothing() -> None:
    employee = await make_due(await db.now() + timedelta(hours=1))
    gone = await make_employee(await make_project())
    await gone.delete()

    await reminders.fire_popup({}, str(employee.id))
    await reminders.fire_popup({}, str(gone.id))

    assert await ReminderEvent.all().count() == 0


@pytest.mark.usefixtures("database")
async def test_the_timer_opens_windows_at_their_very_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "LOOK_AHEAD", timedelta(seconds=1))
    start = await db.now()
    moments = [start + timedelta(seconds=each) for each in (-5, 0.3, 0.6)]
    employees = [await make_due(moment) for moment in moments]
    late = await make_due(start + timedelta(hours=1))

    await asyncio.wait_for(reminders.open_windows(), PATIENCE_S)

    for moment, employee in list(zip(moments, employees, strict=True))[1:]:
        [opened] = await opened_at(employee)
        assert moment <= opened < moment + timedelta(seconds=1)
    assert len(await opened_at(employees[0])) == 1 and await opened_at(late) == []


@pytest.mark.usefixtures("database")
async def test_the_timer_alone_opens_one_window_at_each_of_its_moments(
    monkeypatch: pytest.MonkeyPatch, sent_jobs: list[object]
) -> None:
    monkeypatch.setattr(reminders, "LOOK_AHEAD", timedelta(seconds=1.5))
    start = await db.now()
    moments = [start + timedelta(seconds=each) for each in (0.3, 0.6, 0.9)]
    employee = await make_due(moments[0])
    for moment in moments[1:]:
        await make_reminder(employee, due_at=moment)

    await asyncio.wait_for(reminders.open_windows(), PATIENCE_S)

    opened = await opened_at(employee)
    assert len(opened) == 3 and opened >= moments
    assert len(sent_jobs) == 2, "the job of each next moment is rung for, and not needed"


@pytest.mark.usefixtures("database")
async def test_more_than_a_batch_is_opened_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(popup_firing, "FIRST_BATCH", 2)
    monkeypatch.setattr(popup_firing, "BATCH", 3)
    monkeypatch.setattr(reminders, "LOOK_AHEAD", timedelta(seconds=0.1))
    now, project = await db.now(), await make_project()
    employees = [await make_due(now, project) for _ in range(8)]

    await reminders.open_windows()

    assert [len(await opened_at(employee)) for employee in employees] == [1] * 8


@pytest.mark.usefixtures("database")
async def test_a_clock_set_back_while_the_timer_waits_holds_it_up_for_seconds_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reminders, "LOOK_AHEAD", timedelta(seconds=0.2))
    started = time.monotonic()

    now = await db.now()
    await reminders._wait_for(now + timedelta(hours=1), now)

    assert time.monotonic() - started < 5


@pytest.mark.usefixtures("database")
async def test_all_old_events_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "FORGOTTEN_AT_ONCE", 2)
    employee = await make_employee(await make_project())
    now = await db.now()
    for number, days in enumerate((40, 39, 38, 37, 1), 1):
        await make_reminder_event(employee, number=number, created_at=now - timedelta(days=days))

    await reminders.forget_old_events()

    assert [event.number for event in await ReminderEvent.all()] == [5]


@asynccontextmanager
async def worker_processes(database_url: str, count: int) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    command = (sys.executable, "-m", "tests.workers.popup_process", database_url)
    processes = [
        await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(count)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert await asyncio.wait_for(process.stdout.readline(), PATIENCE_S) == b"ready\n"
        yield processes
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def test_two_worker_processes_of_which_one_is_killed_open_each_window_once(own_database: str) -> None:
    project = await make_project()
    async with worker_processes(own_database, 2) as processes:
        moment = await db.now() + timedelta(seconds=2)
        employees = [
            await make_due(moment + timedelta(milliseconds=10 * each), project) for each in range(40)
        ]
        async with asyncio.timeout(PATIENCE_S):
            while await ReminderEvent.all().count() < 10:
                await asyncio.sleep(0.01)
            processes[0].kill()
            while await Employee.filter(next_popup_at__lt=moment + timedelta(minutes=1)).exists():
                await asyncio.sleep(0.05)

    opened = [await opened_at(employee) for employee in employees]
    assert [len(each) for each in opened] == [1] * 40
    assert {event.number for event in await ReminderEvent.all()} == {1}
