"""When the window opens next."""

from datetime import timedelta
from typing import Any

import pytest

from app.jobs import Job
from app.models import Employee, EmployeeStatus, ReminderState
from tests.conftest import Clock
from tests.factories import make_project, make_reminder
from tests.graphql import settings
from tests.services.popup_cases import MINUTE, make_worker, refresh, sent

__all__ = ["sent", "settings"]

pytestmark = pytest.mark.usefixtures("database", "settings")


async def test_the_window_opens_when_the_first_reminder_comes_due(clock: Clock) -> None:
    employee = await make_worker()
    for minutes in (30, 5):
        await make_reminder(employee, due_at=clock.at + minutes * MINUTE)

    assert await refresh(employee) == clock.at + 5 * MINUTE


async def test_it_comes_back_after_the_interval_while_a_reminder_that_was_shown_is_open(clock: Clock) -> None:
    shown_at = clock.at - 4 * MINUTE
    employee = await make_worker(last_popup_at=shown_at)
    await make_reminder(employee, due_at=shown_at)
    await make_reminder(employee, due_at=clock.at + 60 * MINUTE)

    assert await refresh(employee) == shown_at + 10 * MINUTE


async def test_one_that_falls_due_within_the_interval_opens_it_at_its_own_time(clock: Clock) -> None:
    employee = await make_worker(last_popup_at=clock.at - MINUTE)
    await make_reminder(employee, due_at=clock.at - 2 * MINUTE)
    await make_reminder(employee, due_at=clock.at + 3 * MINUTE)

    assert await refresh(employee) == clock.at + 3 * MINUTE


async def test_one_that_comes_late_opens_it_at_once_whatever_the_interval(clock: Clock) -> None:
    employee = await make_worker(last_popup_at=clock.at - MINUTE)
    late = await make_reminder(employee, due_at=clock.at - 60 * MINUTE)

    due = await refresh(employee, late.alert_at)

    assert due is not None and due <= clock.at
    assert await refresh(employee) == due, "another change before the worker comes must not put it off"


async def test_a_snoozed_reminder_waits_until_its_time(clock: Clock) -> None:
    employee = await make_worker(last_popup_at=clock.at - MINUTE)
    until = clock.at + 45 * MINUTE
    await make_reminder(employee, due_at=clock.at - MINUTE, snoozed_until=until)

    assert await refresh(employee) == until


@pytest.mark.parametrize(
    "changed",
    [
        {"reminder_interval_minutes": None},
        {"status": EmployeeStatus.DEACTIVATED},
        {"status": EmployeeStatus.INVITED},
        {"roles": []},
    ],
)
async def test_no_window_opens_without_interval_work_or_role(clock: Clock, changed: dict[str, Any]) -> None:
    employee = await make_worker(**changed)
    await make_reminder(employee, due_at=clock.at - MINUTE)

    assert await refresh(employee) is None


async def test_no_window_opens_when_nothing_is_open(clock: Clock) -> None:
    employee = await make_worker(next_popup_at=clock.at + MINUTE)
    await make_reminder(employee, state=ReminderState.RESOLVED, resolved_at=clock.at)

    assert await refresh(employee) is None


async def test_a_shorter_interval_takes_effect_at_once(clock: Clock) -> None:
    shown_at = clock.at - 6 * MINUTE
    employee = await make_worker(last_popup_at=shown_at, next_popup_at=shown_at + 10 * MINUTE)
    await make_reminder(employee, due_at=shown_at)

    await Employee.filter(id=employee.id).update(reminder_interval_minutes=5)

    assert await refresh(employee) == shown_at + 5 * MINUTE < clock.at


async def test_a_near_moment_rings_the_worker_for_it_and_a_far_one_does_not(
    clock: Clock, sent: list[Any]
) -> None:
    employee = await make_worker()
    soon = clock.at + timedelta(seconds=2)
    await make_reminder(employee, due_at=soon)
    far_off = await make_worker()
    await make_reminder(far_off, due_at=clock.at + 30 * MINUTE)

    await refresh(employee)
    await refresh(far_off)

    assert sent == [(Job.FIRE_POPUP, (str(employee.id),), soon)]


async def test_no_window_goes_on_the_list_in_a_project_that_is_to_be_deleted(clock: Clock) -> None:
    project = await make_project(deletion_requested_at=clock.at, purge_after=clock.at)
    employee = await make_worker(project=project)
    await make_reminder(employee, due_at=clock.at - MINUTE)

    assert await refresh(employee) is None
